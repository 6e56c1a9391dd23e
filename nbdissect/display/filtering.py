"""Which units a gallery shows, in which order: the same rules as the page's ``js/src/data/filter.ts``.

Kept on both sides so that a cell after the gallery can read ``g.shown`` with no page in between,
and the page can filter with no kernel. ``tests/data/filter_cases.json`` holds both to one answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from nbdissect.results import scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbdissect.results.dissection import Dissection

Sort = Literal["iou", "unit", "concept", "activation"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Only = Literal["detectors", "unlabelled", "all"]
ONLY: tuple[Only, ...] = get_args(Only)


@dataclass(frozen=True)
class Filter:
    """What to show.

    Attributes
    ----------
    query : str
        Words that must all be found in the unit's concept, category or number.
    min_iou : float
        The cut between detectors and unlabelled units.
    only : {"detectors", "unlabelled", "all"}
    categories : sequence of str
        Categories of the unit's concept; empty = any.
    concept : int or None
        Number of the unit's concept; None = any.
    chosen : sequence of int or None
        Units to choose from; None = all.
    sort : {"iou", "unit", "concept", "activation"}
    """

    query: str = ""
    min_iou: float = 0.04
    only: Only = "detectors"
    categories: Sequence[str] = ()
    concept: int | None = None
    chosen: Sequence[int] | None = None
    sort: Sort = "iou"


def shown(d: Dissection, key: str, wanted: Filter) -> list[int]:
    """Return the units of `d` that pass the filter, in order."""
    detector = (d.best_concepts >= 0) & scores.passes(d.best_iou, wanted.min_iou, d.semantics)
    words = wanted.query.lower().split()
    address = wanted.query.strip().lower()  # as it was copied: a name may have spaces in it
    chosen = None if wanted.chosen is None else set(wanted.chosen)
    units = [
        unit
        for unit in range(len(d.thresholds))
        if (chosen is None or unit in chosen)
        and (wanted.only == "all" or detector[unit] == (wanted.only == "detectors"))
        and _is_about(d, unit, wanted)
        and (address == f"{key}:{unit}".lower() or all(_found(d, key, unit, word) for word in words))
    ]
    return sorted(units, key=lambda unit: _place(d, unit, wanted.sort))


def _is_about(d: Dissection, unit: int, wanted: Filter) -> bool:
    if not wanted.categories and wanted.concept is None:
        return True
    column = d.best_concepts[unit]
    if column < 0:
        return False
    concept = d.concepts[column]
    return (not wanted.categories or concept.category in wanted.categories) and wanted.concept in (None, concept.number)


def _found(d: Dissection, key: str, unit: int, word: str) -> bool:
    column = d.best_concepts[unit]
    concept = f"{d.concepts[column].name} {d.concepts[column].category}".lower() if column >= 0 else ""
    return word in concept or word in (str(unit), f"{key.lower()}:{unit}")


def _place(d: Dissection, unit: int, sort: Sort) -> tuple[float | str, ...]:
    iou = -float(d.best_iou[unit])
    if sort == "unit":
        return (unit,)
    if sort == "concept":
        column = d.best_concepts[unit]
        return (column < 0, d.concepts[column].name.lower() if column >= 0 else "", iou, unit)
    if sort == "activation":
        strongest = float(d.top_activations[unit, 0]) if d.top_activations.shape[1] else math.nan
        return (math.inf if math.isnan(strongest) else -strongest, unit)
    return (iou, unit)
