"""How the gallery looks, and how it is reached without eyes or mouse: screenshots, axe, print, hostile names."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nbdissect.display.gallery import Gallery
from nbdissect.text import activation_text
from support.browser import menu, opened, scroll, settle, shot, show_all, violations
from support.dissections import HOSTILE, dissection


def test_labels_are_text_and_the_layout_holds(browser):
    for width in (400, 1040):
        with opened(browser, Gallery(dissection(names=HOSTILE), only="all"), width) as page:
            settle(page)
            assert page.evaluate("window.hacked") is None
            assert page.locator("img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.get_by_role("gridcell").first.click()
            page.get_by_role("button", name="Next unit").click()
            settle(page)
            shot(page, f"hostile-{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            view = page.locator(".list")
            assert view.evaluate("v => v.scrollWidth <= v.clientWidth + 1")
            assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, demo, axe, scheme):
    with opened(browser, Gallery(demo), color_scheme=scheme) as page:
        settle(page)
        assert violations(page, axe) == []
        page.get_by_role("gridcell").first.click()
        page.get_by_role("button", name="Why this label?").click()
        page.get_by_role("gridcell").nth(1).get_by_role("checkbox").check()
        page.get_by_role("button", name="object").click()
        settle(page)
        assert violations(page, axe) == []
        page.get_by_role("searchbox").fill("giraffe")
        assert violations(page, axe) == []


def test_axe_finds_nothing_in_a_comparison(browser, axe):
    g = Gallery({"a": dissection(seed=1), "b": dissection(seed=2)}, compare=["a", "b"])
    with opened(browser, g) as page:
        settle(page)
        assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1040, 1900])
def test_looks(browser, demo, width, scheme):
    with opened(browser, Gallery(demo), width, color_scheme=scheme) as page:
        settle(page)
        shot(page, f"{scheme}-{width}")
        page.get_by_role("gridcell").first.click()
        settle(page)
        shot(page, f"{scheme}-{width}-opened")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_follows_a_change_of_theme(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        box = page.locator(".gallery")
        assert box.get_attribute("data-theme") == "light"
        page.evaluate("document.body.setAttribute('data-jp-theme-light', 'false')")
        page.locator(".gallery[data-theme=dark]").wait_for(timeout=2_000)
        page.evaluate("document.body.removeAttribute('data-jp-theme-light'); document.body.className = 'vscode-light'")
        page.locator(".gallery[data-theme=light]").wait_for(timeout=2_000)


@pytest.mark.parametrize("vision", ["deuteranopia", "protanopia", "tritanopia", "achromatopsia"])
def test_simulated_vision(browser, demo, vision):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})
        page.get_by_role("gridcell").first.click()
        page.get_by_role("button", name="Why this label?").click()
        settle(page)
        shot(page, f"vision-{vision}")


# --- more than there is room for ---


@pytest.mark.parametrize("width", [400, 1040])
def test_a_strip_shows_as_many_images_as_fit_and_says_how_many_more(browser, width):
    d = dissection(30, top=25)
    with opened(browser, Gallery(d, only="all"), width) as page:
        settle(page)
        card = page.get_by_role("gridcell").first
        shown = card.locator("canvas").count()
        assert shown == {400: 6, 1040: 7}[width]
        assert card.locator("canvas").evaluate_all("all => Math.min(...all.map(c => c.clientWidth))") >= 96
        more, last = card.get_by_text(f"+{25 - shown}").bounding_box(), card.locator("canvas").last.bounding_box()
        assert last["x"] <= more["x"] < last["x"] + last["width"]
        assert last["y"] <= more["y"] < last["y"] + last["height"]
        assert "25 strongest images" in card.get_by_role("img").last.get_attribute("aria-label")
        card.click()
        drawn = page.locator(".figures canvas[data-state=here]")
        drawn.nth(24).wait_for()
        assert drawn.count() == 25
        shot(page, f"many-images-{width}")


@pytest.mark.parametrize("width", [400, 700])
def test_bars_that_are_left_out_are_counted(browser, axe, width):
    names = tuple(f"concept {number}" for number in range(120))
    with opened(browser, Gallery(dissection(600, names=names), min_iou=0.0), width) as page:
        settle(page)
        more = page.get_by_role("option", name=re.compile(r"^\+\d+ more$"))
        more.first.wait_for()
        cut = more.count()
        options = page.get_by_role("option").count()
        shot(page, f"many-bars-{width}")
        assert violations(page, axe) == []
        left = int(more.first.inner_text().split()[0])
        at = page.get_by_role("option").all_inner_texts().index(more.first.inner_text())
        # With the keyboard: what comes in its place has the focus.
        more.first.focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("option").count() == options + left - 1
        assert more.count() == cut - 1
        assert page.get_by_role("option").nth(at).evaluate("o => o.getRootNode().activeElement === o")


def test_buttons_of_an_opened_unit_stay_together(browser, demo):
    with opened(browser, Gallery(demo), 400) as page:
        page.get_by_role("gridcell").first.click()
        names = ("Why this label?", "Select", "Previous unit", "Next unit", "Close (Esc)")
        boxes = [page.get_by_role("button", name=name).bounding_box() for name in names]
        assert len({box["y"] for box in boxes}) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_heat_map_shows_its_scale(browser, demo, axe, scheme):
    partial = replace(demo, provisional=True, seen=300, planned=560)
    with opened(browser, Gallery(partial, overlay="heat"), color_scheme=scheme) as page:
        settle(page)
        page.get_by_role("gridcell").first.click()
        settle(page)
        assert page.locator(".scale").is_visible()
        maps = demo.top_maps[Gallery(demo).shown[0]]
        assert f"bright {activation_text(float(maps.max()))}" in page.locator(".activations").inner_text()
        shot(page, f"heat-{scheme}")
        assert violations(page, axe) == []
        with menu(page, "Overlay"):
            page.get_by_role("radio", name="Mask").check()
        assert not page.locator(".scale").is_visible()


# --- size ---


def test_two_thousand_units_are_few_cards(browser):
    with opened(browser, Gallery(dissection(2048), only="all")) as page:
        settle(page)
        assert page.get_by_role("status").inner_text() == "2,048 of 2,048 units"
        show_all(page)
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height > 2048 * 90
        for step in range(6):
            scroll(page, height * step // 6)
            assert page.get_by_role("gridcell").first.is_visible()
            assert page.locator(".card").count() <= 60
        assert page.get_by_role("grid").get_attribute("aria-rowcount") == "2048"
