"""Whether two results are the same, and in what they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nbdissect.results.dissection import Dissection

_PLAIN = (
    "layer",
    "model",
    "semantics",
    "quantile",
    "categories",
    "images",
    "seen",
    "planned",
    "pixels",
    "drawings",
    "thresholds_given",
)
ARRAYS = (
    "thresholds",
    "intersection",
    "truth",
    "activation",
    "top_images",
    "top_activations",
    "top_maps",
    "stored_iou",
    "stored_best",
)
PER_IMAGE = ("intersection", "area", "area_categories", "truth", "pixels")


def differences(a: Dissection, b: Dissection) -> list[str]:
    """Return a line for each part in which two results differ, then what differed in their making; empty if none does.

    NaN equals NaN. Neither the data sets nor the provenance make results different: where the
    numbers are the same, so are the results.
    """
    found = []
    for name in _PLAIN:
        mine, theirs = getattr(a, name), getattr(b, name)
        if not _same_value(mine, theirs):
            found.append(f"{name}: {_told(mine)} / {_told(theirs)}")
    if a.concepts != b.concepts:
        found.append(_concepts(a, b))
    found += [line for name in ARRAYS if (line := _array(name, getattr(a, name), getattr(b, name)))]
    if (a.per_image is None) != (b.per_image is None):
        found.append(f"per_image: {'kept' if a.per_image else 'not kept'} / {'kept' if b.per_image else 'not kept'}")
    elif a.per_image is not None and b.per_image is not None:
        found += [
            line
            for name in PER_IMAGE
            if (line := _array(f"per_image.{name}", getattr(a.per_image, name), getattr(b.per_image, name)))
        ]
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


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _concepts(a: Dissection, b: Dissection) -> str:
    only_a, only_b = sorted(set(a.concepts) - set(b.concepts)), sorted(set(b.concepts) - set(a.concepts))
    parts = [
        f"{len(only)} only in the {which} ({', '.join(concept.name for concept in only[:3])}{', …' if len(only) > 3 else ''})"
        for only, which in ((only_a, "first"), (only_b, "second"))
        if only
    ]
    return f"concepts: {'; '.join(parts) or 'in another order'}"


def _array(name: str, mine: Any, theirs: Any) -> str:
    if mine is None or theirs is None:
        if mine is None and theirs is None:
            return ""
        return f"{name}: {'none' if mine is None else 'stored'} / {'none' if theirs is None else 'stored'}"
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    if mine.shape != theirs.shape:
        return f"{name}: shape {list(mine.shape)} / {list(theirs.shape)}"
    other = mine != theirs
    if mine.dtype.kind == theirs.dtype.kind == "f":
        other &= ~(np.isnan(mine) & np.isnan(theirs))
    if not other.any():
        return ""
    place = tuple(int(axis[0]) for axis in np.nonzero(other))
    where = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{name}: {int(other.sum()):,} of {other.size:,} values differ, the first at {where}: {mine[place]} / {theirs[place]}"
