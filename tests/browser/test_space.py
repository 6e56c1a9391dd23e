"""How the gallery uses its room: one toolbar that stays, a list that ends, rows drawn where they are seen, by anybody."""

from __future__ import annotations

import re

import pytest

from nbdissect.display.gallery import Gallery
from support.browser import cell, focused, menu, opened, put, scroll, settle, show_all, violations
from support.dissections import dissection

ROOT = "document.getElementById('host').shadowRoot"
# Whole rows between the toolbar and the lower edge of the window.
WHOLE_ROWS = f"""() => {{ const bar = {ROOT}.querySelector('.toolbar').getBoundingClientRect();
  return [...{ROOT}.querySelectorAll('.line')].map(row => row.getBoundingClientRect())
    .filter(row => row.top >= bar.bottom - 1 && row.bottom <= innerHeight + 1).length; }}"""


def toolbar(page):
    return page.get_by_role("toolbar")


def eighth(page):
    return page.locator(".line").nth(7)


# --- the toolbar ---


@pytest.mark.parametrize(("width", "height"), [(1280, 44), (824, 44), (420, 80)])
def test_the_toolbar_is_one_line_that_stays_in_view(browser, width, height):
    with opened(browser, Gallery(dissection(300), only="all"), width, height=720) as page:
        settle(page)
        assert toolbar(page).bounding_box()["height"] <= height
        show_all(page)
        scroll(page, 5000)
        assert toolbar(page).bounding_box()["y"] == pytest.approx(0, abs=1)
        assert page.get_by_role("searchbox").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.errors == []


@pytest.mark.parametrize(("size", "units"), [((1280, 720), 3), ((824, 599), 3), ((1400, 1000), 6)])
def test_units_fill_the_window(browser, size, units):
    width, height = size
    with opened(browser, Gallery(dissection(512), only="all"), width, height=height) as page:
        show_all(page)
        scroll(page, 3000)
        assert page.evaluate(WHOLE_ROWS) >= units


