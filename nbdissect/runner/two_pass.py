"""The two passes of a run: images through the network, then labels against what survived of its maps.

The first pass runs the network once and keeps, per layer, the largest activations, the strongest
images, and the cells in which a mask could have a pixel. Then every threshold is known exactly,
and the second pass reads the labels and counts. Either can be left after any batch: what was seen
until then is a run over those images.
"""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

import torch

from nbdissect.engine.activations import Capture
from nbdissect.engine.batches import Batcher, prefetch
from nbdissect.engine.counting import Tallies
from nbdissect.engine.devices import true_positions
from nbdissect.engine.layer_accumulator import LayerAccumulator
from nbdissect.engine.layouts import to_maps
from nbdissect.engine.model_state import model_dtype, preserve_model_state
from nbdissect.engine.sparse_maps import active_cells
from nbdissect.engine.thresholds import check_quantile
from nbdissect.notices import warn
from nbdissect.runner.outcome import LayerOutcome, RunOutcome
from nbdissect.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.config import RunInputs
    from nbdissect.engine.labels import ImageLabels
    from nbdissect.engine.radix_select import RadixSelect

    Watch = Callable[["TwoPassRun"], bool]
    """Called after every batch; returns whether the pass ends here."""


class TwoPassRun:
    """The state of a run over some batches while it goes on: what it has seen, what it keeps of it, what it has counted.

    Parameters
    ----------
    inputs : RunInputs
    batches : range, optional
        Which of the config's batches; by default all.
    open_file : callable, optional
        Layer → binary file for the cells that memory doesn't hold; by default temporary files.

    Attributes
    ----------
    layers : dict of layer to LayerAccumulator
        Filled with the first batch.
    shapes : list
        The mask shapes of every batch seen.
    seen, counted : int
        Batches that the network saw, and whose labels were counted.
    """

    def __init__(
        self, inputs: RunInputs, batches: range | None = None, *, open_file: Callable[[str], IO[bytes]] | None = None
    ) -> None:
        self.inputs, self.config = inputs, inputs.config
        every = inputs.config.batches
        self.batches = every if batches is None else every[batches.start : batches.stop]
        self.layers: dict[str, LayerAccumulator] = {}
        self.shapes: list[list[tuple[int, int]]] = []
        self.seen = self.counted = 0
        self.thresholds: dict[str, NDArray[np.float32]] = {}
        self.tallies = Tallies({}, inputs.concepts, inputs.categories, per_image=inputs.config.per_image)
        self._open_file = open_file
        self._alone = batches is None
        self._batcher = Batcher(inputs.transform, inputs.config.device, model_dtype(inputs.model))
        self._largest_batch = inputs.config.batch_size  # images in one forward pass; less once memory ran out

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        if self.thresholds:
            return Progress("labels", self.images(self.counted), self.images(self.seen))
        return Progress("network", self.images(self.seen), self.images(len(self.batches)))

    def images(self, batches: int) -> int:
        """Return the number of images in the first `batches` batches."""
        return sum(map(len, self.batches[:batches]))

    # --- first pass ---

    def forward_pass(
        self, watch: Watch = lambda _: False, bounds: Mapping[str, NDArray[np.float32]] | None = None
    ) -> None:
        """Run the network over the batches that it has not seen yet.

        Parameters
        ----------
        watch : callable
        bounds : mapping of layer to float32 [U], optional
            No threshold lies below these; found in other images.
        """
        with closing(self._forward(range(self.seen, len(self.batches)))) as forward:
            for number, shapes, outputs in forward:
                images = torch.tensor(self.batches[number], device=self.config.device)
                for name, maps in outputs:
                    if name not in self.layers:
                        self.layers[name] = self._checked_layer(name, maps)
                        if bounds is not None:
                            self.layers[name].set_bound(bounds[name])
                    self.layers[name].update(maps, images, shapes)
                self.shapes.append(shapes)
                self.seen += 1
                if watch(self):
                    return

    def assume_seen(self, batches: int) -> None:
        """Treat the first batches as seen, though none of their cells are here."""
        self.seen = batches
        data = self.inputs.data
        self.shapes = [[data[i].shape for i in batch] for batch in self.batches[:batches]]

    def layer(self, name: str, size: tuple[int, int], units: int) -> LayerAccumulator:
        """Return a fresh accumulator for a layer."""
        return LayerAccumulator(name, self.config, size, units, self._open_file(name) if self._open_file else None)

    def _checked_layer(self, name: str, maps: torch.Tensor) -> LayerAccumulator:
        """Check what can only be checked once the size of the maps is known."""
        _, height, width, units = maps.shape
        given = self.config.given_thresholds
        if given is None and self.config.semantics == "paper" and self._alone:
            check_quantile(self.config.quantile, len(self.config.images) * height * width, name)
        if given is not None and len(given[name]) != units:
            raise ValueError(
                f"thresholds has {len(given[name])} values; layer {name!r} has {units} units. Give one per unit."
            )
        return self.layer(name, (height, width), units)

    def _forward(
        self, numbers: Sequence[int]
    ) -> Generator[tuple[int, list[tuple[int, int]], Iterator[tuple[str, torch.Tensor]]]]:
        """Run some batches through the network; yield number, mask shapes, and every layer's maps in turn."""
        config, data, model = self.config, self.inputs.data, self.inputs.model

        def load(number: int) -> tuple[list[Any], list[tuple[int, int]]]:
            batch = self.batches[number]
            samples = [data[i] for i in batch]
            images = [self._batcher.load(sample.image, i) for i, sample in zip(batch, samples, strict=True)]
            return images, [sample.shape for sample in samples]

        with preserve_model_state(model, config.device), Capture(model, config.layers).hooked() as capture:
            for number, (images, shapes) in zip(numbers, prefetch(load, numbers, config.num_workers), strict=True):
                batch = self.batches[number]
                outputs = self._outputs(capture, self._batcher.batch(images, batch))
                yield number, shapes, ((name, self._maps(name, outputs, len(batch))) for name in config.layers)

    def _outputs(self, capture: Capture, batch: torch.Tensor) -> dict[str, Any]:
        """Run a batch, in parts where the device's memory doesn't hold it whole."""
        while True:
            try:
                return _joined([capture.run(part) for part in torch.split(batch, self._largest_batch)])
            except torch.cuda.OutOfMemoryError as error:
                if self._largest_batch == 1:
                    raise ValueError(
                        f"One image alone takes more memory than {self.config.device} has: {str(error).splitlines()[0]} "
                        "Free what other programs or cells hold there, use smaller images (transform=), or device='cpu'."
                    ) from error
            # Out here the error no longer holds on to what was computed.
            if self.config.device.type == "cuda":
                torch.cuda.empty_cache()
            first = self._largest_batch == self.config.batch_size
            self._largest_batch = max(1, min(self._largest_batch, len(batch)) // 2)
            if first:
                warn(
                    f"{self.config.device} ran out of memory with batches of {self.config.batch_size}: the run goes on with smaller ones. "
                    "Convolutions may round differently in them; batch_size= sets the size."
                )

    def _maps(self, name: str, outputs: dict[str, Any], images: int) -> torch.Tensor:
        maps = to_maps(outputs.pop(name), name).to(self.config.device)
        if len(maps) != images:
            raise ValueError(
                f"Layer {name!r} gave {len(maps)} maps for a batch of {images} images: its first axis must be the batch."
            )
        return maps

    # --- thresholds ---

    def find_thresholds(self) -> None:
        """Find every unit's threshold over the images that were seen."""
        images = self.images(self.seen)
        found = {name: layer.thresholds_or_selects(images) for name, layer in self.layers.items()}
        selects = {name: these for name, these in found.items() if isinstance(these, list)}
        while not all(search.done for these in selects.values() for search in these):
            self.update_selects(selects)
            for these in selects.values():
                for search in these:
                    search.narrow()
        for name, limits in found.items():
            self.set_thresholds(name, self.layers[name].compute(limits, images) if isinstance(limits, list) else limits)

    def update_selects(self, selects: Mapping[str, Sequence[RadixSelect]]) -> None:
        """Let the selects count all activations above the bound."""
        held = {
            name: [self.layers[name].values_of(k) if name in self.layers else None for k in range(self.seen)]
            for name in selects
        }
        missing = [number for number in range(self.seen) if any(values[number] is None for values in held.values())]
        for name, batches in held.items():
            for part, unit in (entry for entries in batches for entry in entries or ()):
                for search in selects[name]:
                    search.update(part, unit)
        if not missing:
            return
        with closing(self._forward(missing)) as forward:
            for number, _, outputs in forward:
                for name, maps in outputs:
                    if name in selects and held[name][number] is None:
                        where = true_positions(maps > torch.from_numpy(selects[name][0].floor).to(maps.device))
                        values = maps.view(-1)[where].cpu().numpy()
                        for search in selects[name]:
                            search.update(values, (where % maps.shape[-1]).cpu().numpy())

    def set_thresholds(self, name: str, thresholds: NDArray[np.float32]) -> None:
        """Set a layer's thresholds, float32 [U]."""
        self.thresholds[name] = thresholds
        self.tallies.add_layer(name, len(thresholds))
        if name in self.layers:
            self.layers[name].forget_values(thresholds)

    # --- second pass ---

    def count(self, watch: Watch = lambda _: False) -> None:
        """Count the labels of the images that were seen and not counted yet."""
        numbers = range(self.counted, self.seen)
        missing = [n for n in numbers if any(self.needs_recompute(name, n) for name in self.config.layers)]
        with closing(self._forward(missing)) as forward:
            for number, labels in zip(numbers, self.labels(numbers), strict=True):
                outputs = dict(next(forward)[2]) if number in missing else {}
                self.count_batch(self.tallies, number, labels, self.thresholds, outputs)
                self.counted += 1
                if watch(self):
                    return

    def needs_recompute(self, name: str, number: int) -> bool:
        """Return whether the cells of a batch were not kept."""
        return name not in self.layers or self.layers[name].store.needs_recompute(number)

    def labels(self, numbers: Sequence[int]) -> Iterator[list[ImageLabels]]:
        """Read the labels of some batches."""

        def read(number: int) -> list[ImageLabels]:
            batch, data = self.batches[number], self.inputs.data
            return [
                self.inputs.labels.read(data[i], i, shape) for i, shape in zip(batch, self.shapes[number], strict=True)
            ]

        return prefetch(read, numbers, self.config.num_workers)

    def count_batch(
        self,
        tallies: Tallies,
        number: int,
        labels: list[ImageLabels],
        thresholds: Mapping[str, NDArray[np.float32]],
        outputs: Mapping[str, torch.Tensor],
    ) -> None:
        """Count one batch from the cells that were kept, or from its maps where they were not."""
        batch, shapes = self.batches[number], self.shapes[number]
        tallies.update_labels(batch, labels)
        for name, limits in thresholds.items():
            kept = None if self.needs_recompute(name, number) else self.layers[name].store.read(number)
            cells: Any = kept
            if kept is None:
                bound = torch.from_numpy(limits).to(self.config.device)
                cells = active_cells(outputs[name], bound, torch.tensor(batch, device=self.config.device), shapes)
            for shape, surviving in cells:
                tallies.update_masks(name, surviving.above(limits), limits, batch, labels, shape, self.config.semantics)

    # --- results ---

    def result(self) -> RunOutcome:
        """Return what was found over the images seen and counted."""
        layers = {name: LayerOutcome(self.thresholds[name], *layer.exemplars()) for name, layer in self.layers.items()}
        return RunOutcome(layers, self.tallies, self.images(self.seen), self.images(self.counted))

    def close(self) -> None:
        """Release files and memory."""
        for layer in self.layers.values():
            layer.store.close()


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the outputs of the parts of a batch."""
    if len(parts) == 1:
        return parts[0]
    return {
        name: torch.cat([part[name] for part in parts]) if isinstance(output, torch.Tensor) else output
        for name, output in parts[0].items()
    }
