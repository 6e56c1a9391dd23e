"""The table of layers in real notebooks: a click writes the line into the next cell, and the keyboard does, too."""

from __future__ import annotations

from support.servers import output, run_cell, shot

MAKE = """
%load_ext nbdissect
import torchvision
from support.data import Photos
net, photos = torchvision.models.resnet18(weights=None), Photos(2, (64, 64))
"""
TABLE = "%dissect net --data photos -q 0.01"
SOURCES = (
    """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(cell => cell.sharedModel.getSource())"""
)


def opened(server, page, name, cells):
    server.write(name, cells)
    server.open(page, name)
    run_cell(page, 0)
    run_cell(page, 1)
    page.locator(".nbl[data-ready]").wait_for(timeout=120_000)


def layer(page, name, nth=0):
    return page.get_by_role("button", name=name, exact=True).nth(nth)


def sources(page):
    return page.evaluate(SOURCES)[2:]


def line(name):
    return f"%dissect net {name} --data photos -q 0.01"


def test_a_click_writes_the_line_into_the_empty_cell_below(server, page):
    opened(server, page, "click.ipynb", [MAKE, TABLE, "", "print('last')"])
    shot(page, server, "layers")
    layer(page, "layer3").click()
    page.wait_for_timeout(300)
    shot(page, server, "layers-clicked")
    assert sources(page) == [line("layer3"), "print('last')"]
    assert page.get_by_role("status").filter(has_text="In the next cell").count() == 1
    # Another choice takes the place of the first, as long as nobody has run or changed that.
    layer(page, "layer2").click()
    page.wait_for_timeout(300)
    assert sources(page) == [line("layer2"), "print('last')"]
    # The focus is in the cell: it runs as it stands.
    page.keyboard.press("Shift+Enter")
    assert "layer2" in output(page, 2, timeout=120_000)
    # What was run stays.
    layer(page, "layer4").click()
    page.wait_for_timeout(300)
    assert sources(page) == [line("layer4"), line("layer2"), "print('last')"]


def test_a_cell_that_holds_something_is_left_alone_and_the_new_one_can_be_undone(server, page):
    opened(server, page, "full.ipynb", [MAKE, TABLE, "mine = 1"])
    layer(page, "layer3").click()
    page.wait_for_timeout(300)
    assert sources(page) == [line("layer3"), "mine = 1"]
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:undo-cell-action')")
    page.wait_for_timeout(300)
    assert sources(page) == ["mine = 1"]
    layer(page, "layer3").click()
    page.wait_for_timeout(300)
    page.keyboard.type("# ")
    layer(page, "layer4").click()
    page.wait_for_timeout(300)
    assert sources(page)[0] == line("layer4")
    assert sources(page)[2] == "mine = 1"


def test_the_keyboard_opens_a_stage_and_chooses_in_it(server, page):
    opened(server, page, "keys.ipynb", [MAKE, TABLE, ""])
    fold = page.locator(".nbl summary").filter(has_text="8 × 8").first
    fold.focus()
    page.keyboard.press("Enter")
    inner = layer(page, "layer2.0")
    inner.wait_for()
    inner.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert sources(page)[0] == line("layer2.0")
    shot(page, server, "layers-keys")


def test_a_reloaded_page_still_writes_and_without_a_kernel_it_copies(server, page):
    opened(server, page, "saved.ipynb", [MAKE, TABLE, ""])
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    server.open(page, "saved.ipynb")
    page.locator(".nbl[data-ready]").wait_for(timeout=60_000)
    page.wait_for_timeout(2000)  # the widgets come back from the kernel
    layer(page, "layer3").click()
    page.wait_for_timeout(300)
    assert sources(page) == [line("layer3")]
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.wait_for_timeout(1000)
    server.goto(page, "saved.ipynb")
    page.locator(".nbl[data-ready]").wait_for(timeout=60_000)
    page.context.grant_permissions(["clipboard-read"])
    layer(page, "layer2").click()
    page.get_by_role("status").filter(has_text="Copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == line("layer2")
    assert sources(page) == [line("layer3")]


def test_dark_and_narrow(server, page):
    opened(server, page, "dark.ipynb", [MAKE, TABLE, ""])
    if server.kind == "lab":
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size({"width": 420, "height": 720})
    page.locator(".nbl").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    shot(page, server, "layers-narrow")
    box = page.locator(".nbl").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert box[0] <= box[1]
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    page.wait_for_timeout(800)
    shot(page, server, "layers-dark")
    colors = layer(page, "layer3").evaluate(
        "one => [getComputedStyle(one).color, getComputedStyle(document.body).color]"
    )
    assert colors[0] != "rgb(0, 0, 238)"  # the link of a light page
