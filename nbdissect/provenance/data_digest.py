"""A digest of a data set: the same for the same images and labels, another one after any edit."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.types import ConceptData

_SIZE = 16


def named(digest: hashlib.blake2b) -> str:
    """Return a digest as text that says how it was made."""
    return f"blake2b:{digest.hexdigest()}"


class DigestingDataset:
    """A data set that looks like another and digests its images and labels while they are read anyway.

    What nobody has read by the time :meth:`digest` is called is read then. A data set that has a
    ``digest()`` of its own is asked for that, and nothing is watched.

    Parameters
    ----------
    data : data set
    """

    def __init__(self, data: ConceptData) -> None:
        self._data = data
        self._own: Any = _own_digest(data)
        self._images: dict[int, bytes] = {}
        self._labels: dict[int, bytes] = {}
        self._known = ""

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        sample = self._data[index]
        return sample if self._own or self._known else _DigestingSample(sample, index, self)

    def digest(self) -> str:
        """Return the data set's digest, such as ``"blake2b:6a0f…"``."""
        if not self._known:
            self._known = str(self._own()) if self._own else self._total()
        return self._known

    def record_image(self, index: int, image: Any) -> None:
        """Take in an image that was read."""
        if index not in self._images:
            _try(self._images, index, lambda: _image_digest(image))

    def record_labels(self, index: int, masks: Any, whole: Any) -> None:
        """Take in masks and numbers that were read."""
        if index not in self._labels:
            _try(self._labels, index, lambda: _label_digest(masks, whole))

    def take_digests(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return, and forget, what was learned, for a witness of the same data in another process."""
        learned = self._images, self._labels
        self._images, self._labels = {}, {}
        return learned

    def merge(self, learned: tuple[dict[int, bytes], dict[int, bytes]]) -> None:
        """Take in what another witness of the same data has learned."""
        self._images.update(learned[0])
        self._labels.update(learned[1])

    def _total(self) -> str:
        total = hashlib.blake2b(digest_size=_SIZE)
        head = [list(self._data.categories), [list(concept) for concept in self._data.concepts]]
        total.update(json.dumps(head, default=str).encode())
        for index in range(len(self._data)):
            if index not in self._images or index not in self._labels:
                sample = self._data[index]
                self.record_image(index, sample.image)
                self.record_labels(index, sample.masks, sample.whole)
            total.update(self._images.get(index, b"?"))
            total.update(self._labels.get(index, b"?"))
        return named(total)


class _DigestingSample:
    """A sample that tells the witness what is read of it."""

    def __init__(self, sample: Any, index: int, witness: DigestingDataset) -> None:
        self._sample = sample
        self._index = index
        self._witness = witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sample, name)

    @property
    def image(self) -> Any:
        image = self._sample.image
        self._witness.record_image(self._index, image)
        return image

    @property
    def masks(self) -> Any:
        masks = self._sample.masks
        self._witness.record_labels(self._index, masks, getattr(self._sample, "whole", None))
        return masks


def _own_digest(data: Any) -> Any:
    """The data set's own ``digest``, unless it may speak of other samples than ``data[i]`` gives.

    A subclass that gives edited samples inherits the digest of the unedited ones, and a wrapper
    may pass on what it wraps.
    """
    homes = {name: place for place, kind in reversed([*enumerate(type(data).__mro__)]) for name in vars(kind)}
    digest = getattr(data, "digest", None)
    return digest if callable(digest) and homes.get("digest", len(homes)) <= homes.get("__getitem__", -1) else None


def _try(known: dict[int, bytes], index: int, digest: Callable[[], bytes]) -> None:
    """Keep a digest, unless the thing is not what it should be: whoever uses it will say so, and better."""
    try:
        known[index] = digest()
    except Exception:
        known.pop(index, None)


def _image_digest(image: Any) -> bytes:
    digest = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=_SIZE)
    digest.update(image.tobytes())
    return digest.digest()


def _label_digest(masks: Any, whole: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=_SIZE)
    for category in sorted(masks):
        mask = np.asarray(masks[category])
        # Two bytes hold every usual number: less to digest, and the same whatever type the data set uses.
        narrow = mask.size == 0 or (int(mask.min()) >= 0 and int(mask.max()) < 1 << 16)
        digest.update(f"{category}\0{mask.shape}\0{narrow}\0".encode())
        digest.update(np.ascontiguousarray(mask, dtype="<u2" if narrow else "<i8").tobytes())
    numbers = {category: [int(number) for number in whole[category]] for category in sorted(whole)}
    digest.update(json.dumps(numbers).encode())
    return digest.digest()
