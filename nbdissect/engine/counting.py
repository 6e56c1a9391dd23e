"""Counting: how many pixels each unit's masks share with each concept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.upsampling import axes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nbdissect.engine.labels import ImageLabels
    from nbdissect.engine.sparse_maps import SparseCells
    from nbdissect.results.upsampling import ReceptiveField
    from nbdissect.types import Semantics

# Pixels evaluated at once: the working arrays stay in a core's cache.
_BLOCK = 1 << 17
# Counters [tuple, unit], or pixels with their tuples, held at once.
_COUNTERS = 1 << 21
# Pixels of masks held at once before they are counted.
_OCCURRENCES = 1 << 22


@dataclass
class Counts:
    """Pixels counted for one layer. U units, C concepts, G categories.

    Attributes
    ----------
    intersection : int64 [U, C]
    activation : int64 [U, G]
    rows : dict of name to list of arrays
        Per image, where that is wanted: see :class:`nbdissect.results.per_image.PerImage`.
    """

    intersection: NDArray[np.int64]
    activation: NDArray[np.int64]
    rows: dict[str, list[NDArray[Any]]] = field(
        default_factory=lambda: {"intersection": [], "area": [], "area_categories": [], "unlabeled": []}
    )


class Tallies:
    """What was counted over some images, for all layers.

    Parameters
    ----------
    units : mapping of layer to U
    concepts, categories : int
    per_image : bool
        Whether to keep rows per image.

    Attributes
    ----------
    layers : dict of layer to Counts
    truth : int64 [C]
        Pixels of each concept.
    category_pixels : int64 [G]
        Pixels of the masks of the images that carry each category.
    pixels : int
        Pixels of all masks.
    rows : dict of name to list of arrays
        Truth and pixels per image.
    """

    def __init__(self, units: Mapping[str, int], concepts: int, categories: int, *, per_image: bool = False) -> None:
        self._concepts, self._categories, self.per_image = concepts, categories, per_image
        self.layers: dict[str, Counts] = {}
        for name, number in units.items():
            self.add_layer(name, number)
        self.truth = np.zeros(concepts, np.int64)
        self.category_pixels = np.zeros(categories, np.int64)
        self.pixels = 0
        self.rows: dict[str, list[NDArray[np.int64]]] = {"truth": [], "pixels": []}

    def add_layer(self, name: str, units: int) -> None:
        """Begin a layer of `units` units."""
        self.layers[name] = Counts(
            np.zeros((units, self._concepts), np.int64), np.zeros((units, self._categories), np.int64)
        )

    def update_labels(self, images: Sequence[int], labels: Sequence[ImageLabels]) -> None:
        """Count the concepts' own pixels in some images."""
        for image, label in zip(images, labels, strict=True):
            area = label.truth
            self.truth[label.columns] += area
            self.category_pixels += label.category_pixels
            self.pixels += len(label.tuples)
            if self.per_image:
                self.rows["truth"].append(np.column_stack([np.full(len(area), image), label.columns, area]))
                self.rows["pixels"].append(np.array([[image, len(label.tuples)]], np.int64))

    def update_masks(
        self,
        layer: str,
        cells: SparseCells,
        thresholds: NDArray[np.float32],
        images: Sequence[int],
        labels: Sequence[ImageLabels],
        shape: tuple[int, int],
        semantics: Semantics,
        field: ReceptiveField | None = None,
    ) -> None:
        """Count what the masks of a layer's units share with the labels of the images in which the cells lie.

        Parameters
        ----------
        cells : SparseCells
            Surviving cells of some of these images, all with masks of `shape`.
        thresholds : float32 [U]
        images : sequence of int
            Ascending indices into the data set.
        labels : sequence of ImageLabels
            Of the same images.
        field : ReceptiveField, optional
            Where the layer's activations stand; half-pixel centers without it.
        """
        present = np.flatnonzero(np.isin(images, cells.image)).tolist()
        counts, units = self.layers[layer], len(thresholds)
        images, labels = [images[k] for k in present], [labels[k] for k in present]
        edges = np.searchsorted(cells.image, [*images, np.iinfo(np.int32).max])
        for first, last in _groups([max(len(label.pixel_category) * units, len(label.tuples)) for label in labels]):
            part = slice(edges[first], edges[last])
            group = labels[first:last]
            offsets = np.cumsum([0, *(len(label.pixel_category) for label in group)])
            # One number per pixel and image: (first counter of its tuple), the unit is added below.
            tuples = np.stack([(label.tuples + offset) for label, offset in zip(group, offsets, strict=False)]) * units
            place = np.searchsorted(np.asarray(images[first:last]), cells.image[part])
            counters = _mask_counters(cells, part, place, thresholds, tuples, shape, field)
            if len(group) == 1 and int(offsets[-1]) * units > _COUNTERS:
                for unit, hits in _count_by_units(counters, int(offsets[-1]), units):
                    _add_image(
                        counts, images[first], group[0], hits, semantics, per_image=self.per_image, first_unit=unit
                    )
                continue
            hits = _count(counters, int(offsets[-1]) * units).reshape(-1, units)
            for k, label in enumerate(group):
                image = images[first + k]
                _add_image(counts, image, label, hits[offsets[k] : offsets[k + 1]], semantics, per_image=self.per_image)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the counts as arrays, for :meth:`merge_state`."""
        arrays: dict[str, NDArray[Any]] = {
            "truth": self.truth,
            "category_pixels": self.category_pixels,
            "pixels": np.array(self.pixels),
        }
        arrays.update({f"rows.{name}": np.concatenate(rows) for name, rows in self.rows.items() if rows})
        for number, counts in enumerate(self.layers.values()):
            arrays[f"{number}.intersection"], arrays[f"{number}.activation"] = counts.intersection, counts.activation
            arrays.update({f"{number}.rows.{name}": np.concatenate(rows) for name, rows in counts.rows.items() if rows})
        return arrays

    def merge_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Add what was counted over other images, of the same layers in the same order."""
        self.truth += state["truth"]
        self.category_pixels += state["category_pixels"]
        self.pixels += int(state["pixels"])
        for name, rows in self.rows.items():
            _take(rows, state, f"rows.{name}")
        for number, counts in enumerate(self.layers.values()):
            counts.intersection += state[f"{number}.intersection"]
            counts.activation += state[f"{number}.activation"]
            for name, rows in counts.rows.items():
                _take(rows, state, f"{number}.rows.{name}")


