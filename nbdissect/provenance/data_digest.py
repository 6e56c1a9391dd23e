"""A digest of a data set: the same for the same images and labels, another one after any edit."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.notices import logger
from nbdissect.samples import check_dataset
from nbdissect.types import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from numpy.typing import NDArray

    from nbdissect.types import ConceptData

_SIZE = 16
_NARROW = np.dtype("<u2")
# Bytes of labels kept between the two passes of a run, so that a sample that was read whole need not be read again.
_ROOM = 32 << 20


class DataChangedError(ValueError):
    """An image or its labels are not what they were when they were read before."""


def named(digest: hashlib.blake2b) -> str:
    """Return a digest as text that says how it was made."""
    return f"blake2b:{digest.hexdigest()}"


class DigestingDataset:
    """Looks like the data set that it holds, and digests its images and labels while the run reads them.

    What the run has not read by the time :meth:`digest` is called is read then. A data set with a
    ``digest()`` of its own is asked for that instead. A sample is read when one of its parts is asked for;
    what is digested must be the same whenever it is read.

    Parameters
    ----------
    data : data set
    record : bool
        Whether to digest what is read even though the data set has a digest of its own.
    held : mapping of index to Sample
        Samples that were read already.
    room : int
        Bytes of labels that may be kept from the first pass for the second.

    Attributes
    ----------
    original : data set
        As it was given.
    reads_labels_later : bool
        Whether its samples read masks when these are asked for, and not with the image; known once one was read.
    """

    def __init__(
        self, data: ConceptData, *, record: bool = False, held: Mapping[int, Sample] | None = None, room: int = _ROOM
    ) -> None:
        self.original = data
        self._data = check_dataset(data)
        self._own: Any = _own_digest(getattr(self._data, "original", data))
        self._record = record or not self._own
        self._images: dict[int, bytes] = {}
        self._labels: dict[int, bytes] = {}
        self._held = dict(held or {})
        self._kept: dict[int, Sample] = {}
        self._room = room
        self.reads_labels_later = False
        self._lock = threading.Lock()  # threads read ahead
        self._total = ""
        for index, sample in self._held.items():
            self.record_image(index, sample.image)
            self.record_labels(index, sample.masks, sample.whole)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> DigestingSample:
        return DigestingSample(index, self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what another process reads for itself."""
        state = {**vars(self), "_held": {}, "_kept": {}, "_images": {}, "_labels": {}}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    # --- the whole ---

    def digest(self) -> str:
        """Return the data set's digest, such as ``"blake2b:6a0f…"``."""
        if not self._total:
            self._total = str(self._own()) if self._own else self._digest_all()
        return self._total

    def check_unchanged(self) -> None:
        """Refuse data that changed since :meth:`digest` was called first, though everything was read meanwhile.

        Raises
        ------
        DataChangedError
        """
        if self._own and self._total and str(self._own()) != self._total:
            raise DataChangedError("The data set changed while the run was under way: its digest is another one now.")

    def _digest_all(self) -> str:
        total = hashlib.blake2b(digest_size=_SIZE)
        head = [list(self._data.categories), [list(concept) for concept in self._data.concepts]]
        total.update(json.dumps(head, default=str).encode())
        for index in range(len(self._data)):
            if index not in self._images or index not in self._labels:
                sample = self[index]
                _ = sample.image, sample.shape, sample.masks
            total.update(self._images.get(index, b"?"))
            total.update(self._labels.get(index, b"?"))
        return named(total)

    # --- one by one ---

    def record_image(self, index: int, image: Any) -> None:
        """Digest an image that was read."""
        self._note(self._images, index, "image", lambda: _image_digest(image))

    def record_labels(self, index: int, masks: Any, whole: Any) -> None:
        """Digest masks and whole-image numbers that were read."""
        self._note(self._labels, index, "labels", lambda: _label_digest(masks, whole))

    def _note(self, known: dict[int, bytes], index: int, what: str, compute: Callable[[], bytes]) -> None:
        if not self._record:
            return
        try:
            digest = compute()
        except Exception:  # whatever is wrong with it, the run that counts it says so
            logger.info("Image %d can't be digested", index, exc_info=True)
            return
        if known.setdefault(index, digest) != digest:
            raise DataChangedError(_changed(index, what))

    def digests(self, images: Container[int], labels: Container[int]) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the digests of these images, and of these images' labels, as far as they were made."""
        return (
            {index: digest for index, digest in self._images.copy().items() if index in images},
            {index: digest for index, digest in self._labels.copy().items() if index in labels},
        )

    def take_digests(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the digests so far, and forget them: for :meth:`merge` in another process."""
        taken = self._images, self._labels
        self._images, self._labels = {}, {}
        return taken

    def merge(self, digests: tuple[Mapping[int, bytes], Mapping[int, bytes]]) -> None:
        """Add digests that were made in another process, or before this one.

        Raises
        ------
        DataChangedError
            If one of them is not that of what was read here.
        """
        for known, more, what in ((self._images, digests[0], "image"), (self._labels, digests[1], "labels")):
            for index, digest in more.items():
                if known.setdefault(index, digest) != digest:
                    raise DataChangedError(_changed(index, what))

    def verify(self, index: int, shape: tuple[int, int] | None = None) -> None:
        """Read a sample and compare it with the digests that :meth:`merge` has added, and its masks with a height and width, if given.

        Raises
        ------
        DataChangedError
            If it is not the same.
        """
        sample = self[index]
        if index in self._images:
            _ = sample.image
        if index in self._labels:
            _ = sample.masks
        if shape is not None and sample.shape != shape:
            raise DataChangedError(_changed(index, "size of masks"))

    # --- what is in memory already ---

    def read(self, index: int) -> Any:
        """Return a sample as the data set gives it, checked."""
        return self._held.get(index) or self._data[index]

    def labels(self, index: int, read: Callable[[], Any]) -> Sample:
        """Return masks and whole-image numbers: as kept when they were read before, else those of ``read()``, digested."""
        kept = self._held.get(index) or self._kept.get(index)
        if kept is not None:
            return kept
        sample = read()
        masks, whole = sample.masks, sample.whole
        labels = Sample(None, masks, whole)  # type: ignore[arg-type]
        if self._record:
            labels = Sample(None, {category: _compact(mask) for category, mask in masks.items()}, whole)  # type: ignore[arg-type]
            self.record_labels(index, labels.masks, whole)
        return labels

    def keep(self, index: int, labels: Sample) -> None:
        """Keep labels for the second pass, as long as there is room."""
        size = sum(mask.nbytes for mask in labels.masks.values())
        with self._lock:
            if self._record and index not in self._kept and size <= self._room:
                self._room -= size
                self._kept[index] = labels


class DigestingSample:
    """A sample that is read, and digested, when its image or labels are asked for.

    Parameters
    ----------
    index : int
    dataset : DigestingDataset
    """

    def __init__(self, index: int, dataset: DigestingDataset) -> None:
        self._index = index
        self._dataset = dataset
        self._read: Any = None
        self._labels: Sample | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._sample(), name)

    @property
    def image(self) -> Any:
        """The image."""
        image = self._sample().image
        self._dataset.record_image(self._index, image)
        return image

    @property
    def masks(self) -> Any:
        """Per category, the concept numbers of its planes."""
        return self._read_labels().masks

    @property
    def whole(self) -> Any:
        """Per category, the concept numbers that hold for the whole image."""
        return self._read_labels().whole

    @property
    def shape(self) -> Any:
        """Height and width of the masks."""
        sample = self._sample()
        shape = sample.shape
        if _is_lazy(sample):
            self._dataset.reads_labels_later = True
        else:
            # The second pass asks for the labels: they are in memory now, and would have to be read again then.
            self._dataset.keep(self._index, self._read_labels())
        return shape

    def _sample(self) -> Any:
        if self._read is None:
            self._read = self._dataset.read(self._index)
        return self._read

    def _read_labels(self) -> Sample:
        if self._labels is None:
            self._labels = self._dataset.labels(self._index, self._sample)
        return self._labels


def _is_lazy(sample: Any) -> bool:
    """Return whether a sample reads its masks when they are asked for."""
    kind = type(getattr(sample, "_sample", sample))  # below what checks it
    return hasattr(kind, "__getattr__") or isinstance(getattr(kind, "masks", None), (property, cached_property))


def _own_digest(data: Any) -> Any:
    """Return the data set's own ``digest``, unless that may be the digest of other samples than ``data[i]`` returns.

    A subclass that returns edited samples inherits the digest of the unedited ones; a wrapper may
    pass on the digest of what it wraps.
    """
    homes = {name: place for place, kind in reversed([*enumerate(type(data).__mro__)]) for name in vars(kind)}
    digest = getattr(data, "digest", None)
    reads = min(homes.get(name, len(homes)) for name in ("__getitem__", "_read"))
    return digest if callable(digest) and homes.get("digest", len(homes)) <= reads < len(homes) else None


def _changed(index: int, what: str) -> str:
    return (
        f"Image {index}: its {what} changed since it was first read. What was counted and what would be counted don't belong "
        "together. Leave the data as they are while they are dissected; data[i] must be the same whenever it is read."
    )


def _image_digest(image: Any) -> bytes:
    digest = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=_SIZE)
    digest.update(image.tobytes())
    return digest.digest()


def _label_digest(masks: Any, whole: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=_SIZE)
    for category in sorted(masks):
        mask = _compact(masks[category])
        digest.update(f"{category}\0{mask.shape}\0{mask.dtype == _NARROW}\0".encode())
        digest.update(mask.tobytes())
    numbers = {category: [int(number) for number in whole[category]] for category in sorted(whole)}
    digest.update(json.dumps(numbers).encode())
    return digest.digest()


def _compact(mask: Any) -> NDArray[Any]:
    """Return a mask in two bytes a pixel, which hold every usual number, or in eight: the same whatever type the data set uses."""
    mask = np.asarray(mask)
    if mask.dtype == _NARROW:
        return np.ascontiguousarray(mask)
    narrow = mask.size == 0 or (int(mask.min()) >= 0 and int(mask.max()) < 1 << 16)
    return np.array(mask, dtype=_NARROW if narrow else "<i8", order="C")
