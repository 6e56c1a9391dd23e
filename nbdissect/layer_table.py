"""The layers of a model that can be dissected, with their shapes: one image shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from nbdissect.data.resolve import resolve_data
from nbdissect.markup import NO_MATH, name_html
from nbdissect.samples import check_dataset
from nbdissect.text import printable
from nbdissect.validation import check_model, parse_forward, parse_output

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
    reading : str
        How its output was read where that isn't simply [N, units, height, width]: "channels last",
        "tokens, after 1 other token", "last of 5 calls".
    """

    name: str
    kind: str
    units: int = 0
    size: tuple[int, int] = (0, 0)
    reason: str = ""
    reading: str = ""


class Layers(Sequence[Layer]):
    """The layers of a model in the order in which they return; prints as a table."""

    def __init__(self, model: str, layers: list[Layer], fed: str = "") -> None:
        self._model = model
        self._layers = layers
        self._fed = fed

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> list[Layer]: ...

    def __getitem__(self, index: int | slice) -> Layer | list[Layer]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        wide = max([5, *(len(printable(layer.name)) for layer in self)])
        kind = max([4, *(len(printable(layer.kind)) for layer in self)])
        if not self._layers:
            return printable(self._why_empty)
        lines = [
            printable(f"Layers of {self._model}, read on {self._fed}"),
            f"{'layer':<{wide}}  {'kind':<{kind}}  {'units':>6}  map",
        ]
        for layer in self:
            what = f"{layer.units:>6,}  {_size(layer)}" if layer.units else f"{'':>6}  {printable(layer.reason)}"
            lines.append(f"{printable(layer.name):<{wide}}  {printable(layer.kind):<{kind}}  {what}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self._layers:
            return f'<p class="{NO_MATH}">{name_html(self._why_empty)}</p>'
        head = "".join(
            f'<th style="text-align:{side};padding:.2em .8em">{name}</th>'
            for name, side in (("layer", "left"), ("kind", "left"), ("units", "right"), ("map", "left"))
        )
        rows = "".join(
            f'<tr style="opacity:{1 if layer.units else 0.6}">'
            f'<td style="text-align:left;padding:.2em .8em"><code>{name_html(layer.name)}</code></td>'
            f'<td style="text-align:left;padding:.2em .8em">{name_html(layer.kind)}</td>'
            f'<td style="text-align:right;padding:.2em .8em">{f"{layer.units:,}" if layer.units else ""}</td>'
            f'<td style="text-align:left;padding:.2em .8em">{_size(layer) if layer.units else name_html(layer.reason)}</td></tr>'
            for layer in self
        )
        return (
            f'<div class="{NO_MATH}"><p><strong>Layers of {name_html(self._model)}</strong> in the order in which they return, read on '
            f"{name_html(self._fed)}; choose one by its name.</p>"
            f'<div style="max-height:30em;overflow:auto"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>'
        )

    @property
    def _why_empty(self) -> str:
        return f"{self._model} has no layers to list: it called no module of its own on {self._fed}."


def _size(layer: Layer) -> str:
    return f"{layer.size[0]} × {layer.size[1]}" + (f", {layer.reading}" if layer.reading else "")


def layers(
    model: torch.nn.Module,
    data: Any = None,
    *,
    transform: Callable[[Image], torch.Tensor] | None = None,
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None,
    output: Any = None,
    device: torch.device | str | None = None,
) -> Layers:
    """Return the layers of a model that can be dissected, by running one image through it.

    The image is shown three and two times, to find the axis that counts the images; where two readings
    are possible, also twice as wide, to find the width.

    Parameters
    ----------
    model : torch.nn.Module
        Given back as it was.
    data, transform, forward, device
        As in :func:`nbdissect.dissect`.
    output : int, str or callable, or a mapping of layer to one of these, optional
        As in :func:`nbdissect.dissect`. One value is tried on the layers that can't be read without it.

    Returns
    -------
    Layers
        A sequence of :class:`Layer`, in the order in which they return. A layer that the image
        doesn't reach is not in it.

    Raises
    ------
    ValueError
        If the model fails on the image, or can't be run from Python.
    """
    check_model(model)
    from nbdissect.engine.devices import choose_device
    from nbdissect.engine.layouts import Layout
    from nbdissect.engine.model_state import check_runnable, model_device, preserve_rng_state
    from nbdissect.engine.preprocessing import Normalize, choose_transform, probe_fitting
    from nbdissect.engine.probe import probe_model

    check_runnable(model)
    forward = parse_forward(forward)
    data = resolve_data(data)
    where = choose_device(device, model_device(model))
    with preserve_rng_state(where):
        chosen = choose_transform(transform, model, data)
        checked = check_dataset(data)
        image = checked[0].image
    names = [name for name, _ in model.named_modules() if name]
    picks = parse_output(output, names) if isinstance(output, Mapping) else None
    probe, chosen = probe_fitting(
        lambda chosen: probe_model(model, [(0, image)], chosen, where, picks, forward),
        chosen,
        transform,
        model,
        checked,
    )
    if output is not None and picks is None:
        unread = [layer.name for layer in probe.layers if not isinstance(layer.found, Layout)]
        probe = probe_model(model, [(0, image)], chosen, where, parse_output(output, unread), forward)
    rows = [
        Layer(layer.name, layer.kind, layer.found.units, layer.found.grid, reading=layer.found.reading)
        if isinstance(layer.found, Layout)
        else Layer(layer.name, layer.kind, reason=layer.found.reason)
        for layer in probe.layers
    ]
    fed = f"one image fed as {' × '.join(map(str, probe.fed))}"
    how = f" ({chosen.described})" if isinstance(chosen, Normalize) else ""
    return Layers(type(model).__name__, rows, fed + how)
