"""An explained image as people see it: in a cell, in a terminal, in a figure."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import nbdissect as nd
from nbdissect.display.dissection_table import table_of
from nbdissect.display.replies import answer
from nbdissect.results.explanation import Explanation
from nbdissect.results.upsampling import ReceptiveField
from support.dissections import HOSTILE, dissection


def explanation(names=(), units=(3, 7, 39), size=(90, 60), fires=3, **more):
    d = dissection(names=names, **more)
    maps = np.full((len(units), 7, 7), -1.0, np.float32)
    for k in range(fires):
        maps[k, 2 * k : 2 * k + 2, 1:5] = 3 + k
    image = Image.new("RGB", size, (90, 140, 200))
    strengths = np.array([1.5, 0.5, np.nan][: len(units)])
    return Explanation(np.array(units), strengths, maps, image, 12, size[::-1], fires, d)


def pictures(html):
    return [
        Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:image/[a-z]+;base64,([^"]+)"', html)
    ]


def test_a_cell_shows_the_image_in_the_colors_of_its_units_and_each_unit_by_itself():
    html = explanation()._repr_html_()
    assert "<script" not in html
    assert "<strong>3 of 40 units of layer4 fire on image 12</strong>; the 3 strongest." in html
    assert 'src="data:image/png;base64,' in html
    large, *small = pictures(html)
    assert large.size == (288, 192)
    assert [one.size for one in small] == [(128, 85)] * 3
    colors = {color[1] for color in large.convert("RGB").getcolors(1 << 20)}
    assert len(colors) >= 5
    assert "layer4:39" in html
    assert "strength 1.50, on" in html
    assert html.count("no concept") == 2  # in its card, and in the words for the picture
    assert len(html) < 40_000


def test_each_units_picture_lies_where_the_units_masks_do():
    evenly = explanation(fires=1, units=(3,))
    # The same map, which stands 20 pixels to the right of its place.
    field = ReceptiveField((20.0, 40.0), (8.0, 12.0), (60, 90))
    moved = replace(evenly, scores=replace(evenly.scores, receptive_field=field))
    lit = []
    for one in (evenly, moved):
        _, small = pictures(one._repr_html_())
        bright = np.asarray(small.convert("L")) > 110
        lit.append(np.nonzero(bright.any(axis=0))[0].mean())
        columns = np.nonzero(one.masks[0].any(axis=0))[0].mean() * small.width / one.shape[1]
        assert lit[-1] == pytest.approx(columns, abs=3)
    assert lit[1] > lit[0] + 10


def test_units_that_do_not_fire_are_counted_and_not_shown():
    e = explanation(fires=1)
    html = e._repr_html_()
    assert "1 of 40 units of layer4 fire on image 12</strong>, and 2 that fire nowhere on it." in html
    assert len(pictures(html)) == 2
    assert "doesn't fire here" in repr(e)
    nothing = explanation(fires=0)
    assert "0 of 40 units" in nothing._repr_html_()
    assert (nothing.segmentation == -1).all()
    assert len(pictures(nothing._repr_html_())) == 1


def test_a_terminal_shows_it_as_text():
    lines = repr(explanation()).splitlines()
    assert lines[0] == "<3 of 40 units of layer4 fire on image 12; the 3 strongest:>"
    assert re.fullmatch(r" +3  \S+ \(\w+\), IoU 0\.\d{3}: strength 1\.50, on \d+ % of the image", lines[1])
    assert "fires here, though nowhere in the data set" in lines[3]


@pytest.mark.filterwarnings("ignore:Glyph")  # the fonts of this machine
def test_names_from_elsewhere_stay_text():
    e = explanation(HOSTILE)
    html = e._repr_html_()
    assert "<img src=x" not in html
    assert "</style>" not in html
    assert "\u202e" not in html + repr(e)
    figure = e.plot()
    figure.canvas.draw()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (400, 3), (32, 32)])
def test_images_of_any_shape_are_drawn(size):
    e = explanation(size=size)
    assert len(pictures(e._repr_html_())) == 4
    assert e.masks.shape == (3, size[1], size[0])


def test_more_units_than_colors_keep_a_number_each():
    units = tuple(range(30))
    d = dissection()
    maps = np.random.default_rng(0).normal(1, 1, (30, 7, 7)).astype(np.float32)
    e = Explanation(np.array(units), np.linspace(2, 1, 30), maps, Image.new("L", (60, 60)), None, (60, 60), 30, d)
    html = e._repr_html_()
    assert ">30</span>" in html
    assert len(pictures(html)) == 25  # the first 24 by themselves
    assert "fire on this image" in html


def test_without_room_for_images_it_is_text(monkeypatch):
    monkeypatch.setattr(nd.options, "embed_mb", 0)
    html = explanation()._repr_html_()
    assert "<img" not in html
    assert "layer4:7" in html


def test_a_figure_has_the_labels_and_takes_axes():
    from matplotlib import pyplot as plt

    e = explanation()
    figure = e.plot()
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [text.split()[0] for text in texts] == ["1", "2", "3"]
    assert texts[2] == "3  no concept · 39"
    made, axes = plt.subplots(1, 2)
    assert e.plot(axes[1]) is made
    assert axes[1].get_title(loc="left") == e.title
    with pytest.raises(ValueError, match="matplotlib Axes are needed"):
        e.plot(3)
    plt.close("all")


# --- what the gallery is answered ---


@pytest.mark.parametrize("upsample", ["bilinear", "receptive-field"])
def test_the_gallery_is_told_the_units_that_fire_and_their_maps(upsample):
    model, data = nd.demo()
    d = nd.dissect(model, "conv5", data=data[:20], progress=False, upsample=upsample)
    assert table_of(d, "conv5")["explains"]
    request = {"kind": "explain", "id": "7", "key": "conv5", "image": 3}
    reply, (maps,) = answer({"conv5": d}, request)
    e = d.explain(3, top=60)
    fires = int(e.fires.sum())
    assert (reply["kind"], reply["id"], reply["firing"]) == ("explain", "7", e.firing)
    assert reply["units"] == e.units[:fires].tolist()
    assert reply["strengths"] == [f"{strength:.2f}" for strength in e.strengths[:fires]]
    assert (reply["size"], reply["grid"]) == ([16, 16], list(e.shape))
    np.testing.assert_array_equal(np.frombuffer(maps, "<f4").reshape(-1, 16, 16), e.maps[:fires])
    for image in (20, "3", None, [1]):
        assert answer({"conv5": d}, {**request, "image": image})[0]["kind"] == "error"
    error = answer({"conv5": d}, {**request, "image": "street.png"})[0]["error"]
    assert error == "There is no image 'street.png' in this data set of 20."  # a page opens no files


def test_the_gallery_is_told_why_nothing_can_be_asked():
    d = dissection()
    assert not table_of(d, "layer4")["explains"]
    reply, _ = answer({"layer4": d}, {"kind": "explain", "id": "7", "key": "layer4", "image": 3})
    assert reply["error"] == "The network of this result is not at hand."
    assert "d.explain(image, model=model)" in reply["hint"]
