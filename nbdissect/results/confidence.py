"""How sure the IoUs and the labels of a dissection are, from its counts per image.

Images are what was drawn at random, not pixels: the pixels of one image go together. Thresholds are taken as
given; drawn anew with the images they change next to nothing.

Shapes: U units, C concepts, G categories, N images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.results.per_image import PerImage

    Floats = NDArray[np.float64]

FEW_IMAGES = 5
"""Below so many effective images no level is claimed: an interval or a set covers the truth far less often there."""

# Standard deviations beyond which no resample brings a concept to the top.
_FAR = 8.0
# Degrees of freedom between which Student's quantiles are interpolated, evenly in 1/df.
_GRID = 513
_NODES = 64


@dataclass(frozen=True, eq=False)
class Confidence:
    """How sure the IoUs and the labels of a dissection are.

    Attributes
    ----------
    level : float
        Share of data sets, drawn like this one, for which an interval holds the IoU over all such images, and a
        set the label.
    low, high : float64 [U, C]
        Interval of every IoU.
    sets : tuple of tuple of int
        For every unit the fewest concepts, by number, that contain its label at that level, likeliest first;
        empty for a unit without a label.
    effective_images : float64 [U, C]
        On how many images an IoU rests, as if each had the same weight. Below 5 the level isn't reached. 0 where
        unit and concept share no pixel.
    resamples, seed : int
        How the sets were found.
    """

    level: float
    low: Floats
    high: Floats
    sets: tuple[tuple[int, ...], ...]
    effective_images: Floats
    resamples: int
    seed: int
    _scores: LayerScores

    def describe(self, unit: int) -> str:
        """Return what is known of a unit's label: "car or truck (90 %), IoU 0.12 to 0.24 on 31 images"."""
        d = self._scores
        best = int(d.best_concepts[unit])
        if best < 0:
            return "no concept"
        names = {concept.number: printable(concept.name) for concept in d.concepts}
        labels = " or ".join(names[number] for number in self.sets[unit]) or names[d.concepts[best].number]
        low, high, rests_on = (float(a[unit, best]) for a in (self.low, self.high, self.effective_images))
        if rests_on < FEW_IMAGES:
            return f"{names[d.concepts[best].number]}, IoU {d.best_iou[unit]:.3f}: rests on few images ({rests_on:.1f})"
        return f"{labels} ({_level(self.level)}), IoU {low:.3f} to {high:.3f} on {rests_on:.0f} images"

    def __repr__(self) -> str:
        d, sizes = self._scores, [len(labels) for labels in self.sets if labels]
        labeled = np.flatnonzero(d.best_concepts >= 0)
        few = int((self.effective_images[labeled, d.best_concepts[labeled]] < FEW_IMAGES).sum())
        mean = f"{np.mean(sizes):.1f}" if sizes else "no"
        return (
            f"<Confidence at {_level(self.level)}: sets of {mean} concepts on average for {plural(len(sizes), 'unit')}; "
            f"{plural(few, 'label')} rest{'s' if few == 1 else ''} on fewer than {FEW_IMAGES} effective images>"
        )


def _level(level: float) -> str:
    return f"{100 * level:.4g} %"


