"""The gallery on paper: every image is drawn, nothing is cut, and nothing is printed that paper has no use for."""

from __future__ import annotations

import re
import zlib

import pytest

from nbdissect.display.gallery import Gallery
from support.browser import best_label, cell, menu, opened, settle, shot, show_all
from support.dissections import dissection

ROOT = "document.querySelector('#host, #nbdissect-page').shadowRoot"
# What the browser lays out right after `beforeprint`: no task ran in between, only what was queued at once.
PRINT_NOW = f"""async () => {{
  dispatchEvent(new Event('beforeprint'));
  for (let i = 0; i < 9; i++) await null;
  const papers = [...{ROOT}.querySelectorAll('.paper')];
  return {{cards: {ROOT}.querySelectorAll('.card').length, papers: papers.length,
    drawn: papers.filter(paper => paper.querySelector('img')?.complete && paper.querySelector('img').naturalWidth
      && paper.querySelector('path').getTotalLength() > 0).length}};
}}"""
# A4 and Letter within the browser's own margins, and A5, in pixels.
PAPERS = [718, 739, 483]
# What stands further right than the page is wide, or has no size.
CUT = f"""() => [...{ROOT}.querySelectorAll('.paper, .paper > *, figure canvas, .head, .g-bar, table')].filter(one => one.getClientRects().length).filter(one => {{
  const {{right, left, width}} = one.getBoundingClientRect(); return right > innerWidth + 0.5 || left < 0 || width < 5; }})
  .map(one => one.className + ' ' + one.getBoundingClientRect().right)"""
HIDDEN = ".toolbar, .preview, .dock, .list-end, .popup, .tick, dialog, [popover]"


def on_paper(page, width):
    """Print as the browser does: the page hears of it first, then it gets the paper's width."""
    page.emulate_media(media="print")
    page.locator(".paper[data-state]").first.wait_for(state="attached")
    page.set_viewport_size({"width": width, "height": 1000})


def images_drawn(pdf):
    """Return how many images the pages of a PDF draw: Chromium names them after their objects."""
    images = set(re.findall(rb"\n(\d+) 0 obj\s*<<[^>]*?/Subtype ?/Image", pdf))
    count = 0
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue
        count += sum(name in images for name in re.findall(rb"/X(\d+) Do\b", text))
    return count


def exported(browser, result, tmp_path, *, fragment="", width=1280, **options):
    """Open the exported page of a result."""
    path = tmp_path / "page.html"
    result.to_html(path)
    page = browser.new_page(viewport={"width": width, "height": 720}, **options)
    page.goto(f"{path.as_uri()}{fragment}")
    page.locator("canvas[data-state=here]").first.wait_for(state="attached")
    return page


# --- the exported page: all at once, as for Ctrl+P ---


def test_a_page_has_every_image_at_once(browser, demo, tmp_path):
    page = exported(browser, demo, tmp_path)
    listed = int(page.get_by_role("status").inner_text().split()[0])
    before = page.locator(".card").count()
    found = page.evaluate(PRINT_NOW)
    assert found["cards"] == listed > before
    assert found["papers"] > 6 * listed
    assert found["drawn"] >= 0.99 * found["papers"]  # in a few the mask is empty: no line
    page.close()


@pytest.mark.parametrize("width", [420, 1280])
def test_a_pdf_draws_every_image(browser, demo, tmp_path, width):
    page = exported(browser, demo, tmp_path, width=width)
    pdf = page.pdf(format="A4")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert images_drawn(pdf) == page.locator(".paper").count() > 0
    page.close()


def test_a_pdf_draws_the_images_of_an_opened_unit_and_of_why(browser, demo, tmp_path):
    unit = int(demo.best_iou.argmax())
    closed = exported(browser, demo, tmp_path)
    plain = images_drawn(closed.pdf(format="A4"))
    closed.close()
    page = exported(browser, demo, tmp_path, fragment=f"#conv6:{unit}")
    figures = page.locator("figure canvas[data-state=here]").count()
    assert figures > 4
    # Its strip gives way to its images.
    assert images_drawn(page.pdf(format="A4")) == plain - min(10, figures) + figures
    page.get_by_role("button", name="Why this label?").click()
    page.locator(".legend canvas").first.wait_for()
    assert images_drawn(page.pdf(format="A4")) >= plain + 3
    page.close()


def test_the_page_is_as_before_afterwards(browser, demo, tmp_path):
    page = exported(browser, demo, tmp_path)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_function(f"{ROOT}.querySelectorAll('.line').length > 8")
    page.pdf(format="Letter")
    assert page.evaluate("scrollY") == 1500
    assert page.locator(".paper").count() == 0
    assert page.locator(".card").count() <= 60
    page.close()


# --- what is on paper, and what isn't ---


@pytest.mark.parametrize("width", PAPERS)
@pytest.mark.parametrize("screen", [420, 1900])
def test_nothing_is_cut(browser, demo, screen, width):
    with opened(browser, Gallery(demo), screen) as page:
        settle(page)
        cell(page, f"conv6:{int(demo.best_iou.argmax())}").click()
        settle(page)
        on_paper(page, width)
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.errors == []


