"""What an image's pixels mean, in the form in which pixels are counted fastest.

Each pixel gets one small number for its whole *tuple* of labels (one label per plane of every
category), so that counting a mask takes one look-up per pixel instead of one per plane; a table
says which concepts each tuple holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.types import UNLABELED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from nbdissect.types import Concept, Semantics

# Numbers in a table of tuples and concepts, or of pairs and units, that is held at once.
_DENSE = 1 << 18


@dataclass(frozen=True)
class ImageLabels:
    """The labels of one image. T tuples, K concepts present, G categories.

    Attributes
    ----------
    tuples : int32 [sh * sw]
        Number of each pixel's tuple.
    columns : int64 [K]
        The concepts present, as columns.
    holder : int64 [P]
        A tuple that holds a concept, for each such pair, ordered by concept, then tuple.
    place : int64 [P]
        The concept that it holds, as its place in `columns`.
    times : int64 [P]
        How often (the paper: once).
    pixel_category : bool [T, G]
        Whether a tuple holds, in its masks, a concept of the category.
    whole_category : bool [G]
        Whether the image as a whole carries a concept of the category.
    unlabeled : bool [T, G], or None
        Whether it isn't known what a tuple's pixels show of the category, in which case the tuple holds none of
        its concepts; None where all is known.
    """

    tuples: NDArray[np.int32]
    columns: NDArray[np.int64]
    holder: NDArray[np.int64]
    place: NDArray[np.int64]
    times: NDArray[np.int64]
    pixel_category: NDArray[np.bool_]
    whole_category: NDArray[np.bool_]
    unlabeled: NDArray[np.bool_] | None = None

    @property
    def truth(self) -> NDArray[np.int64]:
        """Pixels of each concept present, int64 [K]."""
        area = np.bincount(self.tuples, minlength=len(self.pixel_category))
        pixels = np.bincount(self.place, weights=area[self.holder] * self.times, minlength=len(self.columns))
        return pixels.astype(np.int64)

    @property
    def category_pixels(self) -> NDArray[np.int64]:
        """Pixels that are known to show a concept of each category or none, int64 [G]; 0 of those that the image lacks."""
        carried = self.pixel_category.any(axis=0) | self.whole_category
        pixels = np.full(len(carried), len(self.tuples), dtype=np.int64)
        if self.unlabeled is not None:
            pixels -= np.bincount(self.tuples, minlength=len(self.unlabeled)) @ self.unlabeled
        return pixels * carried

    def sum_by_concept(self, hits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what tuples hold together, int64 [U, K], given what each of them holds, int64 [T, U]."""
        tuples, concepts, units = len(hits), len(self.columns), hits.shape[1]
        if tuples * concepts <= _DENSE:
            import torch  # only here: whoever reads labels alone needs none

            member = np.zeros((tuples, concepts))
            member[self.holder, self.place] = self.times
            # torch's product, not numpy's, whose BLAS knows nothing of the threads we may use; exact below 2 ** 53.
            found: NDArray[np.int64] = (torch.from_numpy(hits).T.double() @ torch.from_numpy(member)).long().numpy()
            return found
        # With thousands of concepts the table of tuples and concepts is large, and nearly empty.
        sums = np.zeros((units, concepts), np.int64)
        starts = np.searchsorted(self.place, np.arange(concepts))
        step = max(1, _DENSE // max(1, len(self.holder)))
        for first in range(0, units, step):
            part = hits[self.holder, first : first + step] * self.times[:, None]
            sums[first : first + step] = np.add.reduceat(part, starts, axis=0).T
        return sums


class LabelReader:
    """Turns samples into :class:`ImageLabels`.

    Parameters
    ----------
    concepts : sequence of Concept
        In column order.
    categories : sequence of str
    semantics : {"paper", "netdissect-lite"}
        The paper takes the union of all planes, NetDissect-Lite counts every annotation.
    others : collection of int
        Numbers that are labels but no concept of these categories: skipped, and noted in `skipped`,
        as is 0 where it labels a whole image.
        Masks of other categories are noted in `strange_categories`.
    """

    def __init__(
        self,
        concepts: Sequence[Concept],
        categories: Sequence[str],
        semantics: Semantics = "paper",
        others: Collection[int] = (),
    ) -> None:
        self._categories = list(categories)
        self._semantics = semantics
        place = {name: g for g, name in enumerate(categories)}
        self._category_of = np.array([place[concept.category] for concept in concepts], dtype=np.int64)
        self._column = {concept.number: column for column, concept in enumerate(concepts)}
        self._others = frozenset(others) - set(self._column)
        self.skipped: set[int] = set()
        self.strange_categories: set[str] = set()

    def read(self, sample: Any, index: int, shape: tuple[int, int]) -> ImageLabels:
        """Return the labels of `sample`, number `index` of the data set, whose masks have `shape`.

        Raises
        ------
        ValueError
            If a number is no label of the data set, or a mask has another shape.
        """
        masks, whole = sample.masks, sample.whole
        self.strange_categories.update(
            str(category) for category in {**masks, **whole} if category not in self._categories
        )
        if any(0 in whole.get(category, ()) for category in self._categories):
            self.skipped.add(0)
        tuples = np.zeros(shape[0] * shape[1], dtype=np.int64)
        # [T, planes]: the concept of each tuple in each plane, -1 = none, -2 - g = not known in category g
        held = np.empty((1, 0), dtype=np.int64)
        for category in self._categories:
            for plane in masks.get(category, ()):
                tuples, held = self._refine(tuples, held, plane, index, category, shape)
        everywhere = [
            column
            for category in self._categories
            for number in whole.get(category, ())
            if (column := self._column_of(number, index, category)) >= 0
        ]
        return self._tabulate(tuples, held, np.array(everywhere, dtype=np.int64))

    def _column_of(self, number: int, index: int, category: str) -> int:
        if number == 0:
            return -1
        column = self._column.get(number)
        if column is not None:
            return column
        if number in self._others:
            self.skipped.add(number)
            return -1
        raise ValueError(
            f"Image {index}, category {category!r}: label number {number} is not among the data set's "
            f"{len(self._column) + len(self._others):,} labels. Every number in a mask must be a label, or 0 for none."
        )

    def _refine(
        self,
        tuples: NDArray[np.int64],
        held: NDArray[np.int64],
        plane: NDArray[Any],
        index: int,
        category: str,
        shape: tuple[int, int],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if plane.shape != shape:
            raise ValueError(
                f"Image {index}, category {category!r}: a mask of shape {list(plane.shape)} in a sample whose masks "
                f"are {list(shape)}. All masks of one image share one height and width."
            )
        numbers, local = _renumber(plane.ravel())
        unknown = -2 - self._categories.index(category)
        columns = np.array(
            [unknown if n == UNLABELED else self._column_of(n, index, category) for n in numbers.tolist()],
            dtype=np.int64,
        )
        # Labels that are no concept are one and the same: nothing.
        kept, local_of = np.unique(columns, return_inverse=True)
        combined = tuples * len(kept) + local_of.reshape(-1)[local]
        pairs, tuples = _renumber(combined)
        return tuples, np.column_stack([held[pairs // len(kept)], kept[pairs % len(kept)]])

    def _tabulate(
        self, tuples: NDArray[np.int64], held: NDArray[np.int64], everywhere: NDArray[np.int64]
    ) -> ImageLabels:
        present = np.unique(np.concatenate([held.ravel(), everywhere]))
        present = present[present >= 0]
        pairs = [np.empty(0, np.int64)]  # place times T plus tuple, once for each time that the tuple holds the concept
        pixel_category = np.zeros((len(held), len(self._categories)), dtype=bool)
        for column in held.T:
            (rows,) = np.nonzero(column >= 0)
            pairs.append(np.searchsorted(present, column[rows]) * len(held) + rows)
            pixel_category[rows, self._category_of[column[rows]]] = True
        pairs += [place * len(held) + np.arange(len(held)) for place in np.searchsorted(present, everywhere)]
        keys, times = np.unique(np.concatenate(pairs), return_counts=True)
        place, holder = np.divmod(keys, len(held))
        unlabeled = None
        if (held < -1).any():
            unlabeled = np.zeros_like(pixel_category)
            rows, planes = np.nonzero(held < -1)
            unlabeled[rows, -2 - held[rows, planes]] = True
            pixel_category &= ~unlabeled
            known = ~unlabeled[holder, self._category_of[present[place]]]
            holder, times = holder[known], times[known]
            left, place = np.unique(place[known], return_inverse=True)
            present, place = present[left], place.reshape(-1)
        if self._semantics == "paper":
            times = np.ones_like(times)
        whole_category = np.zeros(len(self._categories), dtype=bool)
        whole_category[self._category_of[everywhere]] = True
        return ImageLabels(
            tuples.astype(np.int32), present, holder, place, times, pixel_category, whole_category, unlabeled
        )


def _renumber(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values, ascending, and each element's place among them.

    Counting takes a third of the time of sorting, as long as the values are small.
    """
    least = int(values.min()) if len(values) else UNLABELED - 1
    if least == UNLABELED:
        distinct, place = _renumber(np.where(values == UNLABELED, 0, values.astype(np.int64) + 1))
        return np.where(distinct == 0, UNLABELED, distinct - 1), place
    if least >= 0 and int(values.max()) < 8 * len(values):
        seen = np.bincount(values) > 0
        distinct = np.flatnonzero(seen)
        return distinct, (np.cumsum(seen) - 1)[values]
    distinct, place = np.unique(values, return_inverse=True)
    return distinct.astype(np.int64), place.reshape(-1)
