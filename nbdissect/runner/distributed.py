"""A run cut into shards, for the workers of any executor: threads, processes, machines.

Every shard is a whole number of batches, so each image is computed in the same batch wherever that
happens. First the workers run the network over the shards and send back little: the largest
activations, the strongest images. The cells stay in files on the worker's machine. Then the thresholds
over all shards go out, and counts come back. Where a shard's cells are missing (they are on another
machine, or their worker died), its images go through the network once more.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from nbdissect.engine.thresholds import check_quantile
from nbdissect.notices import warn
from nbdissect.provenance.data_digest import DataChangedError
from nbdissect.runner.interrupts import StopRequest
from nbdissect.runner.outcome import LayerOutcome, RunOutcome
from nbdissect.runner.shards import CountOutcome, ForwardOutcome, count_shard, forward_shard, search_shard, verify_shard
from nbdissect.runner.task_pool import TaskPool
from nbdissect.runner.two_pass import TwoPassRun
from nbdissect.runner.worker_payload import distribute, workers_of
from nbdissect.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.config import RunInputs
    from nbdissect.engine.layer_accumulator import LayerAccumulator
    from nbdissect.runner.shard_checkpoint import ShardCheckpoint

# Shards per worker: enough that the last ones end at about the same time.
_SHARES = 4


def run(
    executor: Executor,
    inputs: RunInputs,
    *,
    stop: StopRequest | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    checkpoint: ShardCheckpoint | None = None,
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
    checkpoint : ShardCheckpoint, optional
        Where shards that are done need not be done again.

    Raises
    ------
    ValueError
        If model, data or transform can't be sent, or an image can't be dissected.
    ChildProcessError
        If workers died over every shard.
    """
    workers = workers_of(executor)
    length = max(1, -(-len(inputs.config.batches) // (workers * _SHARES)))
    if checkpoint is not None:
        length = checkpoint.begin(length)
    kept = (checkpoint.key, checkpoint.cells) if checkpoint is not None else None
    with (
        distribute(executor, inputs, kept) as (payload, flag),
        closing(TaskPool(executor, payload, workers, flag)) as pool,
    ):
        shared = _ShardedRun(pool, inputs, length, stop or StopRequest(), report, checkpoint)
        shared.verify()
        shared.forward()
        shared.find_thresholds()
        return shared.count()


class _ShardedRun:
    """What has come back from the shards of a run.

    Parameters
    ----------
    pool : TaskPool
    inputs : RunInputs
    length : int
        Batches of a shard.
    stop, report, checkpoint
        As for :func:`run`.
    """

    def __init__(
        self,
        pool: TaskPool,
        inputs: RunInputs,
        length: int,
        stop: StopRequest,
        report: Callable[[Progress], None],
        checkpoint: ShardCheckpoint | None,
    ) -> None:
        self._pool, self._inputs, self._stop, self._report, self._checkpoint = pool, inputs, stop, report, checkpoint
        self._whole = TwoPassRun(replace(inputs, data=None))  # holds what is merged; runs nothing itself
        every = len(self._whole.batches)
        self._shards = [range(first, min(first + length, every)) for first in range(0, every, length)]
        self._seen: list[range] = []
        self._thresholds: dict[str, NDArray[np.float32]] = {}

    def _images(self, shards: Sequence[range]) -> int:
        return sum(len(self._whole.batches[number]) for shard in shards for number in shard)

    @property
    def _complete(self) -> bool:
        return self._images(self._seen) == len(self._inputs.config.images)

    def verify(self) -> None:
        """Compare the data with what the shards have read that are done already.

        Raises
        ------
        CheckpointError
            If they changed.
        KeyboardInterrupt
            If the run is to stop before that is known.
        """
        if self._checkpoint is None:
            return
        known = {shard.start: self._checkpoint.known_digests(shard) for shard in self._shards}
        done = [shard for shard in self._shards if known[shard.start].digests[0]]
        stopped = self._stop.requests
        try:
            for _ in self._pool.run(
                verify_shard, done, lambda shard: (known[shard.start],), lambda: self._stop.requests > stopped
            ):
                pass
        except DataChangedError as error:
            raise self._checkpoint.other_data(error) from error
        if self._stop.requests > stopped:
            raise KeyboardInterrupt
        self._check_lost("comparing the data")

    def forward(self) -> None:
        """Have the network run over the shards, and merge what is found."""
        for shard, outcome in self._forward_outcomes():
            outcome.notes.merge_into(self._inputs)
            for name, (size, units, state) in outcome.layers.items():
                self._layer(name, size, units).merge_state(state)
            if outcome.seen:
                self._seen.append(range(shard.start, shard.start + outcome.seen))
            self._report(Progress("network", self._images(self._seen), len(self._inputs.config.images)))
        self._seen.sort(key=lambda shard: shard.start)
        if not self._seen:
            if self._stop.requests:
                raise KeyboardInterrupt
            self._check_lost("running the network")

    def _forward_outcomes(self) -> Iterator[tuple[range, ForwardOutcome]]:
        whole, left = self._whole, []
        for shard in self._shards:
            found = self._checkpoint.load_forward(shard) if self._checkpoint is not None else None
            if found is None:
                left.append(shard)
            else:
                yield shard, found

        def bounds(_: range) -> tuple[dict[str, NDArray[np.float32]] | None]:
            found = {name: layer.bound.cpu().numpy() for name, layer in whole.layers.items()}
            return (found or None,)

        for shard, outcome in self._pool.run(forward_shard, left, bounds, lambda: self._stop.requests > 0):
            if self._checkpoint is not None and outcome.seen == len(shard):
                self._checkpoint.save_forward(shard, outcome)
            yield shard, outcome

    def _layer(self, name: str, size: tuple[int, int], units: int) -> LayerAccumulator:
        whole, config = self._whole, self._inputs.config
        if name not in whole.layers:
            if config.given_thresholds is None and config.semantics == "paper":
                check_quantile(config.quantile, len(config.images) * size[0] * size[1], name)
            whole.layers[name] = whole.layer(name, size, units)
        return whole.layers[name]

    def find_thresholds(self) -> None:
        """Find every unit's threshold over the images that were seen."""
        layers, images = self._whole.layers, self._images(self._seen)
        found = {name: layer.thresholds_or_selects(images) for name, layer in layers.items()}
        selects = {name: these for name, these in found.items() if isinstance(these, list)}
        while not all(search.done for these in selects.values() for search in these):
            blank = {name: [search.blank() for search in these] for name, these in selects.items()}
            for _, (counts, notes) in self._pool.run(search_shard, self._seen, lambda _: (blank,), lambda: False):  # noqa: B023
                notes.merge_into(self._inputs)
                for name, these in selects.items():
                    for search, more in zip(these, counts[name], strict=True):
                        search.counts += more
            if set(self._pool.lost) & set(self._seen):
                self._check_lost("looking for the thresholds")
            for these in selects.values():
                for search in these:
                    search.narrow()
        self._thresholds = {
            name: layers[name].compute(these, images) if isinstance(these, list) else these
            for name, these in found.items()
        }

    def count(self) -> RunOutcome:
        """Have the labels of what was seen counted, and return all that was found."""
        whole, seen = self._whole, self._images(self._seen)
        states, counted = {}, 0
        for shard, outcome in self._count_outcomes():
            outcome.notes.merge_into(self._inputs)
            states[shard.start] = outcome.tallies
            counted += self._images([range(shard.start, shard.start + outcome.counted)])
            self._report(Progress("labels", counted, seen))
        for name, limits in self._thresholds.items():
            whole.tallies.add_layer(name, len(limits))
        for first in sorted(states):  # in the order of the images, as one process counts them
            whole.tallies.merge_state(states[first])
        if self._pool.lost:
            warn(
                f"Workers died over {self._describe_lost()}, each time: these images are left out, and the result is not complete. "
                "Look at them alone, or give the workers more memory (fewer workers, a smaller batch_size=)."
            )
        layers = {
            name: LayerOutcome(self._thresholds[name], *layer.exemplars()) for name, layer in whole.layers.items()
        }
        return RunOutcome(layers, whole.tallies, seen, counted)

    def _count_outcomes(self) -> Iterator[tuple[range, CountOutcome]]:
        # Thresholds over a part of the images are of no use to the run that goes on.
        checkpoint = self._checkpoint if self._complete else None
        patience, left = min(1, self._stop.requests), []
        for shard in self._seen:
            found = checkpoint.load_count(shard, self._thresholds) if checkpoint is not None else None
            if found is None:
                left.append(shard)
            else:
                yield shard, found
        for shard, outcome in self._pool.run(
            count_shard, left, lambda _: (self._thresholds,), lambda: self._stop.requests > patience
        ):
            if checkpoint is not None and outcome.counted == len(shard):
                checkpoint.save_count(shard, outcome, self._thresholds)
            yield shard, outcome

    def _check_lost(self, doing: str) -> None:
        if self._pool.lost:
            raise ChildProcessError(
                f"Workers died while {doing}, over {self._describe_lost()}, each time. Give them more memory (fewer workers, a smaller "
                "batch_size=), or leave executor= out to see what happens there."
            )

    def _describe_lost(self) -> str:
        batches = self._whole.batches
        parts = [
            f"{batches[shard.start][0]}–{batches[shard.stop - 1][-1]}"
            for shard in sorted(self._pool.lost, key=lambda s: s.start)
        ]
        return f"images {', '.join(parts[:5])}{', …' if len(parts) > 5 else ''}"
