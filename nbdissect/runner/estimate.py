"""What a whole run will take, told once two of its batches are done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbdissect.notices import logger
from nbdissect.types import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.runner.two_pass import TwoPassRun

# Of how many images the labels are read to see how long that takes.
_IMAGES = 4


class Estimator:
    """Estimates time and memory of a run from its first batches.

    The network's part goes on at the pace of all batches but the first one, which warms up caches. How
    long labels take is measured on a few images of the second batch.

    Parameters
    ----------
    run : TwoPassRun
    clock : callable
        Seconds.
    """

    def __init__(self, run: TwoPassRun, clock: Callable[[], float] = time.perf_counter) -> None:
        self._run, self._clock = run, clock
        self._start = clock()
        self._first: tuple[int, float] | None = None
        self._labels = 0.0  # seconds of one image
        self._measured = False

    def update(self) -> Estimate | None:
        """Return what the run will take; called after every batch. None before the second, and once the network is done."""
        run, now = self._run, self._clock()
        if run.thresholds:
            return None
        if self._first is None or run.seen < self._first[0]:  # the run began anew
            self._first = run.seen, now
        done = run.seen - self._first[0]
        if not done:
            return None
        if not self._measured:
            self._measured = True
            self._labels = self._time_labels()
            self._first = self._first[0], self._first[1] + self._clock() - now  # which is no part of the network's pace
            self._start += self._clock() - now
            now = self._clock()
        left = len(run.batches) - run.seen
        network = now - self._start + left * (now - self._first[1]) / done
        images = run.images(len(run.batches)) - run.images(run.counted)
        return Estimate(network + images * self._labels, self._bytes(images))

    def _time_labels(self) -> float:
        """Seconds that it takes to read the labels of an image, about."""
        run = self._run
        if not run.inputs.data.reads_labels_later:  # the first pass has them already, and reading takes them away
            return 0.0
        images = min(_IMAGES, len(run.batches[run.seen - 1]))
        began = self._clock()
        try:
            run.read_labels(run.seen - 1, 0, images)
        except Exception:  # of the data set; the run will come to it, and say so
            logger.debug("labels could not be read for an estimate", exc_info=True)
            return 0.0
        return (self._clock() - began) / images / max(1, run.config.num_workers)

    def _bytes(self, images: int) -> int:
        """What the run will hold in memory beside model and batch, about: never more than it may."""
        return min(self._run.config.memory, sum(layer.expected_bytes(images) for layer in self._run.layers.values()))
