"""``nd.doctor()`` on the front end: an alarm only where a page had every chance to answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from nbdissect.display import session as sessions
from nbdissect.display.session import Session
from support.dissections import dissection

ALARM = "has not answered a gallery"
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook whose clock and cells a test moves."""
    fresh = Session()
    for name, value in vars(fresh).items():
        monkeypatch.setattr(sessions.session, name, value)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.kernel = "a notebook's"
    now = [0.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now[0])

    def cell(number, *, asked, begun):
        """Run a cell that the page asked for, and the kernel began, so many seconds after noon."""
        now[0] = begun
        header = {"msg_id": str(number), "date": NOON + timedelta(seconds=asked)}
        parent = {"header": header, "metadata": {"cellId": str(number)}, "content": {}}
        monkeypatch.setattr(shell, "get_parent", lambda: parent, raising=False)

    cell.later = lambda seconds: now.__setitem__(0, now[0] + seconds)
    cell(0, asked=0, begun=0)
    yield cell
    InteractiveShell.clear_instance()


def show(gallery):
    with capture_output():
        gallery._ipython_display_()
    return gallery


def front_end(capsys):
    nd.doctor()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("front end:"))
    return line


def test_nothing_was_shown(notebook, capsys):
    assert "no gallery is on display" in front_end(capsys)


def test_an_error_before_anything_was_shown(notebook, capsys):
    with pytest.raises(ValueError, match="no setting"):
        nd.gallery(dissection(), querry="x")
    g = nd.gallery(dissection())
    notebook(1, asked=60, begun=60)
    assert ALARM not in front_end(capsys), "made, and never displayed"
    show(g)
    g.close()
    notebook(2, asked=120, begun=120)
    assert ALARM not in front_end(capsys), "gone, as after a run that failed"


def test_a_page_that_answers(notebook, capsys):
    g = show(nd.gallery(dissection()))
    g._reply(g, {"kind": "hello"})
    notebook(1, asked=60, begun=60)
    assert "a notebook, which has answered" in front_end(capsys)


def test_no_answer_though_there_was_time(notebook, capsys):
    g = show(nd.gallery(dissection()))
    notebook(1, asked=60, begun=60)
    assert ALARM in front_end(capsys)
    assert g.stands_for


def test_the_cell_that_shows_it_cannot_hear_its_page(notebook, capsys):
    g = show(nd.gallery(dissection()))
    notebook.later(60)
    assert "run nd.doctor() in a cell of its own" in front_end(capsys)
    assert g.comm


def test_cells_that_were_asked_for_at_once(notebook, capsys):
    """Run all cells: the page's greeting waits behind the last of them."""
    g = show(nd.gallery(dissection()))
    notebook(1, asked=0.1, begun=300)
    assert ALARM not in front_end(capsys)
    assert g.comm


def test_a_cell_that_waited_for_the_one_that_shows_it(notebook, capsys):
    notebook(1, asked=0, begun=100)
    g = show(nd.gallery(dissection()))
    notebook(2, asked=50, begun=101)
    assert ALARM not in front_end(capsys)
    assert g.comm


def test_a_front_end_that_gives_no_dates(notebook, capsys, monkeypatch):
    show(nd.gallery(dissection()))
    g = nd.gallery(dissection())
    show(g)
    notebook.later(60)
    parent = {"header": {"msg_id": "9"}, "metadata": {}, "content": {}}
    monkeypatch.setattr(InteractiveShell.instance(), "get_parent", lambda: parent)
    assert ALARM in front_end(capsys)