def test_an_opened_unit_stands_below_its_row(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        cell(page, f"conv6:{int(demo.best_iou.argmax())}").click()
        settle(page)
        on_paper(page, 718)
        rows = [page.locator(".line").nth(at).bounding_box() for at in (0, 1)]
        unit = page.get_by_role("region").bounding_box()
        assert rows[0]["y"] + rows[0]["height"] <= unit["y"] + 1
        assert unit["y"] + unit["height"] <= rows[1]["y"] + 1
        assert page.get_by_role("region").get_by_role("table").is_visible()
        assert page.locator("figure canvas[data-state=here]").count() > 4
        shot(page, "print-opened")


def test_print_is_light_and_without_controls(browser, demo):
    with opened(browser, Gallery(demo, query=best_label(demo)), color_scheme="dark") as page:
        settle(page)
        page.get_by_role("gridcell").first.get_by_role("checkbox").check()
        page.get_by_role("gridcell").first.locator("canvas").first.hover()
        page.locator(".preview:popover-open").wait_for()
        on_paper(page, 718)
        colors = page.locator(".gallery").evaluate(
            "g => [getComputedStyle(g).backgroundColor, getComputedStyle(g).color]"
        )
        assert colors == ["rgb(255, 255, 255)", "rgb(20, 24, 31)"]
        assert [one for one in page.locator(HIDDEN).all() if one.is_visible()] == []
        assert page.locator(".header h2").is_visible()
        assert page.locator(".graph").is_visible()
        shot(page, "print")
        page.emulate_media(media="screen")
        page.get_by_role("searchbox").wait_for()


def test_a_comparison_prints_both_sides(browser):
    g = Gallery({"a": dissection(seed=1), "b": dissection(seed=2)}, compare=["a", "b"])
    with opened(browser, g) as page:
        settle(page)
        on_paper(page, 718)
        assert page.evaluate(CUT) == []
        first, second = (page.locator(".line").first.locator(".card").nth(at).bounding_box() for at in (0, 1))
        assert first["y"] == second["y"]
        assert first["x"] + first["width"] <= second["x"]


# --- a notebook: what is listed; the button waits for the rest ---


def test_a_notebook_prints_what_is_listed_and_says_so(browser, demo):
    after = f"getComputedStyle({ROOT}.querySelector('.list'), '::after').content"
    with opened(browser, Gallery(demo, only="all")) as page:
        settle(page)
        found = page.evaluate(PRINT_NOW)
        assert found["cards"] == 8
        page.emulate_media(media="print")
        assert "The first 8 of 160 units." in page.evaluate(after)
        page.emulate_media(media="screen")
        page.locator(".paper").first.wait_for(state="detached")
        show_all(page)
        assert page.evaluate(PRINT_NOW)["cards"] == 160


def test_what_has_come_is_printed_at_once(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        page.wait_for_function(f"{ROOT}.querySelectorAll('.card [data-state=coming]').length === 0")
        there = page.evaluate(f"{ROOT}.querySelectorAll('.card [data-state=here]').length")
        assert page.evaluate(PRINT_NOW)["drawn"] > 0.9 * there > 40


def test_printing_waits_for_all_pictures(browser, demo):
    with opened(browser, Gallery(demo, only="all", sort="unit")) as page:
        page.evaluate(f"""() => {{ window.delay = 150; window.print = () => {{
          const count = what => {ROOT}.querySelectorAll(what).length;
          window.printed = [count('.card'), count('.strip [data-state=here]'), count('.strip [data-state=coming]')]; }}; }}""")
        with menu(page):
            page.get_by_role("button", name="Print").click()
            page.get_by_role("button", name=re.compile(r"Stop: [\d,]+ pictures to come")).wait_for()
            page.wait_for_function("window.printed", timeout=60_000)
            cards, here, coming = page.evaluate("window.printed")
            assert (cards, coming) == (160, 0)
            assert here > 160 * 6
            page.locator(".paper").first.wait_for(state="detached")
            assert page.locator(".card").count() <= 60
            assert page.get_by_role("button", name="Print").is_visible()


def test_waiting_to_print_can_be_stopped(browser, demo):
    with opened(browser, Gallery(demo, only="all")) as page:
        settle(page)
        page.evaluate("() => { window.silent = true; window.print = () => { window.printed = true; }; }")
        with menu(page):
            page.get_by_role("button", name="Print").click()
            page.get_by_role("button", name=re.compile("Stop")).click()
            page.get_by_role("button", name="Print").wait_for()
            assert page.evaluate("window.printed") is None
            assert page.locator(".card").count() <= 60


def test_paper_says_what_is_not_on_it(browser):
    after = f"getComputedStyle({ROOT}.querySelector('.list'), '::after').content"
    with opened(browser, Gallery(dissection(700, top=1), only="all")) as page:
        show_all(page)
        page.evaluate("window.silent = true")
        page.emulate_media(media="print")
        page.wait_for_function(f"{ROOT}.querySelectorAll('.card').length > 60")
        assert page.locator(".card").count() == 600
        assert "The first 600 of 700 units. Filter to print others." in page.evaluate(after)
        assert "Images are missing" in page.evaluate(after)
