"""The gallery in real JupyterLab 4 and Notebook 7: run a cell, filter, open, select; the next cell knows."""

from __future__ import annotations

import re

import pytest

from support.paths import SHARED
from support.servers import output, run_cell, settle, shot, units

DEMO = """
import nbdissect as nd
from nbdissect.display.gallery import gallery
model, data = nd.demo()
d = nd.dissect(model, "conv6", data=data, progress=False)
g = gallery(d)
g
"""
QUICK = """
from support.dissections import dissection
from nbdissect.display.gallery import gallery
d = dissection(layer="conv6")
g = gallery(d, only="all")
g
"""
COMMS = "import comm; print(len(comm.get_comm_manager().comms), 'comms')"
SQUEEZENET = f"""
import torchvision
from safetensors.torch import load_file
import nbdissect as nd
from nbdissect.display.gallery import gallery
model = torchvision.models.squeezenet1_1(weights=None)
model.load_state_dict(load_file({str(SHARED / "weights" / "squeezenet1_1_imagenet.safetensors")!r}))
d = nd.dissect(model, "features.12", data=nd.Broden({str(SHARED / "minibroden")!r}), progress=False)
g = gallery(d)
g
"""


@pytest.fixture
def viewport():
    return {"width": 1360, "height": 1000}


def stand_ins(page):
    return page.locator("[id^=nbdissect-]")


@pytest.mark.parametrize("source", ["demo", "squeezenet"])
def test_from_cell_to_gallery_to_cell(server, page, source):
    if source == "squeezenet" and not SHARED.exists():
        pytest.skip(f"no photographs at {SHARED}")
    name = f"{source}.ipynb"
    server.write(name, [DEMO if source == "demo" else SQUEEZENET, "print(g.selected, g.query, len(g.shown))"])
    server.open(page, name)
    run_cell(page, 0)
    units(page).wait_for(timeout=180_000)
    settle(page)
    shot(page, server, source)
    label = page.locator(".title .concept").first.inner_text()

    # the keyboard only, and no shortcut of the notebook may fire: d d deletes cells, Enter edits them
    search = page.get_by_role("searchbox", name="Search units")
    search.focus()
    page.keyboard.type("dd")
    assert page.get_by_role("status").inner_text().endswith(" units")
    page.keyboard.press("Escape")
    page.keyboard.type(label.split()[0])
    page.wait_for_timeout(500)
    shown = int(page.get_by_role("status").inner_text().split()[0])
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("""() => { let a = document.activeElement;
              while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement;
              return a?.getAttribute('role') === 'gridcell'; }"""):
            break
    for key in ("Space", "ArrowDown", "Space", "d", "d", "Enter"):
        page.keyboard.press(key)
    address = page.locator(".unit").get_attribute("aria-label")
    page.get_by_role("region", name=address).get_by_role("row").nth(3).wait_for()
    page.wait_for_timeout(500)
    shot(page, server, f"{source}-opened")
    page.keyboard.press("Escape")
    assert page.locator(".unit").count() == 0
    first, second = page.get_by_role("gridcell").evaluate_all("all => all.slice(0, 2).map(c => c.dataset.address)")
    assert second == address
    page.wait_for_timeout(400)
    run_cell(page, 1)
    numbers = [int(one.rsplit(":", 1)[1]) for one in (first, second)]
    assert output(page, 1).strip() == f"{numbers} {label.split()[0]} {shown}"


@pytest.mark.parametrize("place", ["chip", "search", "unit"])
def test_the_keys_that_run_a_cell_work_from_inside_the_gallery(server, page, place):
    server.write(f"keys-{place}.ipynb", [f"runs = globals().get('runs', 0) + 1\n{QUICK}", "print(runs, g.opened)"])
    server.open(page, f"keys-{place}.ipynb")
    run_cell(page, 0)
    units(page).wait_for()
    settle(page)
    chip = page.get_by_role("group", name="Categories").get_by_role("button").first
    spot = {"chip": chip, "search": page.get_by_role("searchbox"), "unit": page.get_by_role("gridcell").first}[place]
    pressed = chip.get_attribute("aria-pressed")
    spot.focus()
    page.keyboard.press("Shift+Enter")
    run_cell(page, 1)
    assert output(page, 1).strip() == "2"
    units(page).wait_for()
    settle(page)
    assert chip.get_attribute("aria-pressed") == pressed
    spot.focus()
    page.keyboard.press("Control+Enter")
    run_cell(page, 1)
    assert output(page, 1).strip() == "3"
    if place != "unit":
        return
    # Alt inserts a cell below: the one that printed is the third then.
    units(page).wait_for()
    spot.focus()
    page.keyboard.press("Alt+Enter")
    run_cell(page, 2)
    assert output(page, 2).strip() == "4"


