"""What a notebook keeps of a result: within its budget, readable without scripts, never in the way of the numbers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser

import pytest

import nbdissect as nd
from nbdissect.display.html_parts import UNLESS_SANITIZED
from nbdissect.display.saved_output import static_html
from nbdissect.display.session import session
from nbdissect.text import printable
from support.dissections import NASTY, Gone, Squares, dissection
from support.needs import needed


@pytest.fixture(autouse=True)
def _session(monkeypatch):
    """Each test has a session, and a limit, of its own."""
    monkeypatch.setattr(session, "_saved", {})
    yield
    nd.options.embed_mb = 5


@pytest.fixture
def cell(monkeypatch):
    """Say which cell runs."""

    def run(code, number):
        parent = {"header": {"msg_id": str(number)}, "metadata": {}, "content": {"code": code}}
        monkeypatch.setattr(session, "request", lambda: parent)

    return run


@pytest.fixture(scope="module")
def d():
    """A result whose photographs weigh something: 0.6 MB with all of them."""
    one = dissection(80)
    return replace(dissection(80, data=Squares(one.concepts, images=600, side=300)))


class Reader(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.gallery, self.images, self.scripts, self.text, self._in_script = None, 0, 0, "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.images += tag == "img"
        self.scripts += tag == "script"
        self._in_script = tag == "script"
        assert not [name for name, _ in attrs if name.startswith("on")]
        for name, value in attrs:
            if name == "data-gallery":
                self.gallery = json.loads(value)

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if not self._in_script:
            self.text += data


def test_summary_and_gallery_in_one_output(d):
    html = static_html(d, "nbdissect-1", 0.1)
    seen = Reader(html)
    assert html.startswith('<div id="nbdissect-1">')
    assert seen.scripts == 1
    assert seen.images == 3  # one for each concept that is detected
    assert "IoU > 0.1" in seen.text
    assert seen.gallery["state"]["min_iou"] == 0.1
    assert (
        seen.gallery["remark"]
        == f"This output holds the numbers of all 80 units, with {len(set(d.top_images.ravel().tolist()))} images and the activation maps of all of them."
    )
    assert seen.gallery["remark"] in seen.text
    assert not re.search(r"https?://|import .* from", html)


def test_the_limit_holds_and_what_was_left_out_is_said(d):
    nd.options.embed_mb = 0.4
    html = static_html(d, "nbdissect-1")
    assert len(html) <= 400_000
    seen = Reader(html)
    assert re.search(
        r"holds the numbers of all 80 units, with \d+ images and the activation maps of the best \d+ of them\. "
        r"The limit is 0\.4 MB over all galleries of this session: raise nd\.options\.embed_mb and run the cell again, or write a page "
        r"with all of it: d\.to_html\(path\)\.",
        seen.text,
    )
    assert seen.gallery["dissections"][0]["table"]["units"] == 80


def test_one_limit_for_all_galleries(d, cell):
    nd.options.embed_mb = 0.7
    sizes = []
    for at in range(4):
        cell(f"cell {at}", at)
        sizes.append(len(static_html(d, "nbdissect-1")))
    assert sizes[0] + sizes[1] <= 700_000
    assert sizes[0] > sizes[1] > sizes[2] == sizes[3]
    assert "and no images" in static_html(d, "nbdissect-1"), "numbers always go in"


def test_a_cell_that_runs_again_has_its_room_again(d, cell):
    nd.options.embed_mb = 0.8
    cell("d", 1)
    first = len(static_html(d, "nbdissect-1"))
    cell("d", 2)
    assert len(static_html(d, "nbdissect-1")) == first
    assert len(static_html(d, "nbdissect-1")) < first, "twice in one run is two outputs"


def test_zero_keeps_every_picture_out(d):
    nd.options.embed_mb = 0
    data = Squares(d.concepts)
    one = replace(d, data=data)
    html = static_html(one, "nbdissect-1")
    seen = Reader(html)
    assert data.read == []
    assert seen.images == 0
    assert "data:image" not in html
    assert seen.gallery["albums"] == []
    advice = "nd.options.embed_mb = 0 keeps pictures out; d.to_html(path) writes a page with them."
    assert f"and no images. {advice}" in seen.text
    assert seen.gallery["remark"] == advice
    assert "<img" not in one._repr_html_()


def test_images_that_are_gone_do_not_take_the_numbers_along(d):
    seen = Reader(static_html(replace(d, data=Gone(d.concepts)), "nbdissect-1"))
    assert re.search(r"and no images\. Image \d+ of the data set can't be read: FileNotFoundError", seen.text)


def test_an_interrupt_while_images_are_read_keeps_the_result(d):
    class Slow(Squares):
        def __getitem__(self, index):
            if len(self.read) > 90:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    seen = Reader(static_html(replace(d, data=Slow(d.concepts)), "nbdissect-1"))
    assert "The reading of its images was interrupted." in seen.text


def test_hostile_names_stay_names():
    hostile = replace(
        dissection(names=(*NASTY, "it's", "' onclick='window.hacked=1"), layer="<script>window.hacked=1</script>'"),
        model="'><b>",
    )
    seen = Reader(static_html(hostile, "nbdissect-1"))
    assert seen.scripts == 1
    assert seen.gallery["dissections"][0]["table"]["names"][: len(NASTY)] == list(map(printable, NASTY))


def test_each_output_stands_alone_under_the_name_of_its_gallery(d):
    pages = [static_html(d, "nbdissect-1") for _ in range(2)]
    first, second = [set(re.findall(r' id="([^"]+)"', page)) for page in pages]
    assert first & second == {"nbdissect-1"}


def test_it_begins_as_it_is_told(d):
    state = d.gallery(query="7", overlay="heat", shown=[1, 2], min_iou=0.1).state()
    seen = Reader(static_html(d, "nbdissect-1", 0.1, state))
    assert seen.gallery["state"] == asdict(state)
    assert state._chosen == [1, 2]
    assert Reader(static_html(d, "nbdissect-1", 0.3)).gallery["state"]["min_iou"] == 0.3


def test_a_sanitizer_that_shows_tags_as_text_shows_no_image_as_text(d):
    """What nbconvert's does: other tags become text, styles are dropped, classes stay and hide."""
    html = needed("nbconvert.filters").clean_html(static_html(d, "nbdissect-1"))
    hidden = re.compile(rf'<div[^>]*class="{UNLESS_SANITIZED}"[^>]*>[^<]*</div>')
    assert "base64" in html
    left = hidden.sub("", html)
    assert "base64" not in left
    assert "data-gallery" not in html
    assert "&lt;script" not in left
    assert "strongest images" not in left
    assert "units are detectors" in left


def test_several_results(d):
    seen = Reader(static_html({"a": d, "b": dissection(seed=2)}, "nbdissect-1"))
    assert seen.gallery["several"] is True
    assert [one["table"]["key"] for one in seen.gallery["dissections"]] == ["a", "b"]
