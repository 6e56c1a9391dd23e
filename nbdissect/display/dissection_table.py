"""A dissection as the page wants it: names, and arrays of numbers that carry their dtype and shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results import scores
from nbdissect.results.comparable import same_data
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

    from nbdissect.display.protocol import DissectionTable, LimitRow, WireArray
    from nbdissect.results.dissection import Dissection

# A concept that units of the layer could bring beyond this needs no explanation at any sensible cut.
_EXPLAIN_BELOW = 0.5


def packed(values: NDArray[Any], dtype: DTypeLike) -> bytes:
    """Return the array as little-endian bytes of `dtype`, row by row."""
    return _little_endian(values, dtype).tobytes()


def wire_array(values: NDArray[Any], dtype: DTypeLike) -> WireArray:
    """Return the array with its dtype and shape, as the page decodes it."""
    array = _little_endian(values, dtype)
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _little_endian(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<"))


def tables_of(dissections: Mapping[str, Dissection]) -> list[DissectionTable]:
    """Return all dissections as :func:`table_of` does; those over one data set share their photographs."""
    first: dict[int, str] = {}
    data_sets = data_sets_of(dissections)
    return [table_of(d, key, first.setdefault(id(d.data), key), data_sets[key]) for key, d in dissections.items()]


def data_sets_of(dissections: Mapping[str, Dissection]) -> dict[str, str]:
    """Return by name the first of the dissections over the same data set: read from two files, it is two objects."""
    return {
        key: next(name for name, one in dissections.items() if one is d or same_data(one, d))
        for key, d in dissections.items()
    }


def table_of(d: Dissection, key: str, photographs: str = "", data_set: str = "") -> DissectionTable:
    """Return `d` without its images, under the name `key`."""
    known = np.nan_to_num(d.iou, nan=0.0)
    champions = scores.best_by_category(d.iou, d.category_of, len(d.categories))
    second = runners_up(known, d.best_concepts)
    leaders = known.argmax(axis=0) if len(known) else np.zeros(len(d.concepts), dtype=np.int64)
    ceilings = np.nan_to_num(d.ceiling, nan=0.0).max(axis=0, initial=0.0)
    top = d.top_images.shape[1]
    strongest = d.top_activations[:, 0] if top else np.full(len(d.thresholds), np.nan)
    return {
        "key": key,
        "photographs": photographs or key,
        "data_set": data_set or key,
        "layer": printable(d.layer),
        "model": printable(d.model),
        "facts": d.facts,
        "semantics": d.semantics,
        "quantile": None if math.isnan(d.quantile) else d.quantile,
        "warning": d.warning.removeprefix(d.progress_note).lstrip(),  # which the page says by itself
        "note": _note(d),
        "provisional": d.progress_note,
        "explains": d.run is not None and d.run.model() is not None,
        "categories": [printable(name) for name in d.categories],
        "names": [printable(concept.name) for concept in d.concepts],
        "numbers": [concept.number for concept in d.concepts],
        # While labels of a few images are counted nearly all concepts would be too small.
        "limits": [] if d.provisional else _limits(d),
        "field": [] if (field := d.receptive_field) is None else [*field.first, *field.step, *field.image],
        "units": len(d.thresholds),
        "top": top,
        "category_of": wire_array(d.category_of, np.int32),
        "ceilings": wire_array(ceilings, np.float64),
        "best": wire_array(d.best_concepts, np.int32),
        "best_iou": wire_array(d.best_iou, np.float64),
        "second": wire_array(second, np.int32),
        "second_iou": wire_array(_pick(known, second)[:, 0], np.float64),
        "champions": wire_array(champions, np.int32),
        "champion_iou": wire_array(_pick(known, champions), np.float64),
        "leaders": wire_array(leaders, np.int32),
        "leader_iou": wire_array(known.max(axis=0, initial=0.0), np.float64),
        "thresholds": wire_array(d.thresholds, np.float32),
        "strongest": wire_array(strongest, np.float32),
        "top_images": wire_array(d.top_images, np.int32),
        "silent": wire_array(np.zeros(len(d.thresholds)) if d.silent is None else d.silent, np.int32),
    }


def runners_up(iou: NDArray[np.float64], best: NDArray[np.int64]) -> NDArray[np.int64]:
    """Column of each unit's second-best concept, int64 [U]; -1 where no other concept shares a pixel with it."""
    if not iou.size:
        return np.full(len(iou), -1, dtype=np.int64)
    rest = iou.copy()
    (labeled,) = np.nonzero(best >= 0)
    rest[labeled, best[labeled]] = 0.0
    second = rest.argmax(axis=1)
    return np.where(np.take_along_axis(rest, second[:, None], axis=1)[:, 0] > 0, second, -1)


def _pick(values: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values at the columns (one or several per row), 0 where the column is -1."""
    wanted = columns[:, None] if columns.ndim == 1 else columns
    if not values.size:
        return np.zeros(wanted.shape)
    return np.where(wanted >= 0, np.take_along_axis(values, np.maximum(wanted, 0), axis=1), 0.0)


def _limits(d: Dissection) -> list[LimitRow]:
    column = {concept: c for c, concept in enumerate(d.concepts)}
    return [
        {
            "concept": column[limit.concept],
            "coverage": None if math.isnan(limit.coverage) else limit.coverage,
            "reason": limit.reason,
        }
        for limit in d.summary(min_iou=math.inf).limits
        if limit.ceiling < _EXPLAIN_BELOW
    ]


def _note(d: Dissection) -> str:
    if not d.top_images.shape[1]:
        return "This result holds no top images (it was read from a table), so there is nothing to look at beside its numbers."
    if d.data is None:
        return "The images are not at hand: this result holds numbers and maps only."
    return ""
