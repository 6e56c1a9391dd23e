"""Whether counts kept image by image can be, and add up to the counts of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.fields import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.results.per_image import PerImage


def problems(rows: PerImage, d: LayerScores) -> Iterator[str]:
    """Yield what is wrong with the rows of `d`, whose own counts were found to be right; the first is meant to be read."""
    for rule in (_rows, _images, _overlaps, _sums):
        yield from rule(rows, d)


def _rows(rows: PerImage, d: LayerScores) -> Iterator[str]:
    """Check each row by itself: an image that was counted, a unit and a concept that are there, a count, each once."""
    units, concepts = len(d.thresholds), len(d.concepts)
    # An image that was drawn twice stands there twice, as it is.
    drawn = np.unique(rows.pixels, axis=0)
    images = drawn[:, 0]
    if (images[1:] == images[:-1]).any():
        yield "per_image.pixels holds an image twice, with different numbers of pixels"
    tables: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
        ("pixels", drawn, ()),
        ("area", rows.area, (units,)),
        ("truth", rows.truth, (concepts,)),
        ("intersection", rows.intersection, (units, concepts)),
        ("unlabeled", _unlabeled(rows), (units, len(d.categories))),
    )
    for name, table, lengths in tables:
        if table.min(initial=0) < 0 or not np.isin(table[:, 0], images).all():
            yield f"per_image.{name} holds a negative number, or an image that was not counted"
        if any(table[:, k].max(initial=-1) >= length for k, length in enumerate(lengths, 1)):
            yield f"per_image.{name} holds a unit or concept that is not there"
        # In floats, which don't wrap around.
        if table[:, -1].sum(dtype=np.float64) > MOST:
            yield f"per_image.{name} holds more pixels than there can be"
        keys = np.sort(_keys(table[:, :-1], images, lengths))
        if (keys[1:] == keys[:-1]).any():
            yield f"per_image.{name} holds a row twice"


def _unlabeled(rows: PerImage) -> NDArray[np.int64]:
    return np.empty((0, 4), dtype=np.int64) if rows.unlabeled is None else rows.unlabeled


def _keys(columns: NDArray[np.int64], images: NDArray[np.int64], lengths: tuple[int, ...]) -> NDArray[np.int64]:
    """Return one number for each row of image, unit or concept; the same for the same."""
    key = np.searchsorted(images, columns[:, 0])
    for k, length in enumerate(lengths, 1):
        key = key * length + columns[:, k]
    return key


def _images(rows: PerImage, d: LayerScores) -> Iterator[str]:
    if len(rows.pixels) != d.images:
        yield f"per_image.pixels has {len(rows.pixels):,} images, of {d.images:,} counted"
    if d.data is not None and rows.pixels[:, 0].max(initial=-1) >= len(d.data):
        yield f"per_image.pixels names image {rows.pixels[:, 0].max()} of {len(d.data)}"


def _overlaps(rows: PerImage, d: LayerScores) -> Iterator[str]:
    """Check within each image what is shared against the areas that share it."""
    units, concepts = len(d.thresholds), len(d.concepts)
    images = np.sort(rows.pixels[:, 0])
    shared = rows.intersection
    pixels = _found(rows.pixels, rows.area[:, :1], images, ())[0]
    if (rows.area[:, 2] > pixels).any():
        yield "per_image.area holds more pixels than the image"
    truth = _found(rows.truth, shared[:, [0, 2]], images, (concepts,))[0]
    area, place = _found(rows.area, shared[:, :2], images, (units,))
    missing = _unlabeled(rows)
    if (missing[:, 3] > _found(rows.area, missing[:, :2], images, (units,))[0]).any():
        yield "per_image.unlabeled holds more pixels than the unit's mask has there"
    counts = np.zeros(len(shared), dtype=bool)
    there = place >= 0
    counts[there] = rows.area_categories[place[there], d.category_of[shared[there, 2]]]
    if (shared[:, 3] > truth).any() or ((shared[:, 3] > 0) & ~counts).any():
        yield "per_image.intersection holds more pixels than the concept has there, or than count for its category"
    if d.semantics == "paper":
        if (shared[:, 3] > area).any():
            yield "per_image.intersection holds more pixels than the unit's mask has there"
        if (rows.truth[:, 2] > _found(rows.pixels, rows.truth[:, :1], images, ())[0]).any():
            yield "per_image.truth holds more pixels than the image"


def _found(
    table: NDArray[np.int64], wanted: NDArray[np.int64], images: NDArray[np.int64], lengths: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for rows of keys, the counts that `table` has under them (0: none), and in which rows (-1: none)."""
    keys, asked = _keys(table[:, :-1], images, lengths), _keys(wanted, images, lengths)
    order = np.argsort(keys)
    if not len(order):
        return np.zeros(len(asked), dtype=np.int64), np.full(len(asked), -1)
    at = order[np.minimum(np.searchsorted(keys, asked, sorter=order), len(order) - 1)]
    same = keys[at] == asked
    return np.where(same, table[at, -1], 0), np.where(same, at, -1)


def _sums(rows: PerImage, d: LayerScores) -> Iterator[str]:
    intersection, truth, activation, pixels = rows.total(rows.pixels[:, 0], len(d.thresholds), len(d.concepts))
    for name, total in (("intersection", intersection), ("truth", truth), ("activation", activation)):
        if (wrong := total != getattr(d, name)).any():
            yield f"per_image.{name} doesn't add up to {name} ({wrong.sum():,} values)"
    if pixels != d.pixels:
        yield f"per_image.pixels adds up to {pixels:,}, not to {d.pixels:,}"