def _take(rows: list[NDArray[Any]], state: Mapping[str, NDArray[Any]], key: str) -> None:
    if key in state:
        rows.append(state[key])


def _count(blocks: Iterator[NDArray[np.int64]], counters: int) -> NDArray[np.int64]:
    """Count how often each counter occurs, some millions of occurrences at a time."""
    hits = np.zeros(counters, np.int64)
    waiting: list[NDArray[np.int64]] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += len(block)
        if held > _OCCURRENCES:
            hits += np.bincount(np.concatenate(waiting), minlength=counters)
            waiting, held = [], 0
    if waiting:
        hits += np.bincount(np.concatenate(waiting), minlength=counters)
    return hits


def _count_by_units(
    blocks: Iterator[NDArray[np.int64]], tuples: int, units: int
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Count what one image's counters hold, where all of them are too many: some units at a time, int64 [T, …]."""
    keys, hits = np.empty(0, np.int64), np.empty(0, np.int64)
    for block in blocks:
        found, times = np.unique(block, return_counts=True)
        keys, place = np.unique(np.concatenate([keys, found]), return_inverse=True)
        hits = np.bincount(place.reshape(-1), weights=np.concatenate([hits, times])).astype(np.int64)
    unit = keys % units
    step = max(1, _COUNTERS // tuples)
    for first in range(0, units, step):
        here = (unit >= first) & (unit < first + step)
        some = np.zeros((tuples, min(step, units - first)), np.int64)
        some[keys[here] // units, unit[here] - first] = hits[here]
        yield first, some


def _groups(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of consecutive images whose counters fit, at least one image each."""
    first, held = 0, 0
    for k, size in enumerate(sizes):
        if k > first and held + size > _COUNTERS:
            yield first, k
            first, held = k, 0
        held += size
    if first < len(sizes):
        yield first, len(sizes)


def _mask_counters(
    cells: SparseCells,
    part: slice,
    place: NDArray[np.int64],
    thresholds: NDArray[np.float32],
    tuples: NDArray[np.int64],
    shape: tuple[int, int],
    field: ReceptiveField | None,
) -> Iterator[NDArray[np.int64]]:
    """For every pixel of every mask, the number of its counter: tuple times U plus unit."""
    unit, cell, corners = cells.unit[part].astype(np.int64), cells.cell[part], cells.corners[:, part]
    ids = tuples.ravel()
    base = place * tuples.shape[1]
    if len(corners) == 1:  # each cell is a pixel
        yield ids.take(base + cell) + unit
        return
    rows, columns = axes_of(cells.grid, shape, field)
    # Cells that cover equally many rows and columns of pixels are evaluated together.
    kind = _cell_kinds(cells.grid, shape, field)[cell]
    order = np.argsort(kind, kind="stable")
    sizes = np.bincount(kind)
    ends = np.cumsum(sizes)
    for first, last in zip(ends - sizes, ends, strict=True):
        if first == last:
            continue
        one = int(cell[order[first]])
        height = int(rows.count[one // cells.grid[1]])
        width = int(columns.count[one % cells.grid[1]])
        if not height or not width:
            continue
        step = max(1, _BLOCK // (height * width))
        down, across = np.arange(height), np.arange(width)
        pixels = (down[:, None] * shape[1] + across)[..., None]
        for start in range(first, last, step):
            chosen = order[start : min(start + step, last)]
            i, j = np.divmod(cell[chosen].astype(np.int64), cells.grid[1])
            top, left = rows.start[i], columns.start[j]
            a, b, c, d = corners[:, chosen]
            weight = rows.weight[top + down[:, None]]  # [height, R]
            west = a + weight * (b - a)
            east = c + weight * (d - c)
            value = columns.weight[left + across[:, None]] * (east - west)[:, None]  # [height, width, R]
            value += west[:, None]
            on = value > thresholds[unit[chosen]]
            key = ids.take(base[chosen] + top * shape[1] + left + pixels)
            key += unit[chosen]
            yield np.compress(on.ravel(), key.ravel())


@lru_cache(maxsize=64)
def _cell_kinds(grid: tuple[int, int], shape: tuple[int, int], field: ReceptiveField | None) -> NDArray[np.int16]:
    """Number cells by how many rows and columns of pixels they cover."""
    rows, columns = (axis.count for axis in axes_of(grid, shape, field))
    size = rows[:, None] * (columns.max() + 1) + columns
    return np.unique(size, return_inverse=True)[1].reshape(-1).astype(np.int16)


def _add_image(
    counts: Counts,
    image: int,
    label: ImageLabels,
    hits: NDArray[np.int64],
    semantics: Semantics,
    *,
    per_image: bool,
    first_unit: int = 0,
) -> None:
    """Add one image, given how often the masks of units from `first_unit` on meet each tuple, int64 [T, U]."""
    part = slice(first_unit, first_unit + hits.shape[1])
    shared = label.sum_by_concept(hits)
    counts.intersection[part, label.columns] += shared
    area = hits.sum(axis=0)
    if semantics == "paper":
        carries = np.broadcast_to(
            label.pixel_category.any(axis=0) | label.whole_category, counts.activation[part].shape
        )
    else:
        # NetDissect-Lite: an area counts for a category only where the mask itself meets it.
        carries = (hits.T > 0) @ label.pixel_category | label.whole_category
    counts.activation[part] += area[:, None] * carries
    if label.unlabeled is not None:
        # What nobody has labeled is no background: it counts for no category whose labels are missing there.
        missing = (hits.T @ label.unlabeled) * carries
        counts.activation[part] -= missing
        if per_image:
            unit, g = np.nonzero(missing)
            rows = np.column_stack([np.full(len(unit), image), unit + first_unit, g, missing[unit, g]])
            counts.rows["unlabeled"].append(rows)
    if per_image:
        unit, k = np.nonzero(shared)
        image_of = np.full(len(unit), image)
        counts.rows["intersection"].append(
            np.column_stack([image_of, unit + first_unit, label.columns[k], shared[unit, k]])
        )
        (unit,) = np.nonzero(area)
        counts.rows["area"].append(np.column_stack([np.full(len(unit), image), unit + first_unit, area[unit]]))
        counts.rows["area_categories"].append(carries[unit])
