"""A cell that is run again shows a new gallery; the one of the run before is closed, or it would stay for good.

A widget lives as long as its comm, which the kernel holds until it is closed: without this every
run of a cell would keep another gallery, and its result, in memory.
"""

from __future__ import annotations

import weakref
from typing import Any, Protocol


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it."""


# Cell → the run that made its widgets (the id of its request), and the widgets.
_made: dict[str, tuple[str, list[weakref.ref[Any]]]] = {}


def register(widget: Closable) -> None:
    """Note that the running cell made `widget`; close what an earlier run of the same cell made."""
    cell, run = running()
    if not cell:
        return
    last, widgets = _made.get(cell, ("", []))
    if last != run:
        for earlier in widgets:
            closable = earlier()
            if closable is not None:
                closable.close()
        widgets = []
    _made[cell] = run, [*widgets, weakref.ref(widget)]


def running() -> tuple[str, str]:
    """Return the id of the cell that runs, and of this run; empty where the front end doesn't say."""
    parent = _parent()
    try:
        return str(parent["metadata"].get("cellId", "")), str(parent["header"]["msg_id"])
    except (AttributeError, KeyError, TypeError):
        return "", ""


def running_code() -> tuple[str, str]:
    """Return as :func:`running`; where the front end doesn't say which cell runs, the cell's code stands for it."""
    cell, run = running()
    if cell:
        return cell, run
    parent = _parent()
    return str(parent.get("content", {}).get("code", "")), str(parent.get("header", {}).get("msg_id", ""))


def watched() -> bool:
    """Whether somebody may be in front of the running cell: a run that allows no input has nobody there.

    That is how nbclient, papermill and Quarto run a notebook.
    """
    return bool(_parent().get("content", {}).get("allow_stdin", True))


def _parent() -> dict[str, Any]:
    """The message that asked for the running cell; empty outside a kernel."""
    try:
        from IPython import get_ipython

        return dict(get_ipython().get_parent())
    except (ImportError, AttributeError, TypeError, LookupError):
        return {}
