"""What survives of the activation maps: the cells in which a mask could have a pixel.

A *cell* is the area between four neighboring map positions. An interpolated value never leaves
the range of its four corners, so a cell whose corners all lie at or below the threshold holds no
pixel of the mask. With q = 0.005 some 2-3 % of the cells survive on real activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nbdissect.engine.devices import on_host, true_positions
from nbdissect.results.upsampling import resize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nbdissect.results.upsampling import ReceptiveField


# Map values handled at once; bounds the working memory, some 50 bytes a value where all survive.
_ELEMENTS = 1 << 20


@dataclass(frozen=True)
class SparseCells:
    """Surviving cells of one batch, ordered by image, then cell, then unit.

    Attributes
    ----------
    grid : (int, int)
        Height and width of the grid that the cells belong to.
    image : int32 [R]
        Index into the data set.
    unit : int16 or int32 [R]
    cell : int16 or int32 [R]
        Row times grid width plus column of the upper left corner.
    corners : float32 [4, R] or [1, R]
        Upper left, lower left, upper right, lower right; the value alone where each cell is a pixel of the mask.
    """

    grid: tuple[int, int]
    image: NDArray[np.int32]
    unit: NDArray[np.integer]
    cell: NDArray[np.integer]
    corners: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def nbytes(self) -> int:
        """Memory that the cells take, in bytes."""
        return self.image.nbytes + self.unit.nbytes + self.cell.nbytes + self.corners.nbytes

    def of(self, first: int, last: int) -> SparseCells:
        """Return the cells of the images from `first` to `last`."""
        begin, end = np.searchsorted(self.image, [first, last + 1]).tolist()
        part = slice(begin, end)
        return SparseCells(self.grid, self.image[part], self.unit[part], self.cell[part], self.corners[:, part])

    def above(self, bound: NDArray[np.float32]) -> SparseCells:
        """Return the cells of which a corner exceeds the unit's bound, float32 [U]."""
        keep = self.corners.max(axis=0) > bound[self.unit]
        if keep.all():
            return self
        return SparseCells(
            self.grid, self.image[keep], self.unit[keep], self.cell[keep], np.compress(keep, self.corners, axis=1)
        )


def active_cells(
    maps: torch.Tensor,
    bound: torch.Tensor,
    images: torch.Tensor,
    shapes: Sequence[tuple[int, int]],
    field: ReceptiveField | None = None,
) -> Iterator[tuple[tuple[int, int], SparseCells]]:
    """Yield the cells of maps [B, h, w, U] that have a corner above `bound` [U], some images at a time.

    Parameters
    ----------
    maps, bound, images
        Of the images [B].
    shapes : sequence of (int, int)
        Of the masks of these images; each is yielded with its cells.
    field : ReceptiveField, optional
        Where the activations stand; half-pixel centers without it.
    """
    step = max(1, _ELEMENTS // maps[0].numel())
    for first in range(0, len(maps), step):
        for shape in dict.fromkeys(shapes[first : first + step]):
            rows = [k for k in range(first, min(first + step, len(maps))) if shapes[k] == shape]
            chosen: Any = slice(rows[0], rows[-1] + 1)
            if len(rows) < rows[-1] + 1 - rows[0]:
                chosen = torch.tensor(rows, device=maps.device)
            yield shape, _active_cells(maps[chosen], bound, images[chosen], shape, field)


def _active_cells(
    maps: torch.Tensor,
    bound: torch.Tensor,
    images: torch.Tensor,
    shape: tuple[int, int],
    field: ReceptiveField | None,
) -> SparseCells:
    """Cells of maps with masks of one shape.

    With half-pixel centers: where the map is larger than the mask along an axis, interpolation gives way to averaging and a
    mask's pixel depends on more than four values: there the maps are resized first, and each pixel
    is a cell of its own. So it is where map and mask are of one size. With a receptive field a pixel
    always lies between four activations.
    """
    if field is None and (maps.shape[1] > shape[0] or maps.shape[2] > shape[1]):
        # Image by image, on the CPU, there and back: it takes float64, which not every device has.
        sized = [torch.from_numpy(np.ascontiguousarray(resize(one, shape))) for one in maps.cpu().numpy()]
        maps = torch.stack(sized).to(maps.device)
    height, width, units = maps.shape[1:]
    on = maps > bound
    alone = field is None and (height, width) == shape
    if not alone:
        rows = on.clone()
        rows[:, :-1] |= on[:, 1:]
        on = rows.clone()
        on[:, :, :-1] |= rows[:, :, 1:]
    where = true_positions(on)
    place = where // units
    unit = where - place * units
    image = place // (height * width)
    cell = place - image * (height * width)
    corners = [where]
    if not alone:
        # Beyond the last row or column the map is clamped: the corner is its own neighbor.
        row = cell // width
        down = torch.where(row < height - 1, width * units, 0)
        right = torch.where(cell - row * width < width - 1, units, 0)
        corners += [where + down, where + right, where + down + right]
    values = maps.view(-1)
    arrays = on_host(
        images[image].to(torch.int32),
        _small(unit, units),
        _small(cell, height * width),
        torch.stack([values.index_select(0, corner) for corner in corners]),
    )
    return SparseCells((height, width), *arrays)


def _small(numbers: torch.Tensor, limit: int) -> torch.Tensor:
    return numbers.to(torch.int16 if limit <= np.iinfo(np.int16).max + 1 else torch.int32)
