"""Executors and data sets for runs on workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Executor, Future
from pathlib import Path

from support import dense


class Here(Executor):
    """Runs every task at once, in this thread, and counts what it was given."""

    def __init__(self, workers=1):
        self._max_workers, self.tasks = workers, []

    def submit(self, task, /, *arguments, **named):
        self.tasks.append((task.__name__, arguments[1]))
        future = Future()
        try:
            future.set_result(task(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Deadly(dense.Data):
    """Data over whose images a worker process dies: once, or, without `once`, each time."""

    def __init__(self, data, victims, marks, *, once=True):
        super().__init__(data.concepts, data.categories, data.samples, data.concept_numbers)
        self.victims, self.marks, self.once = victims, Path(marks), once

    def __getitem__(self, index):
        if index in self.victims and multiprocessing.parent_process() is not None:
            mark = self.marks / f"killed-{index}"
            if not (self.once and mark.exists()):
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


class Interrupted(dense.Data):
    """Data during whose reading every worker process gets an interrupt, as from a terminal."""

    def __getitem__(self, index):
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGINT)
        return super().__getitem__(index)


class OddError(Exception):
    """An error that can't be unpickled: its __init__ takes two arguments and passes on one."""

    def __init__(self, text, more):
        super().__init__(text)
        self.more = more


class Failing(dense.Data):
    """Data of which one image raises an error of the user's own."""

    def __getitem__(self, index):
        if index == 37:
            raise OddError("no such thing", 3)
        return super().__getitem__(index)


class OddModel(dense.Playback):
    """A network that raises an error of the user's own in worker processes."""

    def forward(self, x):
        if multiprocessing.parent_process() is not None:
            raise OddError("bad weather", 3)
        return super().forward(x)
