"""The two passes: images through the network, then labels against what survived of its maps.

The first pass runs the network once and keeps, per layer, the largest activations, the strongest
images, and the cells in which a mask could have a pixel. Then every threshold is known exactly,
and the second pass reads the labels and counts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nbdissect.engine.capture import Capture, as_it_was, model_dtype
from nbdissect.engine.cells import Records, active_cells
from nbdissect.engine.exemplars import Exemplars
from nbdissect.engine.inputs import Batcher, ahead
from nbdissect.engine.labels import check_layer
from nbdissect.engine.maps import to_maps
from nbdissect.engine.tally import Counts, tally
from nbdissect.engine.thresholds import TopValues, threshold_rank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from nbdissect.engine.labels import ImageLabels, LabelReader
    from nbdissect.results.scoring import Semantics

# Whole maps held until a first bound is known: 4 bytes a value here, 24 a surviving cell.
_HELD_BYTES = 64 << 20
# Records that have come to lie below the bound are dropped when their number has doubled, and not before this.
_PRUNE_BYTES = 16 << 20
_PAPER_QUANTILE = 0.005


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` images in a stage ("network" or "labels")."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Plan:
    """What to run, already checked.

    Attributes
    ----------
    images : list of int
        Ascending indices into the data set.
    given_thresholds : mapping of layer to float32 [U], or None
    """

    layers: Sequence[str]
    images: Sequence[int]
    quantile: float
    semantics: Semantics
    top: int
    batch_size: int
    num_workers: int
    device: torch.device
    given_thresholds: Mapping[str, NDArray[np.float32]] | None = None
    per_image: bool = False


@dataclass
class LayerResult:
    """What was found for one layer."""

    thresholds: NDArray[np.float32]
    counts: Counts
    top_images: NDArray[np.int64]
    top_activations: NDArray[np.float32]
    top_maps: NDArray[np.float32]
    record_bytes: int


@dataclass
class Result:
    """What was found for all layers, with the concepts' own areas."""

    layers: dict[str, LayerResult]
    truth: NDArray[np.int64]
    pixels: int
    truth_rows: list[NDArray[np.int64]] = field(default_factory=list)
    pixel_rows: list[tuple[int, int]] = field(default_factory=list)


