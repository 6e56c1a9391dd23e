"""Showing a result once: by the magic that made it, and not again as the cell's last value."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from nbdissect.settings import options

# Result → execution count of the cell that showed it.
_shown: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def show(result: Any, min_iou: float | None = None) -> None:
    """Display a result, at a cut of its own if one is given.

    In a notebook that is the gallery and, before it, a plain summary: where no front end draws the
    gallery (a notebook that runs without one, or is opened later without a kernel) the summary
    stays; where one does, the gallery hides it.
    """
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    state = {} if min_iou is None else {"min_iou": min_iou}
    text = result.text(**state)
    if shell is None or not hasattr(shell, "kernel"):
        display({"text/plain": text}, raw=True)  # type: ignore[no-untyped-call]
    elif options.renderer == "html":
        display({"text/plain": text, "text/html": result._repr_html_(**state)}, raw=True)  # type: ignore[no-untyped-call]
    else:
        gallery = result.gallery(**state)
        if options.renderer == "auto":
            gallery.stands_for = f"nbdissect-{uuid4().hex}"
            html = f'<div id="{gallery.stands_for}">{result._repr_html_(**state)}{_ADVICE}</div>'
            display({"text/plain": text, "text/html": html}, raw=True)  # type: ignore[no-untyped-call]
        display(gallery)  # type: ignore[no-untyped-call]
    if shell is not None:
        _shown[result] = shell.execution_count


def show_once(result: Any) -> None:
    """Display a result unless the running cell has shown it already."""
    from IPython import get_ipython

    shell = get_ipython()
    # Taken out: without history the count stands still, and the result may be asked for again.
    if shell is None or _shown.pop(result, None) != shell.execution_count:
        show(result)


_ADVICE = (
    '<p style="opacity:.75"><small>To browse all units, run this cell in a live notebook. If the interactive gallery '
    "does not appear there, <code>nd.doctor()</code> tells what is missing.</small></p>"
)
