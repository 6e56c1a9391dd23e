"""The gallery in a real browser, without a notebook around it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display.dissection_table import table_of
from nbdissect.display.gallery import Gallery
from nbdissect.results.upsampling import resize
from support.browser import (
    best_label,
    cell,
    focused,
    menu,
    opened,
    plain,
    put,
    scroll,
    settle,
    shot,
    show,
    show_all,
    until,
)
from support.dissections import dissection

# --- names by which tests and screen readers find things ---


def test_names(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        assert page.get_by_role("status").inner_text() == f"{demo.detectors()} of 160 units"
        assert page.get_by_role("searchbox").count() == 1
        assert page.get_by_role("slider", name="IoU cut").get_attribute("aria-valuetext") == "IoU > 0.04"
        assert page.get_by_role("button", name="object", exact=False).get_attribute("aria-pressed") == "false"
        cells = page.get_by_role("grid", name="Units").get_by_role("gridcell")
        assert cells.count() == page.get_by_role("gridcell", name=re.compile("^conv6:\\d+ ")).count() > 5
        first = Gallery(demo).shown[0]
        cell(page, f"conv6:{first}").click()
        assert page.get_by_role("region", name=f"conv6:{first}").is_visible()
        assert page.errors == []


# --- filters ---


def test_filters_agree_with_python(browser, demo):
    g, label = Gallery(demo), best_label(demo)
    with opened(browser, g) as page:
        page.get_by_role("searchbox").fill(label)
        until(page, lambda: g.query == label)
        assert page.get_by_role("status").inner_text() == f"{len(g.shown)} of 160 units"
        page.get_by_role("button", name="Clear filters").click()
        page.get_by_role("button", name="scene").click()
        page.get_by_label("Sort by").select_option("unit")
        page.wait_for_timeout(100)
        assert (g.category, g.sort) == (["scene"], "unit")
        addresses = page.get_by_role("gridcell").evaluate_all("all => all.map(c => c.dataset.address)")
        assert addresses == [f"conv6:{unit}" for unit in g.shown]


def test_the_cut_moves_the_counts_and_python_follows(browser, demo):
    g = Gallery(demo)
    with opened(browser, g) as page:
        page.get_by_role("slider", name="IoU cut").fill("0.2")
        until(page, lambda: g.min_iou == 0.2)
        assert page.get_by_role("status").inner_text() == f"{demo.detectors(0.2)} of 160 units"
        figures = page.locator(".figure b").all_inner_texts()
        assert figures == [str(demo.detectors(0.2)), str(demo.unique_detectors(0.2))]
        page.get_by_role("slider", name="IoU cut").press("ArrowRight")
        until(page, lambda: g.min_iou == 0.205)


def test_a_bar_filters_by_its_concept(browser, demo):
    g = Gallery(demo)
    with opened(browser, g) as page:
        page.get_by_role("option", name=re.compile(f"^{re.escape(best_label(demo))} ")).click()
        page.wait_for_timeout(100)
        assert g.concept == next(concept.number for concept in demo.concepts if concept.name == best_label(demo))
        assert page.get_by_role("status").inner_text() == f"{len(g.shown)} of 160 units"


def test_python_sets_what_the_page_shows(browser, demo):
    g = Gallery(demo)
    with opened(browser, g) as page:
        put(page, g, query="zzz", min_iou=0.1, selected=[3])
        assert page.get_by_role("searchbox").input_value() == "zzz"
        assert page.get_by_text("1 selected").is_visible()
        put(page, g, shown=[7, 3])
        assert page.get_by_role("status").inner_text() == "2 of 160 units"
        assert page.get_by_role("button", name="2 chosen: show all units again").is_visible()
        page.get_by_role("button", name="Clear filters").click()
        page.wait_for_timeout(100)
        assert len(g.shown) == 160


def test_nothing_found(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        page.get_by_role("searchbox").fill("giraffe")
        assert page.get_by_text("No unit is about “giraffe” here.").is_visible()
        shot(page, "empty")
        page.locator(".empty").get_by_role("button", name="Clear filters").click()
        assert page.get_by_role("status").inner_text() == f"{demo.detectors()} of 160 units"


# --- the keyboard ---


def test_keyboard_only(browser, demo):
    g = Gallery(demo, sort="unit", only="all")
    with opened(browser, g) as page:
        page.get_by_role("searchbox").focus()
        for _ in range(40):
            page.keyboard.press("Tab")
            if focused(page).startswith("conv6:"):
                break
        assert focused(page) == "conv6:0"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        assert focused(page) == "conv6:1"
        page.keyboard.press("End")
        page.keyboard.press("Space")
        assert focused(page) == "conv6:159"
        page.keyboard.press("Home")
        assert focused(page) == "conv6:0"
        page.keyboard.press("PageDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        opened_name = focused(page)
        assert page.get_by_role("region", name=opened_name).is_visible()
        page.keyboard.press("Escape")
        assert focused(page) == opened_name
        assert page.locator(".unit").count() == 0
        page.wait_for_timeout(100)
        assert g.selected == [1, 159]
        assert page.errors == []


def test_one_tab_stop_for_all_units(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        stops = page.evaluate("""[...document.getElementById('host').shadowRoot
          .querySelectorAll('.grid *')].filter(e => e.tabIndex === 0 && e.getAttribute('role') === 'gridcell').length""")
        assert stops == 1


def test_neighbours_of_an_opened_unit(browser, demo):
    g = Gallery(demo, sort="unit", only="all")
    with opened(browser, g) as page:
        cell(page, "conv6:0").click()
        page.get_by_role("button", name="Next unit").click()
        assert page.get_by_role("region", name="conv6:1").is_visible()
        assert focused(page) == "conv6:1"


def test_a_click_copies_the_address(browser, demo):
    with opened(browser, Gallery(demo, sort="unit", only="all")) as page:
        # As over plain http, where there is no navigator.clipboard.
        page.evaluate("""window.copied = []; Object.defineProperty(navigator, 'clipboard', {value: undefined});
          document.addEventListener('copy', () => window.copied.push(document.activeElement.value));""")
        cell(page, "conv6:3").get_by_role("button", name="conv6:3").click()
        page.locator(".said", has_text="Copied conv6:3").wait_for()
        cell(page, "conv6:4").focus()
        page.keyboard.press("c")
        page.locator(".said", has_text="Copied conv6:4").wait_for()
        assert page.evaluate("window.copied") == ["conv6:3", "conv6:4"]
        assert focused(page) == "conv6:4"
        assert page.locator(".unit, textarea").count() == 0


def test_a_result_from_a_table_shows_its_numbers(browser, tmp_path):
    dissection().to_csv(tmp_path / "layer.csv")
    with opened(browser, Gallery(nd.read_csv(tmp_path / "layer.csv"))) as page:
        assert page.get_by_text("This result holds no top images").is_visible()
        page.get_by_role("gridcell").first.click()
        page.locator(".unit").get_by_role("row").nth(2).wait_for()
        shot(page, "table")
        assert page.errors == []


def test_a_result_without_its_photographs_shows_its_maps(browser):
    with opened(browser, Gallery(replace(dissection(), data=None))) as page:
        settle(page)
        assert page.get_by_text("The images are not at hand").first.is_visible()
        shot(page, "maps-only")
        assert page.errors == []


# --- masks ---


@pytest.mark.parametrize("source", ["demo", "anchored", "squeezenet"])
def test_masks_are_the_engines_pixel_for_pixel(browser, source, request):
    d = request.getfixturevalue(source)
    units = range(0, len(d.thresholds), 3)
    shape = d.data[0].masks
    shape = next(iter(shape.values())).shape[-2:] if shape else d.data[0].shape
    field = table_of(d, "")["field"]
    assert bool(field) == (source == "anchored")
    with opened(browser, Gallery(d)) as page:
        different = 0
        for unit in units:
            ours = np.stack([resize(one, shape, d.receptive_field) > d.thresholds[unit] for one in d.top_maps[unit]])
            theirs = page.evaluate(
                """async ([text, count, h, w, sh, sw, threshold, field]) => {
                  const { upsample, maskOf } = await import('/gallery.js');
                  const values = new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
                  let bits = '';
                  for (let i = 0; i < count; i++) {
                    const map = values.slice(i * h * w, (i + 1) * h * w);
                    bits += maskOf(upsample(map, h, w, sh, sw, field), threshold).join('');
                  }
                  return bits; }""",
                [
                    base64.b64encode(d.top_maps[unit].tobytes()).decode(),
                    *d.top_maps[unit].shape,
                    *shape,
                    float(d.thresholds[unit]),
                    field,
                ],
            )
            different += int((np.frombuffer(theirs.encode(), "u1") - 48 != ours.ravel()).sum())
        assert different == 0


@pytest.mark.parametrize("source", ["demo", "anchored"])
def test_why_this_label_counts_the_engines_pixels(browser, source, request):
    demo = request.getfixturevalue(source)
    unit = int(np.argmax(demo.best_iou))
    number = demo.units[unit].concept.number
    with opened(browser, Gallery(demo)) as page:
        cell(page, f"conv6:{unit}").click()
        page.get_by_role("button", name="Why this label?").click()
        page.get_by_role("img", name=re.compile("pixels in both")).first.wait_for()
        said = page.get_by_role("img", name=re.compile("pixels in both")).evaluate_all(
            "all => all.map(i => i.ariaLabel)"
        )
        for rank, text in enumerate(said):
            sample = demo.data[int(demo.top_images[unit, rank])]
            layers = [np.asarray(mask) for mask in sample.masks.values()]
            concept = np.any([(layer == number).any(axis=0) for layer in layers], axis=0)
            mask = resize(demo.top_maps[unit, rank], concept.shape, demo.receptive_field) > demo.thresholds[unit]
            expected = [(mask & concept).sum(), (mask & ~concept).sum(), (concept & ~mask).sum()]
            assert [int(n.replace(",", "")) for n in re.findall(r"([\d,]+)(?= pixels| in )", text)] == expected
        shot(page, "why")


def test_the_threshold_slider_needs_no_kernel(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        page.evaluate("window.silent = true")
        asked = page.evaluate("window.sent.length")
        before = page.locator(".strip canvas").first.evaluate("c => c.toDataURL()")
        with menu(page):
            page.get_by_role("slider", name="Activation threshold").fill("60")
            after = page.locator(".strip canvas").first.evaluate("c => c.toDataURL()")
            assert before != after
            assert page.get_by_text("raised 60 %").is_visible()
        with menu(page, "Overlay"):
            for overlay in ("Outline", "Heat", "None", "Mask"):
                page.get_by_role("radio", name=overlay).check()
        with menu(page):
            page.get_by_role("slider", name="Activation threshold").fill("0")
        assert page.locator(".strip canvas").first.evaluate("c => c.toDataURL()") == before
        assert page.evaluate("window.sent.length") == asked


# --- traffic ---


def test_each_photograph_is_sent_once(browser, demo):
    with opened(browser, Gallery(demo, only="all")) as page:
        show_all(page)
        settle(page)
        for step in range(12):
            scroll(page, 500 * (step + 1))
            page.wait_for_timeout(120)
            settle(page)
        scroll(page, 0)
        settle(page)
        images = page.evaluate("window.sent.filter(m => m.kind === 'pictures').flatMap(m => m.images)")
        assert len(images) == len(set(images))
        batches = page.evaluate("window.sent.filter(m => m.kind === 'maps').map(m => m.units.length)")
        assert max(batches) <= 32


def test_two_views_share_their_pictures_and_end_without_a_trace(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        page.evaluate("""() => { const second = document.createElement('div'); second.id = 'second';
          document.querySelector('main').append(second);
          window.endSecond = window.widget.render({model: window.model, el: second}); }""")
        page.wait_for_timeout(400)
        images = page.evaluate("window.sent.filter(m => m.kind === 'pictures').flatMap(m => m.images)")
        assert len(images) == len(set(images))
        page.get_by_role("searchbox").first.fill("zzz")
        assert page.get_by_role("searchbox").nth(1).input_value() == "zzz"
        page.evaluate("endSecond(); endView()")
        assert page.evaluate("window.model.listeners()") == 1  # the source's own
        show(page)
        settle(page)
        page.evaluate("endView(); endModel()")
        assert page.evaluate("window.model.listeners()") == 0
        assert page.errors == []


def test_taken_out_of_the_page_and_put_back(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        show_all(page)
        scroll(page, 3000)
        settle(page)
        before = page.get_by_role("gridcell").first.get_attribute("data-address")
        page.evaluate("""async () => { const host = document.getElementById('host'), home = host.parentNode;
          host.remove(); await new Promise(r => setTimeout(r, 100)); home.append(host); }""")
        scroll(page, 3000)
        assert page.get_by_role("gridcell").first.get_attribute("data-address") == before


def test_shortcuts_of_the_notebook_stay_out_but_for_save_and_run(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        page.evaluate("""() => { window.keys = []; document.addEventListener('keydown', event => {
          const kept = event.target.closest?.('[data-lm-suppress-shortcuts]');
          if (!kept) window.keys.push(event.key); }, true); }""")
        page.get_by_role("gridcell").first.focus()
        for key in ("d", "d", "Enter", "Escape", "Control+z", "Control+s", "Control+Enter", "a"):
            page.keyboard.press(key)
        assert [key for key in page.evaluate("window.keys") if key != "Control"] == ["s", "Enter"]


def test_a_silent_kernel_is_waited_for(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        settle(page)
        show_all(page)
        page.evaluate("window.silent = true")
        scroll(page, 4000)
        page.get_by_text("Waiting for the kernel").wait_for(timeout=8_000)
        shot(page, "waiting")


def test_an_error_of_the_kernel_is_shown_and_can_be_tried_again(browser, demo):
    class Gone:
        mended = False

        def __len__(self):
            return len(demo.data)

        def __getitem__(self, index):
            if self.mended:
                return demo.data[index]
            raise FileNotFoundError("[Errno 2] No such file or directory: 'images/3.jpg'")

    broken = replace(demo, data=Gone())
    with opened(browser, Gallery(broken)) as page:
        alert = page.get_by_role("alert")
        alert.wait_for()
        assert "No such file or directory" in alert.inner_text()
        assert "Check that the data set still lies where it lay" in alert.inner_text()
        shot(page, "error")
        Gone.mended = True
        page.get_by_role("button", name="Try again").click()
        settle(page)
        assert page.get_by_role("alert").count() == 0


def test_an_error_of_the_page_is_shown(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        page.evaluate("window.model.follow('category', 3)")
        assert "Run the cell again" in page.get_by_role("alert").inner_text()


def test_one_unreadable_image_hides_nothing_else(browser, demo):
    torn = int(demo.top_images[int(demo.best_iou.argmax()), 1])

    class Torn:
        def __len__(self):
            return len(demo.data)

        def __getitem__(self, index):
            if index == torn:
                raise OSError("image file is truncated")
            return demo.data[index]

    with opened(browser, Gallery(replace(demo, data=Torn()))) as page:
        settle(page)
        states = page.locator(".strip canvas").evaluate_all("all => all.map(c => c.dataset.state)")
        assert states.count("here") > 20
        assert page.get_by_role("alert").count() == 0
        page.get_by_role("gridcell").first.click()
        page.get_by_text(f"Image {torn}: OSError: image file is truncated").wait_for()
        page.get_by_role("button", name="Why this label?").click()
        page.get_by_role("img", name=re.compile("pixels in both")).first.wait_for()
        assert page.locator(".figures canvas[data-state=missing]").count() == 1
        assert page.errors == []


# --- focus: whatever vanishes, the keyboard stays in the gallery ---


def test_a_card_that_is_filtered_away_leaves_the_focus_to_its_neighbour(browser, demo):
    g = Gallery(demo, sort="unit", only="all")
    with opened(browser, g) as page:
        cell(page, "conv6:2").focus()
        put(page, g, shown=[0, 1, 3, 4])
        assert focused(page) == "conv6:3"
        put(page, g, shown=[])
        assert focused(page).startswith("Search")


def test_an_opened_unit_that_is_filtered_away_is_closed(browser, demo):
    g = Gallery(demo, sort="unit", only="all")
    with opened(browser, g) as page:
        cell(page, "conv6:2").focus()
        page.keyboard.press("Enter")
        assert focused(page) == "conv6:2"
        page.wait_for_timeout(100)
        assert g.opened == "conv6:2"
        put(page, g, shown=[0, 1, 3, 4])
        page.wait_for_timeout(100)
        assert g.opened == ""
        assert page.locator(".unit").count() == 0
        assert focused(page) == "conv6:3"


def test_an_opened_unit_stays_in_view_when_the_order_changes(browser, demo):
    g = Gallery(demo, sort="unit", only="all")
    with opened(browser, g) as page:
        cell(page, "conv6:1").click()
        page.get_by_label("Sort by").select_option("concept")
        page.wait_for_timeout(200)
        assert g.opened == "conv6:1"
        assert 0 <= page.locator(".unit").bounding_box()["y"] < 1200


def test_as_scored_leaves_the_focus_on_the_slider(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        page.get_by_role("gridcell").first.click()
        settle(page)
        slider = page.locator(".activations").get_by_role("slider")
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="As scored").click()
        assert focused(page).startswith("Activation threshold of")


def test_counts_that_come_and_go_move_nothing(browser, demo):
    g = Gallery(demo)
    with opened(browser, g) as page:
        before = page.locator(".list").bounding_box()["y"]
        page.get_by_role("gridcell").first.get_by_role("checkbox").check()
        page.get_by_role("searchbox").fill("a")
        assert page.get_by_text("1 selected").is_visible()
        assert page.locator(".list").bounding_box()["y"] == before


# --- honesty ---


def test_an_image_that_was_not_counted_says_so(browser):
    d = dissection()
    unit = next(
        u for u, images in enumerate(d.top_images) if d.best_concepts[u] >= 0 and d.best_concepts[u] not in images % 6
    )
    with opened(browser, Gallery(d, only="all", query=str(unit))) as page:
        page.get_by_role("gridcell").first.click()
        page.get_by_role("button", name="Why this label?").click()
        category = d.units[unit].concept.category
        page.get_by_text(f"no {category} labels here: not counted").first.wait_for()
        assert page.get_by_text("not counted").count() == 10
        assert page.get_by_role("img", name=re.compile("pixels in both")).count() == 0


def test_drawings_are_announced_for_good(browser):
    with opened(browser, Gallery(dissection(drawings=True))) as page:
        banner = page.get_by_text("Probed with drawings: not evidence about what this network sees in photographs")
        assert banner.is_visible()
        assert page.get_by_text("Supply labeled photographs").is_visible()
        settle(page)
        shot(page, "drawings")


def test_concepts_out_of_reach_say_why(browser, demo):
    with opened(browser, Gallery(demo)) as page:
        summary = page.get_by_text("concepts out of reach")
        assert "at IoU > 0.04" in summary.locator("..").inner_text()
        summary.click()
        limit = demo.summary().out_of_reach[0]
        assert page.get_by_text(f"{limit.reason}: IoU ≤ {limit.ceiling:.3f}").is_visible()


# --- while it computes ---


def renew(page, g, d):
    """Update the gallery, and bring what changed to the page as a widget manager would."""
    before = {name: getattr(g, name) for name in g.traits(sync=True)}
    g.update(d)
    for name, value in before.items():
        if getattr(g, name) != value:
            page.evaluate(
                "([name, value]) => window.model.follow(name, window.makeModel({value}).get('value'))",
                [name, plain(getattr(g, name))],
            )


def provisional(d):
    return replace(d, provisional=True, seen=640, planned=2040)


def unit_in_view(page):
    """Where the opened unit stands in the window."""
    return page.locator(".unit").bounding_box()["y"]


def test_the_page_follows_newer_results_and_keeps_its_place(browser):
    d = dissection(200)
    images = d.top_images.copy()
    images[::3] = images[::3, ::-1]  # a third of the units has other images
    newer = replace(d, top_images=images, intersection=d.intersection[::-1] // 2)
    first = provisional(d)
    g = Gallery(first, only="all", selected=[3])
    with opened(browser, g) as page:
        page.get_by_text("Provisional: after 640 of 2,040 images").wait_for()
        assert page.get_by_role("img", name="provisional").first.is_visible()
        settle(page)
        shot(page, "provisional")
        show_all(page)
        scroll(page, 4000)
        page.wait_for_timeout(100)
        settle(page)
        name = page.get_by_role("gridcell").nth(4).get_attribute("data-address")
        cell(page, name).focus()
        figures = page.locator(".figure b").all_inner_texts()
        order, place = g.shown, page.evaluate("scrollY")
        pictures = "window.sent.filter(m => m.kind === 'pictures').flatMap(m => m.images)"
        before = page.evaluate(pictures)
        renew(page, g, newer)
        page.wait_for_timeout(100)
        assert page.evaluate("scrollY") == place
        assert focused(page) == name
        assert page.get_by_text("Provisional").count() == 0
        assert page.get_by_text("1 selected").is_visible()
        assert page.get_by_role("img", name="provisional").count() == 0
        assert page.locator(".figure b").all_inner_texts() == [str(newer.detectors()), str(newer.unique_detectors())]
        assert (g.shown != order, page.locator(".figure b").all_inner_texts() != figures) == (True, True)
        settle(page)
        scroll(page, 0)
        cell(page, f"layer4:{g.shown[0]}").wait_for()
        settle(page)
        shown = page.get_by_role("gridcell").evaluate_all("all => all.map(c => c.dataset.address)")
        assert [one for one in shown if one != name][:5] == [f"layer4:{unit}" for unit in g.shown[:5]]
        after = page.evaluate(pictures)
        assert len(after) == len(set(after))
        assert after[: len(before)] == before
        assert page.errors == []


def test_an_opened_unit_is_read_on_when_newer_results_come(browser):
    d = dissection(60)
    newer = replace(d, intersection=d.intersection[::-1].copy(), thresholds=d.thresholds + 0.5)
    g = Gallery(provisional(d), only="all")
    with opened(browser, g, height=640) as page:  # low, so that there is room to scroll to its new place
        name = page.get_by_role("gridcell").nth(2).get_attribute("data-address")
        cell(page, name).click()
        page.get_by_role("button", name="Why this label?").click()
        explained = page.locator("figcaption").filter(has_text=re.compile("IoU|not counted"))
        explained.first.wait_for()
        page.get_by_role("button", name="Select", exact=True).focus()
        before = unit_in_view(page)
        renew(page, g, newer)
        settle(page)
        explained.first.wait_for()
        assert unit_in_view(page) == pytest.approx(before, abs=2)
        region = page.get_by_role("region", name=name)
        unit = int(name.split(":")[1])
        rows = region.get_by_role("row")
        page.wait_for_timeout(100)
        assert rows.nth(1).locator("td").last.inner_text() == f"{newer.best_iou[unit]:.3f}"
        assert region.get_by_role("button", name="Why this label?").get_attribute("aria-pressed") == "true"
        assert page.evaluate("document.getElementById('host').shadowRoot.activeElement.textContent") == "Select"
        assert page.errors == []


def test_what_is_pushed_is_shown_while_the_kernel_answers_nothing(browser):
    d = dissection(60)
    g = Gallery(provisional(d), only="all", sort="unit")
    with opened(browser, g) as page:
        page.evaluate("""async () => { window.endView(); window.endModel(); window.silent = true;
          const model = {...window.model, on(event, handler) {
            if (event === 'msg:custom') window.hear = handler;
            window.model.on(event, handler); }};
          window.widget = (await import('/gallery.js')).default();
          window.endModel = window.widget.initialize({model}); window.made = model; }""")
        sent = []
        g.send = lambda content, buffers=None: sent.append((content, buffers))
        g.push(range(12))
        push = """([message, buffers]) => window.hear(message, buffers.map(
          text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer)))"""
        ((message, buffers),) = sent
        page.evaluate(push, [message, [base64.b64encode(buffer).decode() for buffer in buffers]])
        page.evaluate(
            "() => { window.endView = window.widget.render({model: window.made, el: document.getElementById('host')}); }"
        )
        settle(page)
        states = cell(page, "layer4:0").locator("canvas").evaluate_all("all => all.map(c => c.dataset.state)")
        assert states == ["here"] * 7  # as many as there is room for
        show_all(page)
        scroll(page, 4000)
        page.get_by_text("The kernel is busy: more images come meanwhile.").wait_for(timeout=8_000)
        assert page.errors == []
