"""How the fields of a result are declared, each once: what it holds, and how it stands in an archive.

A dataclass declares its fields with the metadata `entry`, `array` or `group`. Archives, checks and comparisons
read these declarations, so a new field is written down in one place.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from nbdissect.results.upsampling import ReceptiveField
from nbdissect.types import SEMANTICS, Concept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy as np

MOST = 1 << 53
"""The largest whole number that JSON readers of every language agree on: no count is above it."""

MOST_CATEGORIES = 1_024
"""The most categories that a result may have in a file: each is a button, a row of tables and a group of bars."""

MOST_LETTERS = 1_024
"""The length of the longest name of a layer, a network, a category or a concept."""

_MOST_PIXELS = 1 << 24

TOTAL = "all"
"""How summaries call the total over all categories; no category bears this name."""

_KINDS = {"<i8": "iu", "<f8": "f", "<f4": "f", "|b1": "b"}


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Entry:
    """How a value stands in JSON.

    Attributes
    ----------
    needed : str
        What JSON must hold, in words.
    fits : callable
        Whether a JSON value is that.
    decode, encode : callable
        From a JSON value that fits to the field's, and back.
    """

    needed: str
    fits: Callable[[Any], bool]
    decode: Callable[[Any], Any] = _same
    encode: Callable[[Any], Any] = _same

    def read(self, owner: Mapping[str, Any], name: str, where: str) -> Any:
        """Return the field `name` of a JSON object.

        Raises
        ------
        ValueError
            If it is missing, or not what is needed; names it by `where` the object stands.
        """
        value = owner.get(name, ...)
        if value is ... or not self.fits(value):
            got = "missing" if value is ... else f"{value!r:.60}"
            raise ValueError(f"{where}{'.' if where else ''}{name} is {got}; {self.needed} is needed")
        return self.decode(value)


@dataclass(frozen=True)
class Array:
    """What an array holds.

    Attributes
    ----------
    axes : str
        One sign for each axis. A digit is its length; arrays that share a letter share that length.
    dtypes : tuple of str
        Those allowed in a file. The last one, if it is a float, is for values of which some are not known.
    optional : bool
        Whether a result may lack it.
    beside : bool
        Whether its group may lack it where the rest of the group is there.
    """

    axes: str
    dtypes: tuple[str, ...]
    optional: bool = False
    beside: bool = False

    def holds(self, dtype: np.dtype[Any]) -> bool:
        """Whether values of `dtype` can be stored: whole numbers as such, and so on."""
        return any(dtype.kind in _KINDS[stored] for stored in self.dtypes)

    def stored_dtype(self, dtype: np.dtype[Any]) -> str:
        """Return the dtype in which values of `dtype` are stored."""
        return self.dtypes[-1] if dtype.kind == "f" else self.dtypes[0]


def entry(kind: Entry, *, later: bool = False) -> dict[str, Any]:
    """Return the metadata of a field that stands in JSON; one that came `later` may be missing there."""
    return {"entry": kind, "later": later}


def array(axes: str, *dtypes: str) -> dict[str, Any]:
    """Return the metadata of a field that holds an array, see :class:`Array`; one with a default is optional."""
    return {"array": Array(axes, dtypes)}


def group(kind: type) -> dict[str, Any]:
    """Return the metadata of a field that holds a dataclass of arrays, or None."""
    return {"group": kind}


def entries_of(kind: type) -> dict[str, Entry]:
    """Return the fields of a dataclass that stand in JSON, in their order."""
    return {f.name: f.metadata["entry"] for f in fields(kind) if "entry" in f.metadata}


def arrays_of(kind: type) -> dict[str, Array]:
    """Return the arrays of a dataclass by name; those of a group as ``group.name``."""
    found: dict[str, Array] = {}
    for f in fields(kind):
        if "array" in f.metadata:
            found[f.name] = replace(f.metadata["array"], optional=f.default is not MISSING)
        elif "group" in f.metadata:
            inner = arrays_of(f.metadata["group"])
            found.update(
                {f"{f.name}.{name}": replace(a, optional=True, beside=a.optional) for name, a in inner.items()}
            )
    return found


def groups_of(kind: type) -> dict[str, type]:
    """Return the groups of arrays of a dataclass, by name."""
    return {f.name: f.metadata["group"] for f in fields(kind) if "group" in f.metadata}


def array_values(thing: Any) -> dict[str, Any]:
    """Return the arrays that a dataclass holds, named as in :func:`arrays_of`; those it lacks are left out."""
    found = {}
    for name in arrays_of(type(thing)):
        owner, _, inner = name.rpartition(".")
        holder = getattr(thing, owner) if owner else thing
        values = None if holder is None else getattr(holder, inner)
        if values is not None:
            found[name] = values
    return found


def encode(thing: Any) -> dict[str, Any]:
    """Return the JSON object of a dataclass's entries."""
    return {name: kind.encode(getattr(thing, name)) for name, kind in entries_of(type(thing)).items()}


