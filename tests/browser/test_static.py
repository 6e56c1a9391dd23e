"""Results without a kernel, in a real browser: the exported page from a disk, the saved notebook elsewhere."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display import saved_output
from nbdissect.display.session import session
from nbdissect.results.dissections import Dissections
from nbdissect.results.upsampling import resize
from support.browser import best_label, cell, menu, violations
from support.dissections import NASTY, dissection
from support.needs import needed
from support.paths import SCREENSHOTS
from support.servers import run_cell, serve


@contextmanager
def opened_file(browser, path, width=1280, **options):
    """A page from the disk, with everything that it asks for counted, and nothing given."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, **options)
    page = context.new_page()
    page.errors, page.requests = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)

    def decide(route):
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            page.requests.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    page.on(
        "request", lambda r: None if r.url == path.as_uri() or r.url in page.requests else page.requests.append(r.url)
    )
    page.goto(path.as_uri())
    try:
        yield page
    finally:
        context.close()


def settled(page):
    """Wait until the gallery is there and no picture in view is on its way."""
    page.get_by_role("grid", name="Units").wait_for()
    page.wait_for_timeout(250)
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].filter(e => e.shadowRoot?.querySelector('.gallery')).every(e => {
          return [...e.shadowRoot.querySelectorAll('canvas[data-state=coming]')].every(c => {
            const b = c.getBoundingClientRect(); return b.bottom <= 0 || b.top >= innerHeight; }); })""",
        timeout=20_000,
    )


def shot(page, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def exported(demo, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "conv6.html"
    demo.to_html(path)
    return path


def sort_by(page, order):
    """Sort: in the toolbar or, where that has little room, in its menu."""
    choice = page.get_by_role("combobox", name="Sort by")
    with nullcontext() if choice.is_visible() else menu(page):
        choice.select_option(order)


def works(page, d):
    """Filter to a concept, move the cut, sort, open a unit, ask why, switch the overlay."""
    settled(page)
    status = page.get_by_role("status")
    assert status.inner_text() == f"{d.detectors()} of {len(d.units)} units"
    label = best_label(d)
    page.get_by_role("searchbox", name="Search units").fill(label)
    assert page.locator(".title .concept").first.inner_text() == label
    page.get_by_role("searchbox", name="Search units").fill("")
    page.get_by_role("slider", name="IoU cut").fill("0.1")
    assert status.inner_text() == f"{d.detectors(0.1)} of {len(d.units)} units"
    sort_by(page, "unit")
    first = int(np.flatnonzero(d.is_detector(0.1))[0])
    assert page.get_by_role("gridcell").first.get_attribute("data-address") == f"{d.layer}:{first}"
    sort_by(page, "iou")
    best = int(d.best_iou.argmax())
    settled(page)
    cell(page, f"{d.layer}:{best}").click()
    region = page.get_by_role("region", name=f"{d.layer}:{best}")
    row = d.units[best].ranking(1)[0]
    for number in (row.intersection, row.activation, row.truth):
        assert f"{number:,}" in region.get_by_role("row").nth(1).inner_text()
    settled(page)
    looks = []
    page.get_by_role("button", name="Overlay").click()
    for overlay in ("Outline", "Heat", "None", "Mask"):
        page.get_by_role("radio", name=overlay).check()
        page.wait_for_timeout(50)
        looks.append(region.locator("figure canvas").first.evaluate("c => c.toDataURL()"))
    assert len(set(looks)) == 4
    return best, region


def test_the_page_from_a_disk_asks_for_nothing(browser, demo, exported):
    with opened_file(browser, exported, offline=True) as page:
        best, region = works(page, demo)
        region.get_by_role("button", name="Why this label?").click()
        for rank in range(3):
            sample = demo.data[int(demo.top_images[best, rank])]
            number = demo.units[best].concept.number
            concept = np.any([(np.asarray(mask) == number).any(axis=0) for mask in sample.masks.values()], axis=0)
            mask = resize(demo.top_maps[best, rank], concept.shape) > demo.thresholds[best]
            text = region.locator("figure canvas").nth(rank)
            page.wait_for_function("c => /pixels in both/.test(c.ariaLabel)", arg=text.element_handle())
            said = [
                int(n.replace(",", ""))
                for n in re.findall(r"([\d,]+)(?= pixels| in )", text.get_attribute("aria-label"))
            ]
            assert said == [(mask & concept).sum(), (mask & ~concept).sum(), (concept & ~mask).sum()]
        shot(page, "page-why")
        assert not page.locator("#nbdissect-page-summary").is_visible()
        assert page.errors == []
        assert page.requests == []


def test_masks_of_all_embedded_units_are_the_engines(browser, demo, exported):
    with opened_file(browser, exported) as page:
        page.get_by_role("combobox", name="Show").select_option("all")
        settled(page)
        for address in page.get_by_role("gridcell").evaluate_all("all => all.slice(0, 4).map(c => c.dataset.address)"):
            unit = int(address.rsplit(":", 1)[1])
            cell(page, address).click()
            canvases = page.locator(".unit figure canvas[data-state=here]")
            page.wait_for_function(
                "n => document.querySelector('#nbdissect-page').shadowRoot.querySelectorAll('.unit figure canvas[data-state=here]').length === n",
                arg=10,
            )
            for rank, said in enumerate(canvases.evaluate_all("all => all.map(c => c.ariaLabel)")):
                mask = resize(
                    demo.top_maps[unit, rank], demo.data[int(demo.top_images[unit, rank])].masks["object"].shape[-2:]
                )
                assert f"mask covers {100 * (mask > demo.thresholds[unit]).mean():.1f} %" in said
            page.keyboard.press("Escape")
            cell(page, address).focus()
            page.keyboard.press("Escape")
        assert page.requests == []


def test_concepts_whose_pixels_are_not_in_the_page_can_not_be_asked_for(browser, demo, exported):
    with opened_file(browser, exported) as page:
        settled(page)
        page.get_by_role("gridcell").first.click()
        buttons = page.locator(".ranking tbody button")
        buttons.nth(3).wait_for()
        assert [buttons.nth(place).is_enabled() for place in range(4)] == [True, True, True, False]


def test_why_not_another_label(browser, demo, exported):
    with opened_file(browser, exported) as page:
        settled(page)
        best = int(demo.best_iou.argmax())
        cell(page, f"conv6:{best}").click()
        region = page.get_by_role("region", name=f"conv6:{best}")
        second = demo.units[best].ranking(2)[1].concept.name
        region.get_by_role("button", name=second).click()
        region.get_by_text("both").first.wait_for()
        page.wait_for_function(
            "c => /pixels in both/.test(c.ariaLabel)", arg=region.locator("figure canvas").first.element_handle()
        )
        shot(page, "page-why-not")
        assert page.requests == page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_looks_and_axe(browser, exported, axe, scheme, width):
    # axe is put in by the test: the page's own policy lets no other script in
    with opened_file(browser, exported, width, color_scheme=scheme, bypass_csp=True) as page:
        settled(page)
        shot(page, f"page-{scheme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page, axe) == []


def test_with_scripts_off_the_summary_is_there(browser, exported):
    with opened_file(browser, exported, java_script_enabled=False) as page:
        summary = page.locator("#nbdissect-page-summary")
        assert summary.is_visible()
        assert "units are detectors" in summary.inner_text()
        assert summary.get_by_role("img").count() == 8
        shot(page, "page-summary")
        assert page.requests == []


def test_without_photographs(browser, demo, tmp_path):
    path = tmp_path / "p.html"
    demo.to_html(path, images=False)
    with opened_file(browser, path) as page:
        settled(page)
        assert page.get_by_text("The images were left out").is_visible()
        page.get_by_role("gridcell").first.click()
        settled(page)
        assert page.get_by_role("button", name="Why this label?").is_disabled()
        shot(page, "page-without-photographs")
        assert page.requests == page.errors == []


def test_comparison_in_a_page(browser, demo, tmp_path):
    model, data = nd.demo()
    other = nd.dissect(model, "conv4", data=data, progress=False)
    path = tmp_path / "p.html"
    Dissections({"conv4": other, "conv6": demo}).to_html(path)
    with opened_file(browser, path) as page:
        settled(page)
        page.get_by_role("button", name="conv6").click()
        assert page.get_by_role("status").inner_text() == f"{demo.detectors()} of {len(demo.units)} units"
        page.get_by_role("button", name="Compare").click()
        settled(page)
        assert page.get_by_role("listbox").count() == 1
        page.get_by_role("gridcell").nth(1).click()
        settled(page)
        assert page.get_by_role("region").locator("figure").count() == 20
        shot(page, "page-comparison")
        assert page.requests == page.errors == []


def test_hostile_names_never_run(browser, tmp_path):
    path = tmp_path / "p.html"
    hostile = replace(
        dissection(names=NASTY, layer="</script><script>window.hacked=1</script>"),
        model="<img src=x onerror='window.hacked=1'>",
    )
    hostile.to_html(path)
    for width in (400, 1280):
        with opened_file(browser, path, width) as page:
            settled(page)
            page.get_by_role("gridcell").first.click()
            settled(page)
            assert page.evaluate("window.hacked") is None
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shot(page, f"page-hostile-{width}")
            assert page.requests == page.errors == []


def test_the_policy_lets_no_other_script_run(browser, exported, tmp_path):
    text = exported.read_text(encoding="utf-8")
    path = tmp_path / "p.html"
    path.write_text(
        text.replace("<main>", "<main><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"),
        encoding="utf-8",
    )
    with opened_file(browser, path) as page:
        settled(page)
        assert page.evaluate("window.hacked") is None


def test_five_hundred_units_of_photographs(browser, squeezenet, tmp_path):
    path = tmp_path / "p.html"
    squeezenet.to_html(path)
    assert path.stat().st_size <= 8_000_000
    with opened_file(browser, path, offline=True) as page:
        works(page, squeezenet)
        shot(page, "page-squeezenet")
        assert page.requests == page.errors == []


# --- saved notebooks ---

# What JupyterLab says in the place of a widget without a kernel.
DEAD = re.compile("Loading widget|model not found")
CELLS = ["%load_ext nbdissect\nimport nbdissect as nd\nmodel, data = nd.demo()", "%dissect model conv6 --data data"]
GALLERY = [
    "import nbdissect as nd\nmodel, data = nd.demo()\nd = nd.dissect(model, 'conv6', data=data, progress=False)",
    "d.gallery(query='stove', overlay='heat')",
]


@pytest.fixture(scope="module")
def executed():
    """A notebook that nbclient ran, with nobody in front of it."""
    return run_by_nbclient(CELLS)


@pytest.fixture(scope="module")
def executed_gallery():
    """Another, whose last value is a gallery."""
    return run_by_nbclient(GALLERY)


def run_by_nbclient(sources):
    nbclient, nbformat = needed("nbclient"), needed("nbformat")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbclient.NotebookClient(notebook, timeout=300).execute()
    return notebook


def converted(notebook, path, **options):
    body, _ = needed("nbconvert").HTMLExporter(**options).from_notebook_node(notebook)
    path.write_text(body, encoding="utf-8")
    return path


def ours(page, blank):
    """What a page asked for beyond what its template asks for in any notebook; a blob comes from the page itself."""
    return [url for url in page.requests if not url.startswith(("blob:", "data:")) and url not in blank]


@pytest.fixture(scope="module")
def blank(browser, tmp_path_factory):
    """What the pages of an empty notebook ask for, in every template."""
    nbformat = needed("nbformat")
    folder, asked = tmp_path_factory.mktemp("blank"), set()
    for template in ("lab", "classic", "basic"):
        path = converted(nbformat.v4.new_notebook(), folder / "n.html", template_name=template)
        with opened_file(browser, path) as page:
            page.wait_for_timeout(500)
            asked |= set(page.requests)
    return asked


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_converted_notebook_holds_the_whole_gallery(browser, demo, executed, blank, tmp_path, theme):
    path = converted(executed, tmp_path / "n.html", theme=theme)
    with opened_file(browser, path) as page:
        works(page, demo)
        assert page.locator(".gallery").get_attribute("data-theme") == theme
        assert not page.get_by_text("trust this notebook").is_visible()
        assert ours(page, blank) == []
        shot(page, f"converted-{theme}")


@pytest.mark.parametrize("template", ["classic", "basic"])
def test_other_templates_hold_it_too(browser, demo, executed, blank, tmp_path, template):
    """nbviewer's pages are of the first kind; the second is what people put into pages of their own."""
    path = converted(executed, tmp_path / "n.html", template_name=template)
    with opened_file(browser, path) as page:
        works(page, demo)
        assert ours(page, blank) == []
        shot(page, f"converted-{template}")


