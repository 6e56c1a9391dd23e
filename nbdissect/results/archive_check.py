"""What the parts of an archive may hold: the manifest entry by entry, then the numbers against each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.archive_format import inside
from nbdissect.results.archived_data import TYPES
from nbdissect.results.diff import PER_IMAGE
from nbdissect.results.provenance import Provenance
from nbdissect.types import SEMANTICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.per_image import PerImage

_COUNT = ("<i8", "<f8")  # float where an imported file doesn't hold every count
_DTYPES: dict[str, tuple[str, ...]] = {
    "thresholds": ("<f4",),
    "intersection": _COUNT,
    "truth": _COUNT,
    "activation": _COUNT,
    "top_images": ("<i8",),
    "top_activations": ("<f4",),
    "top_maps": ("<f4",),
    "stored_iou": ("<f8",),
    "stored_best": ("<i8",),
    **{f"per_image.{name}": ("<i8",) for name in PER_IMAGE},
    "per_image.area_categories": ("|b1",),
}
_OPTIONAL = ("stored_iou", "stored_best", *(f"per_image.{name}" for name in PER_IMAGE))
_AXES = {"top_images": 2, "top_activations": 2, "top_maps": 4, "thresholds": 1, "truth": 1, "stored_best": 1}
_MOST = 1 << 40  # more elements than any array has, few enough that their product with 8 is no large integer
_MOST_SIDE = 1 << 14
_MOST_LABELS = 1 << 28


def stored_dtype(name: str, dtype: np.dtype[Any]) -> str:
    """Return the dtype in which an array of a result is stored."""
    allowed = _DTYPES[name]
    return allowed[-1] if dtype.kind == "f" else allowed[0]


def memory_dtype(name: str, stored: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which a stored array is used, in this machine's byte order."""
    return np.dtype(bool) if name == "per_image.area_categories" else stored.newbyteorder("=")


# --- the manifest ---


def entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the manifest's dissections.

    Raises
    ------
    ValueError
        If an entry is missing or not of its kind.
    """
    several = _get(manifest, "several", bool, "")
    found: list[dict[str, Any]] = _get(manifest, "dissections", list, "")
    if not found or (len(found) > 1 and not several):
        message = f"{len(found)} dissections; {'at least ' if several else ''}one is needed"
        raise ValueError(message)
    for place, entry in enumerate(found):
        where = f"dissections[{place}]"
        if not isinstance(entry, dict):
            message = f"{where} is no object"
            raise ValueError(message)
        _check_entry(entry, where, len(_get(manifest, "data", list, "")))
    if len({entry["key"] for entry in found}) < len(found):
        message = "two dissections have one key"
        raise ValueError(message)
    return found


def _check_entry(entry: dict[str, Any], where: str, sources: int) -> None:
    for name in ("key", "layer", "model"):
        _get(entry, name, str, where)
    for name in ("images", "pixels"):
        _whole(_get(entry, name, int, where), f"{where}.{name}")
    for name in ("seen", "planned"):
        _whole(_get({name: 0, **entry}, name, int, where), f"{where}.{name}")
    _get({"provisional": False, **entry}, "provisional", bool, where)
    for name in ("drawings", "thresholds_given"):
        _get(entry, name, bool, where)
    if entry.get("semantics") not in SEMANTICS:
        message = (
            f"{where}.semantics is {entry.get('semantics')!r:.60}; allowed are {' and '.join(map(repr, SEMANTICS))}"
        )
        raise ValueError(message)
    quantile = entry.get("quantile", ...)
    if quantile is not None and (
        isinstance(quantile, bool) or not isinstance(quantile, (int, float)) or not 0 < quantile < 1
    ):
        message = f"{where}.quantile is {quantile!r:.60}; null or a number between 0 and 1 is needed"
        raise ValueError(message)
    _check_concepts(entry, where)
    if entry.get("provenance", ...) is not None:
        Provenance.from_json(entry.get("provenance"))
    place = entry.get("data", ...)
    if place is not None and (isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < sources):
        message = f"{where}.data is {place!r:.60}; null or the place of one of {sources} data sets is needed"
        raise ValueError(message)
    _check_arrays(_get(entry, "arrays", dict, where), f"{where}.arrays")


def _check_concepts(entry: dict[str, Any], where: str) -> None:
    categories = _get(entry, "categories", list, where)
    if not all(isinstance(name, str) for name in categories) or len(set(categories)) < len(categories):
        message = f"{where}.categories are not different texts"
        raise ValueError(message)
    concepts = _get(entry, "concepts", list, where)
    for concept in concepts:
        if not isinstance(concept, list) or len(concept) != 3:
            message = f"{where}.concepts holds {concept!r:.60}; [number, name, category] is needed"
            raise ValueError(message)
        number, name, category = concept
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 1 << 53:
            message = f"{where}.concepts holds the number {number!r:.60}; a whole number from 1 on is needed"
            raise ValueError(message)
        if not isinstance(name, str) or category not in categories:
            message = f"{where}.concepts holds {concept!r:.80}, whose name is no text or whose category is not among the categories"
            raise ValueError(message)
    if len({number for number, _, _ in concepts}) < len(concepts):
        message = f"{where}.concepts holds a number twice"
        raise ValueError(message)


def _check_arrays(arrays: dict[str, Any], where: str) -> None:
    for name in arrays:
        if name not in _DTYPES:
            message = f"{where} holds {name!r:.60}, which no result has"
            raise ValueError(message)
    for name in _DTYPES:
        if name not in arrays and name not in _OPTIONAL:
            message = f"{where} holds no {name!r}"
            raise ValueError(message)
    kept = [f"per_image.{name}" in arrays for name in PER_IMAGE]
    if any(kept) and not all(kept):
        message = f"{where} holds per_image in part"
        raise ValueError(message)
    for name, spec in arrays.items():
        if not isinstance(spec, dict) or spec.get("dtype") not in _DTYPES[name]:
            got = spec.get("dtype") if isinstance(spec, dict) else spec
            message = f"{where}[{name!r}] has dtype {got!r:.60}; allowed: {', '.join(_DTYPES[name])}"
            raise ValueError(message)
        _member(spec.get("member"), f"{where}[{name!r}]")
        shape = spec.get("shape")
        axes = _AXES.get(name, 2)
        if not isinstance(shape, list) or len(shape) != axes:
            message = f"{where}[{name!r}] has shape {shape!r:.60}; {axes} axes are needed"
            raise ValueError(message)
        for length in shape:
            _whole(length, f"{where}[{name!r}].shape")
        if math.prod(shape) > _MOST:
            message = f"{where}[{name!r}] has shape {shape!r:.60}: too large to be true"
            raise ValueError(message)


def sources(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the manifest's data sets.

    Raises
    ------
    ValueError
        If an entry is missing or not of its kind.
    """
    found: list[dict[str, Any]] = _get(manifest, "data", list, "")
    for place, source in enumerate(found):
        where = f"data[{place}]"
        if not isinstance(source, dict):
            message = f"{where} is no object"
            raise ValueError(message)
        _whole(_get(source, "length", int, where), f"{where}.length")
        _get(source, "drawings", bool, where)
        _check_concepts(source, where)
        numbers = {number for number, _, _ in source["concepts"]}
        seen: set[int] = set()
        for row, sample in enumerate(_get(source, "samples", list, where)):
            _check_sample(sample, source, numbers, f"{where}.samples[{row}]")
            if sample["index"] in seen:
                message = f"{where}.samples holds image {sample['index']} twice"
                raise ValueError(message)
            seen.add(sample["index"])
    return found


def _check_sample(sample: Any, source: dict[str, Any], numbers: set[int], where: str) -> None:
    if not isinstance(sample, dict):
        message = f"{where} is no object"
        raise ValueError(message)
    if _whole(_get(sample, "index", int, where), where) >= source["length"]:
        message = f"{where}.index is {sample['index']} of {source['length']} images"
        raise ValueError(message)
    _member(sample.get("image"), f"{where}.image")
    if sample.get("labels", ...) is not None:
        _member(sample.get("labels"), f"{where}.labels")
    if sample.get("type") not in tuple(TYPES):
        message = f"{where}.type is {sample.get('type')!r:.60}; allowed: {', '.join(TYPES)}"
        raise ValueError(message)
    for name in ("size", "shape"):
        sides = _get(sample, name, list, where)
        if len(sides) != 2 or not all(0 < _whole(side, f"{where}.{name}") <= _MOST_SIDE for side in sides):
            message = f"{where}.{name} is {sides!r:.60}; a height and a width up to {_MOST_SIDE:,} are needed"
            raise ValueError(message)
    layers = _get(sample, "layers", dict, where)
    total = sum(_whole(count, f"{where}.layers") for count in layers.values())
    if bool(total) != (sample["labels"] is not None) or total * math.prod(sample["shape"]) > _MOST_LABELS:
        message = f"{where}.layers has {total:,} layers, which don't go with its labels"
        raise ValueError(message)
    whole = _get(sample, "whole", dict, where)
    for category in (*layers, *whole):
        if category not in source["categories"]:
            message = f"{where} names a category {category!r:.60} that the data set has not"
            raise ValueError(message)
    for found in whole.values():
        if not isinstance(found, list) or not all(type(number) is int and number in numbers for number in found):
            message = f"{where}.whole holds {found!r:.60}; numbers of concepts are needed"
            raise ValueError(message)


