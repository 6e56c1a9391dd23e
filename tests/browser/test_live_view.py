"""A run in real JupyterLab: its gallery fills while the cell is busy; ■ and Cancel end it; a restart leaves nothing."""

from __future__ import annotations

import re
from importlib import metadata

import pytest

from support.needs import needed
from support.servers import output, run_cell, serve, settle, shot, units

# Slow enough to be looked at, and with a bound early enough to have something to show.
SLOW = """
%load_ext nbdissect
import comm, glob, os, tempfile, threading, time
import nbdissect as nd
from nbdissect.engine.preprocessing import choose_transform
model, data = nd.demo()
prepare = choose_transform(None, model, data)
def slowly(image):
    time.sleep(SECONDS)
    return prepare(image)
"""
MAGIC = "%dissect model conv4 --transform slowly --batch-size 16"
STATE = """
(_ if isinstance(_, nd.Dissection) else d).complete, (_ if isinstance(_, nd.Dissection) else d).images
"""
COMMS = "print(len(comm.get_comm_manager().comms), 'comms')"
# Of the cell, not of the kernel: that says idle after every message that a thread of its own has handled.
PROMPT = "index => window.jupyterapp.shell.currentWidget.content.widgets[index].inputArea.promptNode.textContent"
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needed("jupyterlab")
    with serve("lab", tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def viewport():
    return {"width": 1360, "height": 1000}


def begin(server, page, name, *cells, seconds=0.04):
    server.write(name, [SLOW.replace("SECONDS", str(seconds)), *cells])
    server.open(page, name)
    run_cell(page, 0)
    page.wait_for_function(IDLE)


def command(page, name):
    page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)


def run_of(page):
    return page.get_by_role("group", name=re.compile("^Run of "))


def pictures(page):
    return page.locator(".strip canvas[data-state=here]")


def stands_in(page):
    return page.locator("[id^=nbdissect-]")


def test_the_gallery_fills_while_the_cell_is_busy(server, page):
    begin(server, page, "fill.ipynb", MAGIC, "print(_.complete)")
    run_cell(page, 1)
    run_of(page).get_by_text("running the network").wait_for()
    assert run_of(page).get_by_role("progressbar").get_attribute("aria-valuenow").isdecimal()
    run_of(page).get_by_text("the notebook’s ■ stops it and keeps what was seen").wait_for()
    assert page.get_by_role("button", name="Cancel").count() == 0, "no click arrives while the cell computes"
    units(page).wait_for()
    pictures(page).first.wait_for()
    page.get_by_text(re.compile(r"Provisional: after \d+ of 560 images")).wait_for()
    shot(page, server, "live")
    assert "*" in page.evaluate(PROMPT, 1)
    run_of(page).get_by_text(re.compile(r"^560 images in [\d.]+ s$")).wait_for()
    stands_in(page).wait_for(state="attached")
    page.wait_for_function(IDLE)
    settle(page)
    assert page.get_by_text("Provisional").count() == 0
    assert (units(page).count(), run_of(page).count()) == (1, 1)
    page.wait_for_timeout(1000)
    assert stands_in(page).count() == 1
    assert not stands_in(page).is_visible()
    shot(page, server, "live-end")
    # It answers: an opened unit asks for its concepts.
    page.get_by_role("gridcell").first.click()
    page.get_by_role("region", name=re.compile("^conv4:")).get_by_role("row").nth(2).wait_for()
    run_cell(page, 2)
    assert output(page, 2).strip() == "True"


def test_an_interrupt_from_the_page_keeps_what_was_seen(server, page):
    begin(server, page, "stop.ipynb", MAGIC, "print(_.complete, 0 < _.images < 560, _.images == _.seen)", COMMS)
    run_cell(page, 1)
    pictures(page).first.wait_for()
    command(page, "notebook:interrupt-kernel")
    run_of(page).get_by_text(re.compile(r"^stopped after \d+ of 560 images$")).wait_for()
    stands_in(page).wait_for(state="attached")
    page.get_by_role("note").get_by_text(re.compile(r"Stopped after \d+ of 560 images")).first.wait_for()
    assert page.get_by_text("Provisional").count() == 0
    run_cell(page, 2)
    assert output(page, 2).strip() == "False True True"
    shot(page, server, "stopped")
    # A second run of the cell takes the place of the first, and leaves as many comms.
    run_cell(page, 3)
    before = output(page, 3)
    run_cell(page, 1)
    pictures(page).first.wait_for()
    command(page, "notebook:interrupt-kernel")
    run_of(page).get_by_text(re.compile(r"^stopped after")).wait_for()
    stands_in(page).wait_for(state="attached")
    run_cell(page, 3)
    page.wait_for_timeout(2000)
    assert output(page, 3) == before
    assert (units(page).count(), run_of(page).count()) == (1, 1)


@pytest.mark.parametrize("busy", [False, True])
def test_cancel_in_the_page_while_another_cell_computes(server, page, busy):
    if busy and int(metadata.version("ipykernel").split(".")[0]) < 7:
        pytest.skip("ipykernel 6 hears a click only when the cell at work has ended")
    begin(
        server,
        page,
        f"background-{busy}.ipynb",
        "run = %dissect model conv4 --transform slowly --batch-size 16 --background\nrun",
        "t = time.time()\nwhile not run.done() and time.time() - t < 90: sum(range(1000))\nprint(run)",
        "d = run.result()\nprint(d.complete, 0 < d.images < 560, [t.name for t in threading.enumerate() if 'nbdissect' in t.name])",
        COMMS,
    )
    run_cell(page, 1)
    run_of(page).get_by_text("running the network").wait_for()
    assert run_of(page).count() == 1, "the magic shows the run, and the cell's value not once more"
    if busy:
        run_cell(page, 2)
    pictures(page).first.wait_for()
    page.get_by_text(re.compile(r"Provisional: after \d+ of 560 images")).wait_for()
    shot(page, server, "background")
    assert ("*" in page.evaluate(PROMPT, 2)) == busy
    page.get_by_role("button", name="Cancel").click()
    run_of(page).get_by_text(re.compile(r"^stopped after \d+ of 560 images$")).wait_for()
    if not busy:
        run_cell(page, 2)
    assert output(page, 2).strip() == "<Run of conv4 of DemoNetwork: stopped>"
    run_cell(page, 3)
    assert output(page, 3).strip() == "False True []"
    page.get_by_role("note").get_by_text(re.compile(r"Stopped after \d+ of 560 images")).first.wait_for()
    stands_in(page).wait_for(state="attached")
    page.wait_for_timeout(2000)
    assert (units(page).count(), stands_in(page).count()) == (1, 1)
    assert not stands_in(page).is_visible()
    shot(page, server, "background-end")


def test_a_restart_leaves_nothing(server, page, tmp_path):
    begin(
        server,
        page,
        "restart.ipynb",
        f"tempfile.tempdir = {str(tmp_path)!r}\n%dissect model conv4 --transform slowly --batch-size 16 --background",
        "import comm, threading; print(len(comm.get_comm_manager().comms), [t.name for t in threading.enumerate() if 'nbdissect' in t.name])",
    )
    run_cell(page, 1)
    pictures(page).first.wait_for()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    run_of(page).get_by_text("the kernel is gone, and this run with it", exact=True).wait_for()
    assert page.get_by_role("button", name="Cancel").count() == 0
    shot(page, server, "restart")
    page.wait_for_function(IDLE)
    run_cell(page, 2)
    assert output(page, 2).strip() == "0 []"
    assert list(tmp_path.iterdir()) == []
