"""A result in one file, and back: ``d.save(path)``, ``nd.load(path)``. The format: docs/archive.md."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.files import atomic_write
from nbdissect.results import archive_check as check
from nbdissect.results.archive_format import (
    FORMAT,
    MANIFEST,
    MAX_BYTES,
    VERSION,
    ArchiveError,
    Reader,
    Writer,
)
from nbdissect.results.archived_data import ArchivedData, ArchivedSample, Packed, pack
from nbdissect.results.diff import ARRAYS, PER_IMAGE
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.results.per_image import PerImage
from nbdissect.results.provenance import Provenance
from nbdissect.types import Concept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_EXTENSION = {"image/webp": "webp", "image/jpeg": "jpg"}
_AT_A_TIME = 64


def save(result: Dissection | Dissections, path: str | os.PathLike[str], *, images: bool = True) -> None:
    """Write a result, or those of several layers, to one file; see :meth:`Dissection.save`.

    Raises
    ------
    ArchiveError
        A ValueError: the result holds what no dissection gives, such as infinite activations.
    OSError
        If the file can't be written, or an image not be read.
    """
    several = isinstance(result, Dissections)
    named = dict(result) if isinstance(result, Dissections) else {result.layer: result}
    for d in named.values():
        if problem := check.problem(d):
            message = f"{d.layer} can't be saved: {problem}."
            raise ArchiveError(message)
    sources: list[Any] = []  # the distinct data sets
    if images:
        for d in named.values():
            if _has_images(d) and not any(source is d.data for source in sources):
                sources.append(d.data)
    with atomic_write(path) as file, Writer(file) as writer:
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "written_by": f"nbdissect {_version()}",
            "warning": next((d.warning for d in named.values() if d.warning), ""),
            "several": several,
            "dissections": [
                {
                    "key": key,
                    **_entry(d),
                    "data": next((n for n, source in enumerate(sources) if images and source is d.data), None),
                    "arrays": _write_arrays(writer, d, str(number)),
                }
                for number, (key, d) in enumerate(named.items())
            ],
            "data": [
                _write_images(writer, source, [d for d in named.values() if d.data is source], str(number))
                for number, source in enumerate(sources)
            ],
        }
        try:  # what can't be read again is not written
            check.entries(manifest)
            check.sources(manifest)
        except ValueError as error:
            message = f"The result can't be saved: {error}."
            raise ArchiveError(message) from error
        writer.finish(manifest)


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Dissection | Dissections:
    """Return what ``d.save(path)`` wrote: one :class:`Dissection`, or those of several layers.

    Needs neither torch nor the network nor the data set: ``d.data`` then holds the archived images,
    which are decoded when looked at.

    Parameters
    ----------
    path : path
    max_bytes : int
        What the file may unpack to.

    Raises
    ------
    ArchiveError
        A ValueError: the file is no archive, damaged, of a newer version, or holds what no result holds.
        It names the file, the member, and what to do.
    OSError
        If the file can't be read.
    """
    with Reader(path, max_bytes) as reader:
        manifest = reader.manifest
        try:
            entries, sources = check.entries(manifest), check.sources(manifest)
        except ValueError as error:
            reader.fail(str(error), member=MANIFEST)
        data = [_read_images(reader, source) for source in sources]
        found = {entry["key"]: _read(reader, entry, data) for entry in entries}
        reader.finish()
    if manifest["several"]:
        return Dissections(found)
    return next(iter(found.values()))


# --- numbers ---


def _entry(d: Dissection) -> dict[str, Any]:
    return {
        "layer": d.layer,
        "model": d.model,
        "semantics": d.semantics,
        "quantile": None if math.isnan(d.quantile) else float(d.quantile),
        "categories": list(d.categories),
        "concepts": [[int(concept.number), concept.name, concept.category] for concept in d.concepts],
        "images": int(d.images),
        "seen": int(d.seen),
        "planned": int(d.planned),
        "provisional": bool(d.provisional),
        "pixels": int(d.pixels),
        "drawings": bool(d.drawings),
        "thresholds_given": bool(d.thresholds_given),
        "provenance": d.provenance.to_json() if d.provenance else None,
    }


def _arrays(d: Dissection) -> Iterator[tuple[str, Any]]:
    yield from ((name, getattr(d, name)) for name in ARRAYS)
    if d.per_image is not None:
        yield from ((f"per_image.{name}", getattr(d.per_image, name)) for name in PER_IMAGE)


def _write_arrays(writer: Writer, d: Dissection, folder: str) -> dict[str, Any]:
    specs = {}
    for name, values in _arrays(d):
        if values is None:
            continue
        stored = np.ascontiguousarray(values, dtype=check.stored_dtype(name, np.asarray(values).dtype))
        member = f"dissections/{folder}/{name}.bin"
        writer.add(member, stored.tobytes())
        specs[name] = {"member": member, "dtype": stored.dtype.str, "shape": list(stored.shape)}
    return specs


def _read(reader: Reader, entry: dict[str, Any], data: list[ArchivedData]) -> Dissection:
    arrays = {name: _read_array(reader, name, spec) for name, spec in entry["arrays"].items()}
    per_image = None
    if any(name.startswith("per_image.") for name in arrays):
        per_image = PerImage(**{name: arrays.pop(f"per_image.{name}") for name in PER_IMAGE})
    place = entry["data"]
    d = Dissection(
        layer=entry["layer"],
        model=entry["model"],
        semantics=entry["semantics"],
        quantile=math.nan if entry["quantile"] is None else float(entry["quantile"]),
        categories=tuple(entry["categories"]),
        concepts=tuple(Concept(*concept) for concept in entry["concepts"]),
        **arrays,
        images=entry["images"],
        # Older archives hold complete results only.
        seen=entry.get("seen", 0),
        planned=entry.get("planned", 0),
        provisional=entry.get("provisional", False),
        pixels=entry["pixels"],
        per_image=per_image,
        drawings=entry["drawings"],
        thresholds_given=entry["thresholds_given"],
        data=None if place is None else data[place],
        provenance=None if entry["provenance"] is None else Provenance.from_json(entry["provenance"]),
    )
    problem = check.problem(d)
    if not problem and d.data is not None and d.top_images.max(initial=-1) >= len(d.data):
        problem = f"top_images names image {d.top_images.max()} of {len(d.data)}"
    if problem:
        reader.fail(f"{entry['layer']}: {problem}")
    return d


def _read_array(reader: Reader, name: str, spec: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(spec["dtype"]), spec["shape"]
    content = reader.read(spec["member"], math.prod(shape) * dtype.itemsize)
    if dtype.kind == "b" and content.translate(None, b"\0\1"):
        reader.fail("a byte that is neither 0 nor 1", member=spec["member"])
    # A copy, so that it can be written to like that of a fresh result; in the machine's own byte order.
    values = np.frombuffer(content, dtype=dtype).reshape(shape)
    return values.astype(check.memory_dtype(name, dtype))


# --- images ---


def _has_images(d: Dissection) -> bool:
    return d.data is not None and bool((d.top_images >= 0).any())


def _write_images(writer: Writer, data: Any, dissections: list[Dissection], folder: str) -> dict[str, Any]:
    wanted = np.unique(np.concatenate([d.top_images.ravel() for d in dissections]))
    first = dissections[0]
    numbers = [int(index) for index in wanted[wanted >= 0]]
    if isinstance(data, ArchivedData):
        numbers = [index for index in numbers if index in data.indices]
    entries = []
    for packed in _packed(data, numbers, first):
        index = packed.entry["index"]
        image = f"data/{folder}/images/{index}.{_EXTENSION[packed.type]}"
        writer.add(image, packed.encoded, pack=False)
        labels = f"data/{folder}/labels/{index}.png" if packed.labels else None
        if labels:
            writer.add(labels, packed.labels, pack=False)
        entries.append({**packed.entry, "image": image, "type": packed.type, "labels": labels})
    return {
        "length": len(data),
        "categories": list(first.categories),
        "concepts": [[int(concept.number), concept.name, concept.category] for concept in first.concepts],
        "drawings": bool(getattr(data, "drawings", False)),
        "samples": entries,
    }


def _packed(data: Any, numbers: list[int], d: Dissection) -> Iterator[Packed]:
    """The images, encoded in a few threads, some at a time: encoders release the interpreter lock."""

    def one(index: int) -> Packed:
        return pack(data[index], index, d.concepts, d.categories)

    rest: Iterable[int] = iter(numbers)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="nbdissect") as pool:
        while batch := list(islice(rest, _AT_A_TIME)):
            yield from pool.map(one, batch)


def _read_images(reader: Reader, source: dict[str, Any]) -> ArchivedData:
    concepts = tuple(Concept(*concept) for concept in source["concepts"])
    samples = {
        sample["index"]: ArchivedSample(
            encoded=reader.read(sample["image"]),
            type=sample["type"],
            size=(sample["size"][0], sample["size"][1]),
            shape=(sample["shape"][0], sample["shape"][1]),
            labels=reader.read(sample["labels"]) if sample["labels"] is not None else b"",
            layers=sample["layers"],
            whole={category: tuple(found) for category, found in sample["whole"].items()},
            where=f"{reader.path}, member {sample['image']!r}",
        )
        for sample in source["samples"]
    }
    return ArchivedData(
        source["length"],
        concepts,
        tuple(source["categories"]),
        samples,
        drawings=source["drawings"],
        where=f"{reader.path}",
    )


def _version() -> str:
    from nbdissect._version import __version__

    return __version__
