"""What this session has shown: which cell shows which result, which widgets a cell made, who answered.

A widget lives as long as its comm, which the kernel holds until it is closed: a cell that is run
again closes the widgets of its earlier run, or each run would keep another gallery, and its result,
in memory.
"""

from __future__ import annotations

import math
import sys
import time
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it."""


class CellRun(NamedTuple):
    """One run of one cell: the cell's id, and the id of the request that ran it; empty where they aren't known."""

    cell: str
    request: str


# Longer than a page takes to draw a gallery and to say so.
_SECONDS_TO_ANSWER = 5.0


def _seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Seconds from one request to another, by the clock of whoever sent them; infinity where they don't say."""
    try:
        return float((second["header"]["date"] - first["header"]["date"]).total_seconds())
    except (KeyError, TypeError, AttributeError):
        return 0.0 if first == second else math.inf


class Session:
    """Everything that is remembered from one cell to the next.

    Attributes
    ----------
    answered : bool
        Whether a page has answered a gallery: a front end draws our widgets.
    """

    def __init__(self) -> None:
        self.answered = False
        # Cell → the request that made its widgets, and the widgets.
        self._widgets: dict[str, tuple[str, list[weakref.ref[Any]]]] = {}
        # Gallery on display → when that was, and the request of the cell that displayed it.
        self._displayed: weakref.WeakKeyDictionary[Any, tuple[float, dict[str, Any]]] = weakref.WeakKeyDictionary()
        # Result → execution count of the cell that showed it.
        self._shown: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._after_cells: list[weakref.WeakMethod[Callable[[], object]]] = []
        # Cell → the request that wrote saved outputs, and their bytes.
        self._saved: dict[str, tuple[str, float]] = {}
        # The request on whose behalf a thread works.
        self._borrowed: ContextVar[dict[str, Any] | None] = ContextVar("nbdissect_request", default=None)

    # --- the running cell ---

    @property
    def shell(self) -> Any:
        """The running IPython shell; None outside of one. Never imports IPython."""
        ipython = sys.modules.get("IPython")
        return ipython.get_ipython() if ipython is not None else None

    @property
    def namespace(self) -> dict[str, Any]:
        """The user's variables, by name; empty outside of IPython."""
        return getattr(self.shell, "user_ns", {})

    @property
    def in_notebook(self) -> bool:
        """Whether a kernel runs this, for a front end that can show HTML."""
        return hasattr(self.shell, "kernel")

    @property
    def watched(self) -> bool:
        """Whether somebody may be in front of the running cell: a run that allows no input has nobody there.

        That is how nbclient, papermill and Quarto run a notebook.
        """
        return bool(self.request().get("content", {}).get("allow_stdin", True))

    def request(self) -> dict[str, Any]:
        """Return the message that asked for the running cell, for :meth:`on_behalf_of`; empty outside a kernel."""
        borrowed = self._borrowed.get()
        if borrowed is not None:
            return borrowed
        try:
            return dict(self.shell.get_parent())
        except (AttributeError, TypeError, LookupError):
            return {}

    @contextmanager
    def on_behalf_of(self, request: dict[str, Any]) -> Iterator[None]:
        """Let what a thread makes belong to the cell that began it, whichever cell runs meanwhile."""
        token = self._borrowed.set(request)
        try:
            yield
        finally:
            self._borrowed.reset(token)

    def running(self) -> CellRun:
        """Return the run of the cell that runs."""
        request = self.request()
        try:
            return CellRun(str(request["metadata"].get("cellId", "")), str(request["header"]["msg_id"]))
        except (AttributeError, KeyError, TypeError):
            return CellRun("", "")

    # --- what cells made ---

    def register(self, widget: Closable) -> None:
        """Note that the running cell made `widget`; close what an earlier run of the same cell made."""
        cell, request = self.running()
        if not cell:
            return
        last, widgets = self._widgets.get(cell, ("", []))
        if last != request:
            for earlier in widgets:
                closable = earlier()
                if closable is not None:
                    closable.close()
            widgets = []
        self._widgets[cell] = request, [*widgets, weakref.ref(widget)]

    def note_shown(self, result: Any) -> None:
        """Note that the running cell shows a result, or a run."""
        if self.shell is not None:
            self._shown[result] = self.shell.execution_count

    def forget_shown(self, result: Any) -> bool:
        """Return whether the running cell has shown a result, and forget that it has.

        Without history the execution count stands still, and the result may be asked for again.
        """
        return self.shell is not None and self._shown.pop(result, None) == self.shell.execution_count

    # --- whether a page answers ---

    def note_displayed(self, gallery: Any) -> None:
        """Note that a live gallery is on display, and that its cell goes on until now at least."""
        self._displayed[gallery] = time.monotonic(), self.request()

    def forget_displayed(self, gallery: Any) -> None:
        """Note that a gallery is on display no more."""
        self._displayed.pop(gallery, None)

    @property
    def silence(self) -> Literal["none shown", "too early", "no answer"]:
        """What it means that no page has answered.

        A page can't be heard before the cell that displays a gallery has ended, nor by a cell that was
        asked for together with it ("Run all cells").
        """
        if not self._displayed:
            return "none shown"
        now, request = time.monotonic(), self.request()
        late = any(
            now - then > _SECONDS_TO_ANSWER and _seconds_between(asked, request) > _SECONDS_TO_ANSWER
            for then, asked in self._displayed.values()
        )
        return "no answer" if late else "too early"

    def before_cell_ends(self, function: Callable[[], object]) -> None:
        """Call a function once the running cell's code is through, before anything else that waits for that moment."""
        waiting = self.shell.events.callbacks["post_execute"]

        def once() -> None:
            waiting.remove(once)
            function()

        waiting.insert(0, once)  # `register` would put it after the backend that shows open figures

    def after_each_cell(self, method: Callable[[], object]) -> None:
        """Call a method of an object whenever a cell has run, as long as the object lives."""
        alive = [each for each in self._after_cells if each() is not None]
        self._after_cells = [*alive, weakref.WeakMethod(method)]
        events = getattr(self.shell, "events", None)
        if events is not None and self._cell_ran not in events.callbacks["post_run_cell"]:
            events.register("post_run_cell", self._cell_ran)

    def _cell_ran(self, _: Any = None) -> None:
        for each in self._after_cells:
            method = each()
            if method is not None:
                method()

    # --- bytes of saved outputs ---

    def note_saved(self, size: int) -> None:
        """Note that the running cell writes so many bytes into the notebook."""
        cell, request = self._running_code()
        last, before = self._saved.get(cell, ("", 0.0))
        self._saved[cell] = request, size + (before if last == request else 0.0)

    def saved_bytes(self) -> float:
        """Return the bytes that other cells have written into the notebook, and this one in its present run."""
        cell, request = self._running_code()
        return sum(size for key, (last, size) in self._saved.items() if key != cell or last == request)

    def _running_code(self) -> CellRun:
        """As :meth:`running`; where the front end doesn't say which cell runs, the cell's code stands for it."""
        run = self.running()
        if run.cell:
            return run
        request = self.request()
        return CellRun(
            str(request.get("content", {}).get("code", "")), str(request.get("header", {}).get("msg_id", ""))
        )


session = Session()
