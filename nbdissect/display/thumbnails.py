"""The images of a data set as the page wants them: encoded once, kept within a bound."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.samples import check_dataset
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

# Large enough for an opened unit on a dense screen, small enough that 32 strips arrive in one breath.
SIDE = 256
QUALITY = 82
TYPE = "image/jpeg"
KEPT_BYTES = 48 * 2**20
# At its own resolution an image is looked at alone: this side is more than any screen has.
FULL_SIDE, FULL_QUALITY = 4096, 92
# Categories that say of a whole image where it was taken.
_SCENES = ("scene", "scenes", "place", "places")


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
        self._scenes: dict[int, str] = {}
        self._scene_names = scene_names(self._data)
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
            self._scenes.setdefault(index, scene_of(sample, self._scene_names))
            self._kept[index] = _jpeg(image, SIDE, QUALITY)
            self._size += len(self._kept[index])
            while self._size > self._kept_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)
            return self._kept[index]

    def full(self, index: int) -> bytes:
        """Return image `index` as JPEG at its own resolution, which is not kept."""
        return _jpeg(self._data[index].image.convert("RGB"), FULL_SIDE, FULL_QUALITY)

    def scene(self, index: int) -> str:
        """Return what the data set says of where image `index` was taken; empty where it doesn't."""
        with self._lock:
            if index not in self._scenes:
                self.encoded(index)
            return self._scenes[index]

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


def _jpeg(image: Image, side: int, quality: int) -> bytes:
    if max(image.size) > side:
        image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def scene_names(data: Any) -> dict[tuple[str, int], str]:
    """Return the names of the concepts that say where an image was taken, by category and number."""
    return {
        (concept.category, concept.number): printable(concept.name)
        for concept in getattr(data, "concepts", ())
        if concept.category.lower() in _SCENES
    }


def scene_of(sample: Any, names: Mapping[tuple[str, int], str]) -> str:
    """Return where an image was taken, if its data set says so of it as a whole; else an empty text."""
    held = sample.whole if names else {}
    for category in dict.fromkeys(category for category, _ in names):
        for number in held.get(category, ()):
            if (category, number) in names:
                return names[category, number]
    return ""


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
