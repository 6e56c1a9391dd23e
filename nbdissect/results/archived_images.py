"""Images and their labels, made small and encoded for an archive."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.archived_data import SIDE, TYPES, ArchivedSample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nbdissect.types import Concept

_OPTIONS: dict[str, dict[str, int]] = {"WEBP": {"quality": 70, "method": 2}, "JPEG": {"quality": 75}}
# What fits into the three bytes of a color; a result with larger label numbers is archived without masks.
_MOST_NUMBER = (1 << 24) - 1
# Masks are drawn over images of 192 pixels: of larger ones every second row and column is kept, or every third …
_KEPT_PIXELS = 1 << 20


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
    planes, labels, shape = _pack_labels(sample, concepts, categories)
    known = {concept.number for concept in concepts}
    held = sample.whole
    whole = {
        category: [int(number) for number in held.get(category, ()) if int(number) in known] for category in categories
    }
    entry = {
        "index": index,
        "size": list(size),
        "shape": list(shape),
        "layers": planes,
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
    image.save(file, TYPES[kind], **_OPTIONS[TYPES[kind]])
    return file.getvalue(), kind, (image.height, image.width)


def _pack_labels(
    sample: Any, concepts: Sequence[Concept], categories: Sequence[str]
) -> tuple[dict[str, int], bytes, tuple[int, int]]:
    from PIL import Image

    held = sample.masks  # once: each access may read files
    masks = {category: np.asarray(held[category]) for category in categories if category in held}
    masks = {category: mask for category, mask in masks.items() if mask.ndim == 3 and len(mask)}
    shape = sample.shape
    planes = sum(map(len, masks.values())) if max((c.number for c in concepts), default=0) <= _MOST_NUMBER else 0
    step = math.ceil(math.sqrt(max(planes, 1) * math.prod(shape) / _KEPT_PIXELS))
    shape = (-(-shape[0] // step), -(-shape[1] // step))
    if not planes:
        return {}, b"", shape
    masks = {category: mask[:, ::step, ::step] for category, mask in masks.items()}
    known = np.array(sorted(concept.number for concept in concepts), dtype=np.int64)
    stacked = np.concatenate([mask.reshape(-1, shape[1]) for mask in masks.values()])
    found, place = np.unique(stacked.astype(np.int64), return_inverse=True)
    numbers, again = np.unique(np.where(np.isin(found, known), found, 0), return_inverse=True)
    colors = _as_colors(numbers)
    place = again.reshape(-1)[place.reshape(stacked.shape)]
    if len(numbers) <= 256:  # a palette: one byte per pixel, or less
        picture = Image.fromarray(place.astype(np.uint8)).convert("L")
        picture.putpalette(colors.tobytes())
    else:
        picture = Image.fromarray(colors[place])
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=9)
    return {category: len(mask) for category, mask in masks.items()}, file.getvalue(), shape


def _as_colors(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Label numbers as the colors of Broden's masks, uint8 [..., 3]: red + 256 · green, and here + 65,536 · blue."""
    return np.stack([numbers % 256, numbers // 256 % 256, numbers // 65_536], axis=-1).astype(np.uint8)


@lru_cache(maxsize=1)
def _best_type() -> str:
    from PIL import features

    return "image/webp" if features.check("webp") else "image/jpeg"
