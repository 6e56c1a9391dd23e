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

    In a notebook that is the gallery and, after it, what stands in for it wherever no kernel
    answers: a plain summary, and the gallery on embedded data; see `static_output`. While the live
    gallery is answered it hides the other. A run with nobody in front of it (nbclient, papermill,
    Quarto) gets that other output alone: a saved widget could be drawn only by asking others for code.
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
    elif options.renderer == "widget":
        display(result.gallery(**state))  # type: ignore[no-untyped-call]
    else:
        from nbdissect.display.rerun import watched
        from nbdissect.display.static_output import static_html

        name = f"nbdissect-{uuid4().hex}"
        if watched():
            # First, because it is there at once; reading photographs for the other takes some seconds.
            display(result.gallery(stands_for=name, **state))  # type: ignore[no-untyped-call]
        display({"text/plain": text, "text/html": static_html(result, name, **state)}, raw=True)  # type: ignore[no-untyped-call]
    if shell is not None:
        _shown[result] = shell.execution_count


def show_once(result: Any) -> None:
    """Display a result unless the running cell has shown it already."""
    from IPython import get_ipython

    shell = get_ipython()
    # Taken out: without history the count stands still, and the result may be asked for again.
    if shell is None or _shown.pop(result, None) != shell.execution_count:
        show(result)