def confidence(d: LayerScores, level: float = 0.9, resamples: int = 200, seed: int = 0) -> Confidence:
    """Return intervals of the IoUs and sets of the labels; see :meth:`nbdissect.Dissection.confidence`."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ValueError(f"level is {level!r}; a number between 0 and 1 is needed, such as 0.9.")
    if type(resamples) is not int or resamples < 1:
        raise ValueError(f"resamples is {resamples!r}; a whole number from 1 on is needed, such as 200.")
    if type(seed) is not int or seed < 0:
        raise ValueError(f"seed is {seed!r}; a whole number from 0 on is needed.")
    if d.per_image is None:
        raise ValueError(
            "This dissection kept no counts per image, on which confidence rests. Keep them: "
            "nd.dissect(…, per_image=True)."
        )
    if not len(d.per_image.pixels):
        raise ValueError("No image was counted, so there is nothing that labels could rest on.")
    counts = _ImageCounts(d, d.per_image)
    deviation, effective = _deviations(d, counts)
    half = student_quantile((1 + level) / 2, np.maximum(effective, 1.0)) * deviation
    most = 1.0 if d.semantics == "paper" else math.inf
    low, high = np.clip(d.iou - half, 0.0, most), np.clip(d.iou + half, 0.0, most)
    sets = _label_sets(d, counts, deviation, level, resamples, seed)
    return Confidence(level, low, high, sets, effective, resamples, seed, d)


class _ImageCounts:
    """The counts per image of a dissection, laid out for sums over images.

    Attributes
    ----------
    images : int
        N, the images without repetition.
    drawn : int64 [N]
        How often each was drawn; together `draws` times.
    image, pair : int64 [R]
        Position of the image, and unit · C + concept, of every count of shared pixels.
    shared : float64 [R]
        That count.
    truth : float64 [N, C]
        Pixels of every concept.
    """

    def __init__(self, d: LayerScores, kept: PerImage) -> None:
        known, self.drawn = np.unique(kept.pixels[:, 0], return_counts=True)
        self.draws = int(self.drawn.sum())
        self.images, self.units, self.concepts = len(known), len(d.thresholds), len(d.concepts)
        self.category_of = d.category_of
        self.image = np.searchsorted(known, kept.intersection[:, 0])
        self.pair = kept.intersection[:, 1] * self.concepts + kept.intersection[:, 2]
        self.shared = kept.intersection[:, 3].astype(np.float64)
        self.truth = np.zeros((self.images, self.concepts))
        self.truth[np.searchsorted(known, kept.truth[:, 0]), kept.truth[:, 1]] = kept.truth[:, 2]
        self._kept, self._known = kept, known

    def by_category(self) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
        """Yield every category's position, its concepts, and the pixels of the units' masks, float64 [N, U], that count for it."""
        for category in range(self._kept.area_categories.shape[1]):
            yield category, np.flatnonzero(self.category_of == category), self.areas(category)

    def areas(self, category: int) -> Floats:
        """Return the pixels of the units' masks that count for a category, float64 [N, U]."""
        kept, counts = self._kept, np.zeros((self.images, self.units))
        image, unit, pixels = kept.area[kept.area_categories[:, category]].T
        counts[np.searchsorted(self._known, image), unit] = pixels
        if kept.unlabeled is not None:
            image, unit, _, pixels = kept.unlabeled[kept.unlabeled[:, 2] == category].T
            np.subtract.at(counts, (np.searchsorted(self._known, image), unit), pixels)
        return counts


# --- intervals ---


def _deviations(d: LayerScores, counts: _ImageCounts) -> tuple[Floats, Floats]:
    """Return the standard deviations of the IoUs and their effective images, each float64 [U, C].

    θ = I / U, with U = A + G - I, is a ratio of sums over images. The delta method linearizes it: an image adds
    l = (I_i - θ U_i) / U; the variance is n / (n - 1) Σ l². Its degrees of freedom, (Σ l²)² / Σ l⁴, are those of n
    images where all weigh the same, and few where few images carry all of it (Satterthwaite, Biometrics 2, 1946).
    """
    second, fourth = _moments(d.iou, counts)
    union = d.activation[:, d.category_of] + d.truth - d.intersection
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.where(fourth > 0, second**2 / fourth, 0.0)
        deviation = np.sqrt(counts.draws / max(1, counts.draws - 1) * second) / union
    # Where unit and concept agree in every image nothing varies: it rests on all the images that have either.
    steady = (second == 0) & (d.iou > 0)
    if steady.any():
        effective[steady] = _images_with_either(counts, steady)
    return np.where(union > 0, deviation, 0.0), effective


