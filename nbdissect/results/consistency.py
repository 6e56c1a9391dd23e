"""Whether the numbers of a result can be, each by itself and all together, whatever file or program they came from.

A result that was counted by this program passes every rule here; one that doesn't is damaged or made up.
An imported table (`stored_iou`) knows some numbers only, and some published ones contradict themselves:
rules that they break don't hold for them.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results import per_image_consistency
from nbdissect.results.fields import MOST, MOST_CATEGORIES, MOST_LETTERS, array_values, arrays_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nbdissect.results.layer_scores import LayerScores

# Units whose counts are compared at a time: few enough that copies of them are small.
_BLOCK_VALUES = 1 << 19
_MOST_CELLS = 1 << 28
_MOST_UNITS = 1 << 13  # each is a card of the gallery
_MOST_IMAGES = 1 << 31


def problem(d: LayerScores) -> str:
    """Return the first thing that is wrong with the numbers of a result, "" if nothing is."""
    return next(chain.from_iterable(rule(d) for rule in _RULES), "")


def is_imported(d: LayerScores) -> bool:
    """Whether a result is a table that was imported."""
    return d.stored_iou is not None


def _shapes(d: LayerScores) -> Iterator[str]:
    sizes = {"U": len(d.thresholds), "C": len(d.concepts), "G": len(d.categories)}
    beside = f"{sizes['U']} units, {sizes['C']} concepts, {sizes['G']} categories"
    declared = arrays_of(type(d))
    for name, values in array_values(d).items():
        axes, shape = declared[name].axes, np.shape(values)
        wanted = [int(axis) if axis.isdigit() else sizes.get(axis) for axis in axes]
        if len(shape) != len(axes) or any(w not in (None, got) for w, got in zip(wanted, shape, strict=True)):
            needed = ", ".join(axis if w is None else str(w) for axis, w in zip(axes, wanted, strict=True))
            yield f"{name} has shape {list(shape)}, where [{needed}] is needed beside {beside}"
        sizes.update(zip(axes, shape, strict=True))
        if not declared[name].holds(values.dtype):
            yield f"{name} is {values.dtype}; {' or '.join(declared[name].dtypes)} is needed"
    if sizes["U"] > _MOST_UNITS:
        yield f"{sizes['U']:,} units; at most {_MOST_UNITS:,} are allowed"
    if sizes["T"] and not 0 < sizes["h"] * sizes["w"] <= _MOST_CELLS:
        yield f"top_maps has maps of {sizes['h']} × {sizes['w']}"


def _concepts(d: LayerScores) -> Iterator[str]:
    if strange := {concept.category for concept in d.concepts} - set(d.categories):
        yield f"a concept's category {min(strange)!r:.80} is not among the categories"
    if long := [name for name in (*d.categories, *(c.name for c in d.concepts)) if len(name) > MOST_LETTERS]:
        yield f"a name has {len(long[0]):,} letters; at most {MOST_LETTERS:,} are allowed"
    if len(d.categories) > MOST_CATEGORIES:
        yield f"{len(d.categories):,} categories; at most {MOST_CATEGORIES:,} are allowed"
    numbers = [concept.number for concept in d.concepts]
    if any(a >= b for a, b in pairwise(numbers)):
        yield "the concepts are not in the order of their numbers, by which ties are broken"


def _counts(d: LayerScores) -> Iterator[str]:
    """Check that counts are whole numbers from 0 on, all of them known unless the result was imported."""
    for name in ("intersection", "truth", "activation"):
        values = getattr(d, name)
        if values.dtype.kind == "f":
            if not is_imported(d):
                yield f"{name} is {values.dtype}; whole numbers are needed in a result that was not imported"
            if name == "activation" and np.isnan(values).any():
                yield "activation is NaN, where even an imported table has numbers"
            values = values[~np.isnan(values)]
        wrong = (values < 0) | (values > MOST)
        if wrong.any():
            yield f"{name} is negative or infinite ({wrong.sum():,} values)"
        if values.dtype.kind == "f" and (fractions := values != np.floor(values)).any():
            yield f"{name} is no whole number ({fractions.sum():,} values)"
    wrong = ~np.isfinite(d.thresholds) & ~(np.isnan(d.thresholds) & is_imported(d))
    if wrong.any():
        yield f"thresholds are infinite, or NaN in a result that was not imported ({wrong.sum():,} values)"


def _overlaps(d: LayerScores) -> Iterator[str]:
    """Check what is shared against the areas that share it: 0 ≤ I ≤ min(A, G), so that IoU ≤ 1."""
    for at in blocks(d):
        shared, area = d.intersection[at], d.activation[at][:, d.category_of]
        if (wrong := shared > d.truth).any():
            yield f"intersection has more pixels than the concept ({wrong.sum():,} values)"
        if is_imported(d):
            continue  # published tables have areas of 0 beside blank labels
        # In NetDissect-Lite's, a label in two planes counts twice: that may pass the area, but not an empty one.
        wrong = shared > area if d.semantics == "paper" else (shared > 0) & (area == 0)
        if wrong.any():
            yield f"intersection has more pixels than the unit's mask, in activation ({wrong.sum():,} values)"


def blocks(d: LayerScores) -> Iterator[slice]:
    """Yield slices of the units, some at a time."""
    step = max(1, _BLOCK_VALUES // max(1, len(d.concepts)))
    return (slice(start, start + step) for start in range(0, len(d.thresholds), step))


def _totals(d: LayerScores) -> Iterator[str]:
    if not d.pixels:
        return  # not known
    if d.pixels < d.images:
        yield f"pixels is {d.pixels:,} for {d.images:,} images"
    if (most := d.activation.max(initial=0)) > d.pixels:
        yield f"activation holds {int(most):,} of {d.pixels:,} pixels"
    # In NetDissect-Lite's semantics a label may count several times.
    if d.semantics == "paper" and (most := d.truth.max(initial=0)) > d.pixels:
        yield f"truth holds {int(most):,} of {d.pixels:,} pixels"


def _progress(d: LayerScores) -> Iterator[str]:
    if d.planned and not d.images <= d.seen <= d.planned:
        yield f"of {d.planned:,} images planned {d.seen:,} were seen and {d.images:,} counted"
    if not d.planned and (d.seen or d.provisional):
        yield f"{d.seen:,} images were seen of a run that planned none"
    length = None if d.data is None else len(d.data)
    if length is not None and (most := max(d.images, d.planned)) > length:
        yield f"{most:,} images were counted or planned, of a data set of {length:,}"


def _top_images(d: LayerScores) -> Iterator[str]:
    images, present = d.top_images, d.top_images >= 0
    if (wrong := (images < -1) | (images >= _MOST_IMAGES)).any():
        yield f"top_images is below -1, or no index of an image ({wrong.sum():,} values)"
    if (present[:, 1:] & ~present[:, :-1]).any():
        yield "top_images has an image behind a place without one"
    ordered = np.sort(images, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        yield "top_images has an image twice for one unit"
    if d.data is not None and images.max(initial=-1) >= len(d.data):
        yield f"top_images names image {images.max()} of {len(d.data)}"


def _activations(d: LayerScores) -> Iterator[str]:
    present, strongest, maps = d.top_images >= 0, d.top_activations, d.top_maps
    wrong = np.where(present, ~np.isfinite(strongest), ~np.isnan(strongest))
    if wrong.any():
        yield f"top_activations is NaN or infinite for an image, or a number for none ({wrong.sum():,} values)"
    if not np.isfinite(maps[present]).all():
        yield "top_maps is NaN or infinite for an image"
    if (present[:, 1:] & (strongest[:, 1:] > strongest[:, :-1])).any():
        yield "top_images is not in the order of top_activations, strongest first"
    if (maps[present].max(axis=(1, 2), initial=-np.inf) != strongest[present]).any():
        yield "top_activations is not the maximum of top_maps"
    if present.shape[1]:
        first = np.where(present[:, 0], strongest[:, 0], np.inf)
        if not d.thresholds_given and (d.thresholds > first).any():
            yield "a threshold is above its unit's strongest activation"
        if ((d.thresholds >= first)[:, None] & (d.activation > 0)).any():
            yield "activation has pixels of a unit that never passes its threshold"
    if d.silent is not None:
        yield from _silent(d, d.silent)


def _category_pixels(d: LayerScores) -> Iterator[str]:
    """Check the pixels of the images that carry a category: those of units and concepts lie within."""
    pixels = d.category_pixels
    if pixels is None:
        return
    if (pixels < 0).any() or (pixels > d.pixels).any():
        yield "category_pixels is negative, or more than there are pixels"
    if (d.activation > pixels).any():
        yield "activation has more pixels than the images that carry the category"
    if d.semantics == "paper" and (d.truth > pixels[d.category_of]).any():
        yield "truth has more pixels than the images that carry the category"


def _silent(d: LayerScores, images: NDArray[Any]) -> Iterator[str]:
    """Check that the last images of a unit, those it is silent in, are as dark as any."""
    held = (d.top_images >= 0).sum(axis=1)
    if ((images < 0) | (images > held)).any():
        yield f"silent is below 0 or above the number of a unit's top images ({int(held.max(initial=0))} at most)"
        return
    places = np.arange(d.top_images.shape[1])
    silent = (places >= (held - images)[:, None]) & (places < held[:, None])
    least = np.where((d.top_images >= 0)[..., None, None], d.top_maps, np.inf).min(axis=(1, 2, 3), initial=np.inf)
    if (silent & (d.top_activations > least[:, None])).any():
        yield "silent counts an image in which a unit is above its minimum"


def _imported(d: LayerScores) -> Iterator[str]:
    """Check a table's own IoU and best concepts, which nothing else gives."""
    if d.stored_iou is None:
        if d.stored_best is not None:
            yield "stored_best is there without stored_iou"
        return
    if d.per_image is not None:
        yield "per_image beside stored_iou: what was imported has no counts per image"
    if (np.isnan(d.stored_iou) != np.isnan(d.intersection)).any():
        yield "stored_iou is known where intersection is not, or the other way round"
    known = d.stored_iou[~np.isnan(d.stored_iou)]
    if not ((known >= 0) & np.isfinite(known)).all():
        yield "stored_iou is negative or infinite"
    if d.semantics == "paper" and (known > 1).any():
        yield f"stored_iou is above 1 ({(known > 1).sum():,} values), which semantics='netdissect-lite' allows"
    if d.stored_best is None:
        return
    best = d.stored_best
    if ((best < -1) | (best >= len(d.concepts))).any():
        yield "stored_best is no column"
    highest = np.fmax.reduce(d.stored_iou, axis=1, initial=0.0)
    named = best >= 0
    chosen = d.stored_iou[named, best[named]]
    if (highest[~named] > 0).any() or (chosen != highest[named]).any() or (chosen == 0).any():
        yield "stored_best is not the concept of the highest stored_iou"


def _record(d: LayerScores) -> Iterator[str]:
    """Check what the provenance says of the result against the result."""
    if d.provenance is None:
        return
    for name in ("layer", "semantics", "quantile", "categories"):
        mine, noted = getattr(d, name), getattr(d.provenance, name)
        known = noted == noted and noted not in ("", ())  # noqa: PLR0124  # NaN: not known
        if known and mine != noted:
            yield f"{name} is {mine!r:.80}, and {noted!r:.80} in the provenance"


def _per_image(d: LayerScores) -> Iterator[str]:
    if d.per_image is not None:
        yield from per_image_consistency.problems(d.per_image, d)


# Each relies on those before it, and is not asked once one of them has found something.
_RULES = (
    _shapes,
    _concepts,
    _counts,
    _overlaps,
    _totals,
    _category_pixels,
    _progress,
    _top_images,
    _activations,
    _imported,
    _record,
    _per_image,
)