def decode(kind: type, owner: Any, where: str, *, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a dataclass's entries from its JSON object, as keywords; `also` names what else may stand there.

    Raises
    ------
    ValueError
        If one is missing or not what is needed, or something else stands there.
    """
    entries = entries_of(kind)
    check_keys(owner, (*entries, *also), where)
    missing = {f.name for f in fields(kind) if f.metadata.get("later") and f.name not in owner}
    return {name: e.read(owner, name, where) for name, e in entries.items() if name not in missing}


def check_keys(owner: Any, known: Collection[str], where: str) -> None:
    """Refuse a JSON value that is no object, or has other keys than those known.

    Raises
    ------
    ValueError
    """
    if not isinstance(owner, dict):
        raise ValueError(f"{where} is {owner!r:.60}; an object is needed")
    if unknown := owner.keys() - set(known):
        raise ValueError(f"{where or 'the manifest'} holds {min(unknown)!r:.60}, which this nbdissect doesn't know")


# --- what JSON holds ---


def is_text(value: Any) -> bool:
    """Whether a JSON value is a text."""
    return isinstance(value, str)


def is_name(value: Any) -> bool:
    """Whether a JSON value is a text short enough to be shown as a name."""
    return isinstance(value, str) and len(value) <= MOST_LETTERS


def is_count(value: Any) -> bool:
    """Whether a JSON value is a whole number from 0 on."""
    return type(value) is int and 0 <= value <= MOST


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _are_concepts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == 3 and is_count(row[0]) and row[0] and is_name(row[1]) and is_name(row[2])
        for row in value
    )


def _is_field(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and len(value) == 6
        and all(map(_is_number, value))
        and all(abs(first) <= _MOST_PIXELS for first in value[:2])
        and all(0 < step <= _MOST_PIXELS for step in value[2:4])
        and all(type(side) is int and 0 < side <= _MOST_PIXELS for side in value[4:])
    )


def _field_of(value: list[Any] | None) -> ReceptiveField | None:
    if value is None:
        return None
    first, second, down, right, height, width = value
    return ReceptiveField((float(first), float(second)), (float(down), float(right)), (height, width))


def _unknown(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


TEXT = Entry("a text", is_text)
NAME = Entry(f"a text of at most {MOST_LETTERS:,} letters", is_name)
COUNT = Entry("a whole number from 0 on", is_count, encode=int)
FLAG = Entry("true or false", lambda value: isinstance(value, bool), encode=bool)
NUMBER = Entry("a number or null", lambda value: value is None or _is_number(value), _known, _unknown)
SHARE = Entry(
    "null or a number between 0 and 1",
    lambda value: value is None or (_is_number(value) and 0 < value < 1),
    _known,
    _unknown,
)
TEXTS = Entry("a list of texts", _are_texts, tuple, list)
CATEGORIES = Entry(
    f"a list of at most {MOST_CATEGORIES:,} different names, none of them {TOTAL!r},",
    lambda value: (
        isinstance(value, list)
        and len(value) <= MOST_CATEGORIES
        and all(map(is_name, value))
        and len(set(value)) == len(value)
        and TOTAL not in value
    ),
    tuple,
    list,
)
CONCEPTS = Entry(
    "a list of [number, name, category], the numbers whole, from 1 on, each once,",
    lambda value: _are_concepts(value) and len({row[0] for row in value}) == len(value),
    lambda value: tuple(Concept(*row) for row in value),
    lambda concepts: [[int(concept.number), concept.name, concept.category] for concept in concepts],
)
FIELD = Entry(
    "null or a list of six numbers (first center, step, image size, each rows first, then columns)",
    _is_field,
    _field_of,
    lambda field: None if field is None else [*field.first, *field.step, *map(int, field.image)],
)
RULES = Entry(" or ".join(map(repr, SEMANTICS)), lambda value: value in SEMANTICS)
