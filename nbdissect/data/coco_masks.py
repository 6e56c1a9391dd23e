"""Regions as COCO's files hold them, run-length codes and polygons, as the pixels that COCO's own programs make of them.

Format: T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, the data format's documentation. A region's
pixels run down the columns. A polygon covers the pixels between the points at which its outline, drawn five times
as large, crosses the columns of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ENLARGED = 5
_BITS = 5  # of a number that a sign of compressed run lengths carries
_MOST_POINTS = 1 << 26  # of an outline; one that goes through the whole of COCO's images has some thousand
_FURTHEST = 1e6  # a coordinate in pixels


def decode_region(segmentation: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels of a region, bool [h, w].

    Parameters
    ----------
    segmentation : dict with "counts" and "size", or list of lists [x0, y0, x1, y1, …]
        A run-length code, compressed or not; or polygons, of which any covers.
    shape : (int, int)
        Height and width of the image.

    Raises
    ------
    ValueError
        If it is neither, or doesn't fit the image.
    """
    if isinstance(segmentation, dict):
        return _decode_runs(segmentation, shape)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"its segmentation is {segmentation!r:.60}; polygons or a run-length code are needed")
    pixels = np.zeros(shape, dtype=bool)
    for polygon in segmentation:
        pixels |= _fill_polygon(polygon, shape)
    return pixels


def _decode_runs(code: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    size, counts = code.get("size"), code.get("counts")
    if size != list(shape) and size != tuple(shape):
        raise ValueError(f"its run-length code is of {size!r:.60}, the image is {list(shape)} (height, width)")
    runs = _read_runs(counts) if isinstance(counts, (str, bytes)) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError(f"the counts of its run-length code are {counts!r:.60}; lengths from 0 on are needed")
    if sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"its run-length code has {sum(runs):,} pixels, the image {shape[0] * shape[1]:,}")
    covered = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return covered.reshape(shape[1], shape[0]).T


def _read_runs(text: str | bytes) -> list[int]:
    """Return the lengths that a text of 6 bits a sign holds: 5 of a number, and whether it goes on; from the third on, differences."""
    signs = text.encode("ascii", "replace") if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for sign in signs:
        bits = sign - 48
        if not 0 <= bits < 64:
            raise ValueError(f"its run-length code holds the sign {chr(sign)!r}, which none has")
        value |= (bits & 31) << shift
        shift += _BITS
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("its run-length code ends in the middle of a number")
    return runs


def _fill_polygon(polygon: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    points = _read_points(polygon)
    x, y = _outline(points)
    # Only where the outline moves sideways does it cross a column of pixels.
    moved = x[1:] != x[:-1]
    column = (np.where(x[1:] < x[:-1], x[1:], x[1:] - 1)[moved] + 0.5) / _ENLARGED - 0.5
    row = (np.minimum(y[1:], y[:-1])[moved] + 0.5) / _ENLARGED - 0.5
    inside = (np.floor(column) == column) & (column >= 0) & (column <= shape[1] - 1)
    first = np.ceil(np.clip(row[inside], 0, shape[0])).astype(np.int64)  # the first pixel below the crossing
    place = column[inside].astype(np.int64) * shape[0] + first
    crossings = np.bincount(place, minlength=shape[0] * shape[1] + 1)[: shape[0] * shape[1]]
    covered: NDArray[np.bool_] = np.cumsum(crossings) % 2 == 1
    return covered.reshape(shape[1], shape[0]).T


def _read_points(polygon: Any) -> NDArray[np.float64]:
    try:
        points = np.asarray(polygon, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 1 or len(points) < 6 or len(points) % 2 or not (np.abs(points) < _FURTHEST).all():
        raise ValueError(f"a polygon of its is {polygon!r:.60}; x and y of three or more points are needed")
    return points.reshape(-1, 2)


def _outline(points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the points of a polygon's outline, five times as large, one after the other: x and y, int64 each.

    Each edge takes a step at a time along its longer axis, always in the direction in which that axis grows.
    """
    corners = np.trunc(points * _ENLARGED + 0.5).astype(np.int64)
    start, end = corners, np.roll(corners, -1, axis=0)
    extent = np.abs(end - start)
    flat = extent[:, 0] >= extent[:, 1]  # along x
    long = np.where(flat, 0, 1)
    edge = np.arange(len(start))
    turned = start[edge, long] > end[edge, long]
    low, high = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    length = extent[edge, long]
    if int((length + 1).sum()) > _MOST_POINTS:
        raise ValueError(f"a polygon of its is {int(length.sum()) // _ENLARGED:,} pixels long, longer than any outline")
    rise = high - low
    slope = np.divide(rise[edge, 1 - long], length, out=np.zeros(len(edge)), where=length > 0)
    which = np.repeat(edge, length + 1)
    step = np.arange(len(which)) - np.repeat(np.cumsum(length + 1) - (length + 1), length + 1)
    step = np.where(turned[which], length[which] - step, step)
    along = step + low[which, long[which]]
    across = np.trunc(low[which, 1 - long[which]] + slope[which] * step + 0.5).astype(np.int64)
    return np.where(flat[which], along, across), np.where(flat[which], across, along)
