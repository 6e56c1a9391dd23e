"""Showing a result once: by the magic that made it, and not again as the cell's last value."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

# Result → execution count of the cell that showed it.
_shown: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def show(result: Any, min_iou: float | None = None) -> None:
    """Display a result, at a cut of its own if one is given."""
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    options = {} if min_iou is None else {"min_iou": min_iou}
    display({"text/plain": result.text(**options), "text/html": result._repr_html_(**options)}, raw=True)  # type: ignore[no-untyped-call]
    if shell is not None:
        _shown[result] = shell.execution_count


def show_once(result: Any) -> None:
    """Display a result unless the running cell has shown it already."""
    from IPython import get_ipython

    shell = get_ipython()
    # Taken out: without history the count stands still, and the result may be asked for again.
    if shell is None or _shown.pop(result, None) != shell.execution_count:
        show(result)