def _get(owner: dict[str, Any], name: str, kind: type, where: str) -> Any:
    value = owner.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        message = f"{where + '.' if where else ''}{name} is {value!r:.60}; {kind.__name__} is needed"
        raise ValueError(message)
    return value


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        message = f"{where} holds {value!r:.60}; a whole number from 0 on is needed"
        raise ValueError(message)
    return value


def _member(value: Any, where: str) -> None:
    if not isinstance(value, str) or not inside(value):
        message = f"{where} names the member {value!r:.60}"
        raise ValueError(message)


# --- the numbers ---


def problem(d: Dissection) -> str:
    """Return what is wrong with the arrays of a result, "" if nothing is: shapes, ranges, numbers that can't be."""
    U, C, G = len(d.thresholds), len(d.concepts), len(d.categories)
    top = d.top_images.shape[1] if np.ndim(d.top_images) == 2 else -1
    wanted: list[tuple[str, Any, tuple[int, ...]]] = [
        ("thresholds", d.thresholds, (U,)),
        ("intersection", d.intersection, (U, C)),
        ("truth", d.truth, (C,)),
        ("activation", d.activation, (U, G)),
        ("top_images", d.top_images, (U, top)),
        ("top_activations", d.top_activations, (U, top)),
        ("top_maps", d.top_maps, (U, top, *np.shape(d.top_maps)[2:4])),
    ]
    if d.stored_iou is not None:
        wanted.append(("stored_iou", d.stored_iou, (U, C)))
    if d.stored_best is not None:
        wanted.append(("stored_best", d.stored_best, (U,)))
    for name, values, shape in wanted:
        if np.shape(values) != shape or (name == "top_maps" and len(shape) != 4):
            return f"{name} has shape {list(np.shape(values))} beside {U} units, {C} concepts, {G} categories"
    places = {concept.category for concept in d.concepts} - set(d.categories)
    if places:
        return f"a concept's category {min(places)!r} is not among the categories"
    present = d.top_images >= 0
    unknown = d.stored_iou is not None  # an imported file knows some numbers, not all
    tests: list[tuple[str, Any]] = [
        (
            "thresholds are infinite, or NaN in a result that was not imported",
            ~np.isfinite(d.thresholds) & ~(np.isnan(d.thresholds) & unknown),
        ),
        ("intersection is negative or infinite", _no_count(d.intersection)),
        ("truth is negative or infinite", _no_count(d.truth)),
        ("activation is negative or infinite", _no_count(d.activation)),
        ("top_images is below -1", d.top_images < -1),
        (
            "top_activations is NaN or infinite for an image, or a number for none",
            np.where(present, ~np.isfinite(d.top_activations), ~np.isnan(d.top_activations)),
        ),
        ("top_maps is NaN or infinite", ~np.isfinite(d.top_maps[present])),
        ("stored_iou is negative or infinite", _no_count(d.stored_iou) if d.stored_iou is not None else False),
        (
            "stored_best is no column",
            (d.stored_best < -1) | (d.stored_best >= C) if d.stored_best is not None else False,
        ),
    ]
    for text, wrong in tests:
        if np.any(wrong):
            return f"{text} ({np.sum(wrong):,} values)"
    return _per_image_problem(d.per_image, (U, C, G)) if d.per_image is not None else ""


def _no_count(values: Any) -> Any:
    return (values < 0) | np.isinf(values)


def _per_image_problem(rows: PerImage, size: Sequence[int]) -> str:
    units, concepts, categories = size
    widths = {"intersection": 4, "area": 3, "area_categories": categories, "truth": 3, "pixels": 2}
    for name, width in widths.items():
        if getattr(rows, name).shape[1:] != (width,):
            return f"per_image.{name} has shape {list(getattr(rows, name).shape)}; {width} columns are needed"
    if len(rows.area) != len(rows.area_categories):
        return f"per_image has {len(rows.area)} areas and categories for {len(rows.area_categories)}"
    images = np.unique(rows.pixels[:, 0])
    for name, columns in (("intersection", (units, concepts)), ("area", (units,)), ("truth", (concepts,))):
        table = getattr(rows, name)
        if table.min(initial=0) < 0 or not np.isin(table[:, 0], images).all():
            return f"per_image.{name} holds a negative number, or an image that was not counted"
        if any(table[:, k].max(initial=-1) >= most for k, most in enumerate(columns, 1)):
            return f"per_image.{name} holds a unit or concept that is not there"
    return "per_image.pixels holds a negative number" if rows.pixels.min(initial=0) < 0 else ""
