"""A cell that is run again shows a new gallery; the one of the run before is closed, or it would stay for good.

A widget lives as long as its comm, which the kernel holds until it is closed: without this every
run of a cell would keep another gallery, and its result, in memory.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it."""


# Cell → the run that made its widgets (the id of its request), and the widgets.
_made: dict[str, tuple[str, list[weakref.ref[Any]]]] = {}
# The message in whose name a thread works.
_name: ContextVar[dict[str, Any] | None] = ContextVar("nbdissect_request", default=None)


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


def request() -> dict[str, Any]:
    """Return the message that asked for the running cell, for :func:`on_behalf_of`; empty outside a kernel."""
    return _parent()


@contextmanager
def on_behalf_of(request: dict[str, Any]) -> Iterator[None]:
    """Let what a thread makes belong to the cell that began it, whichever cell runs meanwhile."""
    token = _name.set(request)
    try:
        yield
    finally:
        _name.reset(token)


def _parent() -> dict[str, Any]:
    """The message that asked for the running cell; empty outside a kernel."""
    asked = _name.get()
    if asked is not None:
        return asked
    try:
        from IPython import get_ipython

        return dict(get_ipython().get_parent())
    except (ImportError, AttributeError, TypeError, LookupError):
        return {}
