"""Dissections that are compared, in a real browser: two side by side on one axis, more as small multiples."""

from __future__ import annotations

import re

import pytest

from nbdissect.display.gallery import Gallery
from support.browser import cell, focused, opened, put, settle, shot, until, violations
from support.dissections import Squares, dissection

NAMES = tuple(f"{kind} {number}" for number in range(6) for kind in ("car", "wheel", "red", "sky", "dots", "wood"))
CUT = 0.05


@pytest.fixture(scope="module")
def versions():
    """Eight results over one data set, as a network's at eight times."""
    base = dissection(60, NAMES)
    data = Squares(base.concepts)
    return {f"epoch {at}": dissection(30 + 10 * at, NAMES, seed=at, data=data) for at in range(8)}


@pytest.fixture
def pair(versions):
    return {"before": versions["epoch 0"], "after": versions["epoch 3"]}


def detected(d, cut=CUT):
    """The concepts that units detect, by the unit's best concept."""
    return {d.units[u].concept.name for u in range(len(d.units)) if d.units[u].iou > cut}


def addresses(row):
    return row.get_by_role("gridcell").evaluate_all("all => all.map(c => c.dataset.address)")


def test_two_versions_open_as_a_comparison(browser, pair):
    before, after = map(detected, pair.values())
    with opened(browser, Gallery(pair, min_iou=CUT), 1280) as page:
        settle(page)
        figures = page.locator(".figure").all_inner_texts()
        assert figures == [
            f"{d.detectors(CUT)} of {len(d.units)} units detect {d.unique_detectors(CUT)} concepts"
            for d in pair.values()
        ]
        wanted = {"gained": after - before, "lost": before - after, "kept": before & after}
        for change, names in wanted.items():
            assert names, "the example has some of each"
            chip = page.get_by_role("group", name="From left to right").get_by_role("button", name=change)
            assert chip.inner_text().split()[-1] == str(len(names))
        assert page.get_by_role("status").inner_text().startswith(f"{len(before | after)} concepts")
        row = page.get_by_role("row").first
        concept = row.get_by_role("rowheader").locator(".concept").inner_text()
        for address, (name, d) in zip(addresses(row), pair.items(), strict=True):
            column = next(at for at, item in enumerate(d.concepts) if item.name == concept)
            best = (
                [u for u in range(len(d.units)) if d.best_concepts[u] == column]
                if concept in detected(d)
                else range(len(d.units))
            )
            assert address == f"{name}:{max(best, key=lambda u: d.iou[u, column])}"
        shot(page, "comparison")
        assert page.errors == []


def test_bars_stand_back_to_back_on_one_axis_and_one_scale(browser, pair):
    with opened(browser, Gallery(pair, min_iou=CUT), 1280) as page:
        settle(page)
        chart = page.get_by_role("listbox")
        assert chart.count() == 1
        assert page.locator(".graphs").bounding_box()["height"] <= 140
        bars = chart.locator(".column").evaluate_all(
            "all => all.map(c => { const b = c.getBoundingClientRect();"
            " return [c.closest('[data-at]').dataset.at, b.top, b.bottom, parseInt(c.previousSibling.textContent)]; })"
        )
        axis = {round(bottom if side == "0" else top) for side, top, bottom, _ in bars}
        assert max(axis) - min(axis) <= 2
        scale = {(bottom - top) / count for _, top, bottom, count in bars if bottom - top > 8}
        assert max(scale) - min(scale) < 0.3
        assert re.fullmatch(
            r".+: \d+ in before, \d+ in after", chart.get_by_role("option").first.get_attribute("title")
        )


def test_what_was_gained_filters_list_and_chart(browser, pair):
    g = Gallery(pair, min_iou=CUT)
    before, after = map(detected, pair.values())
    with opened(browser, g, 1280) as page:
        page.get_by_role("button", name="gained").click()
        page.wait_for_function("() => window.model.get('change').length === 1")
        assert g.change == ["gained"]
        assert page.get_by_role("status").inner_text().startswith(f"{len(after - before)} concepts")
        settle(page)
        shown = set(page.get_by_role("rowheader").locator(".concept").all_inner_texts())
        assert shown <= after - before
        assert page.locator("[role=option]:not(.faded)").count() == len(after - before)
        put(page, g, change=["lost", "kept"])
        assert page.get_by_role("status").inner_text().startswith(f"{len(before)} concepts")


@pytest.mark.parametrize("side", [0, 1])
def test_a_click_on_either_opens_both_side_by_side(browser, pair, side):
    g = Gallery(pair, min_iou=CUT)
    with opened(browser, g, 1280) as page:
        settle(page)
        both = addresses(page.get_by_role("row").nth(1))
        cell(page, both[side]).click()
        regions = [page.get_by_role("region", name=address, exact=True) for address in both]
        left, right = (region.bounding_box() for region in regions)
        assert left["y"] == right["y"]
        assert left["x"] + left["width"] <= right["x"]
        settle(page)
        for region in regions:
            assert region.locator("figure canvas[data-state=here]").count() == 10
            assert region.get_by_role("table").get_by_role("row").count() > 1
        shot(page, f"comparison-opened-{side}")
        page.wait_for_function("address => window.model.get('opened') === address", arg=both[side])
        page.get_by_role("button", name="Next unit").click()
        for address in addresses(page.get_by_role("row").nth(2)):
            page.get_by_role("region", name=address, exact=True).wait_for()
        page.keyboard.press("Escape")
        assert page.get_by_role("region").count() == 0
        assert focused(page) in addresses(page.get_by_role("row").nth(2))
        assert page.errors == []


