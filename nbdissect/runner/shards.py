"""What the workers of an executor do: run the network over a shard, search its activations, count its labels."""

from __future__ import annotations

import os
import pickle
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nbdissect.engine.threads import allowed_threads, limited_threads
from nbdissect.runner.checkpoint import describe_cells, restore_cells
from nbdissect.runner.state_file import DamagedFileError, read_state, write_state
from nbdissect.runner.task_pool import no_interrupts
from nbdissect.runner.two_pass import TwoPassRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.config import RunInputs
    from nbdissect.engine.radix_select import RadixSelect
    from nbdissect.runner.worker_payload import WorkerPayload

    Stop = Callable[[TwoPassRun], bool]

_REMEDY = "Free some space on the workers, or set TMPDIR to a directory on a larger disk."
# In a child that was forked, OpenMP's threads are gone, and waiting for them would never end.
_HOME = os.getpid()


@dataclass
class Notes:
    """What a worker noted about the data.

    Attributes
    ----------
    digests : (dict of index to bytes, dict of index to bytes)
        Of images and of labels.
    skipped, strange : sets
        Label numbers and categories that were not counted.
    """

    digests: tuple[Mapping[int, bytes], Mapping[int, bytes]] = ({}, {})
    skipped: set[int] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)

    @classmethod
    def take(cls, inputs: RunInputs) -> Notes:
        """Return what was noted, and forget the digests."""
        labels = inputs.labels
        return cls(inputs.data.take_digests(), labels.skipped.copy(), labels.strange_categories.copy())

    def merge_into(self, inputs: RunInputs) -> None:
        """Add what a worker noted to what is known.

        Raises
        ------
        DataChangedError
            If it read something else than another.
        """
        inputs.data.merge(self.digests)
        inputs.labels.skipped |= self.skipped
        inputs.labels.strange_categories |= self.strange


@dataclass
class ForwardOutcome:
    """What the network's pass over a shard gives, its cells aside.

    Attributes
    ----------
    seen : int
        Batches.
    layers : dict of layer to (size of its maps, units, state)
    notes : Notes
    """

    seen: int
    layers: dict[str, tuple[tuple[int, int], int, dict[str, NDArray[Any]]]]
    notes: Notes


@dataclass
class CountOutcome:
    """What was counted over a shard.

    Attributes
    ----------
    counted : int
        Batches.
    tallies : dict of arrays
        The state of a :class:`Tallies`.
    notes : Notes
    """

    counted: int
    tallies: dict[str, NDArray[Any]]
    notes: Notes


def forward_shard(
    payload: WorkerPayload, shard: range, bounds: Mapping[str, NDArray[np.float32]] | None
) -> ForwardOutcome:
    """Run the network over a shard; its cells stay here in files."""
    with _shard_run(payload, shard, anew=True) as (run, files, stop):
        run.forward_pass(stop, bounds)
        layers = {name: (layer.size, layer.units, layer.state_dict()) for name, layer in run.layers.items()}
        manifest = {**describe_cells(run), "files": files, "run": payload.run}
        write_state(_index(payload, shard), manifest, {}, remedy=_REMEDY)
        return ForwardOutcome(run.seen, layers, Notes.take(run.inputs))


def search_shard(
    payload: WorkerPayload, shard: range, selects: Mapping[str, Sequence[RadixSelect]]
) -> tuple[dict[str, list[NDArray[Any]]], Notes]:
    """Let the selects count a shard's activations."""
    # Threads share what they are sent.
    mine = {name: [search.blank() for search in these] for name, these in selects.items()}
    with _shard_run(payload, shard) as (run, _, _):
        run.update_selects(mine)
        counts = {name: [search.counts for search in these] for name, these in mine.items()}
        return counts, Notes.take(run.inputs)


def count_shard(payload: WorkerPayload, shard: range, thresholds: Mapping[str, NDArray[np.float32]]) -> CountOutcome:
    """Count a shard's labels at the thresholds over all shards."""
    with _shard_run(payload, shard) as (run, _, stop):
        for name, limits in thresholds.items():
            run.set_thresholds(name, limits)
        run.count(stop)
        return CountOutcome(run.counted, run.tallies.state_dict(), Notes.take(run.inputs))


def verify_shard(payload: WorkerPayload, shard: range, notes: Notes) -> Notes:
    """Read a shard's images and labels again.

    Raises
    ------
    DataChangedError
        If they are not those of the notes.
    """
    with _prepared(payload) as inputs:
        inputs.data.merge(notes.digests)
        for batch in inputs.config.batches[shard.start : shard.stop]:
            for index in batch:
                inputs.data.verify(index)
            if payload.stop.exists():
                break
        return Notes.take(inputs)


@contextmanager
def _prepared(payload: WorkerPayload) -> Iterator[RunInputs]:
    """Yield the inputs in a worker that takes as many threads as the sender, and whose errors can be sent."""
    forked = os.getpid() != _HOME
    threads = 1 if forked else min(payload.threads, allowed_threads())
    with no_interrupts(), limited_threads(threads):
        try:
            inputs = payload.unpack()
            if forked and inputs.config.device.type == "cuda":
                raise ValueError(
                    "A forked process can't use the GPU. Make the pool with "
                    "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
                )
            yield inputs
        except Exception as error:
            if _can_be_sent(error):
                raise
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _can_be_sent(error: Exception) -> bool:
    """Return whether another process can make the same of an error; one that it can't would break the pool."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - what was pickled here
    except Exception:  # whatever an error's own __init__ or __reduce__ raises
        return False


@contextmanager
def _shard_run(
    payload: WorkerPayload, shard: range, *, anew: bool = False
) -> Iterator[tuple[TwoPassRun, dict[str, str], Stop]]:
    """Yield a run over a shard, the names of its layers' files, and what ends it early.

    The files are those of an earlier task, if this machine has them unchanged.
    """
    folder = Path(payload.cells)
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}

    def open_file(layer: str) -> Any:
        name = files.setdefault(layer, f"cells-{uuid4().hex}")
        return (folder / name).open("r+b" if (folder / name).exists() else "w+b")

    with _prepared(payload) as inputs:
        run = TwoPassRun(inputs, shard, open_file=open_file)
        try:
            if not anew:
                try:
                    manifest, _ = read_state(_index(payload, shard))
                    if manifest["run"] != payload.run:
                        raise DamagedFileError("another run's")
                    files.update(manifest["files"])
                    restore_cells(run, manifest)
                except (OSError, DamagedFileError):  # not here: its images go through the network again
                    run.close()
                    files.clear()
                    run = TwoPassRun(inputs, shard, open_file=open_file)
                    run.assume_seen(len(shard))
            yield run, files, lambda _: payload.stop.exists()
        finally:
            run.close()


def _index(payload: WorkerPayload, shard: range) -> Path:
    return Path(payload.cells) / f"shard-{shard.start}.state"
