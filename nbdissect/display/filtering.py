"""Which units a gallery shows, in which order: the same rules as the page's ``js/src/data/filter.ts``.

Kept on both sides so that a cell after the gallery can read ``g.shown`` with no page in between,
and the page can filter with no kernel. ``tests/data/filter_cases.json`` holds both to one answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbdissect.display.search import Search
from nbdissect.results import scores
from nbdissect.text import printable

if TYPE_CHECKING:
    from nbdissect.display.gallery_state import GalleryState, Sort
    from nbdissect.results.dissection import Dissection


def shown_units(d: Dissection, key: str, state: GalleryState) -> list[int]:
    """Return the units of `d`, shown by the name `key`, that pass the filters of a gallery, in order."""
    detector = (d.best_concepts >= 0) & scores.passes(d.best_iou, state.min_iou, d.semantics)
    search = Search(state.query)
    choice = state._chosen  # noqa: SLF001 - private to the users of a gallery, not to its rules
    chosen = None if choice is None else set(choice)
    units = [
        unit
        for unit in range(len(d.thresholds))
        if (chosen is None or unit in chosen)
        and (state.only == "all" or detector[unit] == (state.only == "detectors"))
        and _is_about(d, unit, state)
        and search.finds(unit, f"{key}:{unit}", _about(d, unit))
    ]
    return sorted(units, key=lambda unit: _place(d, unit, state.sort))


def _is_about(d: Dissection, unit: int, state: GalleryState) -> bool:
    if not state.category and state.concept is None:
        return True
    column = d.best_concepts[unit]
    if column < 0:
        return False
    concept = d.concepts[column]
    about = not state.category or printable(concept.category) in state.category
    return about and state.concept in (None, concept.number)


def _about(d: Dissection, unit: int) -> str:
    """Return what the search looks through: the name and the category of the unit's best concept."""
    column = d.best_concepts[unit]
    return printable(f"{d.concepts[column].name} {d.concepts[column].category}") if column >= 0 else ""


def _place(d: Dissection, unit: int, sort: Sort) -> tuple[float | str, ...]:
    iou = -float(d.best_iou[unit])
    if sort == "unit":
        return (unit,)
    if sort == "concept":
        column = d.best_concepts[unit]
        return (column < 0, printable(d.concepts[column].name).lower() if column >= 0 else "", iou, unit)
    if sort == "activation":
        strongest = float(d.top_activations[unit, 0]) if d.top_activations.shape[1] else math.nan
        return (math.inf if math.isnan(strongest) else -strongest, unit)
    return (iou, unit)
