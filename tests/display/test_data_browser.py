"""A data set to look through: what is counted and read, what a page is answered, and what stays without a kernel."""

from __future__ import annotations

import base64
import gzip
import io
import re
import time

import numpy as np
import pytest
import traitlets
from PIL import Image

import nbdissect as nd
from nbdissect.display.bundle import STATIC
from nbdissect.display.data_browser import DataBrowser
from nbdissect.types import UNLABELED
from support.broden_maker import make_broden
from support.dissections import HOSTILE, Squares
from support.needs import needed


class Many:
    """More images than anybody reads: each says when it is read."""

    concepts = (nd.Concept(4, "stripe", "object"), nd.Concept(7, "dot", "part"), nd.Concept(9, "dusk", "scene"))
    categories = ("object", "part", "scene")

    def __init__(self, images=300_000):
        self.images = images
        self.read = set()

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        self.read.add(index)
        stripe = np.zeros((1, 6, 8), np.int64)
        stripe[0, :3] = 4
        dot = np.zeros((1, 6, 8), np.int64)
        dot[0, 1, 1] = 7 if index % 50 == 49 else 0
        image = Image.new("RGB", (16, 12), (index % 256, 90, 120))
        return nd.Sample(image, {"object": stripe, "part": dot}, {"scene": (9,)} if index % 2 else {})


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A machine may be busy: all images that shall be counted are."""
    monkeypatch.setattr("nbdissect.display.data_browser._FIRST_SECONDS", 60.0)


def browse(data, **options):
    return nd.LabeledImages.wrap(data, lambda row: row, concepts=data.concepts).browse(**options)


def ask(browser, kind, **more):
    reply, buffers = browser._answer({"kind": kind, "id": "5", **more})
    assert reply["id"] == "5"
    return reply, buffers


def test_of_hundreds_of_thousands_only_those_are_read_that_are_counted_or_looked_at():
    data = Many()
    began = time.monotonic()
    b = browse(data, first=100)
    assert time.monotonic() - began < 20
    assert data.read <= {*range(100), 150_000, 299_999}  # the middle and the last tell whether samples repeat
    assert b.counted == 100
    counts = b._table["counts"]
    assert counts["images"] == [100, 2, 50]
    assert counts["shares"] == pytest.approx([0.5, 2 / 100 / 48, 0.5])
    assert counts["ceilings"] == pytest.approx([0.01, 1.0, 0.01])
    ask(b, "image", index=200_000)
    found, _ = ask(b, "find", concept=1, start=100, step=1)
    assert (found["found"], found["next"]) == (149, 150)
    back, _ = ask(b, "find", concept=1, start=148, step=-1)
    assert back["found"] == 99
    assert len(data.read) < 160
    assert "300,000 images; counts are of the first 100" in repr(b)


def test_a_search_that_takes_long_says_where_to_go_on(monkeypatch):
    monkeypatch.setattr("nbdissect.display.data_browser._SECONDS", 0.0)
    b = browse(Many(10), first=0)
    reply, _ = ask(b, "find", concept=1, start=0, step=1)
    assert (reply["found"], reply["next"]) == (-1, 1)
    reply, _ = ask(b, "find", concept=1, start=9, step=1)
    assert (reply["found"], reply["next"]) == (-1, 10)
    assert ask(b, "count")[0]["counts"]["counted"] == 1
    assert ask(b, "count")[0]["counts"]["counted"] == 2


def test_counts_are_those_of_check():
    _, world = nd.demo()
    part = world[:12]
    b, check = part.browse(first=12), part.check()
    counts = b._table["counts"]
    assert counts["images"] == [row["images"] for row in check.concepts]
    np.testing.assert_allclose(counts["ceilings"], [row["ceiling"] for row in check.concepts])
    np.testing.assert_allclose(counts["shares"], [row["pixels"] / check.pixels for row in check.concepts])


def test_a_whole_broden_tells_its_own_statistics_and_a_part_is_counted(tmp_path):
    _, world = nd.demo()
    nd.write_broden(world[:10], tmp_path / "ten")
    data = nd.Broden(tmp_path / "ten")
    b, counted = data.browse(), data[:].browse()
    assert b._table["counts"]["told"]
    assert b.counted == 10
    assert not b._labels._held  # nothing was read
    assert not counted._table["counts"]["told"]
    assert b._table["counts"]["images"] == counted._table["counts"]["images"]
    np.testing.assert_allclose(b._table["counts"]["shares"], counted._table["counts"]["shares"], atol=1e-6)
    assert "counts as the data set's own tables have them" in repr(b)


def test_tables_without_statistics_are_no_obstacle(tmp_path):
    make_broden(tmp_path)
    data = nd.Broden(tmp_path)
    for table in tmp_path.glob("c_*.csv"):
        table.write_text(table.read_text().replace("frequency", "often"))
    assert not data.browse()._table["counts"]["told"]


def test_merged_and_labeled_images_are_browsed_alike(tmp_path):
    _, world = nd.demo()
    both = nd.merge(world[:4], world[4:7])
    b = both.browse()
    assert b.counted == 7
    reply, _ = ask(b, "image", index=6)
    names = {b._table["names"][c] for c in reply["concepts"]}
    assert names


def test_planes_come_as_they_are_with_what_is_not_known():
    class One(Many):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            sample.masks["object"][0, 5, 7] = UNLABELED
            return nd.Sample(sample.image, sample.masks, {"scene": (9,)})

    b = browse(One(3))
    reply, (image, planes) = ask(b, "image", index=0)
    assert Image.open(io.BytesIO(image)).size == (16, 12)
    assert reply["grid"] == [6, 8]
    assert reply["planes"] == ["object", "part"]
    assert reply["concepts"] == [0, 2]
    assert reply["whole"] == [2]
    assert reply["shares"] == [0.5, 1.0]
    pixels = np.frombuffer(planes, "<u2").reshape(2, 6, 8)
    assert (pixels[0, :3] == 1).all()
    assert pixels[0, 5, 7] == 65_535
    assert (pixels[0, 3:5] == 0).all()


def test_concept_and_index_can_be_set_and_are_checked():
    b = browse(Many(10))
    b.concept, b.index = 7, 3
    assert (b.concept, b._concept, b.index) == (7, 1, 3)
    b.concept = None
    assert b._concept == -1
    with pytest.raises(ValueError, match=r"concept=5; the number of one of data\.concepts is needed, or None"):
        b.concept = 5
    with pytest.raises(traitlets.TraitError, match="the data set has 10 images, from 0 on"):
        b.index = 10


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"quantile": 2}, "quantile=2; a number between 0 and 1"),
        ({"min_iou": -1}, "min_iou=-1; a number from 0 to 1 is needed"),
        ({"first": -1}, "first=-1; the number of images to count is needed"),
        ({"first": 2.5}, "first=2.5; the number of images"),
    ],
)
def test_arguments_that_make_no_sense(options, match):
    with pytest.raises(ValueError, match=match):
        browse(Many(3), **options)


def test_no_request_ends_in_an_error_of_ours():
    b = browse(Many(5))
    for request in (
        {"kind": "image", "index": 5},
        {"kind": "image", "index": "x"},
        {"kind": "image"},
        {"kind": "find", "concept": 99, "start": 0, "step": 1},
        {"kind": "dance"},
    ):
        assert b._answer({"id": "1", **request})[0]["kind"] == "error"


def test_a_broken_image_is_skipped_when_counted_and_says_why_when_looked_at():
    class Broken(Many):
        def __getitem__(self, index):
            if index == 1:
                raise OSError("gone")
            return super().__getitem__(index)

    b = DataBrowser(Broken(4))
    assert b._table["counts"]["images"][0] == 3
    assert b.labels.broken == {1: "Image 1: data[1]: OSError: gone"} or "gone" in b.labels.broken[1]
    assert "gone" in ask(b, "image", index=1)[0]["error"]
    assert "gone" in b._repr_html_()


# --- without a kernel ---


def test_the_first_page_stands_without_a_kernel():
    _, world = nd.demo()
    html = world[:20].browse(first=8)._repr_html_()
    assert "20 images; counts are of the first 8." in html
    assert "out of reach" in html
    assert "<script" not in html
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert len(pictures) == 6
    assert Image.open(io.BytesIO(base64.b64decode(pictures[0]))).size == (176, 176)
    assert len(html) < 400_000
    assert "… and 124 more concepts" in html


def test_names_from_elsewhere_stay_text():
    concepts = tuple(nd.Concept(3 * at + 1, name, "object") for at, name in enumerate(HOSTILE))
    b = DataBrowser(Squares(concepts, images=8))
    html = b._repr_html_()
    assert "<img src=x" not in html
    assert "</style>" not in html
    assert "\u202e" not in html + repr(b)
    assert "\u202e" not in "".join(b._table["names"])


def test_a_notebook_shows_the_widget_and_behind_it_the_first_page(monkeypatch):
    needed("IPython")
    from nbdissect.display import cell_output

    published = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda data, *_: published.append(data))
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: published.append(bundle))
    b = browse(Many(5))
    for form, outputs in {"both": 2, "static": 1, "html": 1, "text": 1}.items():
        monkeypatch.setattr(cell_output, "current_form", lambda form=form: form)
        published.clear()
        b._ipython_display_()
        assert len(published) == outputs
        assert ("text/html" in published[-1]) == (form != "text")
        if form == "both":
            assert "application/vnd.jupyter.widget-view+json" in published[0]
            assert f'<div id="{b.stands_for}">' in published[1]["text/html"]
    monkeypatch.setattr(cell_output, "current_form", lambda: "live")
    with pytest.raises(NotImplementedError):
        b._ipython_display_()


def test_the_bundle_is_small():
    script, style = (STATIC / "browse.js").read_bytes(), (STATIC / "browse.css").read_bytes()
    assert len(script) <= 26_000
    assert len(gzip.compress(script, 9)) <= 11_000
    assert len(style) <= 6_500
