"""A run cut into shards, for the workers of any executor: threads, processes, machines.

Every shard is a whole number of batches, so each image is computed in the same batch wherever that
happens. First the workers run the network over the shards and send back little: the largest
activations, the strongest images. The cells stay in files on the worker's machine. Then the thresholds
over all shards go out, and counts come back. Where a shard's cells are missing (they are on another
machine, or their worker died), its images go through the network once more.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

from nbdissect.engine.threads import allowed_threads
from nbdissect.engine.thresholds import check_quantile
from nbdissect.files import atomic_write
from nbdissect.runner.checkpoint import describe_cells, restore_cells
from nbdissect.runner.interrupts import StopRequest
from nbdissect.runner.outcome import LayerOutcome, RunOutcome
from nbdissect.runner.two_pass import TwoPassRun
from nbdissect.runner.worker_payload import distribute, workers_of
from nbdissect.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.config import RunInputs
    from nbdissect.engine.radix_select import RadixSelect
    from nbdissect.runner.worker_payload import WorkerPayload

# Shards per worker: enough that the last ones end at about the same time.
_SHARES = 4
_SECONDS = 0.2
# In a child that was forked, OpenMP's threads are gone, and waiting for them would never end.
_HOME = os.getpid()


def run(
    executor: Executor,
    inputs: RunInputs,
    *,
    stop: StopRequest | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> RunOutcome:
    """Let the workers of an executor run both passes; return the same as :func:`nbdissect.runner.local.run`.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    inputs : RunInputs
    stop : StopRequest, optional
        Read while shards are under way; shards that are done by then count.
    report : callable
        Called after every shard.

    Raises
    ------
    ValueError
        If model, data or transform can't be sent, or an image can't be dissected.
    """
    stop = stop or StopRequest()
    workers = workers_of(executor)
    every = len(inputs.config.batches)
    length = max(1, -(-every // (workers * _SHARES)))
    shards = [range(first, min(first + length, every)) for first in range(0, every, length)]
    with distribute(executor, inputs) as (payload, flag):
        pool = _TaskPool(executor, payload, 2 * workers, flag)
        merged = _forward_shards(pool, inputs, shards, stop, report)
        thresholds = _find_thresholds(pool, inputs, merged)
        return _count_shards(pool, inputs, merged, thresholds, stop, report)


@dataclass
class _Merged:
    """What came back from the first pass.

    Attributes
    ----------
    whole : TwoPassRun
        Holds the merged layers and tallies; runs nothing itself.
    shards : list of range
        The batches that each shard saw.
    """

    whole: TwoPassRun
    shards: list[range]


class _TaskPool:
    """Workers that are kept busy, a few tasks each."""

    def __init__(self, executor: Executor, payload: Any, most: int, flag: Path) -> None:
        self._executor, self._payload, self._most, self._flag = executor, payload, most, flag

    def run(
        self,
        task: Callable[..., Any],
        items: Sequence[range],
        arguments: Callable[[], tuple[Any, ...]],
        stop: Callable[[], bool],
    ) -> Iterator[tuple[range, Any]]:
        """Yield every item with what ``task(payload, item, *arguments())`` returns, as they come."""
        waiting = list(items)[::-1]
        pending: dict[Any, range] = {}
        try:
            while waiting or pending:
                if stop():
                    waiting = []
                    self._flag.touch()  # shards under way end after their batch, and come back as far as they are
                    for future in [future for future in pending if future.cancel()]:
                        del pending[future]
                while waiting and len(pending) < self._most:
                    item = waiting.pop()
                    pending[self._executor.submit(task, self._payload, item, *arguments())] = item
                for future in wait(pending, timeout=_SECONDS, return_when=FIRST_COMPLETED).done:
                    yield pending.pop(future), future.result()
        finally:
            # After an error: no task may go on in the folder, which is removed next.
            self._flag.touch()
            wait([future for future in pending if not future.cancel()])
            self._flag.unlink(missing_ok=True)


def _forward_shards(
    pool: _TaskPool, inputs: RunInputs, shards: Sequence[range], stop: StopRequest, report: Callable[[Progress], None]
) -> _Merged:
    whole = TwoPassRun(replace(inputs, data=None))
    config, batches = inputs.config, whole.batches
    merged = _Merged(whole, [])
    done = 0

    def bounds() -> tuple[dict[str, NDArray[np.float32]] | None]:
        return ({name: layer.bound.cpu().numpy() for name, layer in whole.layers.items()} if whole.layers else None,)

    for shard, (seen, layers, notes) in pool.run(_forward_shard, shards, bounds, lambda: stop.requests > 0):
        _merge_notes(inputs, notes)
        for name, (size, units, state) in layers.items():
            if name not in whole.layers:
                if config.given_thresholds is None and config.semantics == "paper":
                    check_quantile(config.quantile, len(config.images) * size[0] * size[1], name)
                whole.layers[name] = whole.layer(name, size, units)
            whole.layers[name].merge_state(state)
        if seen:
            merged.shards.append(range(shard.start, shard.start + seen))
        done += sum(len(batches[k]) for k in range(shard.start, shard.start + seen))
        report(Progress("network", done, len(config.images)))
    merged.shards.sort(key=lambda shard: shard.start)
    return merged


def _find_thresholds(pool: _TaskPool, inputs: RunInputs, merged: _Merged) -> dict[str, NDArray[np.float32]]:
    whole = merged.whole
    images = sum(len(whole.batches[k]) for shard in merged.shards for k in shard)
    found = {name: layer.thresholds_or_selects(images) for name, layer in whole.layers.items()}
    selects = {name: these for name, these in found.items() if isinstance(these, list)}
    while not all(search.done for these in selects.values() for search in these):
        blank = {name: [search.blank() for search in these] for name, these in selects.items()}
        for _, (counts, notes) in pool.run(_search_shard, merged.shards, lambda: (blank,), lambda: False):  # noqa: B023
            _merge_notes(inputs, notes)
            for name, these in selects.items():
                for search, more in zip(these, counts[name], strict=True):
                    search.counts += more
        for these in selects.values():
            for search in these:
                search.narrow()
    return {
        name: whole.layers[name].compute(these, images) if isinstance(these, list) else these
        for name, these in found.items()
    }


def _count_shards(
    pool: _TaskPool,
    inputs: RunInputs,
    merged: _Merged,
    thresholds: dict[str, NDArray[np.float32]],
    stop: StopRequest,
    report: Callable[[Progress], None],
) -> RunOutcome:
    whole, batches = merged.whole, merged.whole.batches
    seen = sum(len(batches[k]) for shard in merged.shards for k in shard)
    patience, counted = min(1, stop.requests), 0
    states = {}
    for shard, (done, state, notes) in pool.run(
        _count_shard, merged.shards, lambda: (thresholds,), lambda: stop.requests > patience
    ):
        _merge_notes(inputs, notes)
        states[shard.start] = state
        counted += sum(len(batches[k]) for k in range(shard.start, shard.start + done))
        report(Progress("labels", counted, seen))
    for name, limits in thresholds.items():
        whole.tallies.add_layer(name, len(limits))
    for first in sorted(states):  # in the order of the images, as one process counts them
        whole.tallies.merge_state(states[first])
    layers = {name: LayerOutcome(thresholds[name], *layer.exemplars()) for name, layer in whole.layers.items()}
    return RunOutcome(layers, whole.tallies, seen, counted)


# --- on the workers ---


def _forward_shard(
    payload: WorkerPayload, shard: range, bounds: Mapping[str, NDArray[np.float32]] | None
) -> tuple[int, dict[str, Any], Any]:
    """Run the network over a shard; its cells stay here in files, the rest is returned."""
    with _shard_run(payload, shard, anew=True) as (run, files):
        run.forward_pass(_stop_watch(payload), bounds)
        layers = {name: (layer.size, layer.units, layer.state_dict()) for name, layer in run.layers.items()}
        manifest = json.dumps({**describe_cells(run), "files": files})
        with atomic_write(_index(payload, shard)) as file:
            file.write(manifest.encode())
        return run.seen, layers, _take_notes(run.inputs)


def _search_shard(
    payload: WorkerPayload, shard: range, selects: Mapping[str, Sequence[RadixSelect]]
) -> tuple[dict[str, list[NDArray[Any]]], Any]:
    """Let the selects count a shard's activations."""
    mine = {
        name: [search.blank() for search in these] for name, these in selects.items()
    }  # threads share what they get
    with _shard_run(payload, shard) as (run, _):
        run.update_selects(mine)
        return {name: [search.counts for search in these] for name, these in mine.items()}, _take_notes(run.inputs)


