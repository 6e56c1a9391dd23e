"""Sharing what one sees: the address of an exported page, a view as a line of Python, the selected units."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display.gallery import Gallery
from support.browser import cell, opened, put, until, violations
from support.dissections import dissection


@contextmanager
def page_at(browser, path, address="", **options):
    """An exported page from the disk, at an address."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True, **options)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    page.goto(path.as_uri() + address)
    page.get_by_role("searchbox").wait_for()
    try:
        yield page
        assert page.errors == []
    finally:
        context.close()


@pytest.fixture(scope="module")
def d():
    return dissection()


@pytest.fixture(scope="module")
def exported(d, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "layer4.html"
    d.to_html(path)
    return path


def hash_of(page):
    return page.evaluate("() => location.hash")


# --- the address of an exported page ---


def test_an_address_opens_a_unit_that_the_page_would_not_show(browser, d, exported):
    weak = int(np.flatnonzero(~d.is_detector())[0])
    with page_at(browser, exported, f"#layer4:{weak}") as page:
        assert page.get_by_role("region", name=f"layer4:{weak}").is_visible()
        assert page.get_by_role("status").first.inner_text() == f"{len(d.units)} of {len(d.units)} units"


def test_what_is_set_stands_in_the_address_and_comes_back(browser, d, exported):
    best = int(d.best_iou.argmax())
    with page_at(browser, exported) as page:
        page.get_by_role("searchbox").fill(f'"{d.units[best].label}"')
        cell(page, f"layer4:{best}").click()
        page.wait_for_function("() => location.hash.includes('query')")
        page.wait_for_function("() => location.hash.startsWith('#layer4:')")
        address, shown = hash_of(page), page.get_by_role("status").first.inner_text()
    assert address.startswith(f"#layer4:{best}&")
    with page_at(browser, exported, address) as page:
        assert page.get_by_role("region", name=f"layer4:{best}").is_visible()
        assert page.get_by_role("searchbox").input_value() == f'"{d.units[best].label}"'
        assert page.get_by_role("status").first.inner_text() == shown
        page.evaluate("() => { location.hash = '#layer4:3&only=all'; }")
        page.get_by_role("region", name="layer4:3").wait_for()
        assert page.get_by_role("searchbox").input_value() == ""


def test_an_address_that_means_nothing_is_ignored_and_said(browser, d, exported):
    with page_at(browser, exported, "#layer4:999&only=some&sort=unit&only=all&<img src=x onerror=alert(1)>") as page:
        note = page.locator("#nbdissect-page-note")
        assert note.inner_text() == (
            "The address names what is not in this page: “layer4:999”, “only=some”, “%3Cimg%20src=x%20onerror=alert(1)%3E”"
        )
        assert page.get_by_role("gridcell").first.get_attribute("data-address") == "layer4:0"
        assert note.locator("img").count() == 0


def test_odd_names_of_layers_come_back(browser, d, tmp_path):
    odd = replace(d, layer="my/layer&1=2#3 ü:%")
    odd.to_html(tmp_path / "odd.html")
    with page_at(browser, tmp_path / "odd.html") as page:
        page.get_by_role("gridcell").first.click()
        page.wait_for_function("() => location.hash.length > 1")
        opened = page.get_by_role("gridcell").first.get_attribute("data-address")
        address = hash_of(page)
    with page_at(browser, tmp_path / "odd.html", address) as page:
        assert page.get_by_role("region", name=opened, exact=True).is_visible()
        assert page.locator("#nbdissect-page-note").count() == 0


# --- what is copied runs in Python ---

COPIES = """() => { window.copied = [];
  document.addEventListener('copy', () => window.copied.push(document.activeElement.value)); }"""


def copied(page):
    return page.evaluate("() => window.copied.at(-1)")


def test_a_view_is_restored_by_the_line_that_is_copied(browser, d):
    query = """it's 5" 'x'\n\\x1b, "layer4:3", <b>"""
    given = {"query": query, "min_iou": 0.1, "only": "all", "category": ["part"], "sort": "unit", "overlay": "heat"}
    g = Gallery(d, **given, selected=[5, 3], shown=[3, 5, 7])
    with opened(browser, g) as page:
        page.evaluate(COPIES)
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Copy this view as Python").click()
        assert page.locator(".said", has_text="Copied d.gallery(").is_visible()
        again = eval(copied(page), {"d": d})
        assert again.state() == g.state()
        assert again.shown == g.shown
        page.get_by_role("button", name="Copy code").click()
        assert [unit.index for unit in eval(copied(page), {"d": d})] == [5, 3]


def test_a_view_of_several_is_restored(browser, d):
    results = {'it\'s \\ "odd"': d, "b": d}
    g = Gallery(results, selected=["b:3", 'it\'s \\ "odd":7'], compare=["b", 'it\'s \\ "odd"'])
    with opened(browser, g) as page:
        page.evaluate(COPIES)
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Copy this view as Python").click()
        again = eval(copied(page), {"results": results, "nd": nd})
        assert again.state() == g.state()
        put(page, g, compare=[])  # they begin side by side
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Copy this view as Python").click()
        again = eval(copied(page), {"results": results, "nd": nd})
        assert (again.state(), again.compare) == (g.state(), [])
        page.get_by_role("button", name="Copy code").click()
        units = [eval(line, {"results": results}) for line in copied(page).split("\n")]
        assert [[unit.index for unit in each] for each in units] == [[3], [7]]


# --- selecting ---


def test_ranges_by_mouse_and_keyboard_and_back(browser, d):
    g = Gallery(d, sort="unit", only="all")
    with opened(browser, g) as page:
        cell(page, "layer4:1").get_by_role("checkbox").check()
        cell(page, "layer4:4").click(modifiers=["Shift"])
        until(page, lambda: g.selected == [1, 2, 3, 4])
        assert page.get_by_role("region").count() == 0  # nothing was opened
        assert page.evaluate("() => String(getSelection())") == ""
        cell(page, "layer4:2").get_by_role("checkbox").click(modifiers=["Shift"])
        until(page, lambda: g.selected == [1, 2])
        assert cell(page, "layer4:2").get_by_role("checkbox").is_checked()
        cell(page, "layer4:5").focus()
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowUp")
        until(page, lambda: g.selected == [1, 2, 5, 6])
        page.keyboard.press("Control+z")
        until(page, lambda: g.selected == [1, 2])
        page.keyboard.press("Control+a")
        until(page, lambda: len(g.selected) == len(d.units))
        bar = page.get_by_role("group", name="Selection")
        assert bar.get_by_text(f"{len(d.units)} selected").is_visible()
        bar.get_by_role("button", name="Clear selection").click()
        until(page, lambda: g.selected == [])
        bar.get_by_role("button", name="Undo").click()
        until(page, lambda: len(g.selected) == len(d.units))
        assert page.errors == []


def test_space_c_and_arrows_on_an_opened_unit(browser, d):
    g = Gallery(d, sort="unit", only="all")
    with opened(browser, g) as page:
        page.evaluate(COPIES)
        cell(page, "layer4:2").focus()
        page.keyboard.press("Enter")
        page.get_by_role("region", name="layer4:2").wait_for()
        page.keyboard.press("Space")
        until(page, lambda: g.selected == [2])
        page.keyboard.press("c")
        assert copied(page) == "layer4:2"
        assert page.locator(".said").inner_text() == "Copied layer4:2"
        page.keyboard.press("ArrowRight")
        page.get_by_role("region", name="layer4:3").wait_for()
        page.keyboard.press("ArrowLeft")
        page.get_by_role("region", name="layer4:2").wait_for()
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="Keys").is_visible()
        page.keyboard.press("Escape")
        assert page.get_by_role("dialog").count() == 0
        assert page.get_by_role("region", name="layer4:2").is_visible()  # Escape closed the dialog alone


