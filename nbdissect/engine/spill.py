"""Where the surviving cells wait for the thresholds: in memory, and beyond a budget in a file."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine.sparse_maps import SparseCells
from nbdissect.files import full_disk_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# In memory, cells below the bound are dropped when their number has doubled, and not before this.
_PRUNE_BYTES = 16 << 20
_FIELDS = ("image", "unit", "cell", "corners")

_TEMPORARY_REMEDY = (
    "The run keeps there what memory_mb= doesn't hold. Free some space, give it more memory, or set the environment "
    "variable TMPDIR to a directory on a larger disk before Python starts."
)
_CHECKPOINT_REMEDY = (
    "Free some space and call again: the run goes on from what checkpoint= holds already. Or choose a directory on a "
    "larger disk."
)

Shape = tuple[int, int]
"""Height and width of the masks for which cells were kept."""


@dataclass(frozen=True)
class _Filed:
    """Cells in the file, from byte `place` on; `checksum` is the CRC-32 of those bytes."""

    shape: Shape
    grid: tuple[int, int]
    count: int
    corners: int
    dtypes: tuple[str, ...]
    place: int
    checksum: int


class DamagedCellsError(OSError):
    """The file no longer holds the cells that were written to it."""


class CellStore:
    """The surviving cells of one layer, batch by batch.

    Parameters
    ----------
    budget : int
        Bytes to hold in memory.
    file : binary file, optional
        Where the rest goes, from its end on; a temporary file, which the system removes whatever
        happens, where none is given.

    Attributes
    ----------
    nbytes, filed_bytes : int
        The size of the cells in memory, and of those in the file.
    """

    def __init__(self, budget: int, file: IO[bytes] | None = None) -> None:
        self.budget = budget
        self.nbytes = self.filed_bytes = 0
        self._file = file
        self._batches: list[list[tuple[Shape, SparseCells] | _Filed] | None] = []
        self._pruned_bytes = 0

    def __len__(self) -> int:
        return len(self._batches)

    def append(self, cells: list[tuple[Shape, SparseCells]] | None, bound: NDArray[np.float32] | None) -> None:
        """Keep the cells of the next batch; None = they were too many, the batch must be seen again.

        Parameters
        ----------
        cells : list of (mask shape, SparseCells), or None
        bound : float32 [U], or None
            Below which a cell is of no use; None where that was known when the cells were chosen.
        """
        self._batches.append(None if cells is None else list(cells))
        self.nbytes += sum(kept.nbytes for _, kept in cells or ())
        if bound is not None and self.nbytes > min(2 * self._pruned_bytes + _PRUNE_BYTES, self.budget):
            self.prune(bound)
        if self.nbytes > self.budget:
            self.spill()

    def prune(self, bound: NDArray[np.float32]) -> None:
        """Drop the cells in memory that no longer have a corner above `bound`, float32 [U]."""
        for batch in self._batches:
            for k, entry in enumerate(batch or ()):
                if not isinstance(entry, _Filed):
                    batch[k] = (entry[0], entry[1].above(bound))  # type: ignore[index]
        self.nbytes = self._pruned_bytes = sum(
            entry[1].nbytes for batch in self._batches for entry in batch or () if not isinstance(entry, _Filed)
        )

    def spill(self) -> None:
        """Move all cells in memory to the file.

        Raises
        ------
        OSError
            If the disk is full; what was in the file before is as it was.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="nbdissect-")  # noqa: SIM115 - lives as long as the store
        named = isinstance(getattr(self._file, "name", None), (str, bytes))
        where = self._file.name if named else tempfile.gettempdir()
        with full_disk_named(where, _CHECKPOINT_REMEDY if named else _TEMPORARY_REMEDY):
            self._file.seek(self.filed_bytes)
            for batch in self._batches:
                for k, entry in enumerate(batch or ()):
                    if not isinstance(entry, _Filed):
                        batch[k] = self._write(*entry)  # type: ignore[index]
            self._file.flush()
        self.nbytes = self._pruned_bytes = 0

    def _write(self, shape: Shape, cells: SparseCells) -> _Filed:
        """Append cells to the file."""
        assert self._file is not None
        arrays = [np.ascontiguousarray(getattr(cells, name)) for name in _FIELDS]
        dtypes = tuple(array.dtype.str for array in arrays)
        place, checksum = self.filed_bytes, 0
        for array in arrays:
            content = array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
            checksum = zlib.crc32(content, checksum)
            self._file.write(content)
            self.filed_bytes += content.nbytes
        return _Filed(shape, cells.grid, len(cells), len(cells.corners), dtypes, place, checksum)

    def read(self, batch: int) -> list[tuple[Shape, SparseCells]] | None:
        """Return the cells of one batch, by mask shape; None where they were not kept."""
        entries = self._batches[batch]
        if entries is None:
            return None
        return [self._filed(entry) if isinstance(entry, _Filed) else entry for entry in entries]

    def needs_recompute(self, batch: int) -> bool:
        """Whether the cells of a batch were not kept."""
        return batch >= len(self._batches) or self._batches[batch] is None

    def _filed(self, entry: _Filed) -> tuple[Shape, SparseCells]:
        assert self._file is not None
        self._file.seek(entry.place)
        shapes: list[Any] = [entry.count, entry.count, entry.count, (entry.corners, entry.count)]
        arrays, checksum = [], 0
        for dtype, shape in zip(entry.dtypes, shapes, strict=True):
            content = np.empty(int(np.prod(shape)) * np.dtype(dtype).itemsize, np.uint8)
            read = self._file.readinto(content.data) if content.size else 0  # type: ignore[attr-defined]
            checksum = zlib.crc32(content.data[:read], checksum)
            arrays.append(content.view(dtype).reshape(shape))
        if checksum != entry.checksum:
            raise DamagedCellsError(
                f"{getattr(self._file, 'name', 'The temporary file')} no longer holds what was written to it: bytes "
                f"{entry.place:,} to {entry.place + sum(array.nbytes for array in arrays):,} have changed."
            )
        return entry.shape, SparseCells(entry.grid, *arrays)

    # --- for a checkpoint ---

    def index(self) -> list[list[list[Any]] | None]:
        """Return the place of every batch in the file, as JSON takes it; all must be in the file."""
        return [None if batch is None else [list(self._entry(entry)) for entry in batch] for batch in self._batches]

    @staticmethod
    def _entry(entry: tuple[Shape, SparseCells] | _Filed) -> Iterator[Any]:
        assert isinstance(entry, _Filed)
        yield from (entry.shape, entry.grid, entry.count, entry.corners, entry.dtypes, entry.place, entry.checksum)

    def restore(self, index: list[list[list[Any]] | None], filed_bytes: int) -> None:
        """Take up the batches of an :meth:`index`; what the file holds beyond is written over.

        Raises
        ------
        DamagedCellsError
            If the file no longer holds the cells of one of them.
        """
        self._batches = [
            None
            if batch is None
            else [
                _Filed(tuple(shape), tuple(grid), count, corners, tuple(dtypes), place, checksum)
                for shape, grid, count, corners, dtypes, place, checksum in batch
            ]
            for batch in index
        ]
        self.filed_bytes = filed_bytes
        for batch in range(len(self._batches)):
            self.read(batch)

    def close(self) -> None:
        """Forget everything, and the file."""
        self._batches = []
        self.nbytes = 0
        if self._file is not None:
            with suppress(OSError):  # of what a full disk did not take, and nobody will read
                self._file.close()
            self._file = None