def _count_shard(
    payload: WorkerPayload, shard: range, thresholds: Mapping[str, NDArray[np.float32]]
) -> tuple[int, dict[str, NDArray[Any]], Any]:
    """Count a shard's labels at the thresholds over all shards."""
    with _shard_run(payload, shard) as (run, _):
        for name, limits in thresholds.items():
            run.set_thresholds(name, limits)
        run.count(_stop_watch(payload))
        return run.counted, run.tallies.state_dict(), _take_notes(run.inputs)


@contextmanager
def _shard_run(
    payload: WorkerPayload, shard: range, *, anew: bool = False
) -> Iterator[tuple[TwoPassRun, dict[str, str]]]:
    """Yield a run over a shard and the names of its layers' files: those of an earlier task, if this machine has them."""
    folder = Path(payload.folder)
    folder.mkdir(parents=True, exist_ok=True)
    inputs = payload.unpack()
    forked = os.getpid() != _HOME
    if forked and inputs.config.device.type == "cuda":
        raise ValueError(
            "A forked process can't use the GPU. Make the pool with "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
        )
    files: dict[str, str] = {}

    def open_file(layer: str) -> Any:
        name = files.setdefault(layer, f"cells-{uuid4().hex}")
        return (folder / name).open("r+b" if (folder / name).exists() else "w+b")

    before = torch.get_num_threads()
    torch.set_num_threads(1 if forked else min(payload.threads, allowed_threads()))
    run = TwoPassRun(inputs, shard, open_file=open_file)
    try:
        if not anew:
            with suppress(OSError, ValueError, KeyError):  # not here: its images go through the network again
                manifest = json.loads(_index(payload, shard).read_text())
                if all((folder / name).exists() for name in manifest["files"].values()):
                    files.update(manifest["files"])
                    restore_cells(run, manifest)
            if not run.layers:
                run.assume_seen(len(shard))
        yield run, files
    finally:
        run.close()
        torch.set_num_threads(before)


def _index(payload: WorkerPayload, shard: range) -> Path:
    return Path(payload.folder) / f"shard-{shard.start}.json"


def _stop_watch(payload: WorkerPayload) -> Callable[[TwoPassRun], bool]:
    return lambda _: payload.stop.exists()


def _take_notes(inputs: RunInputs) -> Any:
    """Return, and forget, what a worker noted about the data: digests, and labels that are not counted."""
    data = inputs.data
    digests = data.take_digests() if hasattr(data, "take_digests") else None
    return digests, set(inputs.labels.skipped), set(inputs.labels.strange_categories)


def _merge_notes(inputs: RunInputs, notes: Any) -> None:
    """Add what a worker noted."""
    digests, skipped, strange = notes
    if digests is not None:
        inputs.data.merge(digests)
    inputs.labels.skipped |= skipped
    inputs.labels.strange_categories |= strange