class LayerPass:
    """What the first pass keeps of one layer."""

    def __init__(self, name: str, plan: Plan, size: tuple[int, int], units: int) -> None:
        self.name = name
        self._size = (*size, units)
        self._rank = threshold_rank(plan.quantile, len(plan.images) * size[0] * size[1], plan.semantics)
        self._exemplars = Exemplars(units, plan.top, size, plan.device)
        self._values: TopValues | None = None
        self._held: list[tuple[torch.Tensor, torch.Tensor, list[tuple[int, int]]]] = []
        self._held_bytes = 0
        self._hold_at_most = _HELD_BYTES // len(plan.layers)
        self._records: list[list[tuple[tuple[int, int], Records]]] = []
        self.record_bytes = 0  # memory that the surviving cells take
        self._pruned_bytes = 0
        if plan.given_thresholds is None:
            self._values = TopValues(units, self._rank, plan.device)
            self._bound = self._values.bound
        else:
            self._bound = torch.from_numpy(plan.given_thresholds[name]).to(plan.device)
        self._warming = self._values is not None

    def add(self, maps: torch.Tensor, images: torch.Tensor, shapes: list[tuple[int, int]]) -> None:
        """Take in one batch of maps [B, h, w, U] of the images [B] with masks of these shapes."""
        if (*maps.shape[1:],) != self._size:
            message = (
                f"Layer {self.name!r} gave maps of {_times(maps.shape[1:])} for image {int(images[0])} after maps of "
                f"{_times(self._size)}. All images must give maps of one size: resize them to one size in transform=."
            )
            raise ValueError(message)
        self._check_finite(maps, images)
        self._exemplars.add(maps, images)
        if self._warming:
            # A copy: the module may use its output's memory again for the next batch.
            self._held.append((maps.clone(), images, shapes))
            self._held_bytes += maps.nbytes
            if self._held_bytes > self._hold_at_most:
                self._warm()
        else:
            if self._values is not None:
                self._values.add(maps)
            self._record(maps, images, shapes)

    def finish(self) -> NDArray[np.float32]:
        """Return the thresholds, float32 [U], and forget what lies below them."""
        if self._warming:
            self._warm()
        if self._values is None:
            thresholds = self._bound.cpu().numpy()
        else:
            thresholds = self._values.thresholds()
            self._values = None
        self._prune(thresholds)
        return thresholds

    def exemplars(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the strongest images, the maxima and the maps in them."""
        peaks = self._exemplars.peaks.cpu().numpy()
        images = self._exemplars.images.cpu().numpy()
        return images, np.where(images < 0, np.nan, peaks).astype(np.float32), self._exemplars.maps.cpu().numpy()

    def take(self, batch: int) -> list[tuple[tuple[int, int], Records]]:
        """Hand out, and forget, the surviving cells of one batch, by mask shape."""
        records, self._records[batch] = self._records[batch], []
        return records

    def _check_finite(self, maps: torch.Tensor, images: torch.Tensor) -> None:
        # One fast sum tells; the slow look only where it is not finite.
        if bool(torch.isfinite(maps.sum())):
            return
        bad = ~torch.isfinite(maps).all(dim=3).all(dim=2).all(dim=1)
        if bool(bad.any()):  # or only the sum was too large
            image = int(images[bad.nonzero()[0, 0]])
            message = (
                f"Layer {self.name!r} gave NaN or infinite activations for image {image}. Check the weights and the "
                "normalisation (transform=); half precision overflows beyond 65,504: try model.float()."
            )
            raise ValueError(message)

    def _warm(self) -> None:
        self._warming = False
        if self._values is not None and self._held:
            self._values.merge([maps for maps, _, _ in self._held])
        while self._held:
            self._record(*self._held.pop(0))

    def _record(self, maps: torch.Tensor, images: torch.Tensor, shapes: list[tuple[int, int]]) -> None:
        kept: list[tuple[tuple[int, int], Records]] = []
        for shape in dict.fromkeys(shapes):
            if len(set(shapes)) == 1:
                kept.append((shape, active_cells(maps, self._bound, images, shape)))
            else:
                rows = torch.tensor([k for k, other in enumerate(shapes) if other == shape], device=maps.device)
                kept.append((shape, active_cells(maps[rows], self._bound, images[rows], shape)))
        self._records.append(kept)
        self.record_bytes += sum(records.nbytes for _, records in kept)
        if self._values is not None and self.record_bytes > 2 * self._pruned_bytes + _PRUNE_BYTES:
            self._prune(self._bound.cpu().numpy())

    def _prune(self, bound: NDArray[np.float32]) -> None:
        self._records = [[(shape, records.above(bound)) for shape, records in batch] for batch in self._records]
        self.record_bytes = sum(records.nbytes for batch in self._records for _, records in batch)
        self._pruned_bytes = self.record_bytes


def _times(size: Sequence[int]) -> str:
    return f"{size[2]} × {size[0]} × {size[1]}"


def run(
    model: torch.nn.Module,
    data: Any,
    plan: Plan,
    transform: Callable[[Any], Any],
    labels: LabelReader,
    *,
    concepts: int,
    categories: int,
    report: Callable[[Progress], None] = lambda _: None,
) -> Result:
    """Run both passes and return the counts; see the module's docstring.

    Parameters
    ----------
    model, data, plan
    transform : callable
        PIL image → tensor [channels, height, width].
    labels : LabelReader
    concepts, categories : int
        Their numbers, C and G.
    report : callable
        Told how far the run is, after every batch.
    """
    batches = [plan.images[k : k + plan.batch_size] for k in range(0, len(plan.images), plan.batch_size)]
    with as_it_was(model, plan.device):
        passes, shapes = _network_pass(model, data, plan, transform, batches, report)
    return _label_pass(data, plan, passes, shapes, labels, batches, concepts, categories, report)


def _network_pass(
    model: torch.nn.Module,
    data: Any,
    plan: Plan,
    transform: Callable[[Any], Any],
    batches: Sequence[Sequence[int]],
    report: Callable[[Progress], None],
) -> tuple[dict[str, LayerPass], list[list[tuple[int, int]]]]:
    batcher = Batcher(transform, plan.device, model_dtype(model))

    def load(batch: Sequence[int]) -> tuple[list[Any], list[tuple[int, int]]]:
        samples = [data[i] for i in batch]
        images = [batcher.load(sample.image, i) for i, sample in zip(batch, samples, strict=True)]
        return images, [mask_shape(sample, i) for i, sample in zip(batch, samples, strict=True)]

    passes: dict[str, LayerPass] = {}
    shapes: list[list[tuple[int, int]]] = []
    done = 0
    with Capture(model, plan.layers).hooked() as capture:
        for batch, (images, batch_shapes) in zip(batches, ahead(load, batches, plan.num_workers), strict=True):
            outputs = capture.run(batcher.batch(images, batch))
            numbers = torch.tensor(batch, device=plan.device)
            for name in plan.layers:
                maps = to_maps(outputs.pop(name), name).to(plan.device)
                if len(maps) != len(batch):
                    message = f"Layer {name!r} gave {len(maps)} maps for a batch of {len(batch)} images: its first axis must be the batch."
                    raise ValueError(message)
                if name not in passes:
                    passes[name] = _start(name, plan, maps)
                passes[name].add(maps, numbers, batch_shapes)
            shapes.append(batch_shapes)
            done += len(batch)
            report(Progress("network", done, len(plan.images)))
    return passes, shapes


def _start(name: str, plan: Plan, maps: torch.Tensor) -> LayerPass:
    """Check what can only be checked once the size of the maps is known."""
    _, height, width, units = maps.shape
    n = len(plan.images) * height * width
    if plan.given_thresholds is None and plan.semantics == "paper":
        check_quantile(plan.quantile, n, name)
    if plan.given_thresholds is not None and len(plan.given_thresholds[name]) != units:
        message = f"thresholds has {len(plan.given_thresholds[name])} values; layer {name!r} has {units} units. Give one per unit."
        raise ValueError(message)
    return LayerPass(name, plan, (height, width), units)


def _label_pass(
    data: Any,
    plan: Plan,
    passes: dict[str, LayerPass],
    shapes: list[list[tuple[int, int]]],
    labels: LabelReader,
    batches: Sequence[Sequence[int]],
    concepts: int,
    categories: int,
    report: Callable[[Progress], None],
) -> Result:
    layers: dict[str, LayerResult] = {}
    for name, layer in passes.items():
        thresholds = layer.finish()
        counts = Counts.zeros(len(thresholds), concepts, categories)
        layers[name] = LayerResult(thresholds, counts, *layer.exemplars(), layer.record_bytes)
    result = Result(layers, np.zeros(concepts, dtype=np.int64), 0)

    def read(work: tuple[Sequence[int], list[tuple[int, int]]]) -> list[ImageLabels]:
        return [labels.read(data[i], i, shape) for i, shape in zip(*work, strict=True)]

    done = 0
    read_ahead = ahead(read, zip(batches, shapes, strict=True), plan.num_workers)
    for number, (batch, batch_labels) in enumerate(zip(batches, read_ahead, strict=True)):
        for image, label in zip(batch, batch_labels, strict=True):
            area = label.truth
            result.truth[label.columns] += area
            result.pixels += len(label.tuples)
            if plan.per_image:
                result.truth_rows.append(np.column_stack([np.full(len(area), image), label.columns, area]))
                result.pixel_rows.append((image, len(label.tuples)))
        for name, layer in passes.items():
            for shape, records in layer.take(number):
                part = [k for k, other in enumerate(shapes[number]) if other == shape]
                found = layers[name]
                tally(
                    found.counts,
                    records,
                    found.thresholds,
                    [batch[k] for k in part],
                    [batch_labels[k] for k in part],
                    shape,
                    plan.semantics,
                    per_image=plan.per_image,
                )
        done += len(batch)
        report(Progress("labels", done, len(plan.images)))
    return result


def mask_shape(sample: Any, index: int) -> tuple[int, int]:
    """Return the height and width of the masks of `sample`, number `index` of the data set."""
    shape = getattr(sample, "shape", None)
    if shape is not None:
        return int(shape[0]), int(shape[1])
    for category, layers in sample.masks.items():
        for layer in layers:
            check_layer(np.asarray(layer), index, category)
            height, width = np.shape(layer)
            return height, width
    return sample.image.height, sample.image.width


def check_quantile(quantile: float, n: int, layer: str) -> None:
    """Refuse a quantile that leaves every mask empty, or warn where the data set is too small for any usual one.

    Raises
    ------
    ValueError
        If a share `quantile` of `n` activations is less than one of them, though the paper's 0.005
        would leave one.
    """
    if quantile * n >= 1:
        return
    text = (
        f"quantile={quantile:g} of the {n:,} activations of a unit of layer {layer!r} is less than one: "
        f"no activation exceeds the threshold and every mask is empty. The smallest that leaves one here is {1 / n:.2g}"
    )
    if n * _PAPER_QUANTILE >= 1:
        message = f"{text}; the paper uses {_PAPER_QUANTILE:g}."
        raise ValueError(message)
    warnings.warn(f"{text}; or use more images.", stacklevel=2)
