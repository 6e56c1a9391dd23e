"""One line that says how far a run is: an output that replaces itself in a notebook, stderr elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nbdissect.display.progress_text import ProgressTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbdissect.display.progress_text import Report

_SECONDS_BETWEEN = 0.2


@contextmanager
def reporting(progress: Any, title: str) -> Iterator[Callable[[Any], None]]:
    """Hold a progress line while a run lasts; yields what the run calls after every batch.

    `progress` is a bool, a callable, or a :class:`nbdissect.display.live_view.LiveView`.
    """
    if hasattr(progress, "watching"):
        with progress.watching(title) as tell:
            yield tell
        return
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda _: None
        return
    line = _notebook_line() or _terminal_line()
    pace, shown = ProgressTracker(), time.monotonic()

    def report(progress: Report) -> None:
        nonlocal shown
        told = pace.note(progress)
        if time.monotonic() - shown >= _SECONDS_BETWEEN or progress.done == progress.total:
            shown = time.monotonic()
            line(f"{title}: {told.doing}, {told.figures}", told.share)

    try:
        yield report
    except BaseException as error:
        if pace.planned:  # what fails before the first batch needs no line of its own
            line(f"{title}: stopped after {pace.seconds:.0f} s: {type(error).__name__}", None)
        raise
    line(f"{title}: {pace.outcome}", None)


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
