"""What a gallery looks like: the one list from which its traits, defaults, saved pages and TypeScript types follow.

Whoever adds a setting adds a field here, writes what it means in the docstring of `Gallery`, and runs
``tools/generate_state.py``, which writes ``js/src/state/gallery-state.ts``.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import traitlets

from nbdissect.results.comparable import two_versions
from nbdissect.results.dissection import MIN_IOU, Dissection

Sort = Literal["iou", "unit", "concept", "activation"]
Only = Literal["detectors", "unlabelled", "all"]
Overlay = Literal["mask", "outline", "heat", "none"]
Change = Literal["gained", "lost", "kept"]
Units = list[int] | list[str]
"""Numbers where a gallery shows one dissection, addresses where it shows several."""


@dataclass
class GalleryState:
    """All that people can set: traits of the widget, kept in pages, and in sync with the page."""

    current: str = ""
    compare: list[str] = field(default_factory=list)
    change: list[Change] = field(default_factory=list)
    min_iou: float = MIN_IOU
    only: Only = "detectors"
    query: str = ""
    category: list[str] = field(default_factory=list)
    concept: int | None = None
    _chosen: list[int] | None = None
    sort: Sort = "iou"
    overlay: Overlay = "mask"
    selected: Units = field(default_factory=list)
    opened: str = ""


def starting_state(dissections: Mapping[str, Dissection], min_iou: float) -> GalleryState:
    """Return what a gallery of these looks like before anybody sets anything."""
    return GalleryState(
        current=next(iter(dissections)),
        compare=starting_comparison(dissections),
        min_iou=float(min_iou),
        only=starting_only(dissections.values(), min_iou),
    )


def starting_comparison(dissections: Mapping[str, Dissection]) -> list[str]:
    """Return which dissections stand side by side first: two versions of one thing, such as trained and untrained."""
    return list(dissections) if len(dissections) == 2 and two_versions(*dissections.values()) else []


def starting_only(dissections: Iterable[Dissection], min_iou: float) -> Only:
    """Return which units a gallery shows first: the detectors, or all where no unit passes the cut."""
    return "detectors" if any(d.detectors(min_iou) for d in dissections) else "all"


if TYPE_CHECKING:
    _List = traitlets.List[Any]
else:  # the lists of traitlets 5.9 and 5.10 take no parameter at run time
    _List = traitlets.List


class UnitList(_List):
    """A list of units, for which an array, a range or a set will do as well."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the units as a list."""
        if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
            value = value.tolist() if hasattr(value, "tolist") else list(value)
        return super().validate(obj, value)


def traits_of(schema: type) -> dict[str, traitlets.TraitType[Any, Any]]:
    """Return a synced trait for each field of a dataclass, by name."""
    hints = get_type_hints(schema)
    return {
        each.name: _trait(hints[each.name], [] if each.default_factory is not MISSING else each.default).tag(sync=True)
        for each in fields(schema)
    }


_PLAIN: dict[Any, type[traitlets.TraitType[Any, Any]]] = {
    bool: traitlets.Bool,
    int: traitlets.Int,
    float: traitlets.Float,
    str: traitlets.Unicode,
}


def _trait(hint: Any, default: Any) -> Any:
    options = {"default_value": default, "allow_none": default is None}
    if hint == Units:
        return UnitList(**options)
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Literal:
        return traitlets.Enum(get_args(hint), **options)
    if get_origin(hint) is list:
        (item,) = get_args(hint)
        if get_origin(item) is Literal:
            return traitlets.List(traitlets.Enum(get_args(item)), **options)
        return traitlets.List(_PLAIN[item]() if item in _PLAIN else None, **options)
    return _PLAIN[hint](**options)