def test_the_bar_and_the_suggestions_are_accessible(browser, d, axe):
    with opened(browser, Gallery(d, selected=[3, 5])) as page:
        page.get_by_role("searchbox").press_sequentially(d.units[int(d.best_iou.argmax())].label[:2])
        page.keyboard.press("ArrowDown")
        assert page.get_by_role("listbox", name="Concepts").get_by_role("option", selected=True).count() == 1
        assert violations(page, axe) == []
        page.keyboard.press("Enter")
        assert page.get_by_role("searchbox").input_value().startswith('"')
        page.get_by_role("gridcell").first.focus()
        page.keyboard.press("?")
        assert violations(page, axe) == []


# --- taking the selection away ---


def test_a_page_of_the_selection_holds_no_images_of_others(browser, d, tmp_path):
    g = Gallery(d, selected=[5, 3], query="zzz")
    with opened(browser, g, accept_downloads=True) as page:
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Page (HTML)").click()
        assert download.value.suggested_filename == "layer4-selection.html"
        download.value.save_as(tmp_path / "selection.html")
    with page_at(browser, tmp_path / "selection.html") as page:
        assert page.get_by_role("status").first.inner_text() == f"2 of {len(d.units)} units"
        addresses = page.get_by_role("gridcell").evaluate_all("all => all.map(c => c.dataset.address)")
        assert sorted(addresses) == ["layer4:3", "layer4:5"]
        page.locator("canvas[data-state=here]").first.wait_for()
        page.get_by_role("button", name="Clear filters").click()
        page.get_by_role("gridcell").nth(5).wait_for()
        assert page.get_by_text("the selected 2 of them").is_visible()


def test_a_table_of_the_selection_without_a_kernel(browser, d, exported):
    with page_at(browser, exported, accept_downloads=True) as page:
        page.get_by_role("gridcell").first.focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Export").click()
        assert page.get_by_text("A page of the selection needs the kernel").is_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Table (CSV)").click()
        rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
    best = d.units[int(d.best_iou.argmax())]
    assert [(row["unit"], row["label"], float(row["iou"])) for row in rows] == [(str(best.index), best.label, best.iou)]
