"""Tasks on an executor's workers, of whom some may die: what they had is done again, and nothing else is lost."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbdissect.notices import logger, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

_SECONDS = 0.2
# How long an interrupted run waits for the tasks under way.
_SECONDS_TO_END = 30.0
# So many pools may break before any has finished a task: then it isn't the task.
_BREAKS = 3


class TaskPool:
    """Keeps an executor's workers busy, a few tasks each.

    A process pool of which a worker died takes no more tasks: a pool like it takes its place. What was under way then
    is tried again, and, if that breaks the new pool as well, one by one, so that only what kills its worker is lost.

    Parameters
    ----------
    executor : Executor
    payload
        The first argument of every task.
    workers : int
    flag : path
        The file whose presence tells workers to end after their batch.

    Attributes
    ----------
    lost : list of range
        Items over which a worker died, again and again.
    """

    def __init__(self, executor: Executor, payload: Any, workers: int, flag: Path) -> None:
        self._executor, self._payload, self._workers, self._flag = executor, payload, workers, flag
        self._replacement: Executor | None = None
        self._waiting: list[range] = []
        self._suspects: list[range] = []
        self._pending: dict[Future[Any], range] = {}
        self._testing = False  # whether what is pending is a suspect, alone
        self._breaks = self._finished = 0
        self.lost: list[range] = []

    def run(
        self,
        task: Callable[..., Any],
        items: Sequence[range],
        arguments: Callable[[range], tuple[Any, ...]],
        stop: Callable[[], bool],
    ) -> Iterator[tuple[range, Any]]:
        """Yield every item with what ``task(payload, item, *arguments(item))`` returns, as they come.

        Once `stop()`, items under way end after their batch, and the others are left out.
        """
        self._waiting, self._suspects, self._pending = list(items)[::-1], [], {}
        patience = None
        try:
            while self._waiting or self._suspects or self._pending:
                if stop():
                    self._waiting, self._suspects = [], []
                    self._flag.touch()
                    self._pending = {future: item for future, item in self._pending.items() if not future.cancel()}
                dead = self._submit(task, arguments)
                yield from self._collect(dead)
                if dead and not stop():
                    self._try_again(dead)
        except KeyboardInterrupt:
            patience = _SECONDS_TO_END
            raise
        finally:
            # After an error: no task may go on in the folder, which is removed next.
            self._flag.touch()
            wait([future for future in self._pending if not future.cancel()], timeout=patience)
            self._flag.unlink(missing_ok=True)

    def _submit(self, task: Callable[..., Any], arguments: Callable[[range], tuple[Any, ...]]) -> list[range]:
        """Give the workers as much as they can hold; return what a broken pool did not take."""
        if self._testing and self._pending:
            return []
        self._testing = bool(self._suspects)
        queue, room = (self._suspects, 1) if self._testing else (self._waiting, 2 * self._workers)
        while queue and len(self._pending) < room:
            item = queue.pop()
            given = arguments(item)
            try:
                self._pending[self._executor.submit(task, self._payload, item, *given)] = item
            except BrokenExecutor:
                return [item]
            except RuntimeError as error:  # what the standard library's executors raise once they are shut down
                raise ValueError(
                    f"executor= takes no tasks: {error}. Make a new one, and dissect before its `with` ends."
                ) from error
        return []

    def _collect(self, dead: list[range]) -> Iterator[tuple[range, Any]]:
        """Yield what is done, and add to `dead` what a worker took with it.

        If there is any, then until nothing is pending: in a broken pool all is done, or broken.
        """
        while self._pending:
            for future in wait(self._pending, timeout=_SECONDS, return_when=FIRST_COMPLETED).done:
                item = self._pending.pop(future)
                try:
                    outcome = future.result()
                except (BrokenExecutor, CancelledError):
                    dead.append(item)
                except Exception as error:
                    if not _is_lost_worker(error):
                        raise
                    self.lost.append(item)
                else:
                    self._finished += 1
                    yield item, outcome
            if not dead:
                return

    def _try_again(self, dead: list[range]) -> None:
        """Queue what a broken pool had, and put a new pool in its place."""
        if self._testing:
            self.lost.extend(dead)
        else:
            (self._suspects if self._breaks else self._waiting).extend(dead)
        self._breaks += 1
        if not self._replace():
            self.lost.extend([*self._waiting, *self._suspects])
            self._waiting, self._suspects = [], []

    def _replace(self) -> bool:
        """Put a new pool in the place of a broken one; return whether that can be had."""
        broken = self._executor
        if not isinstance(broken, ProcessPoolExecutor) or (self._breaks >= _BREAKS and not self._finished):
            return False
        if self._breaks == 1:
            warn(
                "A worker of the process pool died (out of memory, perhaps). A new pool goes on with what is left; the pool given as "
                "executor= takes no more tasks."
            )
        self.close()
        self._executor = self._replacement = like(broken)
        return True

    def close(self) -> None:
        """End the pool that took the place of a broken one."""
        if self._replacement is not None:
            self._replacement.shutdown(wait=False, cancel_futures=True)
            self._replacement = None


def like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """Return a new process pool made as another one was."""
    kept = vars(pool)
    options = {"max_tasks_per_child": kept["_max_tasks_per_child"]} if kept.get("_max_tasks_per_child") else {}
    return ProcessPoolExecutor(
        kept.get("_max_workers"),
        mp_context=kept.get("_mp_context"),
        initializer=kept.get("_initializer"),
        initargs=kept.get("_initargs", ()),
        **options,
    )


def _is_lost_worker(error: Exception) -> bool:
    """Return whether an error is Dask's for a task over which several workers died."""
    lost = type(error).__name__ == "KilledWorker" and type(error).__module__.startswith("distributed")
    if lost:
        logger.info("Dask gave a task up", exc_info=error)
    return lost


@contextmanager
def no_interrupts() -> Iterator[None]:
    """In a worker process, leave interrupts to the notebook's process, which asks workers to end after their batch.

    A terminal, and Jupyter, send an interrupt to all processes; in the middle of a task it would break the pool.
    """
    if multiprocessing.parent_process() is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
