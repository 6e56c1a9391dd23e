"""A preview of a run that goes on: exact for the images so far, an estimate of how units and concepts overlap."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from copy import deepcopy
from typing import TYPE_CHECKING

from nbdissect.engine.counting import Tallies
from nbdissect.runner.outcome import LayerOutcome, RunOutcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.runner.two_pass import TwoPassRun

# Images whose labels each snapshot counts, at least, and the share of the time since the last one that it may take to
# count more: reading labels is what a snapshot spends its time on.
_FEWEST = 2
_SHARE = 0.004
# Share of the images before which the bounds are too low to keep cells by: most would be kept.
_EARLY = 0.1


class Preview:
    """Provisional outcomes of a run, which share no memory with it.

    A run is in no state to be looked at in the middle of a batch: what another thread asks for, the run's own
    thread answers after the batch.

    Parameters
    ----------
    run : TwoPassRun
        Of this thread.
    """

    def __init__(self, run: TwoPassRun) -> None:
        self._run = run
        self._tallies: Tallies | None = None
        self._counted: dict[int, int] = {}  # batch → its images that are counted, from its first one
        self._last = time.perf_counter()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._asked: list[Future[RunOutcome | None]] = []
        self._ended = False

    def snapshot(self) -> RunOutcome | None:
        """Return thresholds, top images and counts so far; None while there are none.

        While the network runs, thresholds are those of the images so far, and labels are counted for
        a few of them only; each call counts some more.
        """
        with self._lock:
            here = self._ended or threading.get_ident() == self._thread
            if not here:
                asked: Future[RunOutcome | None] = Future()
                self._asked.append(asked)
        return self._take() if here else asked.result()

    def answer(self) -> None:
        """Take the snapshots that other threads ask for; called by the run's thread after every batch."""
        with self._lock:
            asked, self._asked = self._asked, []
        for future in asked:
            try:
                future.set_result(self._take())
            except Exception as error:  # of the data set, for whoever asked
                future.set_exception(error)

    def end(self) -> None:
        """Answer what is left to answer; from now on every thread may look."""
        with self._lock:
            self._ended = True
        self.answer()

    def _take(self) -> RunOutcome | None:
        run = self._run
        if run.thresholds:
            return deepcopy(run.result()) if run.counted else None
        if self._ended:
            return None
        images = run.images(run.seen)
        if images < max(1, _EARLY * len(run.config.images)):
            return None
        for layer in run.layers.values():
            if layer.warming:
                layer.warm()
        limits = {name: layer.thresholds_so_far(images) for name, layer in run.layers.items()}
        if self._tallies is None:
            units = {name: layer.units for name, layer in run.layers.items()}
            self._tallies = Tallies(units, run.inputs.concepts, run.inputs.categories)
        self._count_some(limits)
        if not self._counted:
            return None
        layers = {name: LayerOutcome(limits[name], *layer.exemplars()) for name, layer in run.layers.items()}
        counted = sum(self._counted.values())
        return deepcopy(RunOutcome(layers, self._tallies, images, counted))

    def _count_some(self, limits: dict[str, NDArray[np.float32]]) -> None:
        """Count the labels of some more images, of the newest batches first."""
        run, began = self._run, time.perf_counter()
        seconds, self._last = _SHARE * (began - self._last), began
        for number in range(run.seen - 1, -1, -1):
            images = run.batches[number]
            if any(run.needs_recompute(name, number) for name in limits):
                continue
            while (first := self._counted.get(number, 0)) < len(images):
                last = min(first + _FEWEST, len(images))
                assert self._tallies is not None
                run.count_images(self._tallies, number, first, last, limits)
                self._counted[number] = last
                if time.perf_counter() - began >= seconds:
                    return
