"""Where the activations of a layer stand in the image, measured on the model itself.

Two images go through the network, and every tensor operation on their way is looked at: convolutions, poolings, padding,
interpolation and slices move the centers, what works value by value keeps them, and branches that are joined must agree.
So it doesn't matter whether a step is a module or a line in some ``forward``. An operation that mixes positions, such as
attention, ends the chain, and so does one that isn't known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from nbdissect.engine.activations import recorded, run_model
from nbdissect.engine.layouts import Layout, part_of, times
from nbdissect.engine.model_state import preserve_model_state, preserve_rng_state
from nbdissect.engine.position_rules import Operation, follow
from nbdissect.engine.positions import BrokenChainError, Positions, of_axes
from nbdissect.engine.wrappers import find_layers
from nbdissect.notices import logger
from nbdissect.results.upsampling import ReceptiveField
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from nbdissect.engine.activations import Forward
    from nbdissect.engine.probe import Probe

_IMAGES = 2  # some networks take no single one


def with_fields(
    probe: Probe,
    model: nn.Module,
    images: Sequence[tuple[int, Any]],
    transform: Callable[[Any], Any],
    device: torch.device,
    forward: Forward | None = None,
) -> Probe:
    """Return a probe that knows where the activations of its layers stand; see :func:`measure_fields`.

    Parameters
    ----------
    images : sequence of (int, image)
        With their numbers; the first is looked at.
    """
    batcher = probe.batcher(transform, device)
    index, image = images[0]
    batch = batcher.batch([batcher.load(image, index)] * _IMAGES, [index] * _IMAGES)
    return replace(probe, fields=measure_fields(model, probe.layouts, batch, device, forward))


def measure_fields(
    model: nn.Module,
    layouts: Mapping[str, Layout],
    batch: torch.Tensor,
    device: torch.device,
    forward: Forward | None = None,
) -> dict[str, ReceptiveField]:
    """Return where the activations of some layers stand.

    Parameters
    ----------
    model
    layouts : mapping of layer to Layout
        How each is read, from a probe.
    batch : tensor [B, channels, H, W]
        As the model takes it.
    device : torch.device
    forward : callable, optional
        Calls the model with a batch.

    Raises
    ------
    ValueError
        If that isn't known of a layer; names the module after which it isn't, and what to do.
    """
    modules = find_layers(model, list(layouts))
    follower = _Follower(batch)
    names = {id(module): name for name, module in model.named_modules()}
    wanted: dict[int, list[str]] = {}
    for name, module in modules.items():
        wanted.setdefault(id(module), []).append(name)
    found: dict[str, Positions | str | None] = {}

    def before(module: nn.Module, _inputs: Any) -> None:
        name = names[id(module)]
        follower.inside.append(
            f"{type(module).__name__} itself" if not name else f"Module {name!r} ({type(module).__name__})"
        )

    def after(module: nn.Module, output: Any) -> None:
        for name in wanted.get(id(module), ()):
            layout = layouts[name]
            found[name] = follower.known(part_of(output, layout.function, layout.part))
        follower.inside.pop()

    with (
        preserve_model_state(model, device),
        preserve_rng_state(device),
        recorded(model, before, after),
        follower,
    ):
        run_model(model, batch, forward)
    image = (int(batch.shape[2]), int(batch.shape[3]))
    return {name: _field(name, found.get(name), layout, image) for name, layout in layouts.items()}


class _Follower(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows of every tensor that comes from the batch where its values stand, or why that isn't known.

    Attributes
    ----------
    inside : list of str
        The modules that run, outermost first.
    """

    def __init__(self, batch: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        axes = [(("", batch.shape[0]),), (("", batch.shape[1]),), (("y", batch.shape[2]),), (("x", batch.shape[3]),)]
        self._known = WeakTensorKeyDictionary()
        self._known[batch] = of_axes(axes, {"y": (0.0, 1.0), "x": (0.0, 1.0)})
        self.inside: list[str] = []

    def known(self, tensor: Any) -> Positions | str | None:
        """Return where the values of a tensor stand; or why that isn't known; None where it doesn't come from the batch."""
        known: Any = self._known
        return known.get(tensor) if isinstance(tensor, torch.Tensor) else None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, and follow it."""
        kwargs = kwargs or {}
        returned = func(*args, **kwargs)
        tensors = [t for t in (returned if isinstance(returned, (list, tuple)) else [returned]) if _is_tensor(t)]
        if tensors:
            self._note(func, args, kwargs, tensors)
        return returned

    def _note(self, func: Any, args: Any, kwargs: dict[str, Any], tensors: Sequence[torch.Tensor]) -> None:
        operation = Operation(func, args, kwargs, tuple(tensors[0].shape), self._positions)
        known = [found for t in operation.tensors if (found := self.known(t)) is not None]
        if not known:
            return
        lost = next((one for one in known if isinstance(one, str)), None)
        for tensor in tensors:
            operation.shape = tuple(tensor.shape)
            found = lost or self._followed(operation)
            if found is not None:
                self._known[tensor] = found

    def _positions(self, tensor: torch.Tensor) -> Positions | None:
        known = self.known(tensor)
        return known if isinstance(known, Positions) else None

    def _followed(self, operation: Operation) -> Positions | str | None:
        where = self.inside[-1] if self.inside else "What runs outside of all modules"
        try:
            found = follow(operation)
            if found is not None and found.shape != operation.shape:
                raise BrokenChainError(f"uses the operation {operation.name} in a way that isn't known")
        except BrokenChainError as error:
            return f"{where} {error}."
        except Exception:  # a rule that doesn't fit this version of torch must not end the run of a network
            logger.warning("the operation %s could not be followed", operation.name, exc_info=True)
            return f"{where} uses the operation {operation.name} in a way that isn't known."
        return found


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _field(name: str, found: Positions | str | None, layout: Layout, image: tuple[int, int]) -> ReceptiveField:
    if layout.grid == (1, 1):
        return _made([None, None], image)
    if isinstance(found, str):
        raise _refused(name, found)
    if found is None or layout.reroll is not None or layout.prefix:
        raise _refused(name, "What it returns doesn't come from the image by steps that can be followed.")
    lines = _read(found, layout)
    if lines is None:
        raise _refused(name, f"Its maps of {times(layout.grid)} are not rows and columns of the image.")
    return _made(lines, image)


def _read(found: Positions, layout: Layout) -> list[tuple[float, float] | None] | None:
    """The lines of rows and columns, None for one of a single position; None where the maps don't have them where they should."""
    axes = list(found.axes)
    axes.insert(0, axes.pop(layout.batch_axis))
    places = {"channels first": (2, 3), "channels last": (1, 2), "tokens": (1,), "units first": (2,)}[layout.form]
    atoms = [atom for place in places for atom in axes[place]]
    wanted = [(label, length) for label, length in zip("yx", layout.grid, strict=True) if length > 1]
    if atoms != wanted:
        return None
    return [found.lines.get(label) for label in "yx"]


def _made(lines: Sequence[tuple[float, float] | None], image: tuple[int, int]) -> ReceptiveField:
    """A single row or column stands in the middle; it is the same everywhere, wherever it stands."""
    (y, down), (x, right) = (
        ((side - 1) / 2, float(side)) if line is None else line for line, side in zip(lines, image, strict=True)
    )
    return ReceptiveField((float(y), float(x)), (float(down), float(right)), image)


def _refused(name: str, reason: str) -> ValueError:
    return ValueError(
        printable(
            f"upsample='receptive-field' asks where the activations of layer {name!r} stand in the image, and that isn't known. "
            f"{reason} Dissect a layer before it, or leave it at upsample='bilinear', for which a map covers the image evenly."
        )
    )
