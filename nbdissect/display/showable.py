"""Which dissections a gallery can show, and what it says of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbdissect.results.dissection import Dissection
from nbdissect.text import plural, printable


def checked(result: Dissection | Mapping[str, Dissection]) -> dict[str, Dissection]:
    """Return dissections by name, of one or of several, if they may be shown together.

    Names are as :func:`nbdissect.text.printable` shows them: they are sent to the page, and come back from it.

    Raises
    ------
    ValueError
        If there are none, or results from drawings and from photographs are mixed.
    """
    _check(result if isinstance(result, Mapping) else {None: result})
    if isinstance(result, Dissection):
        return {printable(result.layer): result}
    named = {printable(str(name)): d for name, d in result.items()}
    if "" in named or len(named) < len(result):
        raise ValueError(f"Every dissection of a gallery needs a name of its own; got {', '.join(map(repr, result))}.")
    return named


def _check(dissections: Mapping[Any, Any]) -> None:
    if not dissections:
        raise ValueError(
            "A gallery needs at least one dissection: nd.gallery(d), or nd.gallery({'layer3': d3, 'layer4': d4})."
        )
    for name, d in dissections.items():
        if not isinstance(d, Dissection):
            raise TypeError(
                f"A gallery shows dissections; {'this' if name is None else repr(name)} is a {type(d).__name__}. "
                "Use nd.dissect(model, layer) or nd.read_csv(path) to get one; several go in by name: {'early': d1, …}."
            )
    drawings = [name for name, d in dissections.items() if d.drawings]
    if drawings and len(drawings) < len(dissections):
        raise ValueError(
            f"{drawings[0]!r} was probed with drawings, others with photographs: their labels can't be compared. "
            "Show them in separate galleries, or dissect it with labeled photographs (data=)."
        )


def newer_of(shown: Mapping[str, Dissection], given: Mapping[str, Dissection]) -> dict[str, Dissection]:
    """Return what was given in the order of what is shown, if it may take its place."""
    if {name: len(d.thresholds) for name, d in shown.items()} != {name: len(d.thresholds) for name, d in given.items()}:
        raise ValueError(
            f"update takes newer results of what this gallery shows, {listed(shown)}; got {listed(given)}. "
            "Show others in a gallery of their own: nd.gallery(d)."
        )
    for name, d in given.items():
        if d.data is not shown[name].data:
            raise ValueError(
                f"The newer result of {name!r} is over another data set than the one shown. "
                "Show it in a gallery of its own: nd.gallery(d)."
            )
    return {name: given[name] for name in shown}


def listed(dissections: Mapping[str, Dissection]) -> str:
    """Name dissections with their numbers of units."""
    names: Iterable[str] = (f"{name} ({plural(len(d.thresholds), 'unit')})" for name, d in dissections.items())
    return ", ".join(names)
