"""The live view of a run: what is shown when, what it may cost, and that nothing in it ends a run."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import comm
import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from nbdissect.display import live_view as lives
from nbdissect.display.bundle import STATIC
from nbdissect.display.live_view import LiveView
from nbdissect.display.progress_text import ProgressTracker, duration
from nbdissect.display.session import session
from nbdissect.results.dissections import Dissections
from nbdissect.types import Progress
from support.data import Photos
from support.dissections import dissection
from support.nets import Net

VIEW = "application/vnd.jupyter.widget-view+json"
PLANNED = 2040


class Comm(comm.base_comm.BaseComm):
    """A front end that is never heard of: counts what is sent."""

    open_ones: ClassVar[set[str]] = set()
    sent: ClassVar[list[dict]] = []

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        {"comm_open": Comm.open_ones.add, "comm_close": Comm.open_ones.discard}.get(msg_type, str)(self.comm_id)
        Comm.sent.append(data or {})


@pytest.fixture(autouse=True)
def _front_end(monkeypatch):
    """Each test has a front end of its own, a shell, and a cell that runs."""
    monkeypatch.setattr(comm, "create_comm", Comm)
    monkeypatch.setattr(Comm, "open_ones", set())
    monkeypatch.setattr(Comm, "sent", [])
    monkeypatch.setattr(session, "_widgets", {})
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbdissect")
    shell.user_ns.update(model=Net(), photos=Photos(), nd=nd)
    shell.kernel = "a notebook's"
    yield
    nd.options.renderer = "auto"
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(monkeypatch):
    """Say which cell runs."""

    def run(cell, number, *, stdin=True):
        parent = {
            "header": {"msg_id": str(number)},
            "metadata": {"cellId": cell},
            "content": {"allow_stdin": stdin, "code": cell},
        }
        monkeypatch.setattr(InteractiveShell.instance(), "get_parent", lambda: parent, raising=False)

    run("a", 1)
    return run


class Run:
    """A run of known costs: `batch` seconds for a batch, `look` for a look."""

    def __init__(self, batch=0.5, look=0.2, size=32, found=True):
        self.now, self.batch, self.cost, self.size, self.found, self.looks = 0.0, batch, look, size, found, []
        self.d = dissection(30)

    def clock(self):
        return self.now

    def provisional(self, seen):
        return replace(self.d, provisional=True, images=min(seen, 64), seen=seen, planned=PLANNED)

    def look_at(self, seen):
        def look():
            self.now += self.cost
            self.looks.append(self.now)
            if callable(self.found):
                return self.found()
            return Dissections({"layer4": self.provisional(seen)}) if self.found else None

        return look

    def go(self, tell, *, seen=PLANNED, counted=None):
        for stage, last, total in (("network", seen, PLANNED), ("labels", seen if counted is None else counted, seen)):
            for done in [*range(self.size, last, self.size), last]:
                self.now += self.batch
                tell(Progress(stage, done, total, self.look_at(done)))
        return self.d if seen == PLANNED else replace(self.d, images=counted or seen, seen=seen, planned=PLANNED)


def watch(run, **options):
    live = LiveView(single=True, clock=run.clock, **options)
    with capture_output() as out:
        live.show("layer4 of Handmade")
    assert [list(output.data) for output in out.outputs] == [["text/plain", VIEW]]
    return live


def told(live):
    view = live.view
    return view.state, view.doing, view.figures


def provisional(gallery):
    return [table["provisional"] for table in gallery._tables]


def test_from_the_first_batch_to_the_result(cell):
    run = Run()
    live = watch(run)
    assert told(live) == ("running", "starting", "")
    assert not live.view.cancellable
    assert live.view.hint == "the notebook’s ■ stops it and keeps what was seen"
    seen = []

    def tell(progress):
        live.report(progress)
        seen.append(
            (told(live), live.view.share, len(live._frame.children), live.gallery and provisional(live.gallery)[0])
        )

    d = run.go(tell)
    assert seen[0] == (
        ("running", "running the network", "32 of 2,040 images · 64 images/s · 31 s left"),
        0.016,
        1,
        None,
    )
    assert seen[1][2:] == (2, "Provisional: after 64 of 2,040 images.")
    assert "counting pixels" in seen[-1][0]
    gallery = live.gallery
    assert live._frame.children == (live.view, gallery)
    assert live.end(d) is gallery is live.gallery
    assert provisional(gallery) == [""]
    assert gallery.result is d
    assert told(live)[:2] == ("done", f"2,040 images in {duration(run.now, 1)}")
    assert live.view.hint == ""
    pushed = [data["content"] for data in Comm.sent if data.get("method") == "custom"]
    # The first units with every update, those after them in turn, and all of them at the end.
    *updates, last = [message["maps"]["units"] for message in pushed]
    assert [len(units) for units in updates] == [6] * live.updates
    assert updates[0][:4] == updates[1][:4]
    assert len({*updates[0], *updates[1], *updates[2]}) == 10
    assert last == gallery.shown[:10]
    assert {message["kind"] for message in pushed} == {"strips"}


@pytest.mark.parametrize(("batch", "look"), [(0.5, 0.2), (0.05, 0.01), (3.0, 0.1), (0.02, 0.001), (0.5, 3.0)])
def test_what_it_may_cost(cell, batch, look):
    run = Run(batch, look, size=8)
    live = watch(run)
    run.go(live.report)
    took = run.now
    first = run.looks[0]
    assert first >= 1
    assert live.updates == len(run.looks)
    assert live.spent == pytest.approx(look * live.updates)
    assert live.spent <= 0.028 * took + look
    apart = np.diff(run.looks)
    assert (apart >= 2.0).all()
    # It uses most of that, and where it costs little it is fresh after two seconds, or a batch.
    assert live.updates >= min(0.02 * took / look, 0.8 * took / max(2 + batch, batch))


def test_a_run_of_less_than_a_second_is_not_looked_at(cell):
    run = Run(batch=0.001)
    live = watch(run)
    d = run.go(live.report)
    assert (live.updates, live.gallery) == (0, None)
    assert live.end(d) is live.gallery
    assert live._frame.children == (live.view, live.gallery)
    assert provisional(live.gallery) == [""]


def test_a_short_run_is_looked_at_only_when_that_is_cheap(cell):
    live = watch(run := Run(batch=0.2, look=0.1, size=128))
    run.go(
        lambda progress: (
            live.report(progress) or (progress.stage == "network" and live.updates and pytest.fail("too dear"))
        )
    )
    assert 1 <= live.updates <= 2


def test_at_most_five_reports_a_second(cell):
    run = Run(batch=0.01, found=False)
    live = watch(run)
    before = len(Comm.sent)
    run.go(live.report)
    assert 0 < len(Comm.sent) - before <= 5 * run.now + 1


def test_a_look_that_finds_nothing_yet(cell):
    live = watch(run := Run(found=False))
    d = run.go(live.report)
    assert len(run.looks) > 1
    assert (live.updates, live.gallery) == (0, None)
    assert live.end(d).result is d


def test_an_error_in_a_look_is_told_once_and_the_run_goes_on(cell):
    def broken():
        raise ValueError("Image 7: no such file")

    live = watch(run := Run(found=broken))
    d = run.go(live.report)
    assert live.updates == 0
    assert len(run.looks) == 1
    assert live.view.notice == "The gallery could not be shown while it filled: Image 7: no such file"
    assert live.view.share == 1
    assert live.end(d).result is d


def test_an_error_in_the_gallery(cell, monkeypatch):
    live = watch(run := Run())
    monkeypatch.setattr(lives.Gallery, "push", lambda *_: 1 / 0)
    d = run.go(live.report)
    assert live.view.notice.endswith("division by zero")
    assert live.end(d).result is d
    live = watch(run := Run())
    monkeypatch.undo()
    monkeypatch.setattr(comm, "create_comm", Comm)
    live.gallery = None
    monkeypatch.setattr(lives, "Gallery", lambda *_, **__: 1 / 0)
    d = run.go(live.report)
    assert live.end(d) is None, "then the result is shown as without a live view"
    assert live._frame.children == (live.view,)
    assert told(live)[0] == "done"


def test_a_stopped_run(cell):
    live = watch(run := Run())
    seen = []
    d = run.go(lambda p: (live.report(p), seen.append((p.stage, live.view.doing, live.view.hint))), seen=640)
    assert seen[-1] == ("labels", "counting pixels of what was seen", "■ once more skips the rest of the counting")
    live.end(d)
    assert told(live) == ("stopped", "stopped after 640 of 2,040 images", "")
    assert provisional(live.gallery) == ["Stopped after 640 of 2,040 images."]


def test_a_failed_run(cell):
    live = LiveView(single=True)
    run = Run()
    live._clock = run.clock
    with capture_output(), pytest.raises(ValueError, match="no such"), live.following("layer4 of Handmade") as tell:
        for done in (32, 64, 96):
            run.now += 1
            tell(Progress("network", done, PLANNED, run.look_at(done)))
        assert live.gallery is not None
        raise ValueError("no such image")
    assert told(live) == ("failed", "failed: no such image", "")
    assert live._frame.children == (live.view,)
    assert live.gallery is None


def test_filters_are_as_the_result_would_begin_unless_somebody_chose(cell):
    live = watch(run := Run(), min_iou=0.99)
    d = run.go(live.report)
    assert live.gallery.only == "all", "no unit passes"
    live.gallery.only = "unlabelled"
    assert live.end(d).only == "unlabelled"


def test_several_layers_in_one_gallery(cell):
    run = Run()
    run.found = lambda: Dissections({"a": run.provisional(64), "b": run.provisional(64)})
    live = LiveView(single=False, clock=run.clock)
    with capture_output():
        live.show("a, b of Handmade")
    run.go(live.report)
    assert [table["key"] for table in live.gallery._tables] == ["a", "b"]
    both = Dissections({"a": run.d, "b": run.d})
    assert list(live.end(both).result) == ["a", "b"]
    assert provisional(live.gallery) == ["", ""]


def test_a_cell_that_is_run_again_leaves_no_comm(cell):
    counts = []
    for number in (1, 2, 3):
        cell("a", number)
        live = watch(run := Run())
        live.end(run.go(live.report))
        counts.append(len(Comm.open_ones))
    assert counts[0] == counts[1] == counts[2] > 0
    live._frame.close()
    assert Comm.open_ones == set()
    sent = len(Comm.sent)
    live = watch(run := Run())
    live._frame.close()
    assert live.end(run.go(live.report)) is None
    assert live.updates == 0
    assert len(Comm.sent) > sent


# --- %dissect ---


def dissect(line):
    with capture_output() as out:
        result = InteractiveShell.instance().run_line_magic("dissect", line)
        if result is not None and hasattr(result, "_ipython_display_"):
            with suppress(NotImplementedError):
                result._ipython_display_()  # as the cell's value
    return result, [output.data for output in out.outputs]


def kinds(shown):
    return ["widget" if VIEW in data else "text/html" if "text/html" in data else "text" for data in shown]


LINE = "model features --data photos -q 0.05"


def test_the_magic_leaves_the_gallery_and_what_stands_in_for_it(cell):
    d, shown = dissect(LINE)
    assert kinds(shown) == ["widget", "text/html"]
    (widget,) = [w for w in ipywidgets.widgets.widget._instances.values() if w.model_id == shown[0][VIEW]["model_id"]]
    view, gallery = widget.children
    assert gallery.result is d
    assert view.state == "done"
    assert f'<div id="{gallery.stands_for}">' in shown[1]["text/html"]
    assert shown[0]["text/plain"].startswith("<Run of features of Net")


@pytest.mark.parametrize("where", ["html", "nobody", "text"])
def test_no_live_view_where_nobody_could_see_it(cell, where):
    if where == "html":
        nd.options.renderer = "html"
    elif where == "nobody":
        cell("a", 1, stdin=False)
    else:
        del InteractiveShell.instance().kernel
    _, shown = dissect(LINE)
    assert not any(VIEW in data for data in shown)
    assert Comm.open_ones == set()


def test_a_run_in_a_thread_that_nobody_watches(cell, held):
    cell("a", 1, stdin=False)
    run, shown = dissect(f"{LINE} --background")
    assert shown == []
    assert repr(run).startswith("<Run of features of Net: starting")
    held.opened.set()
    assert run.result().complete
    assert Comm.open_ones == set()


def test_what_is_wrong_with_the_call_shows_no_run(cell):
    from IPython.core.error import UsageError

    with capture_output() as out, pytest.raises(UsageError, match="no layer"):
        InteractiveShell.instance().run_line_magic("dissect", "model featurs --data photos")
    assert out.outputs == []
    assert Comm.open_ones == set()
    with pytest.raises(UsageError, match=r"run\.result\(\)\.to_html"):
        InteractiveShell.instance().run_line_magic("dissect", f"{LINE} --background --html a.html")


def test_a_kept_result_needs_no_run(cell, tmp_path):
    dissect(f"{LINE} --cache {tmp_path}")
    cell("b", 2)
    _, shown = dissect(f"{LINE} --cache {tmp_path}")
    assert kinds(shown) == ["widget", "text/html"]
    assert "<Gallery" in shown[0]["text/plain"]


def test_the_magics_options_are_completed():
    from nbdissect.magic import complete

    assert complete("%dissect model --ba", {})[1] == ["--background", "--batch-size"]


# --- in a thread ---


class Gate(Photos):
    """Photographs that come only once they may: a run that waits for a test."""

    def __init__(self):
        super().__init__()
        self.reached, self.opened = threading.Event(), threading.Event()
        self.broken = False

    def __getitem__(self, index):
        if threading.current_thread() is not threading.main_thread():
            if not self.reached.is_set():
                self.seen = index + 1  # images of which those before this one were read to check the data
            self.reached.set()
            self.opened.wait(30)
            if self.broken:
                raise OSError("truncated")
        return super().__getitem__(index)


@pytest.fixture
def held():
    data = Gate()
    InteractiveShell.instance().user_ns["photos"] = data
    yield data
    data.opened.set()


def frame_of(shown):
    return next(w for w in ipywidgets.widgets.widget._instances.values() if w.model_id == shown[0][VIEW]["model_id"])


def test_a_run_in_a_thread(cell, held):
    run, shown = dissect(f"{LINE} --background --batch-size 1")
    assert kinds(shown) == ["widget", "text/html"], "the second holds the place of what will stand in"
    frame = frame_of(shown)
    (view,) = frame.children
    assert view.cancellable
    assert view.hint == ""
    assert not run.done()
    cell("b", 2)  # another cell runs by the time the gallery is made
    held.opened.set()
    d = run.result()
    assert d.complete
    assert frame.children[1].result is d
    assert view.state == "done"
    open_ones = len(Comm.open_ones)
    cell("b", 3)
    session.register(frame.children[0])
    assert len(Comm.open_ones) == open_ones, "the gallery isn't the other cell's"
    cell("a", 4)
    session.register(frame.children[0])
    assert Comm.open_ones == set()
    assert not [thread for thread in threading.enumerate() if "nbdissect" in thread.name]


@pytest.mark.parametrize("how", ["button", "method"])
def test_cancel(cell, held, how):
    run, shown = dissect(f"{LINE} --background --batch-size 1")
    frame = frame_of(shown)
    held.reached.wait(30)
    if how == "button":
        frame.children[0].cancel = 1
    else:
        run.cancel()
    held.opened.set()
    d = run.result()
    assert (d.complete, d.images) == (False, held.seen), "the batch at hand is the last"
    assert held.seen < 6
    assert frame.children[0].state == "stopped"
    assert frame.children[0].doing == f"stopped after {held.seen} of 6 images"
    assert frame.children[1].result is d


def test_a_run_in_a_thread_that_fails(cell, held):
    held.broken = True
    run, shown = dissect(f"{LINE} --background")
    held.opened.set()
    with pytest.raises(OSError, match=r"Image \d: .*truncated"):
        run.result()
    (view,) = frame_of(shown).children
    assert view.state == "failed"
    assert "truncated" in view.doing
    with pytest.raises(NotImplementedError):
        lives.show_run(run)


def test_a_run_that_has_ended_shows_its_result(cell):
    run = nd.dissect(Net(), "features", data=Photos(), quantile=0.05, background=True)
    d = run.result()
    with capture_output() as out:
        run._ipython_display_()
    assert kinds([output.data for output in out.outputs]) == ["widget", "text/html"]
    assert repr(d.gallery())[:8] in out.outputs[0].data["text/plain"]


# --- words, size ---


def test_durations():
    assert [duration(s) for s in (0, 16.4, 119, 250, 7500, float("inf"))] == [
        "0 s",
        "16 s",
        "119 s",
        "4 min 10 s",
        "2 h 5 min",
        "?",
    ]
    assert duration(24.13, 1) == "24.1 s"


def test_a_tracker():
    now = 0.0
    tracker = ProgressTracker(lambda: now)
    now = 2.0
    assert tracker.update(Progress("network", 100, 400)) == (
        "running the network",
        "100 of 400 images · 50 images/s · 6 s left",
        0.25,
    )
    assert not tracker.stopping
    tracker.update(Progress("network", 200, 400))
    now = 4.0
    assert tracker.update(Progress("labels", 50, 200)) == (
        "counting pixels",
        "50 of 200 images · 25 images/s · 6 s left",
        0.25,
    )
    assert tracker.stopping
    assert tracker.outcome == "stopped after 200 of 400 images; labels of 50 of them"
    tracker.update(Progress("labels", 200, 200))
    assert tracker.outcome == "stopped after 200 of 400 images"


def test_the_module_is_small():
    assert (STATIC / "run.js").stat().st_size <= 12_000
    assert (STATIC / "run.css").stat().st_size <= 4_000
    assert "sourceMappingURL" not in (STATIC / "run.js").read_text(encoding="utf-8")
