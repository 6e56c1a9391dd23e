"""The images of a data set as the page wants them: encoded once, kept within a bound."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.samples import check_dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

# Large enough for an opened unit on a dense screen, small enough that 32 strips arrive in one breath.
SIDE = 256
QUALITY = 82
TYPE = "image/jpeg"
KEPT_BYTES = 48 * 2**20


class Thumbnails:
    """Encoded images of one data set, each encoded once while it stays among the kept ones.

    Safe to use from several threads: messages may be handled in another thread than the one that computes.

    Parameters
    ----------
    data : sequence of samples
    kept_bytes : int
        Bound on the memory of what is kept.
    """

    def __init__(self, data: Any, kept_bytes: int = KEPT_BYTES) -> None:
        self._data = check_dataset(data)
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._grids: dict[int, tuple[int, int]] = {}
        self._kept_bytes = kept_bytes
        self._size = 0
        self._lock = threading.RLock()

    @property
    def size(self) -> int:
        """Bytes kept at present."""
        return self._size

    def encoded(self, index: int) -> bytes:
        """Return image `index` as JPEG, at most `SIDE` pixels on its longer side."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
            sample = self._data[index]
            image = sample.image.convert("RGB")
            self._grids.setdefault(index, sample.shape)
            if max(image.size) > SIDE:
                image.thumbnail((SIDE, SIDE))
            file = io.BytesIO()
            image.save(file, "JPEG", quality=QUALITY)
            self._kept[index] = file.getvalue()
            self._size += len(self._kept[index])
            while self._size > self._kept_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)
            return self._kept[index]

    def grid(self, index: int) -> tuple[int, int]:
        """Return the height and width of the masks of image `index`."""
        with self._lock:
            if index not in self._grids:
                self.encoded(index)  # who asks for the grid asks for the image next: read both at once
            return self._grids[index]

    def labels(
        self, index: int, number: int, categories: Sequence[str], family: Collection[int]
    ) -> tuple[NDArray[np.uint8], bool]:
        """Return the pixels of a concept in image `index`, and whether the image carries its category.

        See :func:`pixels_of` and :func:`carries`; `family` are the numbers of all concepts of the category.
        """
        sample = self._data[index]
        return pixels_of(sample, number, categories), carries(sample, family, categories)


def pixels_of(sample: Any, number: int, categories: Iterable[str]) -> NDArray[np.uint8]:
    """Pixels of a concept on the mask grid of a sample, uint8 [sh, sw] of 0 and 1.

    The union over all planes of the given categories; a label of the whole image covers all of it.
    """
    pixels = np.zeros(sample.shape, dtype=bool)
    for category in categories:
        if number in sample.whole.get(category, ()):
            pixels[:] = True
        if category in sample.masks:
            pixels |= (np.asarray(sample.masks[category]) == number).any(axis=0)
    return pixels.astype(np.uint8)


def carries(sample: Any, family: Collection[int], categories: Iterable[str]) -> bool:
    """Whether any of these concepts has a pixel in a sample: images without one don't count for their category."""
    numbers = list(family)
    return any(
        not set(sample.whole.get(category, ())).isdisjoint(numbers)
        or (category in sample.masks and bool(np.isin(np.asarray(sample.masks[category]), numbers).any()))
        for category in categories
    )
