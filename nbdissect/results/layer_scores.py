"""The counts of one layer and the scores that follow from them: what a result is, before it is written or shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results import scores
from nbdissect.results.fields import (
    CATEGORIES,
    CONCEPTS,
    COUNT,
    FIELD,
    FLAG,
    NAME,
    RULES,
    SHARE,
    TOTAL,
    array,
    entry,
    group,
)
from nbdissect.results.per_image import PerImage
from nbdissect.results.provenance import PROVENANCE, Provenance
from nbdissect.text import percent, plural, printable
from nbdissect.types import BRODEN_LIKE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbdissect.results.upsampling import ReceptiveField
    from nbdissect.types import Concept, Semantics

DRAWINGS = "Probed with drawings: not evidence about what this network sees in photographs."
SUPPLY_DATA = "Supply labeled photographs: nd.dissect(model, layer, data=nd.Broden(path)), or %dissect … --data path"


@dataclass(frozen=True, eq=False, repr=False)
class LayerScores:
    """What the units of one layer detect, with the counts from which every score follows.

    The fields are described in :class:`nbdissect.Dissection`, which adds what can be done with them.
    Shapes: U units, C concepts, G categories, T top images of h × w maps.
    """

    layer: str = field(metadata=entry(NAME))
    model: str = field(metadata=entry(NAME))
    semantics: Semantics = field(metadata=entry(RULES))
    quantile: float = field(metadata=entry(SHARE))
    categories: tuple[str, ...] = field(metadata=entry(CATEGORIES))
    concepts: tuple[Concept, ...] = field(metadata=entry(CONCEPTS))
    thresholds: NDArray[np.float32] = field(metadata=array("U", "<f4"))
    intersection: NDArray[Any] = field(metadata=array("UC", "<i8", "<f8"))
    truth: NDArray[Any] = field(metadata=array("C", "<i8", "<f8"))
    activation: NDArray[Any] = field(metadata=array("UG", "<i8", "<f8"))
    top_images: NDArray[np.int64] = field(metadata=array("UT", "<i8"))
    top_activations: NDArray[np.float32] = field(metadata=array("UT", "<f4"))
    top_maps: NDArray[np.float32] = field(metadata=array("UThw", "<f4"))
    images: int = field(default=0, metadata=entry(COUNT))
    pixels: int = field(default=0, metadata=entry(COUNT))
    per_image: PerImage | None = field(default=None, metadata=group(PerImage))
    drawings: bool = field(default=False, metadata=entry(FLAG))
    data: Any = field(default=None, repr=False)
    thresholds_given: bool = field(default=False, metadata=entry(FLAG))
    stored_iou: NDArray[np.float64] | None = field(default=None, repr=False, metadata=array("UC", "<f8"))
    stored_best: NDArray[np.int64] | None = field(default=None, repr=False, metadata=array("U", "<i8"))
    provenance: Provenance | None = field(default=None, repr=False, metadata=entry(PROVENANCE))
    seen: int = field(default=0, metadata=entry(COUNT, later=True))
    planned: int = field(default=0, metadata=entry(COUNT, later=True))
    provisional: bool = field(default=False, metadata=entry(FLAG, later=True))
    receptive_field: ReceptiveField | None = field(default=None, metadata=entry(FIELD, later=True))
    silent: NDArray[np.int64] | None = field(default=None, repr=False, metadata=array("U", "<i8"))
    category_pixels: NDArray[np.int64] | None = field(default=None, repr=False, metadata=array("G", "<i8"))
    run: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if TOTAL in self.categories:
            raise ValueError(
                f"A category is called {TOTAL!r}, the name of the total over all categories. Give it another name."
            )

    # --- scores ---

    @cached_property
    def category_of(self) -> NDArray[np.int64]:
        """Position in `categories` of each concept's category, int64 [C]."""
        place = {name: g for g, name in enumerate(self.categories)}
        return np.array([place[concept.category] for concept in self.concepts], dtype=np.int64)

    @cached_property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of every unit with every concept, float64 [U, C]."""
        if self.stored_iou is not None:
            return self.stored_iou
        return scores.iou(self.intersection, self.truth, self.activation, self.category_of, self.semantics)

    @cached_property
    def ceiling(self) -> NDArray[np.float64]:
        """The highest IoU these areas allow, ``min(A, G) / max(A, G)``, float64 [U, C]."""
        return scores.ceiling(self.truth, self.activation, self.category_of)

    @cached_property
    def best_concepts(self) -> NDArray[np.int64]:
        """Column of each unit's best concept, int64 [U]; -1 where no concept shares a pixel with it."""
        if self.stored_best is not None:
            return self.stored_best
        return scores.best(self.iou, self.category_of, len(self.categories), self.semantics)

    @cached_property
    def best_iou(self) -> NDArray[np.float64]:
        """IoU of each unit with its best concept, float64 [U]; 0 where it has none."""
        best = self.best_concepts
        if not len(self.concepts):
            return np.zeros(len(best))
        value = np.take_along_axis(self.iou, np.maximum(best, 0)[:, None], axis=1)[:, 0]
        return np.where(best >= 0, value, 0.0)

    def is_detector(self, min_iou: float = scores.MIN_IOU) -> NDArray[np.bool_]:
        """Whether each unit's best IoU passes the cut, bool [U]."""
        return (self.best_concepts >= 0) & scores.passes(self.best_iou, min_iou, self.semantics)

    def detectors(self, min_iou: float = scores.MIN_IOU) -> int:
        """Return the number of units whose best IoU passes the cut."""
        return int(self.is_detector(min_iou).sum())

    def unique_detectors(self, min_iou: float = scores.MIN_IOU) -> int:
        """Return the number of distinct concepts among the detectors' best concepts."""
        return len({self.concepts[c] for c in self.best_concepts[self.is_detector(min_iou)]})

    # --- what people read ---

    @property
    def complete(self) -> bool:
        """Whether all images that were to be counted are."""
        return not self.provisional and self.planned in (0, self.images)

    @property
    def progress_note(self) -> str:
        """How many of its images an unfinished run has seen and counted; empty where it is complete."""
        if self.complete:
            return ""
        seen = f"{self.seen:,} of {plural(self.planned, 'image')}"
        labels = f"; labels of {self.images:,} of them" if self.images < self.seen else ""
        return f"Provisional: after {seen}{labels}." if self.provisional else f"Stopped after {seen}{labels}."

    @property
    def warning(self) -> str:
        """What a reader must know before believing the labels; empty where there is nothing."""
        return " ".join(filter(None, [self.progress_note, f"{DRAWINGS} {SUPPLY_DATA}" if self.drawings else ""]))

    @property
    def facts(self) -> str:
        """One line: images, quantile, counting rule (the semantics), and what else a comparison must know."""
        parts = [plural(self.images, "image")] if self.images else []
        if self.thresholds_given:
            parts.append("given thresholds")
        elif not np.isnan(self.quantile):
            parts.append(f"top {percent(self.quantile)} of each unit's activations")
        parts.append(f"counting rule: {self.semantics}")
        if self.receptive_field is not None:
            parts.append("maps at receptive fields")
        if self.provenance is not None and self.provenance.protocol:
            left = plural(len(self.provenance.deviations), "deviation")
            parts.append(f"protocol {printable(self.provenance.protocol)}, {left} in d.provenance")
        if self.provenance is not None and self.provenance.credit.startswith(BRODEN_LIKE):
            parts.append(f"{BRODEN_LIKE} data, not Broden")
        return " · ".join(parts)
