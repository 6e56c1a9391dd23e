"""Nothing that fails in what is displayed ends a run; what is swallowed is in the log."""

from __future__ import annotations

import io
import logging

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from nbdissect.display import live_view, saved_output, snapshot, summary_html, unit_html
from nbdissect.display.gallery import Gallery
from nbdissect.display.live_view import LiveView
from nbdissect.display.run_view import RunView
from nbdissect.notices import logged
from nbdissect.types import Progress
from support.data import Photos
from support.dissections import dissection
from support.nets import Net


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.kernel = "a notebook's"
    shell.run_line_magic("load_ext", "nbdissect")
    shell.user_ns.update(model=Net(), photos=Photos())
    yield shell
    InteractiveShell.clear_instance()


def broken(*_, **__):
    message = "broken on purpose"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (RunView, "__init__"),
        (RunView, "set_trait"),
        (Gallery, "__init__"),
        (Gallery, "push"),
        (live_view, "_let_clicks_through"),
        (live_view.ProgressTracker, "update"),
        (unit_html, "strip"),
        (live_view, "starting_only"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_run_survives_what_is_broken_in_its_display(shell, monkeypatch, caplog, place, name):
    monkeypatch.setattr(place, name, broken)
    d = dissection(4)
    with caplog.at_level(logging.DEBUG, "nbdissect"), capture_output():
        live = LiveView(single=True)
        with live.following("features of Net") as report:
            live._began -= 100
            for done in (1, 2):
                report(Progress("network", done, 40, lambda: {"layer4": d}))
        live.end(d)
        d._repr_html_()
    assert "broken on purpose" in caplog.text


@pytest.mark.parametrize(
    ("renderer", "place", "name"),
    [
        ("auto", snapshot._ImageSheet, "image"),
        ("auto", saved_output, "static_html"),
        ("auto", saved_output, "_code"),
        ("auto", Gallery, "state"),
        ("widget", Gallery, "__init__"),
        ("html", summary_html, "summary_html"),
    ],
)
def test_a_result_survives_what_is_broken_in_its_display(shell, monkeypatch, caplog, renderer, place, name):
    monkeypatch.setattr(nd.options, "renderer", renderer)
    monkeypatch.setattr(place, name, broken)
    with caplog.at_level(logging.DEBUG, "nbdissect"), capture_output() as out:
        shell.run_cell("d = %dissect model features --data photos -q 0.05").raise_error()
        shell.run_cell("d", store_history=True).raise_error()
    assert isinstance(shell.user_ns["d"], nd.Dissection)
    assert "broken on purpose" in caplog.text
    assert any("features of Net" in output.data["text/plain"] for output in out.outputs[1:])


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_line_that_cannot_be_written(monkeypatch, caplog, stream):
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    with caplog.at_level(logging.DEBUG, "nbdissect"):
        d = nd.dissect(Net(), "features", data=Photos(), quantile=0.05)
    assert d.complete
    assert "The progress line could not be written" in caplog.text


def test_what_is_logged_is_not_printed(capsys):
    with logged("Something"):
        broken()
    assert capsys.readouterr() == ("", "")
