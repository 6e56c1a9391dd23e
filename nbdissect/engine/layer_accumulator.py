"""What a run keeps of one layer while the network runs."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch

from nbdissect.engine.radix_select import RadixHistogram, RadixSelect
from nbdissect.engine.sparse_maps import active_cells
from nbdissect.engine.spill import CellStore
from nbdissect.engine.thresholds import Rank, TopValues, interpolate, threshold_rank
from nbdissect.engine.top_images import Exemplars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nbdissect.engine.config import RunConfig
    from nbdissect.engine.sparse_maps import SparseCells
    from nbdissect.results.upsampling import ReceptiveField

# Whole maps held until a first bound is known: 4 bytes a value here, 24 a surviving cell.
_HELD_BYTES = 64 << 20
_BYTES_PER_CELL = 24
_CELLS_PER_ACTIVATION = 5  # measured on networks with q = 0.005
_LEAST_BITS, _MOST_BITS = 10, 16


class LayerAccumulator:
    """The largest activations of one layer, its strongest images, and the cells in which a mask could have a pixel.

    Parameters
    ----------
    name : str
    config : RunConfig
    size : (int, int)
        Height and width of the layer's maps.
    units : int
    file : binary file, optional
        Where surviving cells go when memory is short.
    field : ReceptiveField, optional
        Where the layer's activations stand; half-pixel centers without it.

    Attributes
    ----------
    store : CellStore
    warming : bool
        Whether maps are still held back until there is a bound.
    """

    def __init__(
        self,
        name: str,
        config: RunConfig,
        size: tuple[int, int],
        units: int,
        file: IO[bytes] | None = None,
        field: ReceptiveField | None = None,
    ) -> None:
        self.name, self.size, self.units = name, size, units
        self._config, self._field = config, field
        self._held: list[tuple[torch.Tensor, torch.Tensor, list[tuple[int, int]]]] = []
        self._held_bytes = 0
        share = config.memory // len(config.layers)
        self._hold_at_most = min(_HELD_BYTES // len(config.layers), share // 8)
        self._exemplars = Exemplars(units, config.top, size, config.device)
        rest = share - self._exemplars.nbytes
        self._held_throughout = self._exemplars.nbytes
        self._values: TopValues | RadixHistogram | None = None
        self._given: torch.Tensor | None = None
        # The bound as the host last saw it. It may have risen since; a lower one only drops fewer cells.
        self._known_bound: NDArray[np.float32] | None = None
        if config.given_thresholds is not None:
            self._given = torch.from_numpy(config.given_thresholds[name]).to(config.device)
        else:
            n = len(config.images) * size[0] * size[1]
            rank = threshold_rank(config.quantile, n, config.semantics)
            buffer = 8 * rank.count * units
            bits = max(_LEAST_BITS, min(_MOST_BITS, (max(1, rest // (3 * 4 * units))).bit_length() - 1))
            if buffer <= max(rest // 3, 4 * units << bits):
                self._values, taken = TopValues(units, rank, config.device), buffer
            else:
                self._values, taken = RadixHistogram(units, rank.count, config.device, bits, most=n), 4 * units << bits
            rest -= taken
            self._held_throughout += taken
        # Less than half for the cells: pruning and writing them makes copies.
        self.store = CellStore(max(rest * 3 // 8, share // 16), file)
        self.warming = self._values is not None

    def expected_bytes(self, images: int) -> int:
        """Return about how much memory a run over so many images takes for this layer, files aside.

        At first whole maps, until there is a bound; then cells, of which some five times the quantile survive:
        those around each activation above the threshold.
        """
        values = images * self.size[0] * self.size[1] * self.units
        share = min(1.0, _CELLS_PER_ACTIVATION * self._config.quantile)
        cells = min(int(share * values * _BYTES_PER_CELL), self.store.budget)
        maps = 0 if self._values is None else min(4 * values, self._hold_at_most)
        return self._held_throughout + max(cells, maps)

    @property
    def bound(self) -> torch.Tensor:
        """What no threshold lies below, float32 [U]."""
        if self._values is not None:
            return self._values.bound
        assert self._given is not None
        return self._given

    def update(self, maps: torch.Tensor, images: torch.Tensor, shapes: list[tuple[int, int]]) -> None:
        """Take in one batch of maps [B, h, w, U] of the images [B] with masks of these shapes."""
        self.check(maps, images)
        self._exemplars.update(maps, images)
        if not self.warming:
            if self._values is not None and self._values.update(maps):
                self._known_bound = None
            self._record(maps, images, shapes)
            return
        self._held_bytes += maps.nbytes
        full = self._held_bytes > self._hold_at_most
        # A copy of what is held: the module may use its output's memory again for the next batch.
        self._held.append((maps if full else maps.clone(), images, shapes))
        if full:
            self.warm()

    def check(self, maps: torch.Tensor, images: torch.Tensor) -> None:
        """Refuse maps that are not like those before, or not finite.

        Raises
        ------
        ValueError
        """
        if (*maps.shape[1:],) != (*self.size, self.units):
            raise ValueError(
                f"Layer {self.name!r} gave maps of {_times(maps.shape[1:])} for image {int(images[0])} after maps of "
                f"{_times((*self.size, self.units))}. All images must give maps of one size: resize them to one size in transform=."
            )
        # One fast sum decides; every value is looked at only where it isn't finite. The host waits for it: what
        # isn't finite must not get into what is kept.
        if bool(torch.isfinite(maps.sum())):
            return
        bad = ~torch.isfinite(maps).all(dim=3).all(dim=2).all(dim=1)
        if bool(bad.any()):  # or only the sum was too large
            image = int(images[bad.nonzero()[0, 0]])
            raise ValueError(
                f"Layer {self.name!r} gave NaN or infinite activations for image {image}. Check the weights and the "
                "normalization (transform=); half precision overflows beyond 65,504: try model.float()."
            )

    def warm(self) -> None:
        """Work off the maps that were held until a bound was known."""
        self.warming = False
        if self._values is not None and self._held:
            self._values.merge([maps for maps, _, _ in self._held])
        self._held_bytes = 0
        while self._held:
            self._record(*self._held.pop(0))

    def _record(self, maps: torch.Tensor, images: torch.Tensor, shapes: list[tuple[int, int]]) -> None:
        kept: list[tuple[tuple[int, int], SparseCells]] = []
        room = self.store.budget // 2
        for shape, cells in active_cells(maps, self.bound, images, shapes, self._field):
            room -= cells.nbytes
            if room < 0:
                break
            kept.append((shape, cells))
        if self._values is not None and self._known_bound is None:
            self._known_bound = self.bound.cpu().numpy()
        # While the bound is low it is cheaper to see the batch again than to keep most of its cells.
        self.store.append(None if room < 0 else kept, self._known_bound)

    # --- once all images are in ---

    def thresholds_or_selects(self, images: int) -> NDArray[np.float32] | list[RadixSelect]:
        """Return the thresholds over `images` images, float32 [U], or the selects that will find them."""
        if self.warming:
            self.warm()
        if self._values is None:
            return self.bound.cpu().numpy()
        rank = threshold_rank(self._config.quantile, images * self.size[0] * self.size[1], self._config.semantics)
        if isinstance(self._values, TopValues):
            return self._values.thresholds(rank)
        upper = [max(1, rank.count - 1)] if rank.fraction else []
        return [RadixSelect(self._values, count) for count in (rank.count, *upper)]

    def thresholds_so_far(self, images: int) -> NDArray[np.float32]:
        """Return about what the thresholds over `images` images are, float32 [U]; the run goes on."""
        if self._values is None:
            return self.bound.cpu().numpy()
        rank = threshold_rank(self._config.quantile, images * self.size[0] * self.size[1], self._config.semantics)
        return self._values.thresholds(Rank(rank.count))

    def compute(self, selects: Sequence[RadixSelect], images: int) -> NDArray[np.float32]:
        """Return the thresholds that the selects have found, float32 [U]."""
        if len(selects) == 1:
            return selects[0].values()
        rank = threshold_rank(self._config.quantile, images * self.size[0] * self.size[1], self._config.semantics)
        return interpolate(selects[0].values(), selects[1].values(), rank.fraction)

    def values_of(self, batch: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.integer]]] | None:
        """Yield the activations above the bound in one batch, with their units; None where its cells don't hold them."""
        kept = self.store.read(batch)
        # Where a map is larger than its masks, the cells are those of a smaller map.
        if kept is None or any(cells.grid != self.size for _, cells in kept):
            return None
        return ((cells.corners[0], cells.unit) for _, cells in kept)

    def forget_values(self, thresholds: NDArray[np.float32]) -> None:
        """Drop what only the search for the thresholds needed, and the cells in memory that lie below them."""
        self._values = None
        self.store.prune(thresholds)

    def exemplars(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Return the strongest images, the maxima and the maps in them, and in how many of them a unit is silent."""
        peaks = self._exemplars.peaks.cpu().numpy()
        images = self._exemplars.images.cpu().numpy()
        maxima = np.where(images < 0, np.nan, peaks).astype(np.float32)
        return images, maxima, self._exemplars.maps.cpu().numpy(), self._exemplars.silent()

    # --- between processes, and for a checkpoint ---

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what is known so far, its cells aside, as arrays for :meth:`merge_state`."""
        if self.warming:
            self.warm()
        values = {
            f"values.{name}": array for name, array in (self._values.state_dict() if self._values else {}).items()
        }
        return {**values, **self._exemplars.state_dict()}

    def merge_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take in what a pass over other images has found, or this one before it was interrupted."""
        self.warming = False
        if self._values is not None and "values.bound" in state:  # not where thresholds were known by then
            self._values.merge_state(state[f"values.{self._values.kept}"], state["values.bound"])
            self._known_bound = None
        self._exemplars.merge_state(state)

    def set_bound(self, bound: NDArray[np.float32]) -> None:
        """Begin with a bound that was found in other images, float32 [U]."""
        if self._values is not None:
            self._values.bound = torch.from_numpy(bound).to(self._config.device)


def _times(size: Sequence[int]) -> str:
    return f"{size[2]} × {size[0]} × {size[1]}"