def test_the_magic_shows_the_gallery_in_the_place_of_its_summary(server, page):
    server.write(
        "magic.ipynb",
        ["%load_ext nbdissect", "import nbdissect as nd; model, _ = nd.demo()", "%dissect model conv6", "nd.doctor()"],
    )
    server.open(page, "magic.ipynb")
    for cell in range(3):
        run_cell(page, cell)
    units(page).wait_for(timeout=120_000)
    settle(page)
    # The gallery may be there before the run has ended, what stands in for it comes after.
    stand_ins(page).wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(1500)
    assert stand_ins(page).count() == 1
    assert not stand_ins(page).is_visible()
    shot(page, server, "magic")
    run_cell(page, 3)
    assert "a notebook, which has answered" in output(page, 3)


def test_what_stands_in_for_a_gallery_is_hidden_wherever_it_is_shown(server, page):
    server.write("twice.ipynb", [QUICK, "g.query = '1'\ng", "import ipywidgets\nipywidgets.VBox([g])"])
    server.open(page, "twice.ipynb")
    for number in range(3):
        run_cell(page, number)
    page.wait_for_function("() => document.querySelectorAll('[data-lm-suppress-shortcuts]').length === 3")
    stand_ins(page).nth(1).wait_for(state="attached")
    page.wait_for_timeout(2_500)
    assert stand_ins(page).count() == 2
    assert not any(one.is_visible() for one in stand_ins(page).all())
    assert units(page).count() == 3
    shot(page, server, "twice")


