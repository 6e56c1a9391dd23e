"""A gallery in the page of a notebook that scrolls: JupyterLab in both of its windowing modes, and Notebook 7."""

from __future__ import annotations

import json

import pytest

from support.servers import output, run_cell, units

GALLERY = """
from support.dissections import dissection
from nbdissect.display.gallery import gallery
g = gallery(dissection(512), only="all")
g
"""
RUN = """
%load_ext nbdissect
import time
import nbdissect as nd
from nbdissect.engine.preprocessing import choose_transform
model, data = nd.demo()
prepare = choose_transform(None, model, data)
def slowly(image):
    time.sleep(0.01)
    return prepare(image)
"""
# Where the parts of the gallery and the cells stand, in the panel that scrolls.
PLACES = """() => {
  const root = [...document.querySelectorAll('[data-nbdissect]')].find(e => e.shadowRoot).shadowRoot;
  let panel = root.host;
  while (!(panel.scrollHeight > panel.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(panel).overflowY)))
    panel = panel.parentElement;
  window.panel = panel;
  const view = panel.getBoundingClientRect(), bar = root.querySelector('.toolbar').getBoundingClientRect();
  const rows = [...root.querySelectorAll('.line')].map(row => row.getBoundingClientRect());
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.node.getBoundingClientRect());
  return { toolbar: bar.top - view.top, height: view.height, list: root.querySelector('.list').clientHeight,
    whole: rows.filter(row => row.top >= bar.bottom - 1 && row.bottom <= view.bottom + 1).length,
    drawn: root.querySelectorAll('.card').length, inOutput: panel.matches('.jp-Cell *'), next: cells[1].top - cells[0].top,
    inputHeight: root.host.getBoundingClientRect().top - cells[0].top }; }"""
SCROLL = """async y => { window.panel.scrollTop = y;
  for (let frame = 0; frame < 10; frame++) await new Promise(requestAnimationFrame); }"""
CELL = "index => window.jupyterapp.shell.currentWidget.content.widgets[index].node.getBoundingClientRect().top"
PROMPT = "index => window.jupyterapp.shell.currentWidget.content.widgets[index].inputArea.promptNode.textContent"


@pytest.fixture(params=["contentVisibility", "full"])
def mode(request, server):
    """Return how the notebook leaves out what is out of sight."""
    settings = server.folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": request.param}))
    return request.param


def test_the_toolbar_stays_and_the_next_cell_is_near(server, page, mode):
    server.write(f"space-{mode}.ipynb", [GALLERY, "1 + 1", "2 + 2"])
    server.open(page, f"space-{mode}.ipynb")
    run_cell(page, 0)
    units(page).wait_for()
    page.locator(".line").nth(3).wait_for()
    begin = page.evaluate(PLACES)
    assert begin["next"] - begin["inputHeight"] <= 2 * 720, "the next cell is at most two screens away"
    page.evaluate(SCROLL, 500)
    scrolled = page.evaluate(PLACES)
    assert scrolled["toolbar"] == pytest.approx(0, abs=1)
    assert scrolled["whole"] >= 3
    page.get_by_role("button", name="All 512").evaluate("button => button.click()")
    page.wait_for_function(f"() => ({PLACES})().list > 5000")
    for to in (20_000, 40_000, 3_000):
        page.evaluate(SCROLL, to)
        there = page.evaluate(PLACES)
        assert there["toolbar"] == pytest.approx(0, abs=1)
        assert there["whole"] >= 3
        assert there["drawn"] <= 60
    page.get_by_role("button", name="Collapse").evaluate("button => button.click()")
    assert page.evaluate(PLACES)["list"] == begin["list"]


def test_a_cell_added_later_puts_no_box_around_a_long_list(server, page, mode):
    """Notebook 7 looks at the height of every output then, and lets long ones scroll by themselves."""
    server.write(f"long-{mode}.ipynb", [GALLERY, "1 + 1"])
    server.open(page, f"long-{mode}.ipynb")
    run_cell(page, 0)
    page.get_by_role("button", name="All 512").click()
    page.wait_for_function(f"() => ({PLACES})().list > 5000")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
    page.evaluate(SCROLL, 5_000)
    there = page.evaluate(PLACES)
    assert there["inOutput"] is False
    assert there["toolbar"] == pytest.approx(0, abs=1)


def test_the_toolbar_stays_below_cells_that_were_taken_away(server, page, mode):
    """The mode `full` takes cells out of the page, and moves the others in their place."""
    text = "print('\\n'.join(map(str, range(60))))"
    server.write(f"below-{mode}.ipynb", [text, text, GALLERY])
    server.open(page, f"below-{mode}.ipynb")
    for index in range(3):
        run_cell(page, index)
    units(page).wait_for(state="attached")
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].node.scrollIntoView({block: 'start'})"
    )
    page.locator(".line").nth(3).wait_for()
    page.evaluate("() => { const e = document.querySelector('.jp-WindowedPanel-outer'); e.scrollTop += 500; }")
    page.wait_for_function(f"() => Math.abs(({PLACES})().toolbar) <= 1")


def test_the_cell_that_runs_stays_where_it_is(server, page, mode):
    server.write(
        f"still-{mode}.ipynb",
        [RUN, "print('\\n'.join(map(str, range(60))))", "%dissect model conv5 --transform slowly"],
    )
    server.open(page, f"still-{mode}.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    assert output(page, 1).strip().endswith("59")
    # As somebody does: the last cell is looked at, and run with Shift+Enter, which makes another one with the focus.
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2; }")
    page.locator(".jp-Cell").nth(2).locator(".cm-content").click()
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].node.scrollIntoView({block: 'start'})"
    )
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 2")
    page.keyboard.press("Shift+Enter")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets.length === 4")
    before = page.evaluate(CELL, 2)
    units(page).wait_for(state="attached")
    page.wait_for_function(f"() => !/\\*/.test(({PROMPT})(2))")
    page.locator("[id^=nbdissect-]").wait_for(state="attached")
    page.locator("[data-nbdissect-grows]").first.wait_for(state="detached")
    assert abs(page.evaluate(CELL, 2) - before) <= 40
    assert not page.evaluate(PLACES)["inOutput"], "it scrolls with the notebook, not by itself"
