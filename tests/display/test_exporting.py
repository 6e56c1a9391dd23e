"""The page of the selected units, which a gallery asks the kernel for."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from nbdissect.display import exporting
from nbdissect.display.gallery import Gallery
from support.dissections import NASTY, Gone, dissection


@pytest.fixture(scope="module")
def d():
    return dissection()


def asked(gallery, *units):
    reply, buffers = gallery._answer({"kind": "export", "id": "7", "key": gallery.current, "units": list(units)})
    assert reply["id"] == "7"
    return reply, buffers


def data_in(page):
    text = bytes(page).decode("utf-8")
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1]), text


def test_the_page_shows_the_units_and_holds_images_of_no_others(d):
    reply, (page,) = asked(Gallery(d, query="zzz", min_iou=0.1, opened="layer4:7"), "layer4:5", "layer4:3")
    assert (reply["kind"], reply["name"]) == ("export", "layer4-selection.html")
    data, text = data_in(page)
    state = data["state"]
    assert (state["_chosen"], state["selected"], state["query"], state["opened"]) == ([5, 3], [5, 3], "", "")
    assert (state["only"], state["min_iou"]) == ("all", 0.1)
    wanted = {int(image) for unit in (3, 5) for image in d.top_images[unit] if image >= 0}
    assert set(data["albums"][0]["images"]) == wanted
    assert "the selected 2 of them" in text
    stand_in = text[text.index('id="nbdissect-page-summary"') : text.index("<footer>")]
    assert stand_in.count("<img") == 2  # also where scripts are switched off: these units, and no others


def test_units_of_several_dissections(d):
    g = Gallery({"a": d, "b": d}, compare=["a", "b"])
    _, (page,) = asked(g, "b:3", "a:1")
    state = data_in(page)[0]["state"]
    assert (state["current"], state["_chosen"], state["compare"]) == ("a", [1], [])
    assert state["selected"] == ["b:3", "a:1"]


@pytest.mark.parametrize(
    ("units", "error"),
    [
        ([], "No unit is selected"),
        (["layer4:999"], "There is no unit 'layer4:999'"),
        (["layer5:1"], "There is no unit 'layer5:1'"),
        (["layer4:x"], "There is no unit"),
        ([None], "There is no unit"),
        (["layer4:\x1b[0m"], r"There is no unit 'layer4:\x1b[0m'"),
    ],
)
def test_what_can_not_be_exported_is_said(d, units, error):
    reply, buffers = asked(Gallery(d), *units)
    assert (reply["kind"], buffers) == ("error", [])
    assert error in reply["error"]


def test_too_many_units_and_images_that_are_gone(d, monkeypatch):
    reply, _ = asked(Gallery(replace(d, data=Gone(d.concepts))), "layer4:3")
    assert "can't be read" in reply["error"]
    monkeypatch.setattr(exporting, "MOST_UNITS", 1)
    reply, _ = asked(Gallery(d), "layer4:3", "layer4:5")
    assert reply["error"] == "A page of 2 units would be too large: 1 at most."


@pytest.mark.parametrize("name", NASTY)
def test_names_of_files_are_tame(d, name):
    g = Gallery(replace(d, layer=name or "x"))
    reply, _ = asked(g, f"{g.current}:3")
    assert re.fullmatch(r"[\w.-]+-selection\.html", reply["name"])
    assert not reply["name"].startswith((".", "-"))
