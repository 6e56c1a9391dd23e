"""Sharing what one sees: the address of an exported page, a view as a line of Python, the selected units."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from support.browser import cell
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
            "Not in this page: “layer4:999”, “only=some”, “%3Cimg%20src=x%20onerror=alert(1)%3E”, of its address."
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
