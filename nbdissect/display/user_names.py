"""What people call the results that a gallery shows: code that is copied from its page uses these names."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple

from nbdissect.results.dissections import Dissections
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbdissect.results.dissection import Dissection

MOST_ENTRIES = 256
"""Of larger mappings nobody looks through the values, after each cell."""


class UserNames(NamedTuple):
    """Expressions that stand for what a gallery shows; "" where the user's namespace holds it under no name.

    Attributes
    ----------
    whole : str
        The dissection, or the mapping of several.
    each : list of str
        Each dissection.
    """

    whole: str
    each: list[str]


def user_names(namespace: Mapping[str, Any], dissections: Mapping[str, Dissection], *, several: bool) -> UserNames:
    """Return the names of the very objects that a gallery shows: an equal result is another one.

    A result that has no name of its own is found in a mapping, too: ``results['layer3']``.
    """
    held = {
        name: value
        for name, value in dict(namespace).items()  # a copy: other threads may run on
        if name.isidentifier() and not iskeyword(name) and not name.startswith("_")
    }
    mappings = dict(sorted(_mappings(held), key=lambda item: item[0] == "Out"))  # IPython's own last
    each = [_name_of(d, held, mappings) for d in dissections.values()]
    if not several:
        return UserNames(each[0], each)
    whole = next((name for name, mapping in mappings.items() if _is(mapping, dissections)), "")
    if not whole and all(each):
        whole = "{" + ", ".join(f"{key!r}: {name}" for key, name in zip(dissections, each, strict=True)) + "}"
    return UserNames(whole, each)


def _mappings(held: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    # No other mappings: one of files or of a data base may take its time.
    for name, value in held.items():
        if isinstance(value, dict | Dissections) and len(value) <= MOST_ENTRIES:
            yield name, dict(value)


def _name_of(d: Dissection, held: Mapping[str, Any], mappings: Mapping[str, Mapping[Any, Any]]) -> str:
    for name, value in held.items():
        if value is d:
            return name
    for name, mapping in mappings.items():
        for key, value in mapping.items():
            if value is d and type(key) in (str, int):
                return f"{name}[{key!r}]"
    return ""


def _is(mapping: Mapping[Any, Any], dissections: Mapping[str, Dissection]) -> bool:
    return [printable(str(key)) for key in mapping] == list(dissections) and all(
        mine is shown for mine, shown in zip(mapping.values(), dissections.values(), strict=True)
    )
