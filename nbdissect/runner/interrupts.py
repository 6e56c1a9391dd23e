"""Ending a run early and cleanly: by an interrupt of the kernel, or from another thread."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbdissect.engine.model_lock import waits

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first ends the network pass, the second also the counting of labels, the third whatever hangs.
_PATIENCE = 2


class StopRequest:
    """How often somebody has asked a run to end.

    Attributes
    ----------
    requests : int
    """

    def __init__(self) -> None:
        self.requests = 0

    def request(self) -> None:
        """Ask the run to end after the batch at hand."""
        self.requests += 1


@contextmanager
def interruptible(stop: StopRequest) -> Iterator[None]:
    """Turn an interrupt (■, Ctrl+C) into a request to stop, so that none ends a batch in the middle.

    The third interrupt raises KeyboardInterrupt, for what hangs. Only the main thread gets signals:
    in any other nothing changes, nor where somebody has installed a handler of their own.
    """
    if threading.current_thread() is not threading.main_thread() or (
        signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def handle(_signal: int, _frame: Any) -> None:
        stop.request()
        if stop.requests > _PATIENCE or waits():  # for another thread's run: there is nothing to finish
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
