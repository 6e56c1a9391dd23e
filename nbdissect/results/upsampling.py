"""From the grid of an activation map to the grid of a mask: where each pixel lies, and its weights.

Bilinear, half-pixel centers, edges clamped: torch's ``align_corners=False``. Rows (the vertical
axis) are interpolated first, then columns, as ``a + w * (b - a)`` with separate float32 subtract,
multiply and add. This form never leaves the range of its two corners, so a plateau at the
threshold can't flip; fused or matrix forms can.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Axis:
    """One axis of `size` map positions stretched to `out` >= `size` pixels.

    Attributes
    ----------
    lower : int64 [out]
        The map position at or before each pixel's center; the next one is the other corner.
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


def resize(maps: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return maps [h, w, …] at `shape`, float32 [sh, sw, …]: rows first, then columns.

    An axis that grows is interpolated; one on which the map is larger than the mask is averaged
    under a triangle as wide as the step, as Pillow does when it shrinks an image.
    """
    return np.swapaxes(_rows(np.swapaxes(_rows(maps, shape[0]), 0, 1), shape[1]), 0, 1)


def _rows(maps: NDArray[Any], out: int) -> NDArray[Any]:
    size = len(maps)
    if size == out:
        return maps
    if size > out:
        # float64 weights and sums, as in Pillow: they add up to 1 so closely that a plateau stays one.
        averaged: NDArray[Any] = np.tensordot(_triangle(size, out), maps.astype(np.float64), axes=1)
        return averaged.astype(np.float32)
    geometry = axis(size, out)
    a, b = maps[geometry.lower], maps[np.minimum(geometry.lower + 1, size - 1)]
    weight = geometry.weight.reshape(-1, *[1] * (maps.ndim - 1))
    interpolated: NDArray[Any] = a + weight * (b - a)
    return interpolated


@lru_cache(maxsize=64)
def _triangle(size: int, out: int) -> NDArray[np.float64]:
    """Weights [out, size] of Pillow's bilinear filter for an axis that shrinks."""
    scale = size / out
    weights = np.zeros((out, size))
    for pixel in range(out):
        center = (pixel + 0.5) * scale
        first, last = max(int(center - scale + 0.5), 0), min(int(center + scale + 0.5), size)
        row = np.maximum(1.0 - np.abs((np.arange(first, last) - center + 0.5) / scale), 0.0)
        weights[pixel, first:last] = row / row.sum()
    return weights
