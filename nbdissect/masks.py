"""The masks of a sample: what a plane of them is, and their height and width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


def shape_of(sample: Any, index: int, masks: Mapping[str, Any] | None = None) -> tuple[int, int]:
    """Return the height and width of the masks of `sample`, number `index` of the data set.

    The sample's own `shape`, else that of its first plane, else the image's.

    Parameters
    ----------
    sample, index
    masks : mapping of str to planes, optional
        ``sample.masks``, where it is already read: reading it again may decode files again.

    Raises
    ------
    ValueError
        If the first plane is not one.
    """
    shape = getattr(sample, "shape", None)
    if shape is not None:
        return int(shape[0]), int(shape[1])
    for _, plane in planes(sample.masks if masks is None else masks, index):
        height, width = plane.shape
        return height, width
    return sample.image.height, sample.image.width


def planes(masks: Mapping[str, Any], index: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield every plane [sh, sw] of the masks of image number `index`, with its category.

    Raises
    ------
    ValueError
        If a plane is no array [sh, sw] of whole numbers.
    """
    for category, stack in masks.items():
        for plane in map(np.asarray, stack):
            if plane.ndim != 2 or plane.dtype.kind not in "iub":
                raise ValueError(
                    f"Image {index}, category {category!r}: a plane of its masks is a {plane.dtype} array of shape {list(plane.shape)}. "
                    "masks[category] must be whole numbers of shape [planes, height, width]; a single mask takes mask[None]."
                )
            yield category, plane