def test_a_gallery_as_the_last_value_is_kept_as_it_was(browser, demo, executed_gallery, blank, tmp_path):
    (output,) = executed_gallery.cells[1].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert "widgets" not in executed_gallery.metadata, "pages ask others for what draws those"
    with opened_file(browser, converted(executed_gallery, tmp_path / "n.html")) as page:
        settled(page)
        assert page.get_by_role("searchbox", name="Search units").input_value() == "stove"
        page.get_by_role("button", name="Overlay").click()
        assert page.get_by_role("radio", name="Heat").is_checked()
        stoves = sum(unit.label == "stove" for unit in demo.units if unit.iou > 0.04)
        assert page.get_by_role("status").inner_text() == f"{stoves} of {len(demo.units)} units"
        assert ours(page, blank) == []
        shot(page, "converted-gallery")


def test_a_sanitized_notebook_keeps_the_summary(browser, executed, blank, tmp_path):
    path = converted(executed, tmp_path / "n.html", sanitize_html=True)
    with opened_file(browser, path) as page:
        page.wait_for_timeout(2_000)
        assert page.get_by_text("units are detectors").is_visible()
        assert page.get_by_role("grid", name="Units").count() == 0
        assert page.get_by_text("conv6:97").first.is_visible()
        text = page.evaluate("document.body.innerText")
        assert "data-gallery" not in text
        assert "base64" not in text
        assert "<img" not in text
        assert "<script" not in text
        assert ours(page, blank) == []
        shot(page, "converted-sanitized")


