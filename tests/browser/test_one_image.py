"""One image, asked of the kernel from the gallery: all units that fire on it, and where."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display.gallery import Gallery
from nbdissect.display.html_page import to_html
from support.browser import opened, settle, shot, violations

ASK = "All units on this image"


@pytest.fixture(scope="module")
def explained():
    """A result whose network lives, and the network."""
    model, data = nd.demo()
    return nd.dissect(model, "conv5", data=data[:40], top=3, progress=False, upsample="receptive-field"), model


def look_at_first(page):
    page.get_by_role("gridcell").first.click()
    settle(page)
    page.locator(".figures button").first.click()
    dialog = page.get_by_role("dialog", name="Image")
    dialog.get_by_role("img", name=re.compile("^Image 1 of")).wait_for()
    return dialog


def test_all_units_that_fire_on_an_image_are_listed_as_explain_finds_them(browser, explained):
    d, _ = explained
    with opened(browser, Gallery(d), 1280, height=800) as page:
        dialog = look_at_first(page)
        unit = Gallery(d).shown[0]
        index = int(d.top_images[unit, 0])
        e = d.explain(index, top=60)
        ask = dialog.get_by_role("button", name=ASK)
        ask.focus()
        page.keyboard.press("Enter")
        status = dialog.get_by_role("status")
        status.wait_for()
        assert status.inner_text().startswith(f"{e.firing} of 144 units fire, strongest first")
        rows = dialog.locator(".firing li")
        fires = int(e.fires.sum())
        assert rows.count() == fires
        names = [int(text) for text in re.findall(r"unit (\d+)", dialog.locator(".firing").inner_text())]
        assert names == e.units[:fires].tolist()
        notes = dialog.locator(".firing li .kind:last-child").all_inner_texts()
        assert notes == [f"{strength:.2f}" for strength in e.strengths[:fires]]
        assert not page.errors

        # one that the image is not among the strongest of: its mask is drawn all the same
        wide = e.masks.sum(axis=(1, 2)) > 50
        other = next(int(u) for u, large in zip(e.units, wide, strict=True) if large and index not in d.top_images[u])
        row = rows.nth(names.index(other))
        before = dialog.locator("canvas").evaluate("c => c.toDataURL()")
        row.get_by_role("button").click()
        picture = dialog.get_by_role("img", name=f"Image not among the strongest of conv5:{other}: #{index}")
        picture.wait_for()
        settle(page)
        assert dialog.get_by_text(f"#{index} · not among its strongest", exact=True).is_visible()
        assert picture.evaluate("c => c.toDataURL()") != before
        assert row.get_by_role("button").get_attribute("aria-current") == "true"
        lit = picture.evaluate(
            """c => { const [w, h] = [c.width, c.height], d = c.getContext('2d').getImageData(0, 0, w, h).data;
              return [...Array(h * w).keys()].map(i => d[4 * i] + d[4 * i + 1] + d[4 * i + 2]); }"""
        )
        size = picture.evaluate("c => [c.height, c.width]")
        check_dimmed(np.array(lit, float).reshape(size), e.masks[list(e.units).index(other)], d.data[index].image)

        page.keyboard.press("Backspace")
        dialog.get_by_role("img", name=re.compile(f"^Image 1 of 3 of conv5:{unit}: #{index}")).wait_for()
        assert rows.count() == fires  # the list stays as long as the image does
        page.keyboard.press("ArrowRight")
        dialog.get_by_role("img", name=re.compile("^Image 2 of")).wait_for()
        assert dialog.get_by_role("button", name=ASK).is_visible()
        assert not page.errors


def check_dimmed(drawn, mask, image):
    """The picture is as light as the image where the mask is, and darker elsewhere."""
    rows = (np.arange(drawn.shape[0]) * mask.shape[0]) // drawn.shape[0]
    columns = (np.arange(drawn.shape[1]) * mask.shape[1]) // drawn.shape[1]
    on = mask[rows[:, None], columns]
    plain = np.asarray(image.convert("RGB").resize(drawn.shape[::-1]), float).sum(axis=2)
    ratio = drawn / np.maximum(plain, 1)
    assert np.median(ratio[on]) > 0.95
    assert np.median(ratio[~on]) < 0.8


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
def test_it_fits_and_can_be_read_aloud(browser, explained, axe, width, scheme):
    d, _ = explained
    with opened(browser, Gallery(d), width, height=800, color_scheme=scheme) as page:
        dialog = look_at_first(page)
        ask = dialog.get_by_role("button", name=ASK)
        ask.scroll_into_view_if_needed()
        shot(page, f"all-units-asked-{width}-{scheme}")
        ask.click()
        dialog.get_by_role("status").wait_for()
        settle(page)
        assert violations(page, axe) == []
        shot(page, f"all-units-{width}-{scheme}")
        assert not page.errors


def test_what_went_wrong_stands_where_the_list_would(browser):
    model, data = nd.demo()
    d = nd.dissect(model, "conv5", data=data[:30], progress=False)
    with opened(browser, Gallery(d), 1280, height=800) as page:
        dialog = look_at_first(page)
        del model
        dialog.get_by_role("button", name=ASK).click()
        alert = dialog.get_by_role("alert")
        alert.wait_for()
        assert "The network that was dissected is gone. Pass it: d.explain(image, model=model)" in alert.inner_text()


def test_nobody_is_asked_where_nobody_could_answer(browser, explained, tmp_path):
    d, _ = explained
    d.save(tmp_path / "d.nbd")
    with opened(browser, Gallery(nd.load(tmp_path / "d.nbd")), 1280, height=800) as page:
        dialog = look_at_first(page)
        assert dialog.get_by_role("heading", name="Units that fire here").is_visible()
        assert dialog.get_by_role("button", name=ASK).count() == 0
    to_html(d, tmp_path / "d.html")
    page = browser.new_page()
    page.goto((tmp_path / "d.html").as_uri())
    page.get_by_role("gridcell").first.click()
    page.locator(".figures button").first.click()
    page.get_by_role("heading", name="Units that fire here").wait_for()
    assert page.get_by_role("button", name=ASK).count() == 0
    assert ASK not in (tmp_path / "d.html").read_text(encoding="utf-8")
    page.close()
