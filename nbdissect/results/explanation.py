"""Which units fire on one image, and where: what ``d.explain(image)`` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.upsampling import resize
from nbdissect.text import percent, plural, printable, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.results.layer_scores import LayerScores


@dataclass(frozen=True, eq=False)
class Explanation:
    """The units that fire most on one image, strongest first; a notebook shows it as a picture.

    Attributes
    ----------
    units : int64 [top]
        Their numbers.
    strengths : float64 [top]
        Each unit's maximum here on its own scale: 0 is its threshold, 1 its highest activation in the data set.
        NaN for a unit that never fired there.
    maps : float32 [top, h', w']
        Their activations, at the layer's own size.
    image : PIL.Image.Image
    index : int or None
        Its number, if it is one of the data set.
    shape : (h, w)
        Height and width of the masks.
    firing : int
        How many of all units fire on the image.
    """

    units: NDArray[np.int64]
    strengths: NDArray[np.float64]
    maps: NDArray[np.float32]
    image: Image = field(repr=False)
    index: int | None
    shape: tuple[int, int]
    firing: int
    scores: LayerScores = field(repr=False)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """Name of each unit's best concept; None where it has none."""
        d = self.scores
        return tuple(d.concepts[c].name if c >= 0 else None for c in d.best_concepts[self.units].tolist())

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Each unit's threshold, float32 [top]."""
        return self.scores.thresholds[self.units]

    @property
    def fires(self) -> NDArray[np.bool_]:
        """Whether each unit's map exceeds its threshold anywhere, bool [top]; barely so, its mask may still be without a pixel."""
        fires: NDArray[np.bool_] = self.maps.max(axis=(1, 2)) > self.thresholds
        return fires

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        """Where each unit exceeds its threshold, bool [top, h, w]: as it is counted, see docs/what-the-numbers-mean.md."""
        masks = np.empty((len(self.units), *self.shape), dtype=bool)
        for k, limit in enumerate(self.thresholds):
            masks[k] = resize(self.maps[k], self.shape, self.scores.receptive_field) > limit
        return masks

    @cached_property
    def segmentation(self) -> NDArray[np.int64]:
        """Per pixel, the place in `units` of the unit that fires most strongly there, int64 [h, w]; -1 where none does.

        On the scale of `strengths`. Units without such a scale come behind all others.
        """
        return self.segmented(self.shape)

    def segmented(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return :attr:`segmentation` at another height and width."""
        place = np.full(shape, -1, dtype=np.int64)
        most = np.full(shape, -np.inf)
        scales = np.nan_to_num(scale_of(self.scores)[self.units], nan=np.inf)
        for k, limit in enumerate(self.thresholds):
            values = resize(self.maps[k], shape, self.scores.receptive_field)
            above = (values.astype(np.float64) - limit) / scales[k]
            better = (values > limit) & ((above > most) | (place < 0))
            place[better], most[better] = k, above[better]
        return place

    def plot(self, ax: Axes | None = None) -> Figure:
        """Return a matplotlib Figure: the image in the colors of the units that fire on it, and their labels.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. By default in a figure of its own, which is pyplot's current one.
        """
        from nbdissect.display.explanation_picture import plot

        return plot(self, ax)

    @property
    def title(self) -> str:
        """What it is of, and how many units fire."""
        of = "this image" if self.index is None else f"image {self.index}"
        layer = self.scores.layer
        return printable(f"{self.firing:,} of {plural(len(self.scores.thresholds), 'unit')} of {layer} fire on {of}")

    def rows(self) -> list[dict[str, Any]]:
        """Return what is known of each unit: ``unit``, ``label``, ``category``, ``iou``, ``strength``, ``share`` (of the pixels), ``fires``."""
        d = self.scores
        best = d.best_concepts[self.units].tolist()
        return [
            {
                "unit": int(unit),
                "label": d.concepts[c].name if c >= 0 else None,
                "category": d.concepts[c].category if c >= 0 else None,
                "iou": float(d.best_iou[unit]),
                "strength": float(self.strengths[k]),
                "share": float(self.masks[k].mean()),
                "fires": bool(self.fires[k]),
            }
            for k, (unit, c) in enumerate(zip(self.units.tolist(), best, strict=True))
        ]

    def __repr__(self) -> str:
        lines = [f"<{self.title}; the {len(self.units)} strongest:>" if len(self.units) > 1 else f"<{self.title}:>"]
        for row in self.rows():
            label = short_name(row["label"], row["category"]) if row["label"] else "no concept"
            lines.append(
                printable(
                    f"  {row['unit']:>5}  {label} ({row['category'] or '–'}), IoU {row['iou']:.3f}: {describe_strength(row)}"
                )
            )
        if self.scores.warning:
            lines.append(self.scores.warning)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from nbdissect.display.explanation_picture import explanation_html

        return explanation_html(self)


def scale_of(d: LayerScores) -> NDArray[np.float64]:
    """Return how far each unit's highest activation in the data set lies above its threshold, float64 [U]; NaN where it doesn't."""
    highest = d.top_activations[:, 0].astype(np.float64) - d.thresholds
    return np.where(highest > 0, highest, np.nan)


def describe_strength(row: dict[str, Any]) -> str:
    """Return how strongly a unit fires, in words, for a row of :meth:`Explanation.rows`."""
    if not row["fires"]:
        return "doesn't fire here"
    where = f"on {percent(row['share'])} of the image"
    if np.isnan(row["strength"]):
        return f"fires here, though nowhere in the data set, {where}"
    return f"strength {row['strength']:.2f}, {where}"
