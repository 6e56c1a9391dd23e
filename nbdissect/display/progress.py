"""One line that says how far a run is: an output that replaces itself in a notebook, stderr elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS_BETWEEN = 0.2


class _Progress(Protocol):
    stage: str
    done: int
    total: int


@contextmanager
def reporting(progress: Any, title: str) -> Iterator[Callable[[Any], None]]:
    """Hold a progress line while a run lasts; yields what the run calls after every batch."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda _: None
        return
    line = _notebook_line() or _terminal_line()
    meter = _Meter(title, line)
    try:
        yield meter.report
    except BaseException as error:
        if meter.total:  # what fails before the first batch needs no line of its own
            meter.end(f"stopped after {meter.seconds:.0f} s: {type(error).__name__}")
        raise
    meter.end(f"{meter.total:,} images in {meter.seconds:.1f} s")


class _Meter:
    def __init__(self, title: str, show: Callable[[str, float | None], None]) -> None:
        self._title, self._show = title, show
        self._start = self._shown = self._stage_start = time.monotonic()
        self._stage = ""
        self.total = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def report(self, progress: _Progress) -> None:
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._stage_start = progress.stage, self._shown if self._stage else self._start
        self.total = progress.total
        if now - self._shown < _SECONDS_BETWEEN and progress.done < progress.total:
            return
        self._shown = now
        rate = progress.done / max(now - self._stage_start, 1e-6)
        doing = {"network": "running the network", "labels": "counting pixels"}.get(progress.stage, progress.stage)
        left = (progress.total - progress.done) / rate
        text = f"{doing}, {progress.done:,} of {progress.total:,} images · {rate:,.0f} images/s · {left:.0f} s left"
        self._show(f"{self._title}: {text}", progress.done / progress.total)

    def end(self, text: str) -> None:
        self._show(f"{self._title}: {text}", None)


def _notebook_line() -> Callable[[str, float | None], None] | None:
    """A display that replaces itself; None where no notebook front end shows HTML."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    identity = f"nbdissect-{uuid4().hex}"
    shown = False

    def show(text: str, share: float | None) -> None:
        nonlocal shown
        bar = (
            f'<progress value="{share:.3f}" max="1" aria-label="progress" style="width:14em;vertical-align:middle"></progress> '
            if share is not None
            else ""
        )
        bundle = {"text/plain": text, "text/html": f'<div style="opacity:.75">{bar}{escape(text)}</div>'}
        display(bundle, raw=True, display_id=identity, update=shown)  # type: ignore[no-untyped-call]
        shown = True

    return show


def _terminal_line() -> Callable[[str, float | None], None]:
    live = sys.stderr.isatty()

    def show(text: str, share: float | None) -> None:
        if live:
            sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if share is None else ""))
            sys.stderr.flush()
        elif share is None:
            sys.stderr.write(f"{text}\n")

    return show
