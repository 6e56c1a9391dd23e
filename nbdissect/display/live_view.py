"""A run while it computes: how far it is and, below that, its gallery, which fills.

What it costs is bounded: provisional results, the gallery's numbers, encoding and sending images
together take at most 3 % of the run's time, and what is shown is as fresh as that
allows, but for two seconds. Nothing waits for a page, and nothing that goes wrong
here ends the run.

What the kernel sends reaches the page from any thread. What the page sends doesn't reach the kernel
while the main thread computes: so images are sent unasked, and only a run in a thread of its own
gets a button that ends it.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets

from nbdissect.display import cell_output
from nbdissect.display.gallery import Gallery
from nbdissect.display.gallery_state import starting_only
from nbdissect.display.progress_text import ProgressTracker
from nbdissect.display.run_view import RunView
from nbdissect.display.session import session
from nbdissect.notices import logged, logger
from nbdissect.results.dissection import MIN_IOU, Dissection
from nbdissect.text import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbdissect.results.dissections import Dissections
    from nbdissect.types import Progress

    Found = Dissection | Dissections

_SHARE = 0.028
# Fresh enough to be watched, and no more often.
_SECONDS_BETWEEN_UPDATES = 2.0
# Nobody knows what the first update will cost: about half a batch, and seldom more than this.
_SECONDS_OF_AN_UPDATE = 0.1
_SECONDS_TO_FIRST_UPDATE = 1.0
_SECONDS_BETWEEN_REPORTS = 0.2
# Units whose images are sent with every update: what a page shows before anybody scrolls. And those that follow, in
# turn: a few of them at a time.
_SENT_UNITS = 4
_NEXT_UNITS = 2
_TURNS = 3
_HINT = "the notebook’s ■ stops it and keeps what was seen"
_HINT_AGAIN = "■ once more skips the rest of the counting"


class ThreadRun(Protocol):
    """A run that goes on in a thread, as much of it as is shown."""

    title: str
    single: bool
    progress: Progress | None

    @property
    def failed(self) -> bool:
        """Whether an error ended it."""

    def done(self) -> bool:
        """Whether it has ended."""

    def result(self) -> Any:
        """Return what it found, or raise what ended it."""

    def cancel(self) -> None:
        """Ask it to end."""

    def listen(self, listener: Callable[[Any], None]) -> None:
        """Call `listener` after every batch and at the end."""


class _Frame(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The run's view and, once there is one, the gallery below it."""

    def __init__(self, view: RunView) -> None:
        # As without the frame: the gallery scrolls by itself, and with the notebook.
        super().__init__([view], layout=ipywidgets.Layout(overflow="visible"))

    def close(self) -> None:
        """Close all that it shows: a widget left open stays in memory, with its result."""
        layout, inside = self.layout, self.children
        super().close()
        layout.close()
        for widget in inside:
            own = widget.layout
            widget.close()
            own.close()

    def __repr__(self) -> str:
        # What a notebook keeps as text: nothing that is true at the beginning only.
        return f"<Run of {self.children[0].title}>"


