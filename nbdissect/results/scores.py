"""From counts of pixels to scores: IoU, its ceiling, best labels. Arrays in, arrays out.

Shapes: U units, C concepts (ascending by number), G categories. ``category_of`` is an int array
[C] that holds each concept's position among the categories.

Source: Bau, Zhou, Khosla, Oliva, Torralba, "Network Dissection: Quantifying Interpretability of
Deep Visual Representations", CVPR 2017, section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbdissect.types import Semantics

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Numbers = NDArray[Any]
    Measured = Numbers | float

MIN_IOU = 0.04
"""The paper's cut: a unit is a detector where its best IoU passes this."""

# What NetDissect-Lite adds to the union, so that 0 / 0 is 0.
_LITE_EPSILON = 1e-10


def iou(
    intersection: Numbers, truth: Numbers, activation: Numbers, category_of: Ints, semantics: Semantics = "paper"
) -> Floats:
    """Intersection over union of every unit with every concept, float64 [U, C].

    ``I[k, c] / (A[k, g(c)] + G[c] - I[k, c])``: the unit's area is counted over the images that
    carry the concept's category g(c). 0 where the union is empty.

    Parameters
    ----------
    intersection : int64 [U, C]
        Pixels in both the unit's mask and the concept.
    truth : int64 [C]
        Pixels of the concept.
    activation : int64 [U, G]
        Pixels of the unit's mask over the images of each category.
    category_of : int64 [C]
    semantics : {"paper", "netdissect-lite"}
    """
    # In place: the arrays of a large layer have some hundred megabytes.
    shared = intersection.astype(np.float64)
    union = activation[:, category_of].astype(np.float64)
    union += truth
    union -= shared
    if semantics == "netdissect-lite":
        # An annotation that is counted twice can push the intersection past the union.
        union += _LITE_EPSILON
    else:
        shared[union == 0] = 0.0
        union[union == 0] = 1.0
    return np.divide(shared, union, out=shared)


def ceiling(truth: Numbers, activation: Numbers, category_of: Ints) -> Floats:
    """The highest IoU that areas of these sizes allow, float64 [U, C]: ``min(A, G) / max(A, G)``.

    Reached when the smaller of the two areas lies wholly inside the larger. 0 where both are empty.
    (NetDissect-Lite counts a label that stands in two layers twice, and can then exceed it.)
    """
    smaller = activation[:, category_of].astype(np.float64)
    larger = np.maximum(smaller, truth)
    np.minimum(smaller, truth, out=smaller)
    return np.divide(smaller, larger, out=smaller, where=larger != 0)  # where both are empty, 0 as it is


def f1(intersection: Measured, truth: Measured, activation: Measured) -> Floats:
    """Return F1, or Dice's coefficient, ``2 I / (A + G)``: of the pixels of both, how many they share. 0 / 0 is 0."""
    return _ratio(2.0 * np.asarray(intersection), np.asarray(activation) + truth)


def cosine(intersection: Measured, truth: Measured, activation: Measured) -> Floats:
    """Return the cosine of two masks, ``I / √(A G)``. 0 / 0 is 0."""
    return _ratio(intersection, np.sqrt(np.asarray(activation, float) * truth))


def pearson(intersection: Measured, truth: Measured, activation: Measured, pixels: Measured) -> Floats:
    """Return the correlation of two masks over `pixels` pixels N, ``(N I - A G) / √(A (N - A) G (N - G))``; 0 / 0 is 0.

    -1 to 1, and 0 where unit and concept know nothing of each other, however large both are.
    """
    both, concept, unit, n = (np.asarray(x, dtype=np.float64) for x in (intersection, truth, activation, pixels))
    return _ratio(
        n * both - unit * concept, np.sqrt(unit) * np.sqrt(n - unit) * np.sqrt(concept) * np.sqrt(n - concept)
    )


def _ratio(above: Measured, below: Measured) -> Floats:
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    return np.divide(above, below, out=np.where(np.isnan(below), np.nan, 0.0), where=below > 0)


def passes(values: Floats, min_iou: float, semantics: Semantics = "paper") -> NDArray[np.bool_]:
    """Whether each value is above the cut: strictly in the paper's semantics, from the cut on in NetDissect-Lite's."""
    with np.errstate(invalid="ignore"):  # NaN: not in an imported file
        return values >= min_iou if semantics == "netdissect-lite" else values > min_iou


def best_by_category(values: Floats, category_of: Ints, categories: int) -> Ints:
    """Column of each unit's best concept within each category, int64 [U, G]; -1 where its IoU is 0 everywhere.

    A tie takes the lowest concept number. NaN counts as 0.
    """
    known = np.nan_to_num(values, nan=0.0)
    best = np.full((len(values), categories), -1, dtype=np.int64)
    order = np.argsort(category_of, kind="stable")
    for columns in np.split(order, np.flatnonzero(np.diff(category_of[order])) + 1):
        if len(columns):
            part = known[:, columns]
            winner = part.argmax(axis=1)
            found = np.take_along_axis(part, winner[:, None], axis=1)[:, 0] > 0
            best[found, category_of[columns[0]]] = columns[winner[found]]
    return best


def best(values: Floats, category_of: Ints, categories: int, semantics: Semantics = "paper") -> Ints:
    """Column of each unit's best concept, int64 [U]; -1 where its IoU is 0 everywhere.

    A tie takes the lowest concept number; in NetDissect-Lite's semantics a tie between categories
    goes to the later category.
    """
    if not values.shape[1]:
        return np.full(len(values), -1, dtype=np.int64)
    winners = best_by_category(values, category_of, categories)
    known = np.nan_to_num(values, nan=0.0)
    score = np.where(winners >= 0, np.take_along_axis(known, np.maximum(winners, 0), axis=1), 0.0)
    top = score.max(axis=1, initial=0.0)
    tied = (score == top[:, None]) & (winners >= 0)
    if semantics == "netdissect-lite":
        last = categories - 1 - tied[:, ::-1].argmax(axis=1)
        winner = np.take_along_axis(winners, last[:, None], axis=1)[:, 0]
    else:
        winner = np.where(tied, winners, np.iinfo(np.int64).max).min(axis=1)
    return np.where(tied.any(axis=1), winner, -1)
