"""The table of layers in a page without a notebook: a click copies, and everybody can use it."""

from __future__ import annotations

import pytest

from nbdissect.layer_line import NAME_ONLY, CodeLine, magic_word
from nbdissect.layer_list import Layers
from nbdissect.layer_stages import Layer
from support.browser import violations

LINE = CodeLine("%dissect net ", " --data 'a b'", magic_word)
# Only a page that is served safely may read the clipboard.
SECURE = "https://layers.test/"
NAMES = ["stem", "a b", "<b>bold</b>"]


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 420, "height": 720}, permissions=["clipboard-read"])
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def show(page, line=LINE, url="http://layers.test/"):
    rows = [Layer(name, "Conv2d", 8, (32 >> k,) * 2, share=0.3, parameters=9) for k, name in enumerate(NAMES)]
    rows.insert(1, Layer("bn", "BatchNorm2d", 8, (32, 32), parameters=2))
    rows.append(Layer("pair", "Pair", reason="returns 2 tensors"))
    html = Layers("Net", rows, "the first of 9 images", images=9, seconds=1.0, line=line)._repr_html_()
    body = f"<!doctype html><html lang=en><title>Layers</title><main><h1>Layers</h1>{html}</main>"
    page.route("**/*", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto(url)
    page.locator(".nbl[data-ready]").wait_for()


def clipboard(page):
    return page.evaluate("() => navigator.clipboard.readText()")


def test_a_click_copies_the_line(page):
    page.context.grant_permissions(["clipboard-read"], origin=SECURE)
    show(page, url=SECURE)
    for name in ["bn", *NAMES[1:]]:
        page.get_by_role("button", name=name, exact=True).last.click()
        assert clipboard(page) == LINE.of(name)
        assert page.get_by_role("status").inner_text() == f"Copied: {LINE.of(name)} Paste it into the next cell."
        assert page.locator("em").inner_text() == "✓ copied"
    # The keyboard does the same, and keeps its place.
    button = page.get_by_role("button", name="bn", exact=True).last
    button.focus()
    page.keyboard.press("Enter")
    assert clipboard(page) == LINE.of("bn")
    assert button.evaluate("one => one === document.activeElement")


def test_where_no_line_can_be_said_the_name_is_copied(page):
    page.context.grant_permissions(["clipboard-read"], origin=SECURE)
    show(page, NAME_ONLY, SECURE)
    assert page.get_by_role("status").inner_text() == "Choose a layer to get its name."
    page.get_by_role("button", name="a b", exact=True).last.click()
    assert clipboard(page) == "'a b'"


def test_a_stage_opens_by_keyboard_and_names_its_fold(page, axe):
    show(page)
    fold = page.locator("summary").first
    assert fold.inner_text() == "1 more layer of the stage 32 × 32"
    fold.focus()
    page.keyboard.press("Enter")
    # The stage is named by its last layer, the norm; the convolution is inside.
    page.get_by_role("button", name="stem", exact=True).last.wait_for()
    assert violations(page, axe) == []


def test_nothing_is_wider_than_the_page(page):
    show(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
