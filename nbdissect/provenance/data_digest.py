"""A digest of a data set: the same for the same images and labels, another one after any edit."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.notices import logger
from nbdissect.samples import check_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.types import ConceptData

_SIZE = 16


def named(digest: hashlib.blake2b) -> str:
    """Return a digest as text that says how it was made."""
    return f"blake2b:{digest.hexdigest()}"


class DigestingDataset:
    """Looks like the data set that it holds, and digests its images and labels while the run reads them.

    What the run has not read by the time :meth:`digest` is called is read then. A data set with a
    ``digest()`` of its own is asked for that instead.

    Parameters
    ----------
    data : data set
    """

    def __init__(self, data: ConceptData) -> None:
        self._data = check_dataset(data)
        self._own: Any = _own_digest(getattr(self._data, "original", data))
        self._images: dict[int, bytes] = {}
        self._labels: dict[int, bytes] = {}
        self._total = ""

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        sample = self._data[index]
        return sample if self._own or self._total else _DigestingSample(sample, index, self)

    def digest(self) -> str:
        """Return the data set's digest, such as ``"blake2b:6a0f…"``."""
        if not self._total:
            self._total = str(self._own()) if self._own else self._digest_all()
        return self._total

    def record_image(self, index: int, image: Any) -> None:
        """Digest an image that was read."""
        if index not in self._images:
            _try(self._images, index, lambda: _image_digest(image))

    def record_labels(self, index: int, masks: Any, whole: Any) -> None:
        """Digest masks and whole-image numbers that were read."""
        if index not in self._labels:
            _try(self._labels, index, lambda: _label_digest(masks, whole))

    def take_digests(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the digests so far, and forget them: for :meth:`merge` in another process."""
        taken = self._images, self._labels
        self._images, self._labels = {}, {}
        return taken

    def merge(self, digests: tuple[dict[int, bytes], dict[int, bytes]]) -> None:
        """Add the digests that were made of the same data in another process."""
        self._images.update(digests[0])
        self._labels.update(digests[1])

    def _digest_all(self) -> str:
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
    """A sample whose image and labels are digested when they are read."""

    def __init__(self, sample: Any, index: int, dataset: DigestingDataset) -> None:
        self._sample = sample
        self._index = index
        self._dataset = dataset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sample, name)

    @property
    def image(self) -> Any:
        image = self._sample.image
        self._dataset.record_image(self._index, image)
        return image

    @property
    def masks(self) -> Any:
        masks = self._sample.masks
        self._dataset.record_labels(self._index, masks, getattr(self._sample, "whole", None))
        return masks


def _own_digest(data: Any) -> Any:
    """Return the data set's own ``digest``, unless that may be the digest of other samples than ``data[i]`` returns.

    A subclass that returns edited samples inherits the digest of the unedited ones; a wrapper may
    pass on the digest of what it wraps.
    """
    homes = {name: place for place, kind in reversed([*enumerate(type(data).__mro__)]) for name in vars(kind)}
    digest = getattr(data, "digest", None)
    return digest if callable(digest) and homes.get("digest", len(homes)) <= homes.get("__getitem__", -1) else None


def _try(known: dict[int, bytes], index: int, digest: Callable[[], bytes]) -> None:
    """Keep a digest; of what can't be digested there is none, and the run that counts it says what is wrong with it."""
    try:
        known[index] = digest()
    except Exception:
        logger.info("Image %d can't be digested", index, exc_info=True)
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
