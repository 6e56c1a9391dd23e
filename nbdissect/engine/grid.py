"""From the grid of an activation map to the grid of a mask: where each pixel lies, and its weights.

Bilinear, half-pixel centres, edges clamped: torch's ``align_corners=False``. Rows (the vertical
axis) are interpolated first, then columns, as ``a + w * (b - a)`` with separate float32 subtract,
multiply and add. This form never leaves the range of its two corners, so a plateau at the
threshold can't flip; fused or matrix forms can.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Axis:
    """One axis of `size` map positions stretched to `out` >= `size` pixels.

    Attributes
    ----------
    lower : int64 [out]
        The map position at or before each pixel's centre; the next one is the other corner.
    weight : float32 [out]
        Weight of that other corner.
    start, count : int64 [size]
        The pixels that lie between map position i and i + 1 are start[i] … start[i] + count[i] - 1.
    """

    size: int
    out: int
    lower: NDArray[np.int64]
    weight: NDArray[np.float32]
    start: NDArray[np.int64]
    count: NDArray[np.int64]


@lru_cache(maxsize=256)
def axis(size: int, out: int) -> Axis:
    """Return the geometry of an axis that is stretched from `size` to `out` positions."""
    position = np.maximum((np.arange(out) + 0.5) * (size / out) - 0.5, 0.0)
    lower = np.minimum(position.astype(np.int64), size - 1)
    weight = (position - lower).astype(np.float32)
    count = np.bincount(lower, minlength=size)
    return Axis(size, out, lower, weight, np.cumsum(count) - count, count)


def resize(maps: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return maps [B, h, w, U] at `shape` (sh, sw): rows first, then columns.

    An axis that grows is interpolated; one on which the map is larger than the mask is averaged
    under a triangle as wide as the step, as Pillow does when it shrinks an image.
    """
    return _along(_along(maps, 1, shape[0]), 2, shape[1])


def _along(maps: torch.Tensor, dim: int, out: int) -> torch.Tensor:
    size = maps.shape[dim]
    if size == out:
        return maps
    if size > out:
        # float64 weights and sums, as in Pillow: they add up to 1 so closely that a plateau stays one.
        weights = torch.from_numpy(_triangle(size, out)).to(maps.device)
        return torch.movedim(torch.movedim(maps.double(), dim, -1) @ weights.T, -1, dim).float()
    geometry = axis(size, out)
    lower = torch.from_numpy(geometry.lower).to(maps.device)
    weight = torch.from_numpy(geometry.weight).to(maps.device).view([-1 if d == dim else 1 for d in range(maps.ndim)])
    a = maps.index_select(dim, lower)
    b = maps.index_select(dim, (lower + 1).clamp_(max=size - 1))
    return a + weight * (b - a)


@lru_cache(maxsize=64)
def _triangle(size: int, out: int) -> NDArray[np.float64]:
    """Weights [out, size] of Pillow's bilinear filter for an axis that shrinks."""
    scale = size / out
    weights = np.zeros((out, size))
    for pixel in range(out):
        centre = (pixel + 0.5) * scale
        first, last = max(int(centre - scale + 0.5), 0), min(int(centre + scale + 0.5), size)
        row = np.maximum(1.0 - np.abs((np.arange(first, last) - centre + 0.5) / scale), 0.0)
        weights[pixel, first:last] = row / row.sum()
    return weights
