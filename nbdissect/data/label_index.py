"""Which images hold which concepts, found out image by image, as far as anybody has asked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from nbdissect.data.broden import Broden, BrodenError
from nbdissect.data.data_check import areas_of
from nbdissect.notices import logger
from nbdissect.samples import check_dataset
from nbdissect.types import UNLABELED
from nbdissect.validation import read_categories, read_concepts

if TYPE_CHECKING:
    from typing import TypedDict

    class Counts(TypedDict):
        """What is known of each concept, in their order."""

        images: list[int]
        shares: list[float]  # of all pixels
        ceilings: list[float]  # the highest IoU that a unit can reach


class LabelIndex:
    """Counts a data set from its beginning on, and remembers which images hold what; reads nothing unasked.

    Safe to use from several threads.

    Parameters
    ----------
    data : data set
    quantile : float
        Of the dissection that is to come: a unit's masks cover at most this share of all pixels.

    Attributes
    ----------
    concepts, categories
        Of the data set, ascending by number.
    counted : int
        How many of the first images were counted.
    broken : dict of int to str
        Of those that were read, the images that can't be used, and why.
    """

    def __init__(self, data: Any, quantile: float) -> None:
        self.data = check_dataset(data)
        self.concepts, self.categories = read_concepts(data), read_categories(data)
        self.counted = 0
        self.broken: dict[int, str] = {}
        self._quantile = quantile
        self._held: dict[int, frozenset[int]] = {}
        self._areas: Counter[int] = Counter()
        self._images: Counter[int] = Counter()
        self._pixels = 0
        self._category_of = {concept.number: concept.category for concept in self.concepts}
        self._others = {0, UNLABELED, *map(int, getattr(data, "concept_numbers", ()))}
        self._said = _statistics(data)
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self.data)

    @property
    def told(self) -> bool:
        """Whether the counts are those that the data set's own tables tell."""
        return bool(self._said)

    def count(self, until: int, seconds: float) -> int:
        """Count on to image `until`, for no longer than some seconds; return how many are counted then."""
        end = time.monotonic() + seconds
        with self._lock:
            while self.counted < min(until, len(self)):
                self._read(self.counted, count=True)
                self.counted += 1
                if time.monotonic() > end:
                    break
            return self.counted

    def find(self, number: int, start: int, step: int, seconds: float) -> tuple[int, int]:
        """Look from image `start` on, forwards or backwards, for one that holds a concept.

        Returns
        -------
        found : int
            -1: none so far.
        next : int
            Where to go on; beyond the data set where all was looked at.
        """
        end, index = time.monotonic() + seconds, start
        with self._lock:
            while 0 <= index < len(self):
                if number in self.held(index):
                    return index, index + step
                index += step
                if time.monotonic() > end:
                    break
        return -1, index

    def held(self, index: int) -> frozenset[int]:
        """Return the numbers of the concepts that an image holds; none of one that can't be read."""
        with self._lock:
            if index not in self._held:
                self._read(index, count=False)
            return self._held[index]

    def _read(self, index: int, *, count: bool) -> None:
        try:
            found = areas_of(self.data[index], index, self._category_of, self._others, self.categories)
        except (ValueError, OSError) as error:
            self.broken[index], self._held[index] = str(error), frozenset()
            return
        there = [number for number, area in found.areas.items() if area]
        self._held[index] = frozenset(there)
        if count:
            self._areas.update(found.areas)
            self._images.update(there)
            self._pixels += found.pixels

    def counts(self) -> Counts:
        """Return how many images hold each concept, its share of all pixels, and the highest IoU a unit can reach."""
        with self._lock:
            numbers = [concept.number for concept in self.concepts]
            if self.told:
                images = [self._said[number][0] if number in self._said else 0 for number in numbers]
                shares = [self._said[number][1] / len(self) if number in self._said else 0.0 for number in numbers]
            else:
                images = [self._images[number] for number in numbers]
                shares = [self._areas[number] / max(1, self._pixels) for number in numbers]
            return {"images": images, "shares": shares, "ceilings": [self._ceiling(share) for share in shares]}

    def _ceiling(self, share: float) -> float:
        return min(1.0, self._quantile / share) if share else 0.0


def _statistics(data: Any) -> dict[int, tuple[int, float]]:
    """Return what the data set's own tables say, where it is a whole Broden; else nothing."""
    if not isinstance(data, Broden):
        return {}
    try:
        return data.statistics()
    except BrodenError as error:
        logger.debug("the data set's own statistics can't be used: %s", error)
        return {}
