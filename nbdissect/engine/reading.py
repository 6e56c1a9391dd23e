"""Which axes of a module's output are batch, space and units: the rules, and the evidence of one pass.

The layouts that other people's networks return, and how each is told from the others, stand in
:mod:`nbdissect.engine.layouts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import nn

from nbdissect.engine.layouts import OUTPUT_HINT, Grid, Layout, Shape, Unreadable, times

if TYPE_CHECKING:
    from collections.abc import Sequence

# Class, register and distillation tokens that may stand in front of those of the grid.
_MOST_PREFIX = 16
_ATTENDED_PREFIX = (0, 1, 2)  # class and distillation tokens that attend as well
_PADDING = 3  # rows or columns that a network may add between two layers
_SPATIAL = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.GroupNorm,
    nn.modules.batchnorm._BatchNorm,  # noqa: SLF001 - the one base of them all
    nn.modules.instancenorm._InstanceNorm,  # noqa: SLF001
    nn.modules.pooling._MaxPoolNd,  # noqa: SLF001
    nn.modules.pooling._AvgPoolNd,  # noqa: SLF001
    nn.modules.pooling._AdaptiveAvgPoolNd,  # noqa: SLF001
    nn.modules.pooling._AdaptiveMaxPoolNd,  # noqa: SLF001
    nn.FractionalMaxPool2d,
    nn.LPPool2d,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.Upsample,
)
_SEQUENTIAL = (nn.Conv1d, nn.ConvTranspose1d, *_SPATIAL[2:8])


class _NoBatchAxisError(ValueError):
    """No axis, or more than one, counts the images."""


def batch_axis(larger: Sequence[int], smaller: Sequence[int], images: tuple[int, int]) -> int:
    """Return which axis of an output counts the images, from two batches of different size.

    Raises
    ------
    ValueError
        If none does, or not one alone.
    """
    if len(larger) != len(smaller):
        raise _NoBatchAxisError("the number of its axes depends on the images")
    changed = [axis for axis in range(len(larger)) if larger[axis] != smaller[axis]]
    if not changed:
        raise _NoBatchAxisError("no axis counts the images: its shape is the same for any number of them")
    if len(changed) > 1:
        raise _NoBatchAxisError(f"axes {changed} all change with the number of images")
    (axis,) = changed
    if (larger[axis], smaller[axis]) != images:
        raise _NoBatchAxisError(
            f"no axis counts the images: axis {axis} is {larger[axis]} for {images[0]} of them and {smaller[axis]} for {images[1]} (windows, regions or positions)"
        )
    return axis


class Evidence:
    """What a pass has shown so far: the grids of its maps, the lengths of its sequences, its numbers of units.

    Parameters
    ----------
    fed : (int, int)
        Height and width of the images that the network was fed.
    mixed : bool
        Whether the model has layers whose last axis is units, so that channels may stand last elsewhere, too.
    widened : bool
        Whether the network was shown images twice as wide.
    """

    def __init__(self, fed: Grid, *, mixed: bool, widened: bool) -> None:
        self._fed, self._mixed, self._widened = fed, mixed, widened
        self._spatial = self._weak = (
            False  # whether a convolution or pool has run; whether the last reading rests on the documentation
        )
        self._grids: list[Grid] = []
        self._lengths: set[int] = set()
        self._positions: set[int] = set()  # lengths that were read as tokens
        self._units: set[int] = set()
        self._token_units: set[tuple[Grid, int]] = set()

    def read(
        self,
        module: nn.Module,
        shape: Shape,
        images: tuple[int, int],
        *,
        forced: bool = False,
        prefixes: Sequence[int] | None = None,
        given: Grid | None = None,
    ) -> Layout | Unreadable:
        """Read one tensor that `module` returned, and remember what it shows.

        Parameters
        ----------
        images : (int, int)
            Sizes of the two batches.
        forced : bool
            The user's function has made the tensor: [N, U, h, w], [N, T, U] or [N, U].
        prefixes : sequence of int, optional
            The numbers of prefix tokens that are possible, where the model says so.
        given : (int, int), optional
            Height and width of the maps [N, C, h, w] that the module was given.
        """
        described = str(shape)
        try:
            axis = batch_axis(shape.larger, shape.smaller, images)
        except _NoBatchAxisError as error:
            return Unreadable(f"returns {described}, where {error}")
        rest = tuple(n for k, n in enumerate(shape.larger) if k != axis)
        wide = None if shape.wide is None else tuple(n for k, n in enumerate(shape.wide) if k != axis)
        if wide is not None and len(wide) != len(rest):
            wide = None
        if not shape.dtype.is_floating_point:
            return Unreadable(
                f"returns {described}: {str(shape.dtype).removeprefix('torch.')} values are no activations"
            )
        if not rest or len(rest) > 3 or 0 in rest:
            return Unreadable(f"returns {described}, no map")
        if len(rest) == 1:
            self._units.add(rest[0])
            return Layout(rest[0], (1, 1), "units", shape.part, axis)
        if len(rest) == 2:
            found: Any = self._sequence(module, rest, wide, forced=forced, prefixes=prefixes)
        else:
            found = self._map(module, rest, wide, given, forced=forced)
        if isinstance(found, str):
            return Unreadable(f"returns {described}: {found}")
        form, grid, units, prefix = found
        self._note(form, grid, units, prefix)
        return Layout(units, grid, form, shape.part, axis, prefix)

    def _note(self, form: str, grid: Grid, units: int, prefix: int) -> None:
        if form in ("tokens", "units first"):
            self._token_units.add((grid, units))
            self._positions.add(prefix + grid[0] * grid[1])
        self._units.add(units)
        if self._weak:
            self._weak = False
            return
        if grid in self._grids:
            self._grids.remove(grid)
        self._grids.append(grid)

    # --- four axes ---

    def _map(  # noqa: PLR0911 - one for each rule
        self,
        module: nn.Module,
        rest: tuple[int, ...],
        wide: tuple[int, ...] | None,
        given: Grid | None,
        *,
        forced: bool,
    ) -> Any:
        first, last = (rest[1], rest[2]), (rest[0], rest[1])
        if is_spatial(module) and not forced and not (self._fits(first) or given is None or self._follows(given)):
            return f"{times(first)} is no grid of this pass or of the image of {times(self._fed)}: pixels were rearranged before it"
        paired = self._pairs_positions(first) and not (forced or _last_axis_is_units(module, rest))
        suspect = paired and not self._widens(rest, wide, first)
        if suspect and (wide is not None or not (self._widened and is_spatial(module) and given in self._grids)):
            return f"{times(first)} may be a map or attention: {first[0]} is the number of positions of a grid of this pass"
        if forced or is_spatial(module):
            self._spatial = self._spatial or not forced
            return "channels first", first, rest[0], 0
        if _last_axis_is_units(module, rest):
            if self._fits(last) and not self._lengths & set(last):
                return "channels last", last, rest[2], 0
            return f"its last axis is units, but {times(last)} is no grid of this pass or of the image of {times(self._fed)}"
        readings = (
            f"channels first ({rest[0]} units of {times(first)}) or channels last ({rest[2]} units of {times(last)})"
        )
        a, b = self._fits(first), self._fits(last)
        attended = self._lengths & {*(first if a >= b else last)}
        if max(a, b) >= 2 > min(a, b) and not attended:
            return ("channels first", first, rest[0], 0) if a > b else ("channels last", last, rest[2], 0)
        # Both fit, or none is known from this pass: images twice as wide show which axis is the width.
        if wide is not None and wide != rest:
            grown = [k for k in range(3) if wide[k] != rest[k]]
            if grown == [2] and wide[2] > rest[2] and (a or not (self._mixed or self._spatial)) and not attended:
                return "channels first", first, rest[0], 0
            if grown == [1] and wide[1] > rest[1] and b and not attended:
                return "channels last", last, rest[2], 0
            return (
                f"it may be {readings}, and wider images change axes {[k + 1 for k in range(3) if wide[k] != rest[k]]}"
            )
        if attended:
            return f"an axis is as long as a sequence of this pass ({max(attended)}): attention, not maps"
        # Nothing in this model has its channels last: as documented, if the other reading doesn't fit, or nothing
        # that knows the space of its output has run, and that space isn't the image's.
        unrelated = self._widened and not self._spatial and (wide == rest or not (a or b))
        if not self._mixed and (a > b or unrelated):
            self._weak = True
            return "channels first", first, rest[0], 0
        how = "both fit" if a and b else "neither fits" if not (a or b) else "nothing in this pass confirms either"
        return f"it may be {readings}; {how} the image of {times(self._fed)}"

    def _fits(self, grid: Grid) -> int:
        """How well a grid is known: 3 seen, 2 half or double of one seen, 1 of the image's aspect, 0 not at all."""
        if grid in self._grids:
            return 3
        h, w = grid
        if any(grid in (_half(seen), _half(seen, up=True), (2 * seen[0], 2 * seen[1])) for seen in self._grids):
            return 2
        # Some step s gives h of the image's height and w of its width, give or take one at the edges.
        (H, W) = self._fed
        low = max(H / (h + 1), W / (w + 1))
        high = min(H / (h - 1) if h > 1 else math.inf, W / (w - 1) if w > 1 else math.inf)
        return int(low < high)

    def _pairs_positions(self, grid: Grid) -> bool:
        """Whether each axis is as long as a grid seen has places: a matrix of attention has such a shape."""
        h, w = grid
        places = (a * b for a, b in self._grids if a * b > 1)
        return h == w and any(h - n in _ATTENDED_PREFIX for n in places)

    @staticmethod
    def _widens(rest: tuple[int, ...], wide: tuple[int, ...] | None, grid: Grid) -> bool:
        """Whether of the axes of [units, h, w] images twice as wide make the last alone longer."""
        return wide is not None and wide[:2] == rest[:2] and wide[2] > grid[1]

    def _follows(self, grid: Grid) -> bool:
        """Whether a grid is the image's, or one seen, but for some rows and columns of padding."""
        return self._fits(grid) > 0 or any(
            abs(grid[0] - h) <= _PADDING and abs(grid[1] - w) <= _PADDING for h, w in (self._fed, *self._grids)
        )

    # --- three axes ---

    def _sequence(  # noqa: PLR0911 - one for each rule
        self,
        module: nn.Module,
        rest: tuple[int, ...],
        wide: tuple[int, ...] | None,
        *,
        forced: bool,
        prefixes: Sequence[int] | None,
    ) -> Any:
        folds = [self._fold(rest[k], rest[1 - k], prefixes) for k in (0, 1)]
        if wide is not None and wide != rest and not self._grids:
            folds = [self._fold_by_width(rest, wide, k) for k in (0, 1)]
        last = forced or _last_axis_is_units(module, rest)
        if last and not forced:
            self._lengths.add(rest[0])
        if forced and folds[0] is None:
            folds[0] = self._fold_by_aspect(rest[0])
        if last or isinstance(module, _SEQUENTIAL):
            k = 0 if last else 1
            if folds[k] is None:
                return f"{rest[k]} positions are no grid of this pass" + (
                    " with up to 16 other tokens in front" if self._grids else ""
                )
            square = rest[k] in (rest[1 - k], getattr(module, "in_features", None))
            unsure = square or (rest[k] in self._units and rest[k] not in self._positions)
            if unsure and not forced and not (wide and wide[k] > rest[k]):
                return f"{rest[k]} may be positions or units: as many of each"
            return self._folded(k, rest, folds[k])
        grown = [k for k in (0, 1) if wide is not None and wide[k] > rest[k]]
        possible = [k for k in (0, 1) if folds[k] is not None]
        if len(grown) == 1 and grown[0] in possible:
            possible = grown
        elif len(possible) == 2:
            known = [k for k in possible if rest[k] in self._positions and rest[1 - k] not in self._positions]
            possible = known if len(known) == 1 else possible
        if not possible:
            return "neither axis is a grid of this pass" + (
                " with up to 16 other tokens in front" if self._grids else ""
            )
        if len(possible) == 2:
            return (
                f"either axis may be positions: {rest[1]} units at {rest[0]} positions, or {rest[0]} units at {rest[1]}"
            )
        (k,) = possible
        if rest[k] in self._units and grown != [k] and rest[k] not in self._positions:
            return f"{rest[k]} may be positions or units: as many of each"
        return self._folded(k, rest, folds[k])

    @staticmethod
    def _folded(k: int, rest: tuple[int, ...], fold: Any) -> Any:
        grid, prefix = fold
        return ("units first" if k else "tokens"), grid, rest[1 - k], prefix

    def _fold(self, length: int, units: int, prefixes: Sequence[int] | None) -> tuple[Grid, int] | None:
        """Grid and prefix of so many tokens: of the grids seen that with the shortest prefix, of those the last."""
        best: tuple[int, Grid] | None = None
        for grid in reversed(self._grids):
            prefix = length - grid[0] * grid[1]
            told = prefix in prefixes if prefixes is not None else 0 <= prefix <= min(_MOST_PREFIX, grid[0] * grid[1])
            if grid != (1, 1) and told and (best is None or prefix < best[0]):
                best = prefix, grid
        if best is None:
            for grid in reversed(self._grids):
                # Merged tokens carry more units; as many units on a quarter of the tokens are tokens left out.
                for half in (_half(grid), _half(grid, up=True)):
                    prefix = length - half[0] * half[1]
                    told = prefix in ((0, 1) if prefixes is None else prefixes)
                    if half != (1, 1) and told and (grid, units) not in self._token_units:
                        return half, prefix
        return None if best is None else (best[1], best[0])

    def _fold_by_width(self, rest: tuple[int, ...], wide: tuple[int, ...], k: int) -> tuple[Grid, int] | None:
        """Images twice as wide have twice as many patches, and no more of other tokens."""
        if wide[1 - k] != rest[1 - k] or wide[k] <= rest[k]:
            return None
        patches = wide[k] - rest[k]
        grid = self._grid_of(patches)
        prefix = rest[k] - patches
        return (grid, prefix) if grid and 0 <= prefix <= _MOST_PREFIX else None

    def _fold_by_aspect(self, length: int) -> tuple[Grid, int] | None:
        grid = self._grid_of(length)
        return (grid, 0) if grid else None

    def _grid_of(self, patches: int) -> Grid | None:
        """The grid of so many patches that has exactly the image's aspect."""
        height = round(math.sqrt(patches * self._fed[0] / self._fed[1]))
        if height and patches % height == 0 and height * self._fed[1] == patches // height * self._fed[0]:
            return height, patches // height
        return None


