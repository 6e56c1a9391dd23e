"""What is to be seen of images: large, alone, with the units that fire on them, and of an opened unit."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nbdissect.display.gallery import Gallery
from nbdissect.text import activation_text
from support.browser import cell, focused, opened, put, settle, shot, violations
from support.dissections import Squares, dissection

CATEGORIES = ("object", "part", "color", "scene", "texture", "material")


class Large(Squares):
    """Images larger than the page is sent unasked, half of them labeled with their scene."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        whole = {"scene": (10,)} if index % 2 else {}
        return replace(sample, image=sample.image.resize((640, 640), Image.Resampling.NEAREST), whole=whole)


@pytest.fixture(scope="module")
def d():
    made = dissection()
    return replace(made, data=Large(made.concepts))


def first_of(d):
    unit = Gallery(d).shown[0]
    return unit, f"layer4:{unit}"


def open_first(page):
    page.get_by_role("gridcell").first.click()
    settle(page)


def test_heat_leaves_the_photograph_as_it_is_where_the_activation_is_low(browser, d):
    maps = np.zeros_like(d.top_maps)
    maps[:, :, :, maps.shape[3] // 2 :] = 400.0
    maps[:, :, 0, 0] = 0.0
    g = Gallery(replace(d, top_maps=maps), overlay="none")
    with opened(browser, g, 1280, height=800) as page:
        open_first(page)
        canvas = page.locator(".figures canvas").first
        pixels = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        plain = np.array(canvas.evaluate(pixels), dtype=int).reshape(224, 224, 4)
        put(page, g, overlay="heat")
        settle(page)
        changed = np.abs(np.array(canvas.evaluate(pixels), dtype=int).reshape(224, 224, 4) - plain).max(axis=2)
        assert (changed[:, :60] <= 2).all()
        assert (changed[:, 170:] > 20).mean() > 0.9


def test_all_similar_units_are_there_for_who_asks(browser, d):
    g = Gallery(d)
    with opened(browser, g, 1280, height=800) as page:
        open_first(page)
        label, unit = d.units[g.shown[0]].label, g.shown[0]
        others = [one.index for one in d.units if one.label == label and one.index != unit]
        more = page.get_by_role("button", name=f"Show {len(others) - 6} more")
        links = page.locator(".similar > div").first.locator(".unit-link")
        assert (len(others) > 6, links.count()) == (True, 6)
        more.click()
        assert (links.count(), more.count()) == (len(others), 0)
        assert links.nth(6).evaluate("e => e === e.getRootNode().activeElement")


# --- an image alone ---


def test_an_image_alone_has_its_own_resolution(browser, d):
    unit, address = first_of(d)
    with opened(browser, Gallery(d), 1280, height=800) as page:
        open_first(page)
        small = page.locator(".figures button").nth(1)
        small.click()
        dialog = page.get_by_role("dialog", name="Image")
        image = dialog.get_by_role("img", name=re.compile(f"^Image 2 of 10 of {address}: #"))
        image.wait_for()
        index = int(d.top_images[unit, 1])
        page.wait_for_function("i => window.sent.some(s => s.kind === 'photograph' && s.image === i)", arg=index)
        scene = " · sky" if index % 2 else ""
        activation = activation_text(float(d.top_activations[unit, 1]))
        caption = dialog.get_by_text(f"#{index}{scene} · {activation} · image 2 of 10", exact=True)
        caption.wait_for()
        assert image.evaluate("c => c.clientWidth") > 500
        shot(page, "lightbox")
        page.keyboard.press("ArrowRight")
        dialog.get_by_role("img", name=re.compile("^Image 3 of 10")).wait_for()
        before = image.count()
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert before == 0
        assert small.evaluate("b => b.getRootNode().activeElement === b"), "the keyboard is where it was"
        assert page.get_by_role("region", name=address).is_visible(), "Escape closed the image only"
        assert page.errors == []


def test_the_plain_image_is_one_key_away(browser, d):
    with opened(browser, Gallery(d), 1280, height=800) as page:
        open_first(page)
        page.locator(".figures button").first.click()
        image = page.get_by_role("dialog").locator("canvas")
        pixels = "c => c.toDataURL()"
        page.wait_for_function("window.sent.some(s => s.kind === 'photograph')")
        page.wait_for_timeout(300)
        masked = image.evaluate(pixels)
        page.keyboard.press("m")
        assert page.get_by_role("button", name="Plain image").get_attribute("aria-pressed") == "true"
        plain = image.evaluate(pixels)
        page.keyboard.press("m")
        assert image.evaluate(pixels) == masked != plain


def test_from_an_image_to_other_units_and_back(browser, d):
    label = d.units[first_of(d)[0]].label
    g = Gallery(d, query=label)
    address = f"layer4:{g.shown[0]}"
    with opened(browser, g, 1280, height=800) as page:
        open_first(page)
        page.locator(".figures button").first.click()
        dialog = page.get_by_role("dialog")
        index = int(d.top_images[g.shown[0], 0])
        firing = [(u, int(np.flatnonzero(d.top_images[u] == index)[0])) for u in range(40) if index in d.top_images[u]]
        others = dialog.locator(".unit-link")
        assert others.count() == len(firing)
        hidden = next(unit for unit, _ in firing if unit not in g.shown)
        dialog.get_by_role("button", name=re.compile(rf"unit {hidden}\b")).click()
        dialog.get_by_role("button", name=f"layer4:{hidden}", exact=True).click()
        page.get_by_role("region", name=f"layer4:{hidden}").wait_for()
        assert not dialog.is_visible()
        assert page.get_by_role("searchbox").input_value() == label
        assert page.get_by_text("Your filters hide this unit").is_visible()
        assert page.get_by_role("note").filter(has_text=f"and layer4:{hidden}, which the filters hide").count() == 1
        page.get_by_role("button", name=f"Back to {address}").click()
        page.get_by_role("dialog").wait_for()
        assert page.get_by_role("searchbox").input_value() == label
        page.keyboard.press("Escape")
        assert page.get_by_role("region", name=address).is_visible()
        assert page.errors == []


@pytest.mark.parametrize(("width", "scheme"), [(420, "light"), (1280, "dark")])
def test_axe_finds_nothing_in_an_image_alone(browser, d, axe, width, scheme):
    with opened(browser, Gallery(d), width, height=800, color_scheme=scheme) as page:
        open_first(page)
        page.locator(".figures button").first.click()
        page.get_by_role("dialog").locator("[data-state=here]").wait_for()
        assert violations(page, axe) == []
        assert page.get_by_role("dialog").evaluate("e => e.scrollWidth <= e.clientWidth")
        shot(page, f"lightbox-{width}-{scheme}")


# --- larger under the mouse ---


def test_an_image_is_larger_under_the_mouse(browser, d):
    with opened(browser, Gallery(d), 1280, height=800) as page:
        settle(page)
        thumb, preview = page.locator(".strip canvas").nth(2), page.locator(".preview")
        assert not preview.is_visible()
        thumb.hover()
        preview.wait_for()
        box, small = preview.locator("canvas").bounding_box(), thumb.bounding_box()
        assert box["width"] == 320
        assert box["y"] + box["height"] <= small["y"] or box["y"] >= small["y"] + small["height"], "covers it"
        assert preview.inner_text().startswith(f"#{d.top_images[first_of(d)[0], 2]}")
        page.mouse.move(5, 5)
        preview.wait_for(state="hidden")


# --- an opened unit ---


def test_numbers_and_images_of_an_opened_unit_are_seen_at_once(browser, d):
    _, address = first_of(d)
    # As wide as JupyterLab leaves it on a laptop with its file browser open, and as high.
    with opened(browser, Gallery(d), 824, height=600) as page:
        open_first(page)
        region = page.get_by_role("region", name=address)
        seen = "all => all.filter(e => { const b = e.getBoundingClientRect(); return b.top >= 44 && b.bottom <= 600; })"
        assert region.locator("tbody tr").first.locator("td").evaluate_all(f"{seen}.length") == 4
        assert region.locator(".figures canvas").evaluate_all(f"{seen}.length") >= 6
        image, table = region.locator("figure").first.bounding_box(), region.locator("table").bounding_box()
        assert image["x"] + image["width"] <= table["x"]
        assert not cell(page, address).locator(".strip").is_visible(), "its images are seen once"
        shot(page, "opened-824")


def test_where_it_is_narrow_numbers_come_first_and_two_images_stand_in_a_row(browser, d):
    with opened(browser, Gallery(d), 420, height=900) as page:
        open_first(page)
        region = page.get_by_role("region")
        boxes = [region.locator("figure").nth(at).bounding_box() for at in range(3)]
        assert boxes[0]["y"] == boxes[1]["y"] < boxes[2]["y"]
        table = region.locator("table").bounding_box()
        assert table["y"] + table["height"] < boxes[0]["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_similar_units_are_a_click_away(browser, d):
    unit, address = first_of(d)
    same = [u.index for u in d.units if u.concept == d.units[unit].concept and u.index != unit]
    best = max(same, key=lambda other: d.units[other].iou)
    with opened(browser, Gallery(d), 1280, height=900) as page:
        open_first(page)
        similar = page.get_by_role("group", name="Similar units")
        similar.get_by_role("button").first.focus()
        page.keyboard.press("Enter")
        page.get_by_role("region", name=f"layer4:{best}").wait_for()
        page.wait_for_function(
            "document.getElementById('host').shadowRoot.activeElement?.ariaLabel?.startsWith('layer4:')"
        )
        assert focused(page) == f"layer4:{best}"
        page.get_by_role("button", name=f"Back to {address}").click()
        page.get_by_role("region", name=address).wait_for()
        assert page.get_by_role("button", name=re.compile("^Back")).count() == 0


def test_images_in_which_a_unit_is_silent_are_no_examples(browser, d):
    maps, silent = d.top_maps.copy(), np.zeros(40, dtype=int)
    unit, address = first_of(d)
    maps[unit, 3:], silent[unit] = maps[unit].min(), 7
    quiet = replace(d, top_maps=maps, top_activations=maps.max(axis=(2, 3)), silent=silent)
    with opened(browser, Gallery(quiet), 1280, height=800) as page:
        settle(page)
        card = cell(page, address)
        assert card.locator(".strip canvas").count() == 3
        assert card.get_by_text("silent in 7").is_visible()
        card.click()
        settle(page)
        region = page.get_by_role("region", name=address)
        assert region.locator("figure").count() == 3
        assert "Silent in the other 7 of its 10 strongest images" in region.inner_text()
        shot(page, "silent")
        page.locator(".figures button").nth(2).click()
        page.keyboard.press("ArrowRight")
        caption = page.get_by_role("dialog").locator(".caption")
        assert caption.inner_text().endswith("silent · image 4 of 10")


def test_in_a_frame_higher_than_the_screen_an_image_opens_where_one_clicked(browser, d):
    with opened(browser, Gallery(d), 1000, height=3000, screen={"width": 1280, "height": 800}) as page:
        open_first(page)
        figure = page.locator(".figures button").first
        figure.click()
        top = page.get_by_role("dialog").bounding_box()["y"]
        assert abs(top - figure.bounding_box()["y"]) <= 200
