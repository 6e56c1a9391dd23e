"""Hold what nbdissect reads of a network's layers against two truths that know nothing of nbdissect.

*The library's own maps.* A stage is every module whose output holds the values of one of the maps
[N, units, h, w] that the library itself returns, in whatever order. It is "right" if nbdissect's
reading gives just those maps, "refused" if nbdissect says that it can't tell, "wrong" otherwise.

*Where a change shows.* A patch of the image is changed; in maps that are read rightly the change is
largest near that place. Maps that are folded, transposed or permuted wrongly show it elsewhere. This
asks every layer, also those of which no library says anything; but a layer that mixes all places (a
Linear over positions, attention without a residual) may show a change anywhere. So a layer that fails
is a reason to look, and no proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from nbdissect.engine.layouts import Layout, tensors_in
from nbdissect.engine.preprocessing import default_transform
from nbdissect.engine.probe import Probe, probe_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Maps = torch.Tensor  # [N, units, h, w]
_MOST_PREFIX = 16
_PLACES = ((0.2, 0.7), (0.7, 0.2), (0.8, 0.6))  # of the patches' middles, as shares of height and width
_SMALLEST = 4  # rows and columns of a map in which a place can be told
_NEAR = 0.15  # share of the image beside a patch


@dataclass
class Stage:
    """What became of one layer that returns one of the library's maps.

    Attributes
    ----------
    layer : str
    shape : str
        "96 units of 56 × 56", and how it was read.
    verdict : str
        "right", "refused", "wrong", or "nowhere": no module returns these maps.
    reason : str
        Why it was refused.
    """

    layer: str
    shape: str
    verdict: str
    reason: str = ""


def probe_and_batch(model: torch.nn.Module, size: int | None) -> tuple[Probe, torch.Tensor]:
    """Look at a network as the layer table does, and make two images that it takes."""
    transform = default_transform(model, None)
    height, width = (size, size) if size else transform.size
    random = torch.Generator().manual_seed(0)
    pixels = (torch.rand(height, width, 3, generator=random) * 255).byte().numpy()
    image = Image.fromarray(pixels)
    if size:
        transform = replace(transform, size=(size, size))
    probe = probe_model(model, [(0, image)], transform, torch.device("cpu"))
    return probe, torch.stack([transform(image), transform(image.rotate(180))])


@torch.no_grad()
def check_stages(model: torch.nn.Module, probe: Probe, batch: torch.Tensor, wanted: Sequence[Maps]) -> Iterator[Stage]:
    """Yield what became of the layers that return the library's maps, stage by stage."""
    found = {layer.name: layer.found for layer in probe.layers}
    kept: dict[tuple[str, tuple[Any, ...]], torch.Tensor] = {}

    def keep(name: str, output: Any) -> None:
        for part, tensor in tensors_in(output):
            kept.pop((name, part), None)
            if any(_may_hold(tensor, maps) for maps in wanted):
                kept[name, part] = tensor.clone()

    _hooked(model, batch, keep)
    for maps in wanted:
        holders = [(name, part, tensor) for (name, part), tensor in kept.items() if _holds(tensor, maps)]
        size = f"{maps.shape[1]:,} units of {maps.shape[2]} × {maps.shape[3]}"
        if not holders:
            yield Stage("", size, "nowhere")
        for name, part, tensor in holders:
            layout = found.get(name)
            if not isinstance(layout, Layout):
                yield Stage(name, size, "refused", layout.reason if layout else "is not in the table")
                continue
            read = replace(layout, part=()).maps(tensor, name).permute(0, 3, 1, 2) if part == layout.part else None
            right = read is not None and read.shape == maps.shape and torch.equal(read, maps.float())
            shape = f"{layout.units:,} units of {layout.grid[0]} × {layout.grid[1]}"
            shape += f", {layout.reading}" if layout.reading else ""
            yield Stage(name, shape, "right" if right else "wrong")


@torch.no_grad()
def check_places(model: torch.nn.Module, probe: Probe, batch: torch.Tensor) -> dict[str, bool]:
    """Return, for each layer whose maps are large enough, whether a changed patch shows where it is."""
    height, width = batch.shape[2:]
    images = batch[:1].repeat(1 + len(_PLACES), 1, 1, 1)
    half = height // 14, width // 14
    for k, (y, x) in enumerate(_PLACES, 1):
        rows = slice(int(y * height) - half[0], int(y * height) + half[0])
        columns = slice(int(x * width) - half[1], int(x * width) + half[1])
        images[k, :, rows, columns] = 1 - images[k, :, rows, columns].flip(-1)
    layouts = probe.layouts
    near: dict[str, bool] = {}

    def look(name: str, output: Any) -> None:
        layout = layouts.get(name)
        if layout is None or min(layout.grid) < _SMALLEST:
            return
        try:
            maps = layout.maps(output, name)  # [1 + places, h, w, units]
        except ValueError:  # one of several calls, and not the last, which counts
            return
        change = (maps[1:] - maps[:1]).abs().mean(dim=-1)
        hits = [_is_near(plane, place) for plane, place in zip(change, _PLACES, strict=True) if plane.max() > 0]
        near[name] = not hits or sum(hits) >= len(hits) / 2

    _hooked(model, images, look)
    return near


def _is_near(plane: torch.Tensor, place: tuple[float, float]) -> bool:
    h, w = plane.shape
    row, column = divmod(int(plane.argmax()), w)
    y, x = (row + 0.5) / h, (column + 0.5) / w
    return abs(y - place[0]) < _NEAR + 1 / h and abs(x - place[1]) < _NEAR + 1 / w


def _hooked(model: torch.nn.Module, batch: torch.Tensor, after: Any) -> None:
    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: after(name, output))
        for name, module in model.named_modules()
        if name
    ]
    try:
        model(batch)
    finally:
        for hook in hooks:
            hook.remove()


def _may_hold(tensor: torch.Tensor, maps: Maps) -> bool:
    """Whether a tensor is of the maps' number of values, with or without some tokens in front."""
    if tensor.ndim < 3 or not tensor.is_floating_point():
        return False
    units = maps.shape[0] * maps.shape[1]
    return maps.shape[1] in tensor.shape and tensor.numel() - maps.numel() in (
        units * prefix for prefix in range(_MOST_PREFIX + 1)
    )


def _holds(tensor: torch.Tensor, maps: Maps) -> bool:
    """Whether a tensor holds the values of the maps, in any order, with or without tokens in front."""
    if not _may_hold(tensor, maps):
        return False
    if tensor.ndim == 3 and tensor.shape[0] != len(maps) and tensor.shape[1] == len(maps):
        tensor = tensor.transpose(0, 1)  # [T, N, units]
    if tensor.numel() > maps.numel():
        if tensor.ndim != 3 or tensor.shape[0] != len(maps) or tensor.shape[2] != maps.shape[1]:
            return False
        tokens, count = maps.flatten(2).transpose(1, 2), maps.shape[2] * maps.shape[3]
        return any(torch.equal(tensor[:, k : k + count], tokens) for k in range(tensor.shape[1] - count + 1))
    one, two = tensor.float(), maps.float()
    if not torch.allclose(one.sum(), two.sum(), rtol=1e-3, atol=1e-2):  # before the slow look
        return False
    return torch.equal(one.flatten().sort().values, two.flatten().sort().values)