def _half(grid: Grid, *, up: bool = False) -> Grid:
    return (grid[0] + up) // 2, (grid[1] + up) // 2


def is_spatial(module: nn.Module) -> bool:
    """Whether a module's kind says that its output [N, C, h, w] is just that."""
    leaf = next(module.children(), None) is None
    return isinstance(module, _SPATIAL) or (leaf and type(module).__name__.endswith("2d"))


def _last_axis_is_units(module: nn.Module, rest: tuple[int, ...]) -> bool:
    if isinstance(module, nn.Linear):
        return rest[-1] == module.out_features
    norms = (nn.LayerNorm, nn.RMSNorm) if hasattr(nn, "RMSNorm") else (nn.LayerNorm,)
    # A subclass with its own forward may work on another axis.
    own = any(isinstance(module, norm) and type(module).forward is norm.forward for norm in norms)
    return own and tuple(getattr(module, "normalized_shape", ())) == rest[-1:]


def which_part(module: nn.Module, readings: Sequence[tuple[Shape, Layout | Unreadable]]) -> Layout | Unreadable:
    """Return the reading of the one tensor of an output that can be read, or why there is no such.

    Of attention the first part is the output, whatever its weights look like.
    """
    if isinstance(module, nn.MultiheadAttention):
        readings = readings[:1]
    if len(readings) == 1:
        return readings[0][1]
    if not readings:
        return Unreadable("returns no tensor")
    shapes = "; ".join(f"{''.join(f'[{key!r}]' for key in shape.part)} {shape}" for shape, _ in readings[:4])
    return Unreadable(f"returns {len(readings)} tensors: {shapes}{'; …' if len(readings) > 4 else ''}")


def refusal(layer: str, why: Unreadable) -> str:
    """Return the text of the error for a layer that can't be read."""
    return (
        f"Layer {layer!r} {why.reason}. {OUTPUT_HINT} nd.layers(model) lists the layers that can be read as they are."
    )