def test_a_gallery_is_there_again_without_a_kernel(server, page):
    server.write("again.ipynb", [QUICK.replace('only="all"', 'only="all", query="1", sort="unit"')])
    server.open(page, "again.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    stand_ins(page).wait_for(state="attached")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
    server.goto(page, "again.ipynb")
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.content?.model?.cells?.length === 1")
    units(page).wait_for()
    assert page.get_by_role("searchbox", name="Search units").input_value() == "1"
    more = page.get_by_role("button", name="More", exact=True)
    more.click()  # beside a sidebar the order is behind it
    assert page.get_by_role("combobox", name="Sort by").input_value() == "unit"
    more.click()
    settle(page)
    # Neither the line of the widget that is no more, nor the summary.
    said = page.locator(".jp-OutputArea").inner_text()
    assert not re.search("Loading widget|model not found|trust this notebook", said)
    shot(page, server, "again")


def test_python_moves_the_page(server, page):
    server.write("set.ipynb", [QUICK, "g.query, g.min_iou, g.selected = '1', 0.1, [2, 5]"])
    server.open(page, "set.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    run_cell(page, 1)
    page.get_by_text("2 selected").wait_for()
    assert page.get_by_role("searchbox", name="Search units").input_value() == "1"
    assert page.get_by_role("slider", name="IoU cut").input_value() == "0.1"


def test_two_galleries_a_second_run_and_a_closed_one(server, page):
    server.write("two.ipynb", [QUICK, "h = gallery(d, only='all', query='1'); h", "g.close()", "g", COMMS])
    server.open(page, "two.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    run_cell(page, 1)
    page.wait_for_function("() => document.querySelectorAll('[data-lm-suppress-shortcuts]').length >= 2")
    page.get_by_role("searchbox", name="Search units").nth(1).fill("2")
    assert page.get_by_role("searchbox", name="Search units").nth(0).input_value() == ""
    run_cell(page, 4)
    before = output(page, 4)
    run_cell(page, 1)
    page.wait_for_timeout(1500)
    assert page.get_by_role("searchbox", name="Search units").nth(1).input_value() == "1"
    run_cell(page, 4)
    page.wait_for_timeout(500)
    assert output(page, 4) == before, "a second run leaves no comm behind"
    run_cell(page, 2)
    # What stood in for it takes its place, and makes room again once it is shown anew.
    stand_ins(page).first.scroll_into_view_if_needed()
    units(page).nth(1).wait_for()
    assert [one.is_visible() for one in stand_ins(page).all()] == [True, False]
    run_cell(page, 3)
    page.wait_for_timeout(2500)
    assert not any(one.is_visible() for one in stand_ins(page).all())
    units(page).last.scroll_into_view_if_needed()
    assert re.match("conv6:", units(page).last.get_by_role("gridcell").first.get_attribute("data-address"))


def test_follows_a_change_of_theme(server, page):
    server.write("theme.ipynb", [QUICK])
    server.open(page, "theme.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    assert page.locator(".gallery").get_attribute("data-theme") == "light"
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.locator(".gallery[data-theme=dark]").wait_for()
    settle(page)
    shot(page, server, "dark")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    page.locator(".gallery[data-theme=light]").wait_for()


def test_axe_finds_nothing(server, page, axe):
    server.write("axe.ipynb", [QUICK])
    server.open(page, "axe.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    settle(page)
    page.get_by_role("gridcell").first.click()
    page.wait_for_timeout(500)
    page.evaluate(axe)
    found = page.evaluate(
        """async () => { const host = [...document.querySelectorAll('[data-lm-suppress-shortcuts]')].find(e => e.shadowRoot);
          const { violations } = await axe.run(host, {resultTypes: ['violations']});
          return violations.map(one => one.id + ': ' + one.nodes[0].html); }"""
    )
    assert found == []


def test_selecting_by_keys_and_what_becomes_of_it(server, page):
    server.write("select.ipynb", [QUICK, "d.units[g.selected]", "print(g.selected, g.min_iou)", "d.summary()"])
    server.open(page, "select.ipynb")
    run_cell(page, 0)
    units(page).wait_for(timeout=60_000)
    first = page.get_by_role("gridcell").first
    first.focus()
    for key in ("Space", "Shift+ArrowDown", "Shift+ArrowDown", "c", "Control+a", "Control+z"):
        page.keyboard.press(key)
    bar = page.get_by_role("group", name="Selection")
    bar.get_by_text("3 selected").wait_for()
    # Of the notebook's own keys none was meant: no other cell is selected, none is gone or in command mode.
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length") == 4
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    bar.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        bar.get_by_role("button", name="Page (HTML)").click()
    assert download.value.suggested_filename == "conv6-selection.html"
    shot(page, server, "selecting")
    for cell_number in (1, 2, 3):
        run_cell(page, cell_number)
    assert re.fullmatch(r"\[\d+, \d+, \d+\] 0.04", output(page, 2).strip())
    pictures = page.locator(".jp-CodeCell").nth(1).locator("img[alt*='strongest images']")
    pictures.nth(2).wait_for()
    assert pictures.count() == 3
    page.locator(".jp-CodeCell").nth(3).get_by_text("detectors, paper rule").wait_for()
    shot(page, server, "units-as-pictures")


BROWSE = """
import nbdissect as nd
model, data = nd.demo()
b = data[:40].browse(first=40)
b
"""
EXPLAIN = """
d = nd.dissect(model, "conv6", data=data[:40], progress=False)
e = d.explain(3)
e
"""


def test_a_data_set_is_looked_through_and_an_image_explained(server, page):
    server.write(
        "browse.ipynb", [BROWSE, "print(b.concept, b.index)", EXPLAIN, "b.concept = None; print(d.run is None)"]
    )
    server.open(page, "browse.ipynb")
    run_cell(page, 0)
    concepts = page.get_by_role("listbox", name="Concepts")
    concepts.wait_for(timeout=120_000)
    page.locator("canvas[data-state=here]").wait_for()
    page.wait_for_timeout(500)
    assert not stand_ins(page).first.is_visible()
    shot(page, server, "browse")

    # no shortcut of the notebook may fire: d d deletes cells, m makes one of text
    page.get_by_role("searchbox", name="Search concepts").fill("cloud")
    concepts.get_by_role("option").first.click()
    for key in ("d", "d", "m", "m", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_timeout(1500)
    run_cell(page, 1)
    number, index = map(int, output(page, 1).split())
    assert number
    assert index > 0
    assert page.get_by_label(f"Image {index}:").count() or page.locator(f"canvas[aria-label^='Image {index}:']").count()

    run_cell(page, 2)
    page.get_by_text("units of conv6 fire on image 3").wait_for(timeout=120_000)
    page.get_by_alt_text("The image in the colors of the units that fire on it").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    shot(page, server, "explain")
    run_cell(page, 3)
    assert output(page, 3).strip() == "False"
    page.get_by_text("of 40", exact=True).wait_for(state="attached")