def test_the_chart_is_low_and_folds(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        assert page.locator(".graphs").bounding_box()["height"] <= 96
        with menu(page):
            page.get_by_role("button", name="Hide the chart").click()
            assert page.locator(".graphs").is_hidden()
            page.get_by_role("button", name="Show the chart").click()
        assert page.locator(".graphs").is_visible()


def test_what_is_seldom_set_goes_into_the_menu_where_it_is_narrow(browser, demo):
    with opened(browser, Gallery(demo), 420) as page:
        assert not page.get_by_role("combobox", name="Sort by").is_visible()
        with menu(page):
            page.get_by_role("combobox", name="Sort by").select_option("unit")
        page.set_viewport_size({"width": 1280, "height": 720})
        page.get_by_role("combobox", name="Sort by").wait_for()
        assert page.get_by_role("combobox", name="Sort by").input_value() == "unit"


# --- the list ---


def test_a_list_ends_and_goes_on(browser):
    with opened(browser, Gallery(dissection(60), only="all", sort="unit")) as page:
        eighth(page).wait_for()
        more = page.get_by_role("button", name="Show 12 more")
        more.focus()
        page.keyboard.press("Enter")
        assert page.locator(".grid").bounding_box()["height"] > 19 * 90
        page.get_by_role("button", name="All 60").focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("button", name=re.compile("^(Show|All) ")).count() == 0
        assert page.evaluate(f"{ROOT}.activeElement.textContent") == "Collapse"
        page.keyboard.press("Enter")
        eighth(page).wait_for()
        assert page.locator(".grid").bounding_box()["height"] < 9 * 120
        assert page.get_by_role("button", name="All 60").is_visible()
        assert page.evaluate(f"{ROOT}.activeElement.textContent") == "Show 12 more"
        assert page.errors == []


def test_a_list_goes_on_to_what_is_opened_and_to_where_the_keys_lead(browser):
    g = Gallery(dissection(60), only="all", sort="unit")
    with opened(browser, g) as page:
        put(page, g, opened="layer4:40")
        page.get_by_role("region", name="layer4:40").wait_for()
        assert page.evaluate("scrollY") == 0, "what Python opens moves no page"
        put(page, g, opened="")
        cell(page, "layer4:7").focus()
        page.keyboard.press("ArrowDown")
        assert focused(page) == "layer4:8"
        page.keyboard.press("End")
        assert focused(page) == "layer4:59"
        box = cell(page, "layer4:59").bounding_box()
        assert 0 < box["y"] < 1200


def test_rows_are_drawn_within_whatever_scrolls(browser):
    """A panel of a notebook scrolls, not the page."""
    with opened(browser, Gallery(dissection(500), only="all"), height=800) as page:
        page.evaluate(
            """() => { document.querySelector('main').style.cssText = 'height:600px;overflow:auto';
              document.body.style.overflow = 'hidden'; }"""
        )
        show_all(page)
        for to in (10_000, 30_000, 400):
            page.evaluate(
                """async y => { document.querySelector('main').scrollTop = y;
                  for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame); }""",
                to,
            )
            assert page.evaluate(WHOLE_ROWS) >= 2
            assert page.locator(".card").count() <= 60
        assert toolbar(page).bounding_box()["y"] == pytest.approx(0, abs=2)


# --- by anybody ---


def test_the_toolbar_by_keyboard_alone(browser, demo):
    with opened(browser, Gallery(demo), 1280) as page:
        page.get_by_role("searchbox").focus()
        reached = [focused(page)]
        for _ in range(14):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(f"{ROOT}.activeElement.ariaLabel ?? {ROOT}.activeElement.textContent"))
        assert reached[0].startswith("Search")
        assert {"IoU cut", "Show", "Sort by", "Overlay", "More"} <= set(reached)
        page.get_by_role("button", name="More", exact=True).focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("slider", name="Activation threshold").is_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        assert not page.get_by_role("slider", name="Activation threshold").is_visible()
        assert focused(page) == "More"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_menus_and_on_a_narrow_page(browser, demo, axe, scheme):
    with opened(browser, Gallery(demo), 420, color_scheme=scheme) as page:
        settle(page)
        assert violations(page, axe) == []
        page.get_by_role("button", name="More", exact=True).click()
        assert violations(page, axe) == []


def test_magnified_four_times_everything_is_reached_by_scrolling_down(browser, demo, axe):
    """1280 × 1024 pixels at 400 % are 320 × 256 of the page's."""
    with opened(browser, Gallery(demo), 320, height=256) as page:
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        scroll(page, 700)
        assert toolbar(page).bounding_box()["y"] < -80, "it would cover a third of the window"
        page.get_by_role("gridcell").first.click()
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert violations(page, axe) == []


def test_nothing_moves_for_who_wants_no_motion(browser, demo):
    with opened(browser, Gallery(demo), reduced_motion="reduce") as page:
        settle(page)
        page.get_by_role("gridcell").first.click()
        settle(page)
        moving = page.evaluate(
            f"""() => [...{ROOT}.querySelectorAll('*')].filter(e => {{ const s = getComputedStyle(e);
              return parseFloat(s.animationDuration) > 0.01 || (parseFloat(s.transitionDuration) > 0.01); }})
              .map(e => e.className)"""
        )
        assert moving == []
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_high_contrast_shows_what_is_chosen(browser, demo, axe):
    with opened(browser, Gallery(demo), 1280, forced_colors="active") as page:
        settle(page)
        page.get_by_role("button", name="object").click()
        page.get_by_role("gridcell").first.get_by_role("checkbox").check()
        for chosen in (".chip[aria-pressed=true]", ".card[aria-selected=true]"):
            outline = page.locator(chosen).first.evaluate("e => getComputedStyle(e).outlineStyle")
            assert outline == "solid", chosen
        page.get_by_role("button", name="Overlay").click()
        page.get_by_role("radio", name="Heat").check()
        assert (
            page.locator(".segments label:has(:checked)").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        )
        assert violations(page, axe) == []
