"""What the manifest of an archive may say, checked before anything it names is read."""

from __future__ import annotations

import math
from typing import Any

from nbdissect.results.archive_format import inside
from nbdissect.results.archived_data import MOST_LABEL_PIXELS, SIDE, TYPES
from nbdissect.results.fields import (
    CATEGORIES,
    CONCEPTS,
    COUNT,
    FLAG,
    NAME,
    Entry,
    arrays_of,
    check_keys,
    decode,
    groups_of,
    is_count,
)
from nbdissect.results.layer_scores import LayerScores

ARRAYS = arrays_of(LayerScores)
GROUPS = groups_of(LayerScores)

_MANIFEST_KEYS = ("format", "version", "written_by", "warning", "several", "dissections", "data")
_SAMPLE_KEYS = ("index", "image", "type", "size", "shape", "labels", "layers", "whole")
# A PNG takes a byte for a thousand pixels, at the very least.
_FREE_PIXELS, _FREE_PIXELS_PER_BYTE = 1 << 25, 1 << 10
_MOST = 1 << 40  # more elements than any array has, few enough that their product with 8 is no large integer
_MOST_LENGTH = (1 << 31) - 1  # what the page's indices hold

_LIST = Entry("a list", lambda value: isinstance(value, list))
_OBJECT = Entry("an object", lambda value: isinstance(value, dict))
_MEMBER = Entry("the name of a member", lambda value: isinstance(value, str) and inside(value))
_MEMBER_OR_NULL = Entry("null or the name of a member", lambda value: value is None or _MEMBER.fits(value))
_LENGTH = Entry(f"a whole number up to {_MOST_LENGTH:,}", lambda value: is_count(value) and value <= _MOST_LENGTH)


def _sides(most: int) -> Entry:
    def fits(value: Any) -> bool:
        return (
            isinstance(value, list) and len(value) == 2 and all(is_count(side) and 0 < side <= most for side in value)
        )

    return Entry(f"a height and a width up to {most:,}", fits)


_SIZE, _SHAPE = _sides(SIDE), _sides(MOST_LABEL_PIXELS)
_PLANES = Entry(
    "an object of whole numbers",
    lambda value: (
        isinstance(value, dict) and all(is_count(count) and count <= MOST_LABEL_PIXELS for count in value.values())
    ),
)


def entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of the manifest's dissections, as keywords, with ``key``, ``data`` and ``arrays``.

    Raises
    ------
    ValueError
        If one is missing or not what is needed.
    """
    check_keys(manifest, _MANIFEST_KEYS, "")
    several = FLAG.read(manifest, "several", "")
    found: list[Any] = _LIST.read(manifest, "dissections", "")
    if not found or (len(found) > 1 and not several):
        raise ValueError(f"{len(found)} dissections; {'at least ' if several else ''}one is needed")
    count = len(_LIST.read(manifest, "data", ""))
    place = Entry(
        f"null or the place of one of {count} data sets",
        lambda value: value is None or (is_count(value) and value < count),
    )
    read = []
    for number, entry in enumerate(found):
        where = f"dissections[{number}]"
        fields = decode(LayerScores, entry, where, also=("key", "data", "arrays"))
        _check_categories(fields, where)
        arrays = _OBJECT.read(entry, "arrays", where)
        _check_arrays(arrays, f"{where}.arrays")
        read.append(
            {
                **fields,
                "key": NAME.read(entry, "key", where),
                "data": place.read(entry, "data", where),
                "arrays": arrays,
            }
        )
    if several and not all(entry["key"] for entry in read):
        raise ValueError("a dissection of several has an empty key")
    if len({entry["key"] for entry in read}) < len(read):
        raise ValueError("two dissections have one key")
    return read


def _check_categories(owner: dict[str, Any], where: str) -> None:
    categories = set(owner["categories"])
    for concept in owner["concepts"]:
        if concept.category not in categories:
            raise ValueError(
                f"{where}.concepts holds {list(concept)!r:.80}, whose category is not among the categories"
            )


def _check_arrays(arrays: dict[str, Any], where: str) -> None:
    for name in arrays:
        if name not in ARRAYS:
            raise ValueError(f"{where} holds {name!r:.60}, which no result has")
    for name, declared in ARRAYS.items():
        if name not in arrays and not declared.optional:
            raise ValueError(f"{where} holds no {name!r}")
    for group in GROUPS:
        members = {name: declared for name, declared in ARRAYS.items() if name.startswith(f"{group}.")}
        needed = all(name in arrays for name, declared in members.items() if not declared.beside)
        if not needed and any(name in arrays for name in members):
            raise ValueError(f"{where} holds {group} in part")
    for name, spec in arrays.items():
        _check_array(name, spec, f"{where}[{name!r}]")


def _check_array(name: str, spec: Any, where: str) -> None:
    declared = ARRAYS[name]
    if not isinstance(spec, dict) or spec.get("dtype") not in declared.dtypes:
        got = spec.get("dtype") if isinstance(spec, dict) else spec
        raise ValueError(f"{where} has dtype {got!r:.60}; allowed: {', '.join(declared.dtypes)}")
    check_keys(spec, ("member", "dtype", "shape"), where)
    _MEMBER.read(spec, "member", where)
    shape, axes = spec.get("shape"), len(declared.axes)
    if not isinstance(shape, list) or len(shape) != axes or not all(map(is_count, shape)):
        raise ValueError(f"{where} has shape {shape!r:.60}; {axes} axes are needed, whole numbers from 0 on")
    # Lengths beside an empty axis take no bytes in the file, but may where they are used.
    if math.prod(shape) > _MOST or max(shape) > _MOST_LENGTH:
        raise ValueError(f"{where} has shape {shape!r:.60}: too large to be true")


def sources(manifest: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """Return the data sets of a file of `size` bytes: ``length``, ``categories``, ``concepts``, ``drawings``, ``samples``.

    Raises
    ------
    ValueError
        If one is missing or not what is needed.
    """
    found, pixels = [], 0
    for number, source in enumerate(_LIST.read(manifest, "data", "")):
        where = f"data[{number}]"
        kinds = {"length": _LENGTH, "drawings": FLAG, "categories": CATEGORIES, "concepts": CONCEPTS, "samples": _LIST}
        check_keys(source, kinds, where)
        read = {name: kind.read(source, name, where) for name, kind in kinds.items()}
        _check_categories(read, where)
        numbers = {concept.number for concept in read["concepts"]}
        seen: set[int] = set()
        for row, sample in enumerate(read["samples"]):
            _check_sample(sample, read, numbers, f"{where}.samples[{row}]")
            if sample["index"] in seen:
                raise ValueError(f"{where}.samples holds image {sample['index']} twice")
            seen.add(sample["index"])
            pixels += math.prod(sample["shape"]) * sum(sample["layers"].values())
        found.append(read)
    if pixels > (allowed := _FREE_PIXELS + _FREE_PIXELS_PER_BYTE * size):
        raise ValueError(
            f"the masks of all images have {pixels:,} pixels; at most {allowed:,} are allowed in this file"
        )
    return found


def _check_sample(sample: Any, source: dict[str, Any], numbers: set[int], where: str) -> None:
    check_keys(sample, _SAMPLE_KEYS, where)
    if COUNT.read(sample, "index", where) >= source["length"]:
        raise ValueError(f"{where}.index is {sample['index']} of {source['length']} images")
    _MEMBER.read(sample, "image", where)
    _MEMBER_OR_NULL.read(sample, "labels", where)
    if sample.get("type") not in tuple(TYPES):
        raise ValueError(f"{where}.type is {sample.get('type')!r:.60}; allowed: {', '.join(TYPES)}")
    _SIZE.read(sample, "size", where)
    _SHAPE.read(sample, "shape", where)
    planes = _PLANES.read(sample, "layers", where)
    total = sum(planes.values())
    if bool(total) != (sample["labels"] is not None):
        raise ValueError(f"{where}.layers has {total:,} planes of masks, which don't go with its labels")
    if (pixels := max(total, 1) * math.prod(sample["shape"])) > MOST_LABEL_PIXELS:
        raise ValueError(f"{where} has masks of {pixels:,} pixels; at most {MOST_LABEL_PIXELS:,} are allowed")
    whole = _OBJECT.read(sample, "whole", where)
    for category in (*planes, *whole):
        if category not in source["categories"]:
            raise ValueError(f"{where} names a category {category!r:.60} that the data set has not")
    for found in whole.values():
        if not isinstance(found, list) or not all(type(number) is int and number in numbers for number in found):
            raise ValueError(f"{where}.whole holds {found!r:.60}; numbers of concepts are needed")
