"""The units of a dissected layer, and how well each covers a concept."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, overload

import numpy as np

from nbdissect.results import scores
from nbdissect.text import describe_type, plural, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.types import Concept


# Lines of text, where some units are shown in a terminal.
_LISTED = 40


class Match(NamedTuple):
    """How well one unit covers one concept, with the pixel counts from which the IoU follows.

    The other measures follow from the same counts: I pixels of both, A of the unit's masks over the images that carry
    the concept's category, G of the concept, among the N pixels of those images.

    Attributes
    ----------
    concept : Concept
    iou : float
        I / (A + G - I).
    intersection, activation, truth : int
        I, A and G; float with NaN where an imported file doesn't hold them.
    pixels : int
        N; NaN where that is not known.
    """

    concept: Concept
    iou: float
    intersection: int | float
    activation: int | float
    truth: int | float
    pixels: int | float = math.nan

    @property
    def concept_given_unit(self) -> float:
        """I / A: of the unit's pixels, the share that shows the concept. Papers call it precision, and recall too."""
        return self.intersection / self.activation if self.activation else 0.0

    @property
    def unit_given_concept(self) -> float:
        """I / G: of the concept's pixels, the share on which the unit fires."""
        return self.intersection / self.truth if self.truth else 0.0

    @property
    def f1(self) -> float:
        """2 I / (A + G), also called Dice's coefficient; it ranks concepts as IoU does."""
        return float(scores.f1(self.intersection, self.truth, self.activation))

    @property
    def cosine(self) -> float:
        """I / √(A G)."""
        return float(scores.cosine(self.intersection, self.truth, self.activation))

    @property
    def pearson(self) -> float:
        """(N I - A G) / √(A (N - A) G (N - G)), the correlation; 0 where unit and concept are independent."""
        return float(scores.pearson(self.intersection, self.truth, self.activation, self.pixels))

    @property
    def ceiling(self) -> float:
        """min(A, G) / max(A, G): the highest IoU that areas of these sizes allow."""
        larger = max(self.activation, self.truth)
        return min(self.activation, self.truth) / larger if larger else 0.0

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
                math.nan if d.category_pixels is None else d.category_pixels[d.category_of[c]].item(),
            )
            for c in order[:n]
        ]

    def _repr_html_(self) -> str:
        from nbdissect.display.unit_html import unit_html

        return unit_html(self._scores, self)

    def __repr__(self) -> str:
        what = f"{self.label} ({self.category}), IoU {self.iou:.3f}" if self.concept else "no concept"
        return printable(f"<Unit {self.address}: {what}>")


class Units(Sequence[Unit]):
    """The units of a layer, or some of them, by their place: ``d.units[89]`` is one, ``d.units[[3, 5]]`` are two.

    One unit, and some of them, show themselves as pictures in a notebook.

    >>> d.units[g.selected]  # doctest: +SKIP
    """

    def __init__(self, scores: LayerScores, numbers: Sequence[int] | None = None) -> None:
        self._scores = scores
        self._numbers = range(len(scores.thresholds)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Unit: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | NDArray[Any]) -> Units: ...

    def __getitem__(self, index: Any) -> Unit | Units:
        if isinstance(index, slice):
            return Units(self._scores, self._numbers[index])
        if hasattr(index, "__index__") and np.ndim(index) == 0:
            return self._unit(self._numbers[self._place(index)])
        return Units(self._scores, [self._numbers[self._place(place)] for place in _places(index, len(self))])

    def _place(self, index: SupportsIndex) -> int:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(
                f"{printable(self._scores.layer)} has {plural(len(self), 'unit')}, 0 to {len(self) - 1}; got {place}."
                if self._whole
                else f"These are {plural(len(self), 'unit')} of {printable(self._scores.layer)}, 0 to {len(self) - 1}; got {place}."
            )
        return place

    def _unit(self, number: int) -> Unit:
        d = self._scores
        best = int(d.best_concepts[number])
        return Unit(
            index=number,
            concept=d.concepts[best] if best >= 0 else None,
            iou=float(d.best_iou[number]),
            threshold=float(d.thresholds[number]),
            images=d.top_images[number],
            _scores=d,
        )

    @property
    def _whole(self) -> bool:
        return isinstance(self._numbers, range) and self._numbers == range(len(self._scores.thresholds))

    def _repr_html_(self) -> str | None:
        from nbdissect.display.unit_html import units_html

        return None if self._whole else units_html(self._scores, self)  # all of them are what the gallery is for

    def __repr__(self) -> str:
        what = f"<{plural(len(self), 'unit')} of {printable(self._scores.layer)}>"
        if self._whole:
            return what
        more = [f"… and {len(self) - _LISTED:,} more"] if len(self) > _LISTED else []
        return "\n".join([what, *(repr(unit) for unit in self[:_LISTED]), *more])


def _places(index: Any, units: int) -> list[int]:
    """Return the places that a list or an array of numbers, or of one bool for each unit, means."""
    values = np.asarray(index)
    if values.ndim == 1 and values.dtype == bool and len(values) == units:
        return [int(place) for place in np.flatnonzero(values)]
    if values.ndim == 1 and (values.dtype.kind in "iu" or not len(values)):
        return [int(place) for place in values]
    raise TypeError(
        f"Units go by number, by a list of numbers, or by one bool for each of the {units:,}; got {describe_type(index)}."
    )