def _moments(iou: Floats, counts: _ImageCounts) -> tuple[Floats, Floats]:
    """Return Σ x² and Σ x⁴ over the images, of x = I - θ U = (1 + θ) I - θ (A + G), each float64 [U, C].

    Most images share no pixel of a unit with a concept: where I = 0, x = -θ (A + G), whose powers are sums of products of
    matrices. The others are corrected one by one.
    """
    shape = (counts.units, counts.concepts)
    second, fourth = np.zeros(shape), np.zeros(shape)
    if not counts.concepts:
        return second, fourth
    unit, concept = np.divmod(counts.pair, counts.concepts)
    for category, columns, areas in counts.by_category():
        if not len(columns):
            continue
        theta, truth = iou[:, columns], counts.truth[:, columns]
        second[:, columns], fourth[:, columns] = (
            theta**power * sums for power, sums in zip((2, 4), _power_sums(areas, truth, counts.drawn), strict=True)
        )
        rows = np.flatnonzero(counts.category_of[concept] == category)
        image, k, c = counts.image[rows], unit[rows], concept[rows]
        without = iou[k, c] * (areas[image, k] + counts.truth[image, c])
        x = (1 + iou[k, c]) * counts.shared[rows] - without
        without, x = without * without, x * x
        drawn = counts.drawn[image]
        second += np.bincount(counts.pair[rows], drawn * (x - without), second.size).reshape(shape)
        fourth += np.bincount(counts.pair[rows], drawn * (x * x - without * without), second.size).reshape(shape)
    # What is left of sums that cancel is rounding.
    scale = np.finfo(np.float64).eps * counts.draws
    whole = counts.drawn @ counts.truth**2 + 1.0
    second[second <= scale * whole] = 0.0
    fourth[second == 0] = 0.0
    return second, np.maximum(fourth, 0.0)


