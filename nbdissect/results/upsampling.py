"""From the grid of an activation map to the grid of a mask: where each pixel lies, and its weights.

Bilinear, edges clamped, in one of two geometries. Half-pixel centers, which is torch's
``align_corners=False``: the map covers the image evenly. Or, given a :class:`ReceptiveField`: each
activation stands at the center of what it sees of the image, as in the original Caffe program.

Rows (the vertical axis) are interpolated first, then columns, as ``a + w * (b - a)`` with separate
float32 subtract, multiply and add. This form never leaves the range of its two corners, so a plateau
at the threshold can't flip; fused or matrix forms can. The page computes the same, bit for bit, in
``js/src/draw/upsample.ts``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Line = tuple[float, float, int]
"""One axis of a receptive field: center of the first activation, step between them, pixels of the image."""


@dataclass(frozen=True)
class ReceptiveField:
    """Where the activations of a layer look: the centers of their receptive fields, in pixels of what the network is fed.

    Pixel 0 is the first row or column, and its own center is at 0: an activation that sees pixels 0 to 6 has its
    center at 3, one that sees 0 and 1 at 0.5. Each attribute holds rows first, then columns.

    Attributes
    ----------
    first : (float, float)
        Center of the first activation. Padding may move it out of the image.
    step : (float, float)
        Pixels from one activation to the next.
    image : (int, int)
        Height and width of the images that the network was fed.
    """

    first: tuple[float, float]
    step: tuple[float, float]
    image: tuple[int, int]

    @property
    def lines(self) -> tuple[Line, Line]:
        """The vertical and the horizontal axis."""
        rows, columns = zip(self.first, self.step, self.image, strict=True)
        return rows, columns

    def anchors(self, grid: tuple[int, int], shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the rows and columns of a map stand on a mask, float64 [h] and [w], in pixels of the mask.

        Parameters
        ----------
        grid, shape : (int, int)
            Height and width of the map, and of the mask.
        """
        rows, columns = self.lines
        return _anchors(rows, grid[0], shape[0]), _anchors(columns, grid[1], shape[1])

    def falls_on_pixels(self, shape: tuple[int, int]) -> bool:
        """Whether all activations stand at whole pixels of a mask of this shape, as they always do in the original."""
        return all(_reduction(line, out) for line, out in zip(self.lines, shape, strict=True))

    def __str__(self) -> str:
        """Return such as "first center 17 × 17, step 16 × 16, in images of 227 × 227"."""
        first, step, image = (" × ".join(f"{n:g}" for n in pair) for pair in (self.first, self.step, self.image))
        return f"first center {first}, step {step}, in images of {image}"


def _anchors(line: Line, size: int, out: int) -> NDArray[np.float64]:
    start, step = _on_mask(line, out)
    return start + step * np.arange(size, dtype=np.float64)


def _on_mask(line: Line, out: int) -> tuple[float, float]:
    """Return where the first activation stands on an axis of `out` mask pixels, and the step from one to the next.

    Where the mask is the image made smaller by a whole number r, and the step a multiple of r, an activation
    stands at the mask pixel that holds its center: floor((center + 1/2) / r), which is what the original computes
    (`centered_arange` in its upsample.py; for 113 mask pixels of 227, r is 2). The original has no answer for any
    other mask. There the centers are kept where they are: (center + 1/2) · mask / image − 1/2.
    """
    first, step, image = line
    if times := _reduction(line, out):
        return float(math.floor((first + 0.5) / times)), step / times
    scale = out / image
    return (first + 0.5) * scale - 0.5, step * scale


def _reduction(line: Line, out: int) -> int:
    """Return by which whole number the mask is smaller than the image, and the step divisible; 0 where there is none."""
    _, step, image = line
    times = math.floor(image / out + 0.5)
    return times if times >= 1 and abs(out - image / times) < 1 and step % times == 0 else 0


@dataclass(frozen=True)
class Axis:
    """One axis of `size` map positions stretched to `out` pixels.

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
def axis(size: int, out: int, line: Line | None = None) -> Axis:
    """Return the geometry of an axis that is stretched from `size` to `out` positions.

    Parameters
    ----------
    size, out : int
        Half-pixel centers need `size` <= `out`.
    line : Line, optional
        Of the layer's receptive field; half-pixel centers without it.
    """
    if line is None:
        position = np.maximum((np.arange(out) + 0.5) * (size / out) - 0.5, 0.0)
    else:
        start, step = _on_mask(line, out)
        position = np.clip((np.arange(out) - start) / step, 0.0, size - 1)
    lower = np.minimum(position.astype(np.int64), size - 1)
    weight = (position - lower).astype(np.float32)
    count = np.bincount(lower, minlength=size)
    return Axis(size, out, lower, weight, np.cumsum(count) - count, count)


def axes_of(grid: tuple[int, int], shape: tuple[int, int], field: ReceptiveField | None = None) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis from a map's grid to a mask's shape."""
    rows, columns = (None, None) if field is None else field.lines
    return axis(grid[0], shape[0], rows), axis(grid[1], shape[1], columns)


def resize(
    maps: NDArray[np.float32], shape: tuple[int, int], field: ReceptiveField | None = None
) -> NDArray[np.float32]:
    """Return maps [h, w, …] at `shape`, float32 [sh, sw, …]: rows first, then columns.

    With half-pixel centers an axis that grows is interpolated; one on which the map is larger than the mask is
    averaged under a triangle as wide as the step, as Pillow does when it shrinks an image. With a receptive field
    every axis is interpolated, as in the original.
    """
    rows, columns = (None, None) if field is None else field.lines
    return np.swapaxes(_rows(np.swapaxes(_rows(maps, shape[0], rows), 0, 1), shape[1], columns), 0, 1)


def _rows(maps: NDArray[Any], out: int, line: Line | None) -> NDArray[Any]:
    size = len(maps)
    if line is None and size == out:
        return maps
    if line is None and size > out:
        # float64 weights and sums, as in Pillow: they add up to 1 so closely that a plateau stays one.
        averaged: NDArray[Any] = np.tensordot(_triangle(size, out), maps.astype(np.float64), axes=1)
        return averaged.astype(np.float32)
    geometry = axis(size, out, line)
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
