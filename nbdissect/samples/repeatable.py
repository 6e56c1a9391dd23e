"""Finds data sets that give another sample each time they are read, such as one with random augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.samples.checked import check_dataset
from nbdissect.samples.subset import comes_with_package
from nbdissect.types import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbdissect.samples.checked import CheckedSample

# A flip at random goes unnoticed in one image with a probability of 1/4, in all three of 1/64. Data sets are slow: a
# run reads these images no further.
_READS = 3


def check_repeatable(data: Any, indices: Iterable[int]) -> dict[int, Sample]:
    """Read some samples several times, refuse a data set that doesn't give the same each time, and return what was read.

    A run reads images in one pass and masks in another: both must be of the same sample. The package's own
    data sets are not read.

    Raises
    ------
    ValueError
        If a sample differs, or can't be used.
    OSError
        If it can't be read.
    """
    if comes_with_package(data):
        return {}
    checked = check_dataset(data)
    held = {}
    for index in indices:
        first = _read(checked[index])
        for _ in range(_READS - 1):
            check_same(first, checked[index], index)
        held[index] = first
    return held


def _read(sample: CheckedSample) -> Sample:
    masks = {category: np.array(planes) for category, planes in sample.masks.items()}
    return Sample(sample.image.copy(), masks, sample.whole, sample.shape)


def check_same(first: Any, second: Any, index: int) -> None:
    """Refuse two samples, read one after the other as number `index`, that differ.

    Raises
    ------
    ValueError
    """
    before, after = first.image, second.image
    differs = ""
    if (before.mode, before.size) != (after.mode, after.size) or before.tobytes() != after.tobytes():
        differs = "image"
    elif not _same_masks(first.masks, second.masks):
        differs = "masks"
    elif dict(first.whole) != dict(second.whole):
        differs = "whole"
    if differs:
        raise ValueError(
            f"Image {index}: data[{index}] gave another .{differs} when it was read again. Images and masks are read at different "
            "times, and must fit each other: leave out random augmentation, or draw from np.random.default_rng(index)."
        )


def _same_masks(first: Any, second: Any) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[category], second[category]) for category in first
    )
