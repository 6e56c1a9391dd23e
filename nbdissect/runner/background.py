"""A run in a thread, which goes on after its cell has returned: ``nd.dissect(…, background=True)``."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from nbdissect.engine.threads import limited_threads
from nbdissect.runner.interrupts import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.dissections import Dissections
    from nbdissect.runner.job import Job
    from nbdissect.types import Progress

_SECONDS_TO_END = 10.0


class BackgroundRun:
    """A dissection under way.

    >>> run = nd.dissect(model, "conv5", data=data, background=True)  # doctest: +SKIP
    >>> run.progress  # doctest: +SKIP
    >>> run.result().units[0].label  # doctest: +SKIP

    Attributes
    ----------
    title : str
        What is dissected.
    progress : Progress or None
        How far it is; None until the first batch is through.
    single : bool
        Whether the result is one dissection, or a mapping of layer to dissection.

    A notebook shows how far it is, its gallery while it fills, and a button that ends it.
    """

    def __init__(self, job: Job, *, single: bool) -> None:
        self.title = job.title
        self.progress: Progress | None = None
        self.single = single
        self._job, self._stop = job, StopRequest()
        self._found = job.cached()
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[BackgroundRun], None]] = []
        if self._found is not None:
            self._ended.set()
            return
        # A daemon: a kernel that shuts down waits for it no longer than `_end_at_exit` does.
        self._thread = threading.Thread(target=self._run, name="nbdissect-run", daemon=True)
        atexit.register(self._end_at_exit)
        self._thread.start()

    def _run(self) -> None:
        try:
            with limited_threads():
                self._found = self._job.run(self._stop, self._report)
        except BaseException as error:  # raised again where the result is asked for
            self._error = error
        finally:
            atexit.unregister(self._end_at_exit)
            self._ended.set()
            self._notify()

    def _report(self, progress: Progress) -> None:
        self.progress = progress
        self._notify()

    def _notify(self) -> None:
        for listener in list(self._listeners):
            listener(self)

    def _end_at_exit(self) -> None:
        self.cancel()
        self._stop.request()
        self._ended.wait(_SECONDS_TO_END)

    def listen(self, listener: Callable[[BackgroundRun], None]) -> None:
        """Call `listener` with this run, in its thread, after every batch and at the end."""
        self._listeners.append(listener)

    def done(self) -> bool:
        """Return whether the run has ended: complete, cancelled, or failed."""
        return self._ended.is_set()

    @property
    def failed(self) -> bool:
        """Whether an error ended the run; :meth:`result` raises it."""
        return self._error is not None

    def cancel(self) -> None:
        """Ask the run to end after the batch at hand; :meth:`result` then returns what was seen until then.

        The labels of what the network saw are still counted; a second call ends that, too.
        """
        self._stop.request()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the run and return what ``nd.dissect`` would have returned.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait.

        Returns
        -------
        Dissection, or a mapping of layer to Dissection
            Over the images seen, with ``complete`` False, if the run was cancelled.

        Raises
        ------
        TimeoutError
            If the run still goes on after `timeout` seconds.
        Exception
            What ended the run, if it failed.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(
                f"{self.title} still runs after {timeout:g} s: {self._describe()}. run.cancel() ends it."
            )
        if self._thread not in (None, threading.current_thread()):
            self._thread.join()  # then whatever shows the run has heard of its end, too
        if self._error is not None:
            raise self._error
        assert self._found is not None
        one: Dissection | Dissections = next(iter(self._found.values())) if self.single else self._found
        return one

    def _describe(self) -> str:
        if not self._ended.is_set():
            at = self.progress
            return f"{at.stage}, {at.done:,} of {at.total:,} images" if at else "starting"
        if self._error is not None:
            return f"failed: {self._error}"
        return "done" if all(d.complete for d in (self._found or {}).values()) else "stopped"

    def __repr__(self) -> str:
        return f"<Run of {self.title}: {self._describe()}>"

    def _ipython_display_(self) -> None:
        from nbdissect.display.cell_output import show_once
        from nbdissect.display.live_view import show_run

        show_once(self, show_run)
