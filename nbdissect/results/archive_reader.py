"""A result from one file: ``nd.load(path)``. The format: docs/archive.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results import archive_check
from nbdissect.results.archive_format import MANIFEST, Reader
from nbdissect.results.archived_data import ArchivedData, ArchivedSample
from nbdissect.results.consistency import problem
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.text import printable

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray


def load(path: str | os.PathLike[str], *, max_bytes: int | None = None) -> Dissection | Dissections:
    """Return what ``d.save(path)`` wrote: one :class:`Dissection`, or those of several layers.

    Needs neither torch nor the network nor the data set: ``d.data`` then holds the archived images,
    each decoded when it is read.

    Parameters
    ----------
    path : path
    max_bytes : int, optional
        How much the file may unpack to, where you trust it. By default 24 MiB and 6 times the file,
        which no archive written by this version exceeds.

    Raises
    ------
    ArchiveError
        A ValueError: the file is no archive, damaged, of a newer version, or holds what no result can.
        It names the file, the member, and what to do.
    OSError
        If the file can't be read, or is no regular file.
    """
    with Reader(path, max_bytes) as reader:
        manifest = reader.manifest
        try:
            entries, sources = archive_check.entries(manifest), archive_check.sources(manifest, reader.size)
        except ValueError as error:
            reader.fail(str(error), member=MANIFEST)
        data = [_read_images(reader, source) for source in sources]
        found = {entry.pop("key"): _read(reader, entry, data) for entry in entries}
        reader.finish()
    if manifest["several"]:
        return Dissections(found)
    return next(iter(found.values()))


def _read(reader: Reader, entry: dict[str, Any], data: list[ArchivedData]) -> Dissection:
    arrays: dict[str, Any] = {name: _read_array(reader, spec) for name, spec in entry.pop("arrays").items()}
    for name, kind in archive_check.GROUPS.items():
        inner = {key: arrays.pop(key) for key in list(arrays) if key.startswith(f"{name}.")}
        if inner:
            entry[name] = kind(**{key.removeprefix(f"{name}."): values for key, values in inner.items()})
    place = entry.pop("data")
    d = Dissection(**entry, **arrays, data=None if place is None else data[place])
    if wrong := problem(d):
        reader.fail(f"{printable(d.layer)}: {wrong}")
    return d


def _read_array(reader: Reader, spec: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(spec["dtype"]), spec["shape"]
    content = reader.read_exactly(spec["member"], math.prod(shape) * dtype.itemsize)
    values: NDArray[Any] = np.ndarray(shape, dtype, content)
    if dtype.kind == "b" and values.view(np.uint8).max(initial=0) > 1:
        reader.fail("a byte that is neither 0 nor 1", member=spec["member"])
    return values.astype(dtype.newbyteorder("="), copy=False)  # in the machine's own byte order


def _read_images(reader: Reader, source: dict[str, Any]) -> ArchivedData:
    where = printable(str(reader.path))
    samples = {
        sample["index"]: ArchivedSample(
            encoded=reader.read(sample["image"]),
            type=sample["type"],
            size=(sample["size"][0], sample["size"][1]),
            shape=(sample["shape"][0], sample["shape"][1]),
            labels=reader.read(sample["labels"]) if sample["labels"] is not None else b"",
            planes=sample["layers"],
            whole={category: tuple(found) for category, found in sample["whole"].items()},
            where=f"{where}, member {sample['image']!r}",
        )
        for sample in source["samples"]
    }
    return ArchivedData(
        source["length"],
        source["concepts"],
        source["categories"],
        samples,
        drawings=source["drawings"],
        where=where,
    )
