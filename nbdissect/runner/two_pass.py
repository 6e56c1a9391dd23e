"""The two passes of a run: images through the network, then labels against what survived of its maps.

The first pass runs the network once and keeps, per layer, the largest activations, the strongest
images, and the cells in which a mask could have a pixel. Then every threshold is known exactly,
and the second pass reads the labels and counts. Either can be left after any batch: what was seen
until then is a run over those images.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Any

import torch

from nbdissect.engine.activations import Capture, ModelOutOfMemoryError, is_out_of_memory
from nbdissect.engine.batches import prefetch
from nbdissect.engine.counting import Tallies
from nbdissect.engine.devices import true_positions
from nbdissect.engine.layer_accumulator import LayerAccumulator
from nbdissect.engine.model_state import preserve_model_state
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

# Every so many batches, and the last, this many images go through the whole network: it must call its layers as the first did.
_CHECK_EVERY = 16
_CHECKED_IMAGES = 2


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
        self._fields = inputs.probe.fields
        self._alone = batches is None
        self._whole = False  # whether every pass goes to the end of the network
        self._batcher = inputs.probe.batcher(inputs.transform, inputs.config.device)
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
        with closing(self._forward(range(self.seen, len(self.batches)), check=True)) as forward:
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

    def start_again(self) -> None:
        """Forget all that was seen; passes go to the end of the network from now on, since its calls differ from image to image."""
        self.close()
        self.layers, self.shapes, self.seen, self._whole = {}, [], 0, True

    def assume_seen(self, batches: int) -> None:
        """Treat the first batches as seen, though none of their cells are here."""
        self.seen = batches
        data = self.inputs.data
        self.shapes = [[data[i].shape for i in batch] for batch in self.batches[:batches]]

    def layer(self, name: str, size: tuple[int, int], units: int) -> LayerAccumulator:
        """Return a fresh accumulator for a layer."""
        file = self._open_file(name) if self._open_file else None
        return LayerAccumulator(name, self.config, size, units, file, self._fields.get(name))

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
        self, numbers: Sequence[int], *, check: bool = False
    ) -> Generator[tuple[int, list[tuple[int, int]], Iterator[tuple[str, torch.Tensor]]]]:
        """Run some batches through the network; yield number, mask shapes, and every layer's maps in turn.

        If `check`, some batches show whether the network still calls its layers as it did when it was probed.
        """
        config, data, model = self.config, self.inputs.data, self.inputs.model

        def load(number: int) -> tuple[list[Any], list[tuple[int, int]]]:
            batch = self.batches[number]
            with self._memory_limit():
                samples = [data[i] for i in batch]
                images = [self._batcher.load(sample.image, i) for i, sample in zip(batch, samples, strict=True)]
                return images, [sample.shape for sample in samples]

        with (
            preserve_model_state(model, config.device),
            Capture(
                model, config.layers, None if self._whole else self.inputs.probe.order, config.forward
            ).hooked() as capture,
        ):
            for number, (images, shapes) in zip(numbers, prefetch(load, numbers, config.num_workers), strict=True):
                batch = self.batches[number]
                parts = self._outputs(capture, images, batch)
                if check and self._is_checked(number):
                    few = min(_CHECKED_IMAGES, self._largest_batch)
                    with self._memory_limit():
                        capture.check(self._batcher.batch(images[:few], batch[:few]), batch[0])
                yield number, shapes, ((name, self._maps(name, parts, len(batch))) for name in config.layers)

    def _is_checked(self, number: int) -> bool:
        """Whether a batch shows a few images to the whole network; the very first were seen by the probe."""
        if self._whole:
            return False
        regular = number % _CHECK_EVERY == 0 and not (self._alone and number == 0)
        return regular or number == len(self.batches) - 1

    def _outputs(self, capture: Capture, images: Sequence[Any], batch: Sequence[int]) -> list[dict[str, Any]]:
        """Run a batch, in parts where memory doesn't hold it whole."""
        while True:
            try:
                step = self._largest_batch
                return [
                    self._run(capture, images[k : k + step], batch[k : k + step]) for k in range(0, len(batch), step)
                ]
            except (ModelOutOfMemoryError, MemoryError, RuntimeError) as error:
                if not isinstance(error, ModelOutOfMemoryError) and not is_out_of_memory(error):
                    raise
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

    def _run(self, capture: Capture, images: Sequence[Any], numbers: Sequence[int]) -> dict[str, Any]:
        batch = self._batcher.batch(images, numbers)
        fed = self.inputs.probe.fed
        if self._fields and tuple(batch.shape[1:]) != fed:
            raise ValueError(
                f"Image {numbers[0]} came out of the transform with shape {list(batch.shape[1:])}, the first one with {list(fed)}. "
                "With upsample='receptive-field' all must have one: resize them in transform=."
            )
        try:
            return capture.run(batch, numbers[0])
        except ValueError:
            if batch.is_contiguous():
                raise
            # What these images alone do may not stand the other memory format.
            return capture.run(batch.contiguous(), numbers[0])

    def _maps(self, name: str, parts: Sequence[dict[str, Any]], images: int) -> torch.Tensor:
        layout = self.inputs.probe.layouts[name]
        with self._memory_limit():
            pieces = [layout.maps(part.pop(name), name).to(self.config.device) for part in parts]
            maps = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        if len(maps) != images:
            raise ValueError(
                f"Layer {name!r} gave {len(maps)} maps for a batch of {images} images: one axis must count the images."
            )
        return maps

    @contextmanager
    def _memory_limit(self) -> Iterator[None]:
        """Say what to do where memory runs out beside the network."""
        try:
            yield
        except (ModelOutOfMemoryError, MemoryError, RuntimeError) as error:
            if not isinstance(error, ModelOutOfMemoryError) and not is_out_of_memory(error):
                raise
            raise ValueError(
                f"Memory ran out with batches of {self.config.batch_size} images: {str(error).splitlines()[0] if str(error) else 'MemoryError'} "
                "Use a smaller batch_size=, or smaller images (transform=)."
            ) from error

    def maps(self, number: int, name: str) -> torch.Tensor:
        """Return one layer's maps of one batch [B, h, w, U], run once more exactly as the first time."""
        with closing(self._forward([number])) as forward:
            _, _, outputs = next(forward)
            return next(maps for layer, maps in outputs if layer == name)

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
        return prefetch(self.read_labels, numbers, self.config.num_workers)

    def read_labels(self, number: int, first: int = 0, last: int | None = None) -> list[ImageLabels]:
        """Read the labels of the images of one batch, or of some of them."""
        batch, data, shapes = self.batches[number][first:last], self.inputs.data, self.shapes[number][first:last]
        return [self.inputs.labels.read(data[i], i, shape) for i, shape in zip(batch, shapes, strict=True)]

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
            field = self._fields.get(name)
            kept = None if self.needs_recompute(name, number) else self.layers[name].store.read(number)
            cells: Any = kept
            if kept is None:
                bound = torch.from_numpy(limits).to(self.config.device)
                cells = active_cells(
                    outputs[name], bound, torch.tensor(batch, device=self.config.device), shapes, field
                )
            for shape, surviving in cells:
                some = surviving.above(limits)
                tallies.update_masks(name, some, limits, batch, labels, shape, self.config.semantics, field)

    def count_images(
        self, tallies: Tallies, number: int, first: int, last: int, thresholds: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Count some images of a batch whose cells were kept."""
        images, labels = self.batches[number][first:last], self.read_labels(number, first, last)
        tallies.update_labels(images, labels)
        for name, limits in thresholds.items():
            for shape, cells in self.layers[name].store.read(number) or ():
                some = cells.of(images[0], images[-1]).above(limits)
                tallies.update_masks(
                    name, some, limits, images, labels, shape, self.config.semantics, self._fields.get(name)
                )

    # --- results ---

    def result(self) -> RunOutcome:
        """Return what was found over the images seen and counted."""
        layers = {name: LayerOutcome(self.thresholds[name], *layer.exemplars()) for name, layer in self.layers.items()}
        return RunOutcome(layers, self.tallies, self.images(self.seen), self.images(self.counted))

    def close(self) -> None:
        """Release files and memory."""
        for layer in self.layers.values():
            layer.store.close()
