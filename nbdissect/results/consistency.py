"""Whether the numbers of a result can be: shapes that go together, ranges, whatever file or program they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.fields import array_values, arrays_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.results.per_image import PerImage


def problem(d: LayerScores) -> str:
    """Return what is wrong with the numbers of a result, "" if nothing is."""
    return _shapes(d) or _categories(d) or _values(d) or (_per_image(d.per_image, d) if d.per_image is not None else "")


def _shapes(d: LayerScores) -> str:
    sizes = {"U": len(d.thresholds), "C": len(d.concepts), "G": len(d.categories)}
    declared = arrays_of(type(d))
    for name, values in array_values(d).items():
        axes, shape = declared[name].axes, np.shape(values)
        wanted = tuple(int(axis) if axis.isdigit() else sizes.get(axis) for axis in axes)
        if len(shape) != len(axes) or any(w not in (None, got) for w, got in zip(wanted, shape, strict=True)):
            beside = ", ".join(
                f"{sizes[axis]} {noun}" for axis, noun in zip("UCG", ("units", "concepts", "categories"), strict=True)
            )
            return f"{name} has shape {list(shape)}, not {_words(axes, sizes)}, beside {beside}"
        sizes.update(zip(axes, shape, strict=True))
    return ""


def _words(axes: str, sizes: dict[str, int]) -> str:
    return f"[{', '.join(str(sizes.get(axis, axis)) for axis in axes)}]"


def _categories(d: LayerScores) -> str:
    strange = {concept.category for concept in d.concepts} - set(d.categories)
    return f"a concept's category {min(strange)!r} is not among the categories" if strange else ""


def _values(d: LayerScores) -> str:
    present = d.top_images >= 0
    imported = d.stored_iou is not None  # an imported file knows some numbers, not all
    tests: list[tuple[str, Any]] = [
        (
            "thresholds are infinite, or NaN in a result that was not imported",
            ~np.isfinite(d.thresholds) & ~(np.isnan(d.thresholds) & imported),
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
    ]
    if d.stored_iou is not None:
        tests.append(("stored_iou is negative or infinite", _no_count(d.stored_iou)))
    if d.stored_best is not None:
        tests.append(("stored_best is no column", (d.stored_best < -1) | (d.stored_best >= len(d.concepts))))
    return next((f"{text} ({np.sum(wrong):,} values)" for text, wrong in tests if np.any(wrong)), "")


def _no_count(values: Any) -> Any:
    return (values < 0) | np.isinf(values)


def _per_image(rows: PerImage, d: LayerScores) -> str:
    units, concepts = len(d.thresholds), len(d.concepts)
    images = np.unique(rows.pixels[:, 0])
    tables: Sequence[tuple[str, Any, tuple[int, ...]]] = (
        ("intersection", rows.intersection, (units, concepts)),
        ("area", rows.area, (units,)),
        ("truth", rows.truth, (concepts,)),
    )
    for name, table, most in tables:
        if table.min(initial=0) < 0 or not np.isin(table[:, 0], images).all():
            return f"per_image.{name} holds a negative number, or an image that was not counted"
        if any(table[:, k].max(initial=-1) >= length for k, length in enumerate(most, 1)):
            return f"per_image.{name} holds a unit or concept that is not there"
    return "per_image.pixels holds a negative number" if rows.pixels.min(initial=0) < 0 else ""
