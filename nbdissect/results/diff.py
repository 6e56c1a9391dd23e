"""Whether two results are the same, and in what they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.fields import array_values, arrays_of, entries_of, groups_of
from nbdissect.text import printable

if TYPE_CHECKING:
    from nbdissect.results.layer_scores import LayerScores

# Where the numbers are the same, so are the results, whatever made them and however far a run was when it was looked at.
_NO_DIFFERENCE = ("provenance", "provisional")
# What not every result holds is compared where both do.
_WHERE_KNOWN = ("silent", "category_pixels")


def differences(a: LayerScores, b: LayerScores) -> list[str]:
    """Return a line for each part in which two results differ, then what differed in their making; empty if none does.

    NaN equals NaN. Neither the data sets nor the provenance make results different.
    """
    found = []
    for name in entries_of(type(a)):
        mine, theirs = getattr(a, name), getattr(b, name)
        if name not in _NO_DIFFERENCE and not _same_value(mine, theirs):
            found.append(_concepts(a, b) if name == "concepts" else f"{name}: {_text(mine)} / {_text(theirs)}")
    for name in groups_of(type(a)):
        kept = [getattr(d, name) is not None for d in (a, b)]
        if kept[0] != kept[1]:
            found.append(f"{name}: {' / '.join('kept' if one else 'not kept' for one in kept)}")
    mine, theirs = array_values(a), array_values(b)
    for name in arrays_of(type(a)):
        if ("." not in name and name not in _WHERE_KNOWN) or (name in mine and name in theirs):
            found += _array(name, mine.get(name), theirs.get(name))
    if found and a.provenance is not None and b.provenance is not None:
        named = {line.split(":", 1)[0] for line in found}
        found += [
            f"made with {line}" for line in a.provenance.differences(b.provenance) if line.split(":")[0] not in named
        ]
    return found


def _same_value(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float) and np.isnan(mine) and np.isnan(theirs):
        return True
    return bool(mine == theirs)


def _text(value: Any) -> str:
    return printable(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _concepts(a: LayerScores, b: LayerScores) -> str:
    only_a, only_b = sorted(set(a.concepts) - set(b.concepts)), sorted(set(b.concepts) - set(a.concepts))
    parts = [
        f"{len(only)} only in the {which} ({', '.join(printable(concept.name) for concept in only[:3])}{', …' if len(only) > 3 else ''})"
        for only, which in ((only_a, "first"), (only_b, "second"))
        if only
    ]
    return f"concepts: {'; '.join(parts) or 'in another order'}"


def _array(name: str, mine: Any, theirs: Any) -> list[str]:
    if mine is None or theirs is None:
        stored = ["none" if values is None else "stored" for values in (mine, theirs)]
        return [] if stored[0] == stored[1] else [f"{name}: {' / '.join(stored)}"]
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    if mine.shape != theirs.shape:
        return [f"{name}: shape {list(mine.shape)} / {list(theirs.shape)}"]
    other = mine != theirs
    if mine.dtype.kind == theirs.dtype.kind == "f":
        other &= ~(np.isnan(mine) & np.isnan(theirs))
    if not other.any():
        return []
    place = tuple(int(axis[0]) for axis in np.nonzero(other))
    where = f"[{', '.join(map(str, place))}]" if place else ""
    return [
        f"{name}: {int(other.sum()):,} of {other.size:,} values differ, the first at {where}: {mine[place]} / {theirs[place]}"
    ]
