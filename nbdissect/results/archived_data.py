"""The top images of a result, small and encoded, as a data set that needs nothing but its archive."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.results.archive_format import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.types import Concept

# 1,281 images, the top images of 512 units, take 7 MB so; with their own 224 pixels 9.
SIDE = 192
MOST_LABEL_PIXELS = 1 << 24
"""The most pixels that all planes of an image's masks may have together: decoded they take some bytes each."""
_ROWS = 256
TYPES = {"image/webp": "WEBP", "image/jpeg": "JPEG"}


@dataclass(frozen=True)
class ArchivedSample:
    """One archived image and its labels, decoded on access.

    Attributes
    ----------
    encoded : bytes
        The image as it stands in the archive.
    type : {"image/webp", "image/jpeg"}
    size : (int, int)
        Height and width of that image.
    shape : (int, int)
        Height and width of the masks.
    labels : bytes
        All planes of all masks, one below the other, a PNG of Broden's colors; empty where there is none.
    planes : mapping of str to int
        Number of planes per category, in the order of `labels`.
    whole : mapping of str to tuple of int
        Per category, the numbers that hold for the whole image.
    where : str
        File and member, for error texts.
    """

    encoded: bytes = field(repr=False)
    type: str
    size: tuple[int, int]
    shape: tuple[int, int]
    labels: bytes = field(repr=False)
    planes: Mapping[str, int]
    whole: Mapping[str, tuple[int, ...]]
    where: str

    @property
    def image(self) -> Image:
        """The image, RGB, made smaller if it was larger than the archive keeps."""
        return _decoded(self.encoded, TYPES[self.type], self.size, self.where).convert("RGB")

    @cached_property
    def masks(self) -> dict[str, NDArray[np.int32]]:
        """Per category with a mask, its planes of label numbers, int32 [planes, sh, sw]."""
        if not self.planes:
            return {}
        height, width = self.shape
        rows = height * sum(self.planes.values())
        numbers = _numbers(_decoded(self.labels, "PNG", (rows, width), f"the labels of {self.where}"))
        found, start = {}, 0
        for category, planes in self.planes.items():
            found[category] = numbers[start : start + planes * height].reshape(planes, height, width)
            start += planes * height
        return found


class ArchivedData:
    """The images that a result's archive holds: those among some unit's strongest.

    Indices are those of the whole data set, as in ``d.top_images``; ``indices`` lists those that are here.

    Attributes
    ----------
    concepts, categories, drawings
        As in the data set.
    indices : tuple of int
    """

    checks_samples = True  # against the manifest

    def __init__(
        self,
        length: int,
        concepts: tuple[Concept, ...],
        categories: tuple[str, ...],
        samples: Mapping[int, ArchivedSample],
        *,
        drawings: bool,
        where: str,
    ) -> None:
        self.concepts = concepts
        self.categories = categories
        self.drawings = drawings
        self.indices = tuple(sorted(samples))
        self._length = length
        self._samples = dict(samples)
        self._where = where

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int, /) -> ArchivedSample:
        """Return one image with its labels.

        Raises
        ------
        IndexError
            Beyond the last image of the data set.
        ArchiveError
            If the archive doesn't hold it.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"The data set has {self._length:,} images, 0 to {self._length - 1:,}; got {index}.")
        if index not in self._samples:
            raise ArchiveError(
                f"{self._where} doesn't hold image {index}: of the data set's {self._length:,} images it keeps the {len(self._samples):,} "
                "that are among a unit's strongest (data.indices). Open the data set itself for the others."
            )
        return replace(self._samples[int(index)])  # a copy, which keeps its decoded masks as long as it lives

    def __repr__(self) -> str:
        return f"<ArchivedData {self._where}: {len(self._samples):,} of {self._length:,} images>"


def _numbers(picture: Image) -> NDArray[np.int32]:
    """Return what the colors of a label picture mean, int32 [rows, columns]: red + 256 · green + 65,536 · blue."""
    numbers = np.empty((picture.height, picture.width), dtype=np.int32)
    for top in range(0, picture.height, _ROWS):  # so that copies of large masks stay small
        strip = picture.crop((0, top, picture.width, min(top + _ROWS, picture.height)))
        numbers[top : top + _ROWS] = np.asarray(strip.convert("RGBA")).view("<u4")[..., 0] & 0xFFFFFF
    return numbers


def _decoded(encoded: bytes, kind: str, size: tuple[int, int], where: str) -> Image:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(encoded), formats=[kind])
        # The header is enough to refuse a bomb before it is unpacked.
        if picture.size == size[::-1]:
            picture.load()
            return picture
        problem = f"{picture.height} × {picture.width} pixels; the manifest says {size[0]} × {size[1]}"
    except Exception as error:  # Pillow's decoders raise many kinds
        problem = f"not a readable {kind} image ({error})"
    raise ArchiveError(f"{where}: {problem}. The file is damaged: save it again, or take another copy.")
