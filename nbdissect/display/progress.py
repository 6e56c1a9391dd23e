"""Who shows how far a run is: a line that replaces itself, a function of the user's, a view of its own, or nobody."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import uuid4

from nbdissect.display.progress_text import ProgressTracker
from nbdissect.display.session import session
from nbdissect.markup import NO_MATH
from nbdissect.notices import logged
from nbdissect.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from nbdissect.types import Progress

_SECONDS_BETWEEN = 0.2


@runtime_checkable
class Reporter(Protocol):
    """Something that shows a run from its beginning to its end; what ``nd.dissect(…, progress=…)`` takes beside functions."""

    def following(self, title: str) -> AbstractContextManager[Callable[[Progress], None]]:
        """Show the run of this title while it lasts.

        Gives the function that the run calls after every batch; an error that ends the run comes
        out of the context, and must go on from there.
        """


def reporter_of(progress: Any) -> Reporter:
    """Return who reports: `progress` itself, or what stands for a function, True (a line) or False (nobody)."""
    if isinstance(progress, Reporter):
        return progress
    if callable(progress):
        return _Caller(progress)
    return _Line() if progress else _Caller(lambda _: None)


class _Caller:
    """Calls a function after every batch."""

    def __init__(self, function: Callable[[Progress], None]) -> None:
        self._function = function

    @contextmanager
    def following(self, _: str) -> Iterator[Callable[[Progress], None]]:
        """Call it, and nothing before or after."""
        yield self._function


class _Line:
    """One line: an output that replaces itself in a notebook, stderr elsewhere."""

    @contextmanager
    def following(self, title: str) -> Iterator[Callable[[Progress], None]]:
        """Keep the line while the run lasts, and say in it how the run ended."""
        title = printable(title)
        line = _notebook_line() if session.in_notebook else _terminal_line
        tracker, written = ProgressTracker(), time.monotonic()

        def write(text: str, share: float | None) -> None:
            with logged("The progress line could not be written"):
                line(text, share)

        def report(progress: Progress) -> None:
            nonlocal written
            text = tracker.update(progress)
            if time.monotonic() - written >= _SECONDS_BETWEEN or progress.done == progress.total:
                written = time.monotonic()
                write(f"{title}: {text.doing}, {text.figures}", text.share)

        try:
            yield report
        except BaseException as error:
            if tracker.planned:  # what fails before the first batch needs no line of its own
                write(f"{title}: stopped after {tracker.seconds:.0f} s: {type(error).__name__}", None)
            raise
        write(f"{title}: {tracker.outcome}", None)


def _notebook_line() -> Callable[[str, float | None], None]:
    """A display that replaces itself."""
    from IPython.display import display

    identity = f"nbdissect-{uuid4().hex}"
    displayed = False

    def write(text: str, share: float | None) -> None:
        nonlocal displayed
        bar = (
            f'<progress value="{share:.3f}" max="1" aria-label="progress" style="width:14em;vertical-align:middle"></progress> '
            if share is not None
            else ""
        )
        bundle = {
            "text/plain": text,
            "text/html": f'<div class="{NO_MATH}" style="opacity:.75">{bar}{escape(text)}</div>',
        }
        display(bundle, raw=True, display_id=identity, update=displayed)  # type: ignore[no-untyped-call]
        displayed = True

    return write


def _terminal_line(text: str, share: float | None) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if share is None else ""))
        sys.stderr.flush()
    elif share is None:
        sys.stderr.write(f"{text}\n")
