"""The layers of a model that can be dissected, with their shapes: one image shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

from nbdissect.data.resolve import resolve_data
from nbdissect.samples import check_dataset
from nbdissect.validation import check_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from PIL.Image import Image


@dataclass(frozen=True)
class Layer:
    """One module of a model as it returned from one image.

    Attributes
    ----------
    name : str
        Dotted name, as :func:`nbdissect.dissect` takes it.
    kind : str
        Class of the module.
    units : int
        Number of units; 0 where the layer can't be dissected.
    size : (int, int)
        Height and width of a unit's map.
    reason : str
        Why it can't be dissected; empty where it can.
    """

    name: str
    kind: str
    units: int = 0
    size: tuple[int, int] = (0, 0)
    reason: str = ""


class Layers(Sequence[Layer]):
    """The layers of a model in the order in which they return; prints as a table."""

    def __init__(self, model: str, layers: list[Layer]) -> None:
        self._model = model
        self._layers = layers

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> list[Layer]: ...

    def __getitem__(self, index: int | slice) -> Layer | list[Layer]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        wide = max([5, *(len(layer.name) for layer in self)])
        kind = max([4, *(len(layer.kind) for layer in self)])
        lines = [f"Layers of {self._model}", f"{'layer':<{wide}}  {'kind':<{kind}}  {'units':>6}  map"]
        for layer in self:
            what = f"{layer.units:>6,}  {_size(layer)}" if layer.units else f"{'':>6}  {layer.reason}"
            lines.append(f"{layer.name:<{wide}}  {layer.kind:<{kind}}  {what}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th style="text-align:{side};padding:.2em .8em">{name}</th>'
            for name, side in (("layer", "left"), ("kind", "left"), ("units", "right"), ("map", "left"))
        )
        rows = "".join(
            f'<tr style="opacity:{1 if layer.units else 0.6}">'
            f'<td style="text-align:left;padding:.2em .8em"><code>{escape(layer.name)}</code></td>'
            f'<td style="text-align:left;padding:.2em .8em">{escape(layer.kind)}</td>'
            f'<td style="text-align:right;padding:.2em .8em">{f"{layer.units:,}" if layer.units else ""}</td>'
            f'<td style="text-align:left;padding:.2em .8em">{_size(layer) if layer.units else escape(layer.reason)}</td></tr>'
            for layer in self
        )
        return (
            f"<div><p><strong>Layers of {escape(self._model)}</strong> in the order in which they return; "
            "choose one by its name.</p>"
            f'<div style="max-height:30em;overflow:auto"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>'
        )


def _size(layer: Layer) -> str:
    return f"{layer.size[0]} × {layer.size[1]}"


def layers(
    model: torch.nn.Module,
    data: Any = None,
    *,
    transform: Callable[[Image], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
) -> Layers:
    """Return the layers of a model that can be dissected, by running one image through it.

    Parameters
    ----------
    model : torch.nn.Module
        Given back as it was.
    data, transform, device
        As in :func:`nbdissect.dissect`.

    Returns
    -------
    Layers
        A sequence of :class:`Layer`, in the order in which they return. A layer that the image
        doesn't reach is not in it.
    """
    check_model(model)
    import torch

    from nbdissect.engine.activations import hookable, run_model
    from nbdissect.engine.batches import Batcher, choose_transform
    from nbdissect.engine.devices import choose_device
    from nbdissect.engine.layouts import to_maps
    from nbdissect.engine.model_state import model_device, model_dtype, preserve_model_state, preserve_rng_state

    data = resolve_data(data)
    where = choose_device(device, model_device(model))
    batcher = Batcher(choose_transform(transform, model, data), where, model_dtype(model))
    found: dict[str, Layer] = {}

    def look(name: str) -> Any:
        def hook(module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            kind = type(module).__name__
            found.pop(name, None)  # the last call counts, and places it
            try:
                _, height, width, units = to_maps(output, name).shape
            except ValueError:
                what = f"shape {list(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
                found[name] = Layer(name, kind, reason=f"returns {what}, no map")
            else:
                found[name] = Layer(name, kind, units, (height, width))

        return hook

    handles = []
    try:
        for name, module in model.named_modules():
            if name and hookable(module):
                handles.append(module.register_forward_hook(look(name)))
        with preserve_rng_state(where), preserve_model_state(model, where):
            run_model(model, batcher.batch([batcher.load(check_dataset(data)[0].image, 0)], [0]))
    finally:
        for handle in handles:
            handle.remove()
    return Layers(type(model).__name__, list(found.values()))