def test_nobody_is_asked_for_a_saved_widget(executed):
    outputs = executed.cells[1].outputs
    assert not [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]


def test_saved_in_lab_and_opened_again_without_a_kernel(browser, demo, tmp_path):
    needed("jupyterlab")
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    grid, summary = page.get_by_role("grid", name="Units"), page.get_by_text("trust this notebook")
    with serve("lab", tmp_path) as server:
        server.write("book.ipynb", CELLS)
        server.open(page, "book.ipynb")
        for number in range(2):
            run_cell(page, number)
        grid.wait_for(timeout=120_000)
        # The live gallery, and behind it what stands in for it.
        page.locator("[id^=nbdissect-]").wait_for(state="attached")
        page.wait_for_timeout(2_500)
        assert grid.count() == 1
        assert not page.locator("[id^=nbdissect-]").is_visible()
        shot(page, "lab-live")
        page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
        page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
        saved = (tmp_path / "book.ipynb").read_text(encoding="utf-8")
        assert "data-gallery" in saved
        # Changed by another hand than this server's: Lab trusts no output of it.
        (tmp_path / "other.ipynb").write_text(saved.replace("--data data", "--data  data"), encoding="utf-8")
        page.goto(f"http://127.0.0.1:{server.port}/lab/tree/other.ipynb?reset")
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.content?.model?.cells?.length === 2")
        page.evaluate(
            "async () => { try { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); } catch {} }"
        )
        assert not page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.get(1).trusted")
        page.wait_for_timeout(3_000)
        summary.wait_for()
        assert summary.is_visible()
        assert grid.count() == 0
        images = page.locator(".jp-RenderedHTMLCommon img")
        assert images.count() >= 8
        assert images.first.is_visible()
        shot(page, "lab-untrusted")
        page.evaluate(
            "() => { for (const cell of window.jupyterapp.shell.currentWidget.content.model.cells) cell.trusted = true; }"
        )
        grid.wait_for()
        page.get_by_role("searchbox", name="Search units").fill(best_label(demo))
        assert page.locator(".title .concept").first.inner_text() == best_label(demo)
        page.locator(".strip canvas[data-state=here]").first.wait_for()
        assert not summary.is_visible()
        assert not DEAD.search(page.locator(".jp-OutputArea").last.inner_text())
        shot(page, "lab-trusted")
    context.close()