def _power_sums(areas: Floats, truth: Floats, drawn: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return Σ (a + g)² and Σ (a + g)⁴ over the draws, float64 [U, C], of a in areas [N, U] and g in truth [N, C]."""
    a, g = areas.T, truth
    a2, g2 = a * a, g * g
    once, none = drawn[:, None].astype(np.float64), np.ones_like(g)
    second = a2 @ (none * once) + 2 * (a @ (g * once)) + np.ones_like(a) @ (g2 * once)
    fourth = (
        (a2 * a2) @ (none * once)
        + 4 * ((a2 * a) @ (g * once))
        + 6 * (a2 @ (g2 * once))
        + 4 * (a @ (g2 * g * once))
        + np.ones_like(a) @ (g2 * g2 * once)
    )
    return second, fourth


def _images_with_either(counts: _ImageCounts, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return in how many of the draws a unit's mask or the concept has a pixel, for the `wanted` pairs."""
    either = np.zeros(wanted.shape)
    for _, columns, areas in counts.by_category():
        neither = (areas == 0).astype(np.float64).T @ ((counts.truth[:, columns] == 0) * counts.drawn[:, None])
        either[:, columns] = counts.draws - neither
    return either[wanted]


def student_quantile(p: float, df: Floats) -> Floats:
    """Return the quantile of Student's t at p ≥ 1/2 for degrees of freedom ≥ 1, whole or not.

    With t = √df tan φ the distribution function is 1/2 + c ∫ cos^(df-1), c = Γ((df+1)/2) / (√π Γ(df/2)): integrated by
    Gauss and Legendre, solved by bisection on a grid evenly spaced in 1/df, and interpolated there; right to 1e-5.
    """
    inverse = np.linspace(0.0, 1.0, _GRID)
    quantiles = np.empty(_GRID)
    quantiles[0] = NormalDist().inv_cdf(p)
    grid = 1 / inverse[1:]
    log_c = np.array([math.lgamma((v + 1) / 2) - math.lgamma(v / 2) for v in grid]) - math.log(math.pi) / 2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    low, high = np.zeros(_GRID - 1), np.full(_GRID - 1, math.pi / 2)
    for _ in range(60):
        middle = (low + high) / 2
        angle = middle[:, None] * (nodes + 1) / 2
        powers = np.exp(log_c[:, None] + (grid - 1)[:, None] * np.log(np.cos(angle)))
        below = 0.5 + (powers @ weights) * middle / 2 < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    quantiles[1:] = np.sqrt(grid) * np.tan(low)
    return np.interp(1 / df, inverse, quantiles)


# --- sets of labels ---


def _label_sets(
    d: LayerScores, counts: _ImageCounts, deviation: Floats, level: float, resamples: int, seed: int
) -> tuple[tuple[int, ...], ...]:
    """Return for every unit the fewest concepts that won a share `level` of the resamples (Efron's bootstrap)."""
    rng = np.random.default_rng(seed)
    unit, column = _candidates(d, deviation)
    # The last column counts the resamples in which no concept won.
    wins = np.zeros((counts.units, counts.concepts + 1), dtype=np.int64)
    wins[:, -1] = resamples
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    for iou in _resampled_iou(
        counts, unit, column, rng.multinomial(counts.draws, counts.drawn / counts.draws, resamples)
    ):
        best = np.maximum.reduceat(iou, starts) if len(starts) else iou
        first = np.flatnonzero((iou > 0) & (iou == np.repeat(best, np.diff(starts, append=len(unit)))))
        winners, at = np.unique(unit[first], return_index=True)
        wins[winners, column[first[at]]] += 1
        wins[winners, -1] -= 1
    numbers = [concept.number for concept in d.concepts]
    return tuple(
        _fewest(wins[k], numbers, level * resamples) if d.best_concepts[k] >= 0 else () for k in range(counts.units)
    )


def _candidates(d: LayerScores, deviation: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return units and concepts that may win a resample, sorted by unit, then as ties are settled.

    Left out are those that many standard deviations of both separate from the unit's label: of an IoU that rests on one
    image, too, which a resample may hold several times, or not at all.
    """
    labeled = d.best_concepts >= 0
    label = np.maximum(d.best_concepts, 0)[:, None]
    least = np.take_along_axis(d.iou - _FAR * deviation, label, axis=1)
    unit, column = np.nonzero((d.iou + _FAR * deviation >= least) & (d.iou > 0) & labeled[:, None])
    later_first = d.category_of[column] if d.semantics == "netdissect-lite" else np.zeros(len(column), dtype=np.int64)
    order = np.lexsort((column, -later_first, unit))
    return unit[order], column[order]


def _resampled_iou(
    counts: _ImageCounts, unit: NDArray[np.int64], column: NDArray[np.int64], times: NDArray[np.int64]
) -> Iterator[Floats]:
    """Yield the IoU of pairs of unit and concept for every row of image weights [resamples, N]."""
    weights = times.astype(np.float64)
    category = counts.category_of[column]
    union = (weights @ counts.truth)[:, column]
    for number, _, areas in counts.by_category():
        these = np.flatnonzero(category == number)
        union[:, these] += (weights @ areas)[:, unit[these]]
    place = np.full(counts.units * counts.concepts, -1)
    place[unit * counts.concepts + column] = np.arange(len(unit))
    rows = np.flatnonzero(place[counts.pair] >= 0)
    rows = rows[np.argsort(place[counts.pair[rows]], kind="stable")]
    image, pixels = counts.image[rows], counts.shared[rows]
    starts = np.flatnonzero(np.diff(place[counts.pair[rows]], prepend=-1))  # every pair shares pixels somewhere
    weighted = np.empty(len(rows))
    for these, either in zip(weights, union, strict=True):
        np.take(these, image, out=weighted, mode="clip")  # the default copies once more
        np.multiply(weighted, pixels, out=weighted)
        shared = np.add.reduceat(weighted, starts) if len(starts) else weighted
        yield np.divide(shared, either - shared, out=np.zeros(len(unit)), where=either > shared)


def _fewest(wins: NDArray[np.int64], numbers: list[int], enough: float) -> tuple[int, ...]:
    """Return the fewest concepts, by number, that won often enough together, those that won most first."""
    order = np.argsort(-wins, kind="stable")
    reached = int(np.searchsorted(np.cumsum(wins[order]), enough - 1e-9)) + 1
    return tuple(numbers[column] for column in order[:reached] if column < len(numbers) and wins[column])
