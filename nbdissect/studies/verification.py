"""Labels on images that played no part in choosing them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.api import dissect
from nbdissect.runner.explaining import check_said_again, check_weights, transform_on_record, unknown_transform
from nbdissect.text import plural, printable
from nbdissect.validation import check_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.results.provenance import Provenance


@dataclass(frozen=True, eq=False)
class Verification:
    """How the labels of a dissection do on other images, at the same thresholds.

    Attributes
    ----------
    iou : float64 [U]
        IoU of each unit's label there; NaN where the unit has none, or the other data don't know the concept.
    kept : bool [U]
        Whether the label is the unit's best concept there, too.
    before : float64 [U]
        IoU of the label on the images that it was chosen by.
    other : Dissection
        The dissection of the other data.
    """

    iou: NDArray[np.float64]
    kept: NDArray[np.bool_]
    before: NDArray[np.float64]
    other: Dissection
    scores: LayerScores = field(repr=False)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which units have a label that the other data know, bool [U]."""
        return ~np.isnan(self.iou)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row for the detectors of each category, and one for all: how many, share kept, mean IoU before and there."""
        d = self.scores
        detectors = np.flatnonzero(d.is_detector() & self.known)
        category = d.category_of[d.best_concepts[detectors]]
        groups = [(name, detectors[category == g]) for g, name in enumerate(d.categories)]
        return [
            {
                "category": name,
                "detectors": len(units),
                "kept": float(self.kept[units].mean()),
                "iou_before": float(self.before[units].mean()),
                "iou": float(self.iou[units].mean()),
            }
            for name, units in [*groups, ("all", detectors)]
            if len(units)
        ]

    def __repr__(self) -> str:
        lines = [f"{'detectors of':<16}{'units':>7}{'kept':>8}{'IoU':>8}{'there':>8}"]
        lines += [
            f"{printable(row['category']):<16}{row['detectors']:>7}{row['kept']:>8.0%}{row['iou_before']:>8.3f}{row['iou']:>8.3f}"
            for row in self.rows
        ]
        unknown = int((self.scores.is_detector() & ~self.known).sum())
        if unknown:
            lines.append(f"{plural(unknown, 'detector')} of concepts that the other data don't know")
        return "\n".join(
            [f"<Labels of {printable(self.scores.layer)} on {plural(self.other.images, 'other image')}>", *lines]
        )


def verify(d: Any, model: Any, data: Any, *, transform: Any, progress: Any, **options: Any) -> Verification:
    """Return how the labels of `d` do on other data; see :meth:`nbdissect.Dissection.verify`."""
    check_model(model)
    if not np.isfinite(d.thresholds).all():
        raise ValueError(
            "This result was read from a table, which holds no thresholds: its masks can't be made again. "
            "Dissect the network: nd.dissect(model, layer, data=…)."
        )
    if (d.best_concepts < 0).all():
        raise ValueError(f"No unit of {printable(d.layer)} has a label that other images could confirm.")
    check_weights(d, model)
    check_said_again(d.provenance, forward=options["forward"], output=options["output"])
    other = dissect(
        model,
        d.layer,
        data,
        thresholds=d.thresholds,
        semantics=d.semantics,
        transform=transform if transform is not None else _transform(d.provenance),
        upsample="bilinear" if d.receptive_field is None else "receptive-field",
        top=1,
        progress=progress,
        **options,
    )
    column = _columns(d, other)
    label = d.best_concepts
    there = np.where(label >= 0, column[label], -1)
    if (there < 0).all():
        raise ValueError(
            "None of the labels is a concept of the other data. Concepts are matched by name and category, such as "
            f"{_examples(d)}: give data with the same names."
        )
    iou = np.full(len(label), np.nan)
    units = np.flatnonzero(there >= 0)
    iou[units] = other.iou[units, there[units]]
    return Verification(iou, (there >= 0) & (other.best_concepts == there), d.best_iou, other, d)


def _transform(made: Provenance | None) -> Any:
    """Return the transform of the run, from its record."""
    found = transform_on_record(made)
    if made and made.transform and found is None:
        raise unknown_transform(made)
    return found


def _columns(d: LayerScores, other: LayerScores) -> NDArray[np.int64]:
    """Return for each concept its column in the other result, int64 [C]; -1 where that lacks it, or has two of the name."""
    names = Counter(concept[1:] for concept in d.concepts), Counter(concept[1:] for concept in other.concepts)
    place = {concept[1:]: column for column, concept in enumerate(other.concepts)}
    exact = {concept: column for column, concept in enumerate(other.concepts)}
    return np.array(
        [
            exact.get(concept, place.get(concept[1:], -1) if max(count[concept[1:]] for count in names) == 1 else -1)
            for concept in d.concepts
        ],
        dtype=np.int64,
    )


def _examples(d: LayerScores) -> str:
    return ", ".join(f"{printable(concept.name)} ({printable(concept.category)})" for concept in d.concepts[:3])