LINE = """<!doctype html><meta charset=utf-8>
<div class="jp-OutputArea"><div class="jp-OutputArea-child" id="before"><div>Loading widget...</div></div>
<div class="jp-OutputArea-child" id="line"><div>{text}</div></div>
<div class="jp-OutputArea-child"><div>{html}</div></div></div>"""


@pytest.mark.parametrize(
    ("text", "beside", "stays"),
    [
        ("Loading widget...", True, False),
        ("Error displaying widget: model not found", True, False),
        ("Error displaying widget: model not found", False, True),  # another's: here is no live gallery
        ("a line that somebody printed", True, True),
    ],
)
def test_the_line_of_the_lost_widget_goes_while_there_is_no_widget(browser, tmp_path, text, beside, stays):
    path = tmp_path / "p.html"
    path.write_text(
        LINE.format(text=text, html=saved_output.static_html(dissection(), "nbdissect-1", beside=beside)),
        encoding="utf-8",
    )
    with opened_file(browser, path) as page:
        line = page.locator("#line")
        assert line.is_visible()
        settled(page)
        assert line.is_visible() == stays
        assert page.locator("#before").is_visible()
        page.evaluate("document.querySelector('#line div').replaceChildren(document.createElement('button'))")
        page.wait_for_timeout(50)
        assert line.is_visible()


