"""Counts kept image by image, so that subsets and intervals need no second pass over the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.results.fields import array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class PerImage:
    """Sparse per-image counts of one layer. Images are indices into the data set; zero counts are left out.

    Attributes
    ----------
    intersection : int64 [R, 4]
        Rows (image, unit, concept column, pixels).
    area : int64 [S, 3]
        Rows (image, unit, pixels of the unit's mask).
    area_categories : bool [S, G]
        The categories for which that area counts.
    truth : int64 [Q, 3]
        Rows (image, concept column, pixels of the concept).
    pixels : int64 [N, 2]
        Rows (image, pixels of its mask). An image that was drawn several times stands here as often, and once in
        the other tables.
    unlabeled : int64 [V, 4] or None
        Rows (image, unit, category, pixels of the unit's mask of which it isn't known what they show of the
        category, and which don't count for it though the area does); None where all is known.
    """

    intersection: NDArray[np.int64] = field(metadata=array("R4", "<i8"))
    area: NDArray[np.int64] = field(metadata=array("S3", "<i8"))
    area_categories: NDArray[np.bool_] = field(metadata=array("SG", "|b1"))
    truth: NDArray[np.int64] = field(metadata=array("Q3", "<i8"))
    pixels: NDArray[np.int64] = field(metadata=array("N2", "<i8"))
    unlabeled: NDArray[np.int64] | None = field(default=None, metadata=array("V4", "<i8"))

    def over(self, images: NDArray[np.int64]) -> PerImage:
        """Return the counts of some of the images; one that is listed twice counts twice from now on."""
        known, first = np.unique(self.pixels[:, 0], return_index=True)
        area = np.isin(self.area[:, 0], images)
        return PerImage(
            intersection=self.intersection[np.isin(self.intersection[:, 0], images)],
            area=self.area[area],
            area_categories=self.area_categories[area],
            truth=self.truth[np.isin(self.truth[:, 0], images)],
            pixels=self.pixels[first[np.searchsorted(known, images)]],
            unlabeled=None if self.unlabeled is None else self.unlabeled[np.isin(self.unlabeled[:, 0], images)],
        )

    def category_pixels(
        self, images: NDArray[np.int64], category_of: NDArray[np.int64], categories: int
    ) -> NDArray[np.int64]:
        """Return the mask pixels of those of some images that carry each category, int64 [G]."""
        known, first = np.unique(self.pixels[:, 0], return_index=True)
        carries = np.zeros((len(known), categories), dtype=bool)
        image, concept, pixels = self.truth.T
        carries[np.searchsorted(known, image[pixels > 0]), category_of[concept[pixels > 0]]] = True
        place = np.searchsorted(known, images)
        total: NDArray[np.int64] = self.pixels[first, 1][place] @ carries[place]
        return total

    def total(
        self, images: Sequence[int] | NDArray[np.integer], units: int, concepts: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
        """Sum over some images: intersection [U, C], truth [C], activation [U, G] and the number of pixels.

        An image that is listed twice counts twice, as a bootstrap sample needs.
        """
        known, times = np.unique(np.asarray(images, dtype=np.int64), return_counts=True)

        def weight(column: NDArray[np.int64]) -> NDArray[np.int64]:
            if not len(known):
                return np.zeros(len(column), dtype=np.int64)
            place = np.minimum(np.searchsorted(known, column), len(known) - 1)
            return np.where(known[place] == column, times[place], 0)

        image, unit, concept, count = self.intersection.T
        intersection = np.zeros((units, concepts), dtype=np.int64)
        np.add.at(intersection, (unit, concept), count * weight(image))
        truth = np.zeros(concepts, dtype=np.int64)
        np.add.at(truth, self.truth[:, 1], self.truth[:, 2] * weight(self.truth[:, 0]))
        activation = np.zeros((units, self.area_categories.shape[1]), dtype=np.int64)
        area = self.area[:, 2] * weight(self.area[:, 0])
        np.add.at(activation, self.area[:, 1], area[:, None] * self.area_categories)
        if self.unlabeled is not None:
            image, unit, category, count = self.unlabeled.T
            np.subtract.at(activation, (unit, category), count * weight(image))
        _, first = np.unique(self.pixels[:, 0], return_index=True)
        pixels = self.pixels[first]
        return intersection, truth, activation, int(pixels[:, 1] @ weight(pixels[:, 0]))
