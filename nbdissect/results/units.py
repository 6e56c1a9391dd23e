"""The units of a dissected layer, and how well each covers a concept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.types import Concept


class Match(NamedTuple):
    """How well one unit covers one concept, with the pixel counts from which the IoU follows."""

    concept: Concept
    iou: float
    intersection: int | float
    activation: int | float
    truth: int | float

    def __repr__(self) -> str:
        both, unit, concept = (f"{value:,}" for value in (self.intersection, self.activation, self.truth))
        name, category = printable(self.concept.name), printable(self.concept.category)
        return f"<{name} ({category}): IoU {self.iou:.3f} = {both} / ({unit} + {concept} - {both})>"


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit (channel) of a layer.

    Attributes
    ----------
    index : int
        Its number, from 0.
    concept : Concept or None
        Its best concept; None where no concept shares a pixel with it.
    iou : float
        IoU with that concept; 0 where there is none.
    threshold : float
        Activation above which the unit counts as on.
    images : int64 [top]
        Indices of its strongest images, strongest first.
    """

    index: int
    concept: Concept | None
    iou: float
    threshold: float
    images: NDArray[np.int64]
    _scores: LayerScores = field(repr=False)

    @property
    def label(self) -> str | None:
        """Name of its best concept; None where there is none."""
        return self.concept.name if self.concept else None

    @property
    def category(self) -> str | None:
        """Category of its best concept; None where there is none."""
        return self.concept.category if self.concept else None

    @property
    def address(self) -> str:
        """Layer and number: ``features.12:412``."""
        return f"{self._scores.layer}:{self.index}"

    def ranking(self, n: int = 10) -> list[Match]:
        """Return the unit's `n` best concepts with their pixel counts, best first; a tie as in the best label."""
        d, values = self._scores, self._scores.iou[self.index]
        known = np.flatnonzero(values >= 0)  # NaN: not in an imported file
        order = known[np.argsort(-values[known], kind="stable")]
        first = int(d.best_concepts[self.index])
        if first >= 0:  # ties for the first place were settled by the semantics
            order = np.concatenate([[first], order[order != first]])
        return [
            Match(
                d.concepts[c],
                float(values[c]),
                d.intersection[self.index, c].item(),
                d.activation[self.index, d.category_of[c]].item(),
                d.truth[c].item(),
            )
            for c in order[:n]
        ]

    def __repr__(self) -> str:
        what = f"{self.label} ({self.category}), IoU {self.iou:.3f}" if self.concept else "no concept"
        return printable(f"<Unit {self.address}: {what}>")


class Units(Sequence[Unit]):
    """The units of a dissected layer, by number."""

    def __init__(self, scores: LayerScores) -> None:
        self._scores = scores

    def __len__(self) -> int:
        return len(self._scores.thresholds)

    @overload
    def __getitem__(self, index: int) -> Unit: ...
    @overload
    def __getitem__(self, index: slice) -> list[Unit]: ...

    def __getitem__(self, index: int | slice) -> Unit | list[Unit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"{printable(self._scores.layer)} has {plural(len(self), 'unit')}, 0 to {len(self) - 1}; got {index}."
            )
        d, u = self._scores, index % len(self)
        best = int(d.best_concepts[u])
        return Unit(
            index=u,
            concept=d.concepts[best] if best >= 0 else None,
            iou=float(d.best_iou[u]),
            threshold=float(d.thresholds[u]),
            images=d.top_images[u],
            _scores=d,
        )

    def __repr__(self) -> str:
        return f"<{plural(len(self), 'unit')} of {printable(self._scores.layer)}>"