def test_what_a_run_printed_stands_between_the_widget_and_what_stands_in_for_it(browser, tmp_path):
    path = tmp_path / "p.html"
    html = saved_output.static_html(dissection(), "nbdissect-1", beside=True)
    printed = (
        '</div></div><div class="jp-OutputArea-child"><div data-mime-type="application/vnd.jupyter.stderr">UserWarning'
    )
    path.write_text(LINE.format(text=f"Loading widget...{printed}", html=html), encoding="utf-8")
    with opened_file(browser, path) as page:
        settled(page)
        assert not page.locator("#line").is_visible()
        assert page.get_by_text("UserWarning").is_visible()


def test_units_that_did_not_fit_say_so(browser, demo, monkeypatch, tmp_path):
    monkeypatch.setattr(session, "_saved", {})
    monkeypatch.setattr(nd.options, "embed_mb", 0.6)
    path = tmp_path / "p.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{saved_output.static_html(demo, 'nbdissect-1')}", encoding="utf-8"
    )
    assert path.stat().st_size <= 600_000
    with opened_file(browser, path) as page:
        settled(page)
        remark = page.locator(".gallery > .hint").inner_text()
        assert "activation maps of the best" in remark
        assert "raise nd.options.embed_mb" in remark
        worst = int(np.argsort(demo.best_iou, kind="stable")[3])
        page.get_by_role("combobox", name="Show").select_option("all")
        page.get_by_role("searchbox", name="Search units").fill(f"conv6:{worst}")
        cell(page, f"conv6:{worst}").click()
        region = page.get_by_role("region", name=f"conv6:{worst}")
        assert region.get_by_text("No images of this unit are here.").is_visible()
        assert region.get_by_role("row").count() > 1
        assert page.errors == []
        shot(page, "output-in-part")


def test_with_nothing_to_run_it_the_output_stays_a_summary(browser, demo, tmp_path):
    """A browser without streams, or a policy that forbids modules from blobs: the summary stays."""
    path = tmp_path / "p.html"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'unsafe-inline'\">"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{policy}{saved_output.static_html(demo, 'nbdissect-1')}", encoding="utf-8"
    )
    with opened_file(browser, path) as page:
        page.wait_for_timeout(2_500)
        assert page.get_by_text("units are detectors").is_visible()
        assert page.get_by_role("grid", name="Units").count() == 0


def test_hostile_names_never_run_in_an_output(browser, tmp_path):
    hostile = replace(
        dissection(names=(*NASTY, "it's' onclick='window.hacked=1")), layer="'><script>window.hacked=1</script>"
    )
    path = tmp_path / "p.html"
    path.write_bytes(
        f"<!doctype html><meta charset=utf-8>{saved_output.static_html(hostile, 'nbdissect-1')}".encode(
            "utf-8", "xmlcharrefreplace"
        )
    )
    with opened_file(browser, path) as page:
        settled(page)
        page.get_by_role("gridcell").first.click()
        assert page.evaluate("window.hacked") is None
        assert page.errors == []
