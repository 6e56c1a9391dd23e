"""The top images of a result, small and encoded, as a data set that needs nothing but its archive."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.masks import shape_of
from nbdissect.results.archive_format import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.types import Concept

# 1,281 photographs, the top images of 512 units, take 7 MB so; with their own 224 pixels 9.
SIDE = 192
_HOW: dict[str, dict[str, int]] = {"WEBP": {"quality": 70, "method": 2}, "JPEG": {"quality": 75}}
TYPES = {"image/webp": "WEBP", "image/jpeg": "JPEG"}
# What fits into the three bytes of a colour; a result with larger label numbers is archived without masks.
_MOST_NUMBER = (1 << 24) - 1


@dataclass(frozen=True)
class ArchivedSample:
    """One archived image and its labels, decoded when asked for.

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
        All layers of all masks, one below the other, a PNG of Broden's category_colors; empty where there is none.
    layers : mapping of str to int
        Number of layers per category, in the order of `labels`.
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
    layers: Mapping[str, int]
    whole: Mapping[str, tuple[int, ...]]
    where: str

    @property
    def image(self) -> Image:
        """The image, RGB, made smaller if it was larger than the archive keeps."""
        return _decoded(self.encoded, TYPES[self.type], self.size, self.where).convert("RGB")

    @property
    def masks(self) -> dict[str, NDArray[np.int64]]:
        """Per category with a mask, its layers of label numbers, int64 [layers, sh, sw]."""
        if not self.layers:
            return {}
        height, width = self.shape
        rows = height * sum(self.layers.values())
        picture = _decoded(self.labels, "PNG", (rows, width), f"the labels of {self.where}")
        colors = np.asarray(picture.convert("RGB")).astype(np.int64)
        numbers = colors[..., 0] + 256 * colors[..., 1] + 65_536 * colors[..., 2]
        found, start = {}, 0
        for category, layers in self.layers.items():
            found[category] = numbers[start : start + layers * height].reshape(layers, height, width)
            start += layers * height
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
            message = f"The data set has {self._length:,} images, 0 to {self._length - 1:,}; got {index}."
            raise IndexError(message)
        if index not in self._samples:
            message = (
                f"{self._where} doesn't hold image {index}: of the data set's {self._length:,} images it keeps the {len(self._samples):,} "
                "that are among a unit's strongest (data.indices). Open the data set itself for the others."
            )
            raise ArchiveError(message)
        return self._samples[int(index)]

    def __repr__(self) -> str:
        return f"<ArchivedData {self._where}: {len(self._samples):,} of {self._length:,} images>"


@dataclass(frozen=True)
class Packed:
    """One image on its way into an archive."""

    encoded: bytes
    type: str
    labels: bytes
    entry: dict[str, Any]


def pack(sample: Any, index: int, concepts: Sequence[Concept], categories: Sequence[str]) -> Packed:
    """Return image number `index` and its labels, encoded; one that comes from an archive stays as it is, byte by byte."""
    encoded, kind, size = _encode(sample)
    layers, labels, shape = _pack_labels(sample, index, concepts, categories)
    known = {concept.number for concept in concepts}
    held = sample.whole
    whole = {
        category: [int(number) for number in held.get(category, ()) if int(number) in known] for category in categories
    }
    entry = {
        "index": index,
        "size": list(size),
        "shape": list(shape),
        "layers": layers,
        "whole": {category: numbers for category, numbers in whole.items() if numbers},
    }
    return Packed(encoded, kind, labels, entry)


def _encode(sample: Any) -> tuple[bytes, str, tuple[int, int]]:
    if isinstance(sample, ArchivedSample):
        return sample.encoded, sample.type, sample.size
    image = sample.image.convert("RGB")
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE), reducing_gap=None)
    kind = _best_type()
    file = io.BytesIO()
    image.save(file, TYPES[kind], **_HOW[TYPES[kind]])
    return file.getvalue(), kind, (image.height, image.width)


def _pack_labels(
    sample: Any, index: int, concepts: Sequence[Concept], categories: Sequence[str]
) -> tuple[dict[str, int], bytes, tuple[int, int]]:
    from PIL import Image

    held = sample.masks  # once: each look may read files
    masks = {category: np.asarray(held[category]) for category in categories if category in held}
    masks = {category: mask for category, mask in masks.items() if mask.ndim == 3 and len(mask)}
    shape = shape_of(sample, index, masks)
    if not masks or max((concept.number for concept in concepts), default=0) > _MOST_NUMBER:
        return {}, b"", shape
    known = np.array(sorted(concept.number for concept in concepts), dtype=np.int64)
    stacked = np.concatenate([mask.reshape(-1, shape[1]) for mask in masks.values()])
    found, place = np.unique(stacked.astype(np.int64), return_inverse=True)
    numbers, again = np.unique(np.where(np.isin(found, known), found, 0), return_inverse=True)
    colors = _as_colors(numbers)
    place = again.reshape(-1)[place.reshape(stacked.shape)]
    if len(numbers) <= 256:  # one byte per pixel, or less, and the category_colors aside
        picture = Image.fromarray(place.astype(np.uint8)).convert("L")
        picture.putpalette(colors.tobytes())
    else:
        picture = Image.fromarray(colors[place])
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=9)
    return {category: len(mask) for category, mask in masks.items()}, file.getvalue(), shape


def _as_colors(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Label numbers as the category_colors of Broden's masks, uint8 [..., 3]: red + 256 · green, and here + 65,536 · blue."""
    return np.stack([numbers % 256, numbers // 256 % 256, numbers // 65_536], axis=-1).astype(np.uint8)


@lru_cache(maxsize=1)
def _best_type() -> str:
    from PIL import features

    return "image/webp" if features.check("webp") else "image/jpeg"


def _decoded(encoded: bytes, kind: str, size: tuple[int, int], where: str) -> Image:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(encoded), formats=[kind])
        # The header tells: a bomb is never unpacked.
        if picture.size == size[::-1]:
            picture.load()
            return picture
        problem = f"{picture.height} × {picture.width} pixels; the manifest says {size[0]} × {size[1]}"
    except Exception as error:  # Pillow's decoders raise what they like
        problem = f"not a readable {kind} image ({error})"
    message = f"{where}: {problem}. The file is damaged: save it again, or take another copy."
    raise ArchiveError(message)
