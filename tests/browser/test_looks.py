"""How the gallery looks, and how it is reached without eyes or mouse: screenshots, axe, print, hostile names."""

from __future__ import annotations

import pytest
from gallery_parts import HOSTILE, dissection
from harness import best_label, opened, settle, shot

from nbdissect.display.gallery import Gallery


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{one['id']}: {one['help']} ({node['html'][:120]})" for one in found for node in one["nodes"]]


def test_labels_are_text_and_the_layout_holds(browser):
    for width in (400, 1040):
        with opened(browser, Gallery(dissection(names=HOSTILE), only="all"), width) as page:
            settle(page)
            assert page.evaluate("window.hacked") is None
            assert page.locator("img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for unit in (0, 1):
                page.get_by_role("gridcell").nth(unit).click()
            settle(page)
            shot(page, f"hostile-{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            view = page.locator(".viewport")
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


def test_print(browser, demo):
    with opened(browser, Gallery(demo, query=best_label(demo)), color_scheme="dark") as page:
        settle(page)
        page.emulate_media(media="print")
        page.wait_for_timeout(600)
        settle(page)
        assert page.get_by_role("gridcell").count() == int(page.get_by_role("status").inner_text().split()[0])
        assert page.locator(".gallery").evaluate("g => getComputedStyle(g).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.get_by_role("searchbox").is_visible()
        shot(page, "print")
        page.emulate_media(media="screen")
        page.wait_for_timeout(200)
        assert page.get_by_role("searchbox").is_visible()


# --- size ---


def test_two_thousand_units_are_few_cards(browser):
    with opened(browser, Gallery(dissection(2048), only="all")) as page:
        settle(page)
        assert page.get_by_role("status").inner_text() == "2,048 of 2,048 units"
        for _ in range(6):
            page.locator(".viewport").evaluate("v => v.scrollTop += v.scrollHeight / 7")
            page.wait_for_timeout(60)
            assert page.locator(".card").count() <= 60
        assert page.get_by_role("grid").get_attribute("aria-rowcount") == "2048"