def test_both_say_their_four_numbers(browser, pair):
    with opened(browser, Gallery(pair, min_iou=CUT), 1280, height=720) as page:
        settle(page)
        row = page.get_by_role("row").first
        concept, both = row.get_by_role("rowheader").locator(".concept").inner_text(), addresses(row)
        page.get_by_role("gridcell").first.click()
        for address, d in zip(both, pair.values(), strict=True):
            column = next(at for at, item in enumerate(d.concepts) if item.name == concept)
            unit = int(address.rpartition(":")[2])
            said = page.get_by_role("region", name=address, exact=True).locator(".four")
            assert said.inner_text() == (
                f"Both {d.intersection[unit, column]:,} · unit {d.activation[unit, d.category_of[column]]:,} · "
                f"concept {d.truth[column]:,} · IoU {d.iou[unit, column]:.3f}"
            )
            assert said.bounding_box()["y"] < 720


def test_python_opens_both(browser, pair):
    g = Gallery(pair, min_iou=CUT)
    with opened(browser, g, 1280) as page:
        settle(page)
        both = addresses(page.get_by_role("row").first)
        put(page, g, opened=both[1])
        for address in both:
            page.get_by_role("region", name=address, exact=True).wait_for()


def test_the_cut_moves_concepts_between_kept_and_lost(browser, pair):
    with opened(browser, Gallery(pair, min_iou=CUT), 1280) as page:
        settle(page)
        page.get_by_role("slider", name="IoU cut").fill("0.1")
        before, after = (detected(d, 0.1) for d in pair.values())
        assert page.get_by_role("status").inner_text().startswith(f"{len(before | after)} concept")
        for header in page.get_by_role("rowheader").all():
            name = header.locator(".concept").inner_text()
            change = "kept" if name in before & after else "gained" if name in after else "lost"
            assert change in header.inner_text()


@pytest.mark.parametrize(("width", "stacked"), [(420, True), (760, False), (1280, False), (1900, False)])
def test_images_are_no_smaller_than_elsewhere(browser, pair, width, stacked):
    with opened(browser, Gallery(pair, min_iou=CUT), width) as page:
        settle(page)
        sides = page.locator(".strip canvas").evaluate_all("all => all.map(c => c.getBoundingClientRect().width)")
        assert min(sides) >= 96
        left, right = (one.bounding_box() for one in page.get_by_role("row").first.get_by_role("gridcell").all())
        assert (right["y"] > left["y"]) is stacked
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("gridcell").first.click()
        settle(page)
        shot(page, f"comparison-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, pair, versions, axe, scheme):
    with opened(browser, Gallery(pair, min_iou=CUT), 1280, color_scheme=scheme) as page:
        settle(page)
        page.get_by_role("button", name="gained").click()
        page.get_by_role("gridcell").first.click()
        settle(page)
        assert violations(page, axe) == []
    with opened(browser, Gallery(versions, compare=list(versions)), 1280, color_scheme=scheme) as page:
        settle(page)
        shot(page, f"multiples-{scheme}")
        assert violations(page, axe) == []


def test_eight_share_an_axis_and_one_is_shown_alone(browser, versions):
    g = Gallery(versions)
    with opened(browser, g, 1280) as page:
        page.get_by_role("button", name="Compare all").click()
        settle(page)
        chart = page.get_by_role("listbox")
        assert chart.count() == 1
        names = page.locator(".g-sides").get_by_role("button")
        assert [text.split("\n")[0] for text in names.all_inner_texts()] == list(versions)
        tops = names.evaluate_all("all => all.map(b => b.getBoundingClientRect().top)")
        rows = (
            chart.get_by_role("option")
            .first.locator("[data-at]")
            .evaluate_all("all => all.map(b => b.getBoundingClientRect().top)")
        )
        assert all(abs(name - row) < 4 for name, row in zip(tops, rows, strict=True)), "each beside its bars"
        d = versions["epoch 5"]
        bar = chart.locator("[data-at='5'] .column").first
        concept = bar.evaluate("b => b.closest('[role=option]').dataset.key.split('|')[1]")
        bar.click()
        page.wait_for_function("() => window.model.get('current') === 'epoch 5'")
        count = sum(unit.iou > 0.04 and unit.concept.name == concept for unit in d.units)
        assert page.get_by_role("status").inner_text() == f"{count} of {len(d.units)} units"
        assert chart.count() == 1
        names.nth(2).click()
        page.wait_for_function("() => window.model.get('compare').length === 0")
        assert (g.current, page.locator(".g-sides").count()) == ("epoch 2", 0)
        assert page.errors == []


def test_two_that_have_nothing_in_common_say_so(browser, pair):
    strange = {"before": pair["before"], "strange": dissection(names=("dog", "cat"))}
    with opened(browser, Gallery(strange)) as page:
        page.get_by_role("button", name="Compare", exact=True).click()
        assert "they have no concept in common" in page.get_by_role("note").inner_text()
        assert page.get_by_role("group", name="From left to right").count() == 0


def test_the_units_of_a_comparison_can_be_selected(browser, pair):
    g = Gallery(pair, min_iou=CUT)
    with opened(browser, g, 1280) as page:
        settle(page)
        first = addresses(page.get_by_role("row").first)[0]
        cell(page, first).get_by_role("checkbox").check()
        page.get_by_text("1 selected").wait_for()
        until(page, lambda: g.selected == [first])
