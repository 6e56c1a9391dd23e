"""The labels of an image as a page draws them, and what counts of labels are of, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.text import plural
from nbdissect.types import UNLABELED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbdissect.data.label_index import LabelIndex

UNKNOWN = (1 << 16) - 1
"""In planes, where nobody knows what a pixel shows."""


class Planes:
    """The labels of one image as numbers from 1 on, which stand for `numbers`.

    Attributes
    ----------
    pixels : uint16 [planes, sh, sw]
        0 = no concept, 65,535 = not known.
    categories : list of str
        Of each plane.
    numbers : list of int
        The concepts in them, and those of the whole image.
    shares : list of float
        Of the image's pixels, for each of them.
    whole : list of int
    grid : (int, int)
    """

    def __init__(self, index: LabelIndex, sample: Any) -> None:
        known = {concept.number for concept in index.concepts}
        held, whole = sample.masks, sample.whole
        masks = {name: np.asarray(held[name]) for name in index.categories if name in held}
        self.grid = tuple(sample.shape)
        self.whole = [n for name in index.categories for n in whole.get(name, ()) if n in known]
        inside = {int(n) for planes in masks.values() for n in np.unique(planes)}
        self.numbers = sorted((inside | set(self.whole)) & known)
        self.categories = [name for name, planes in masks.items() for _ in planes]
        stack = [plane for planes in masks.values() for plane in planes]
        self.pixels = np.zeros((len(stack), *self.grid), dtype=np.uint16)
        self.shares = [1.0 if number in self.whole else 0.0 for number in self.numbers]
        for at, number in enumerate(self.numbers):
            where = np.zeros(self.grid, dtype=bool)
            for k, plane in enumerate(stack):
                on = plane == number
                self.pixels[k][on] = at + 1
                where |= on
            self.shares[at] = max(self.shares[at], float(where.mean()))
        for k, plane in enumerate(stack):
            self.pixels[k][plane == UNLABELED] = UNKNOWN


def planes_of(index: LabelIndex, image: int) -> Planes:
    """Return the labels of an image as a page draws them."""
    return Planes(index, index.data[image])


def describe_counts(table: Mapping[str, Any]) -> str:
    """Return what the counts are of, in words."""
    counts, images = table["counts"], table["images"]
    if counts["told"]:
        return f"{plural(images, 'image')}; counts as the data set's own tables have them"
    if counts["counted"] == images:
        return f"{plural(images, 'image')}, all of them counted"
    return f"{plural(images, 'image')}; counts are of the first {counts['counted']:,}"


def describe_ceiling(table: Mapping[str, Any], concept: int) -> str:
    """Return the highest IoU that a unit can reach with a concept, in words; empty where the concept has no pixel."""
    ceiling = table["counts"]["ceilings"][concept]
    if not ceiling or math.isnan(ceiling):
        return "–"
    return f"{ceiling:.{3 if ceiling < 0.1 else 2}f}" + (", out of reach" if ceiling <= table["min_iou"] else "")
