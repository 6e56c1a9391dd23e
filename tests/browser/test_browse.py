"""A data set looked through in a page: concepts, images, planes, keys."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import nbdissect as nd
from support.browser import opened, shot, until, violations


class Scenes:
    """Three concepts in two categories, one of them in every fifth image alone, one in none."""

    concepts = (
        nd.Concept(2, "ground", "object"),
        nd.Concept(5, "car", "object"),
        nd.Concept(9, "wheel", "part"),
        nd.Concept(11, "unicorn", "object"),
    )
    categories = ("object", "part")

    def __init__(self, images=40):
        self.images = images
        self.read = []

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        self.read.append(index)
        pixels = np.full((120, 160, 3), (90, 140, 40 + 5 * index % 200), np.uint8)
        first, second = np.zeros((60, 80), np.int64), np.zeros((60, 80), np.int64)
        first[30:] = 2
        part = np.zeros((1, 60, 80), np.int64)
        if index % 5 == 4:
            second[20:40, 10:60] = 5
            part[0, 34:40, 14:24] = part[0, 34:40, 44:54] = 9
            pixels[40:80, 20:120] = (200, 40, 40)
        return nd.Sample(Image.fromarray(pixels), {"object": np.stack([first, second]), "part": part})


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A machine may be busy: all images that shall be counted are."""
    monkeypatch.setattr("nbdissect.display.data_browser._FIRST_SECONDS", 60.0)


@pytest.fixture
def browse(browser):
    def show(data, width=1280, first=10, **options):
        made = nd.LabeledImages.wrap(data, lambda row: row, concepts=data.concepts).browse(first=first)
        return made, opened(browser, made, width, module="browse.js", height=900, **options)

    return show


def concepts(page):
    return page.get_by_role("listbox", name="Concepts")


def here(page, index):
    page.wait_for_function(
        """i => { const c = document.getElementById('host').shadowRoot.querySelector('canvas');
           return c.dataset.state === 'here' && c.ariaLabel.startsWith(`Image ${i}:`); }""",
        arg=index,
    )


def test_a_concept_leads_to_its_images_and_the_counts_say_what_they_are_of(browse):
    data = Scenes()
    made, page = browse(data)
    with page as page:
        here(page, 0)
        assert "40 images · 4 concepts · counts are of the first 10" in page.get_by_role("status").first.inner_text()
        rows = concepts(page).get_by_role("option")
        assert [text.split()[0] for text in rows.all_inner_texts()] == ["ground", "car", "wheel", "unicorn"]
        assert re.split(r"\s+", rows.nth(0).inner_text()) == ["ground", "10", "50", "%", "0.010", "⊘"]
        car = concepts(page).get_by_role("option", name=re.compile("^car"))
        car.click()
        here(page, 4)
        assert made.concept == 5
        assert car.get_attribute("aria-selected") == "true"
        page.get_by_role("button", name="Next ›").click()
        here(page, 9)
        page.get_by_role("button", name="Next ›").click()
        here(page, 14)  # beyond what was counted
        assert made.index == 14
        page.keyboard.press("ArrowLeft")
        here(page, 9)
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        here(page, 10)
        assert made.concept is None
        assert max(data.read) <= 14
        assert not page.errors


def test_a_concept_without_an_image_says_so_after_looking(browse):
    made, page = browse(Scenes(23))
    with page as page:
        here(page, 0)
        concepts(page).get_by_role("option", name=re.compile("^unicorn")).click()
        page.get_by_text("No image holds unicorn.").wait_for()
        assert made.index == 0


def test_search_and_order_and_arrows_in_the_list(browse):
    made, page = browse(Scenes())
    with page as page:
        here(page, 0)
        page.get_by_role("searchbox", name="Search concepts").fill("part")
        assert [text.split()[0] for text in concepts(page).get_by_role("option").all_inner_texts()] == ["wheel"]
        page.get_by_role("searchbox").fill("nothing")
        assert page.get_by_text("No concept is called so.").is_visible()
        page.get_by_role("searchbox").fill("")
        page.get_by_role("combobox", name="Order").select_option("name")
        assert concepts(page).get_by_role("option").all_inner_texts()[0].startswith("car")
        page.get_by_role("searchbox").press("ArrowDown")
        page.keyboard.press("ArrowDown")
        until(page, lambda: made.concept == 5)
        page.keyboard.press("End")
        until(page, lambda: made.concept == 9)
        chosen = concepts(page).get_by_role("option", selected=True).get_attribute("id")
        assert concepts(page).get_attribute("aria-activedescendant") == chosen


def colors(page):
    return page.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(c.width * .3, c.height * .55, 1, 1).data].join()"
    )


def test_planes_are_switched_off_and_on(browse):
    _, page = browse(Scenes())
    with page as page:
        page.get_by_role("spinbutton", name="Number of the image").fill("4")
        page.keyboard.press("Enter")
        here(page, 4)
        planes = page.get_by_role("group", name="Planes").get_by_role("button")
        assert planes.all_inner_texts() == ["object 1", "object 2", "part"]
        with_car = colors(page)
        planes.nth(1).click()
        assert planes.nth(1).get_attribute("aria-pressed") == "false"
        without = colors(page)
        assert without != with_car
        page.keyboard.press("2")
        until(page, lambda: colors(page) == with_car)
        page.keyboard.press("m")
        until(page, lambda: planes.nth(0).get_attribute("aria-pressed") == "false")
        page.keyboard.press("m")
        until(page, lambda: colors(page) == with_car)
        canvas = page.locator("canvas").bounding_box()
        page.mouse.move(canvas["x"] + canvas["width"] * 0.2, canvas["y"] + canvas["height"] * 0.6)
        assert page.locator(".under").inner_text() == "ground · car · wheel"
        labels = page.get_by_role("group", name="Labels of this image").get_by_role("button")
        assert [text.split("\n")[0] for text in labels.all_inner_texts()] == ["ground", "car", "wheel"]
        labels.nth(1).click()
        until(page, lambda: labels.nth(1).get_attribute("aria-pressed") == "true")


def test_counting_goes_on_when_asked(browse):
    made, page = browse(Scenes())
    with page as page:
        here(page, 0)
        page.get_by_role("button", name="Count the other 30").click()
        page.get_by_text("40 images · 4 concepts · all of them counted").wait_for()
        assert made.counted == 40
        assert concepts(page).get_by_role("option", name=re.compile("^car")).inner_text().split()[1] == "8"


def test_an_image_that_cannot_be_read_says_why(browse):
    class Broken(Scenes):
        def __getitem__(self, index):
            if index == 2:
                raise OSError("street.png is truncated")
            return super().__getitem__(index)

    _, page = browse(Broken(), first=0)
    with page as page:
        here(page, 0)
        page.keyboard.press("Tab")
        page.get_by_role("spinbutton").fill("2")
        page.keyboard.press("Enter")
        alert = page.get_by_role("alert")
        page.get_by_text("street.png is truncated").wait_for()
        assert alert.inner_text().startswith("Image 2 can’t be shown.")
        page.get_by_role("button", name="Next ›").click()
        here(page, 3)
        assert not alert.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
def test_it_fits_and_can_be_read_aloud(browser, axe, width, scheme):
    _, data = nd.demo()
    made = data[:60].browse(first=60)
    with opened(browser, made, width, module="browse.js", height=900, color_scheme=scheme) as page:
        here(page, 0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shot(page, f"browse-{width}-{scheme}")
        concepts(page).get_by_role("option").nth(30).click()
        page.wait_for_timeout(600)
        shot(page, f"browse-one-{width}-{scheme}")
        assert violations(page, axe) == []
        assert not page.errors
