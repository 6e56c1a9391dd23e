"""A result into one file: ``d.save(path)``. The format: docs/archive.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.files import atomic_write
from nbdissect.results import archive_check
from nbdissect.results.archive_format import FORMAT, VERSION, ArchiveError, Writer
from nbdissect.results.archived_data import ArchivedData
from nbdissect.results.archived_images import Packed, pack
from nbdissect.results.consistency import problem
from nbdissect.results.fields import CATEGORIES, CONCEPTS, array_values, encode
from nbdissect.samples import check_dataset
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbdissect.results.layer_scores import LayerScores

_EXTENSION = {"image/webp": "webp", "image/jpeg": "jpg"}
_AT_A_TIME = 64


def save(result: LayerScores | Mapping[str, LayerScores], path: str | os.PathLike[str], *, images: bool = True) -> None:
    """Write a result, or those of several layers, to one file; see :meth:`nbdissect.Dissection.save`.

    Raises
    ------
    ArchiveError
        A ValueError: the result holds what no dissection gives, such as infinite activations.
    OSError
        If the file can't be written, or an image can't be read.
    """
    named = dict(result) if isinstance(result, Mapping) else {result.layer: result}
    for d in named.values():
        if wrong := problem(d):
            raise ArchiveError(f"{printable(d.layer)} can't be saved: {wrong}.")
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
            "several": isinstance(result, Mapping),
            "dissections": [
                {
                    "key": key,
                    **encode(d),
                    "data": next((n for n, source in enumerate(sources) if source is d.data), None),
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
            archive_check.entries(manifest)
            archive_check.sources(manifest, writer.packed)
            writer.finish(manifest)
        except ValueError as error:
            raise ArchiveError(f"The result can't be saved: {error}.") from error


def _write_arrays(writer: Writer, d: LayerScores, folder: str) -> dict[str, Any]:
    specs = {}
    for name, values in array_values(d).items():
        dtype = archive_check.ARRAYS[name].stored_dtype(np.asarray(values).dtype)
        stored = np.ascontiguousarray(values, dtype=dtype)
        if not np.array_equal(stored, values, equal_nan=stored.dtype.kind == "f"):
            raise ArchiveError(
                f"{printable(d.layer)} can't be saved: {name} is {values.dtype}, and its values don't fit into {dtype}."
            )
        member = f"dissections/{folder}/{name}.bin"
        writer.add(member, stored.tobytes())
        specs[name] = {"member": member, "dtype": stored.dtype.str, "shape": list(stored.shape)}
    return specs


def _has_images(d: LayerScores) -> bool:
    return d.data is not None and bool((d.top_images >= 0).any())


def _write_images(writer: Writer, data: Any, dissections: list[LayerScores], folder: str) -> dict[str, Any]:
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
        "categories": CATEGORIES.encode(first.categories),
        "concepts": CONCEPTS.encode(first.concepts),
        "drawings": bool(getattr(data, "drawings", False)),
        "samples": entries,
    }


def _packed(data: Any, numbers: list[int], d: LayerScores) -> Iterator[Packed]:
    """Encode the images in a few threads, some at a time: encoders release the interpreter lock."""
    samples = check_dataset(data)

    def one(index: int) -> Packed:
        return pack(samples[index], index, d.concepts, d.categories)

    rest: Iterable[int] = iter(numbers)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="nbdissect") as pool:
        while batch := list(islice(rest, _AT_A_TIME)):
            yield from pool.map(one, batch)


def _version() -> str:
    from nbdissect._version import __version__

    return __version__