class LiveView:
    """What is shown of one run, from its beginning to its result.

    Parameters
    ----------
    single : bool
        Whether the result is one dissection, or a mapping.
    min_iou : float
        The cut that the gallery begins with.
    cancel : callable, optional
        Ends the run; without it there is no button.
    clock : callable
        Seconds.

    Attributes
    ----------
    view : RunView or None
        None until the run begins: one that fails before, or needn't run, shows nothing.
    gallery : Gallery or None
        None until there is something to look at.
    updates : int
        How often it showed what the run had found.
    spent : float
        Seconds that all of this took, out of the run's.
    """

    def __init__(
        self,
        *,
        single: bool,
        min_iou: float = MIN_IOU,
        cancel: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.view: RunView | None = None
        self.gallery: Gallery | None = None
        self.updates = 0
        self.spent = 0.0
        self._single, self._min_iou, self._cancel, self._clock = single, min_iou, cancel, clock
        self._frame: _Frame | None = None
        self._ended = self._gallery_failed = False
        self._tracker = ProgressTracker(clock)
        self._cell: dict[str, Any] = {}
        self._began = clock()
        self._reported = -math.inf
        self._reports = 0
        self._updated = -math.inf
        self._cost = 0.0
        self._only: Any = ""
        # A run's thread tells how far it is while the cell that shows it may still be at work.
        self._lock = threading.RLock()

    # --- the run ---

    @contextmanager
    def following(self, title: str) -> Iterator[Callable[[Progress], None]]:
        """Show the run of this title while it lasts; see :class:`nbdissect.display.progress.Reporter`."""
        with logged("The run could not be shown"):  # then there is nothing to see, and all the same a result
            self.show(title)
        try:
            yield self.report
        except BaseException as error:
            self.fail(error)
            raise

    def show(self, title: str) -> None:
        """Display the view in the cell that runs."""
        from IPython.display import display

        self._tracker = ProgressTracker(self._clock)
        self._began = self._clock()
        # The cell that everything belongs to, whichever thread makes it, and whichever cell runs by then.
        self._cell = session.request()
        clicks = self._cancel is not None
        self.view = RunView(title=printable(title), cancellable=clicks, hint="" if clicks else _HINT)
        self.view.observe(self._cancel_pressed, names=["cancel"])
        self._frame = _Frame(self.view)
        session.register(self._frame)
        _let_clicks_through(self.view)
        display(self._frame)  # type: ignore[no-untyped-call]

    def report(self, progress: Progress) -> None:
        """Show how far the run is and, if it may take that time now, show what it has found."""
        began = self._clock()
        with self._lock, logged("The run's view could not be brought up to date"):
            text = self._tracker.update(progress)
            self._reports += 1
            if not self._closed and not self._ended:
                if began - self._reported >= _SECONDS_BETWEEN_REPORTS:
                    self._reported = began
                    self._write(text.doing, text.figures, text.share)
                if self._may_update(progress, began):
                    with self._harmless():
                        self._update(progress)
            self.spent += self._clock() - began

    def end(self, result: Found) -> Gallery | None:
        """Show the result in the place of what was provisional, and return the gallery on display.

        Returns None where there is none: nothing ran, the view was closed, or it went wrong.
        """
        with self._lock, logged("The run's view could not show its end"):
            if self.view is None or self._ended:
                return None
            self._ended = True
            self._write(self._tracker.outcome, "", 1.0, "done" if self._tracker.complete else "stopped")
            if self._closed:
                return None
            self._gallery_failed = False
            with self._harmless():
                self._show(result)
            if self._gallery_failed:
                self._drop_gallery()
                return None
            # A page that is there asks for these by itself; but not before what stands in for the gallery is made.
            with self._harmless():
                self._push_images(slice(_SENT_UNITS + _TURNS * _NEXT_UNITS))
            return self.gallery
        return None

    def fail(self, error: BaseException) -> None:
        """Say that the run ended with an error; what was found until then goes."""
        with self._lock, logged("The run's view could not show its end"):
            if self.view is None or self._ended:
                return
            self._ended = True
            text = "interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {_text(error)}"
            self._write(text, "", 1.0, "failed")
            self._drop_gallery()

    # --- inside ---

    @property
    def _closed(self) -> bool:
        """Whether its cell was run again, or somebody closed it."""
        return self._frame is None or self._frame.comm is None

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Keep an error in here from ending the run: show it once, and update the gallery no more."""
        try:
            with session.on_behalf_of(self._cell):
                yield
        except Exception as error:  # whatever it is, hours of computing are worth more
            self._gallery_failed = True
            logger.warning("The gallery could not be shown while it filled", exc_info=True)
            with logged("The run's view could not say so"):
                assert self.view is not None
                self.view.notice = f"The gallery could not be shown while it filled: {_text(error)}"

    def _write(self, doing: str, figures: str, share: float, state: str = "running") -> None:
        hint = _HINT if self._cancel is None and state == "running" else ""
        if state == "running" and self._tracker.stopping:
            doing, hint = "counting pixels of what was seen", hint and _HINT_AGAIN
        with logged("The run's view could not be brought up to date"):
            assert self.view is not None
            with self.view.hold_sync():
                for name, value in {"doing": doing, "figures": figures, "hint": hint, "state": state}.items():
                    self.view.set_trait(name, value)
                self.view.share = round(share, 3)
            _let_clicks_through(self.view)

    def _may_update(self, progress: Progress, now: float) -> bool:
        passed = now - self._began
        if self._gallery_failed or passed < _SECONDS_TO_FIRST_UPDATE:
            return False
        if progress.stage != "network" and progress.done >= progress.total:
            return False  # after the last labels comes the result itself
        if self._updated > -math.inf:
            # What the run may spend on being watched is spread evenly over the time that is left.
            left = self._tracker.left
            affordable = _SHARE * (passed + left) - self.spent
            likely = self._cost if self.updates > 1 else self._cost / 2  # the first one also makes the gallery
            return now - self._updated >= _SECONDS_BETWEEN_UPDATES and likely * left <= affordable * (
                now - self._updated
            )
        batch = passed / self._reports
        likely = 0.0 if progress.stage != "network" else min(batch / 2, _SECONDS_OF_AN_UPDATE)
        return likely <= _SHARE * passed * progress.total / progress.done

    def _update(self, progress: Progress) -> None:
        began = self._clock()
        found = progress.look()
        if found is None:
            return
        self.updates += 1
        self._updated = began
        self._show(next(iter(found.values())) if self._single else found)
        next_ones = _SENT_UNITS + self.updates % _TURNS * _NEXT_UNITS
        self._push_images(slice(_SENT_UNITS), slice(next_ones, next_ones + _NEXT_UNITS))
        self._cost = self._clock() - began

    def _show(self, result: Found) -> None:
        assert self._frame is not None
        if self.gallery is None:
            self.gallery = Gallery(result, min_iou=self._min_iou, stands_for=cell_output.new_name())
            self._only = self.gallery.only
            # The gallery goes below the line, which stays where it is.
            self._frame.children = (self.view, self.gallery)
            session.note_displayed(self.gallery)
        else:
            self.gallery.update(result)
            if self.gallery.only == self._only:  # chosen by nobody yet: as a gallery of this result would begin
                self._only = starting_only(
                    [result] if isinstance(result, Dissection) else result.values(), self._min_iou
                )
                self.gallery.only = self._only

    def _push_images(self, *places: slice) -> None:
        """Send the images of the units in these places."""
        assert self.gallery is not None
        shown = self.gallery.shown or []
        self.gallery.push([unit for these in places for unit in shown[these]])

    def _drop_gallery(self) -> None:
        gallery, self.gallery = self.gallery, None
        with logged("The gallery could not be removed"):
            if gallery is not None and self._frame is not None:
                self._frame.children = (self.view,)
                gallery.close()

    def _cancel_pressed(self, _: Any) -> None:
        if self._cancel is not None:
            self._cancel()


def show_run(run: ThreadRun, min_iou: float = MIN_IOU) -> None:
    """Display a run that goes on in a thread, with the button that ends it, or the result if it has ended.

    Raises
    ------
    NotImplementedError
        Where nobody could watch it, or it failed. To IPython that means: display it as anything else.
    """
    if run.done():
        if run.failed:
            raise NotImplementedError
        cell_output.show(run.result(), min_iou)
        return
    if not _watchable():
        raise NotImplementedError
    live = LiveView(single=run.single, min_iou=min_iou, cancel=run.cancel)
    try:
        live.show(run.title)
    except Exception:  # the run goes on, and its text is shown instead
        logger.warning("The run could not be shown", exc_info=True)
        raise NotImplementedError from None
    cell, place = session.request(), cell_output.hold_place(repr(run))

    def hear(run: ThreadRun) -> None:
        if not run.done():
            if run.progress is not None:
                live.report(run.progress)
            return
        try:
            result = run.result()
        except BaseException as error:  # kept for whoever asks for the result
            live.fail(error)
            return
        gallery = live.end(result)
        if gallery is not None:
            with session.on_behalf_of(cell), logged("What stands in for the gallery could not be shown"):
                cell_output.show_stand_in(gallery, place)

    run.listen(hear)
    if run.done():  # it may have ended before anybody listened
        hear(run)


def live_view(*, single: bool, min_iou: float = MIN_IOU) -> LiveView | None:
    """Return what shows a run in the running cell; None where nobody could watch it."""
    return LiveView(single=single, min_iou=min_iou) if _watchable() else None


def _let_clicks_through(view: RunView) -> None:
    """Let a click be heard while another cell computes, where the page has a thread of the kernel for its messages.

    ipykernel ≥ 7 hands what a page sends to the thread that last sent to it over the same comm. For a run's thread
    that counts as the main one, which is busy; without that note it goes to the page's own. Other kernels have no
    such note, and there the click waits for the cell's end. See https://github.com/jupyterlab/jupyterlab/pull/17363.
    """
    own: dict[str, Any] = view.comm.__dict__ if view.comm is not None else {}
    own.pop("_reply_subshell_id", None)


def _watchable() -> bool:
    return cell_output.current_form() in ("live", "both") and session.watched


def _text(error: BaseException) -> str:
    return printable_lines(str(error)) or type(error).__name__
