"""What units and summaries show in a cell: pictures and tables, with no kernel behind them."""

from __future__ import annotations

import base64
import io
import logging
import re
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

import nbdissect as nd
from nbdissect.display.unit_images import DIMMED, outlined
from nbdissect.types import Concept
from support.dissections import NASTY, Gone, dissection


@pytest.fixture(scope="module")
def d():
    return dissection()


def images_in(html):
    return [
        PIL.Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:image/webp;base64,([^"]+)"', html)
    ]


# --- some of the units ---


def test_some_units_by_number(d):
    assert [unit.index for unit in d.units[[3, 1]]] == [3, 1]
    assert [unit.index for unit in d.units[np.array([2, -1])]] == [2, len(d.units) - 1]
    assert [unit.index for unit in d.units[[3, 1, 2]][[2, 0]]] == [2, 3]
    assert [unit.index for unit in d.units[1:3]] == [1, 2]
    assert [unit.index for unit in d.units[d.best_iou == d.best_iou.max()]] == np.flatnonzero(
        d.best_iou == d.best_iou.max()
    ).tolist()
    assert len(d.units[[]]) == 0
    assert d.units[np.int64(2)].index == 2


@pytest.mark.parametrize("index", ["3", ["layer4:3"], [1.5], [[1, 2]], [True, False], None, {3}])
def test_other_indices_are_refused_with_what_goes(d, index):
    with pytest.raises(TypeError, match="Units go by number, by a list of numbers"):
        d.units[index]


def test_a_unit_that_is_not_there_is_named(d):
    with pytest.raises(IndexError, match="0 to 9; got 10"):
        dissection(10).units[[1, 10]]
    with pytest.raises(IndexError, match="These are 2 units of layer4, 0 to 1; got 3"):
        d.units[[3, 5]][3]


def test_text_of_some_units(d):
    assert repr(d.units) == f"<{len(d.units)} units of layer4>"
    assert repr(d.units[[1, 2]]).split("\n") == ["<2 units of layer4>", repr(d.units[1]), repr(d.units[2])]
    assert len(repr(dissection(60).units[:50]).split("\n")) == 42


# --- pictures ---


def test_a_unit_shows_its_images_and_its_ranking(d):
    html = d.units[1]._repr_html_()
    unit = d.units[1]
    assert len(images_in(html)) == (d.top_images[1] >= 0).sum()
    assert all(max(image.size) <= 144 for image in images_in(html))
    assert f"{unit.iou:.3f}" in html
    assert unit.label in html
    assert f"#{d.top_images[1, 0]} · {d.top_activations[1, 0]:.3g}" in html
    assert f"{unit.ranking(1)[0].intersection:,}" in html


def test_some_units_show_a_strip_each(d):
    html = d.units[[3, 1]]._repr_html_()
    assert len(images_in(html)) == 2
    assert html.index("layer4:3") < html.index("layer4:1")
    assert len(images_in(dissection(40).units[:30]._repr_html_())) == 24
    assert d.units._repr_html_() is None


def test_an_image_is_dimmed_where_the_unit_is_off_and_outlined_in_two_tones():
    on = np.zeros((20, 20), dtype=bool)
    on[5:15, 5:15] = True
    drawn = np.asarray(outlined(PIL.Image.new("RGB", (20, 20), (200, 100, 40)), on))
    assert drawn[10, 10].tolist() == [200, 100, 40]
    assert drawn[0, 0].tolist() == [int(value * DIMMED) for value in (200, 100, 40)]
    assert [int(drawn[10, x, 0]) for x in (3, 4, 5, 6, 7)] == [130, 16, 255, 16, 200]


def test_a_mask_that_leaves_the_image_has_no_line_along_its_edge():
    on = np.zeros((20, 20), dtype=bool)
    on[:, :10] = True
    drawn = np.asarray(outlined(PIL.Image.new("RGB", (20, 20), (200, 100, 40)), on))
    assert drawn[0, 0].tolist() == [200, 100, 40]


def test_no_images_where_none_are_wanted_or_left(d, monkeypatch, caplog):
    with caplog.at_level(logging.DEBUG, "nbdissect"):
        for data in (None, Gone(d.concepts)):
            gone = replace(d, data=data)
            for html in (gone.units[1]._repr_html_(), gone.units[[1, 2]]._repr_html_()):
                assert not images_in(html)
                assert d.units[1].label in html
    assert "The images of unit 1 could not be drawn" in caplog.text
    monkeypatch.setattr(nd.options, "embed_mb", 0)
    assert not images_in(d.units[1]._repr_html_() + d.units[[1, 2]]._repr_html_())


def test_names_from_elsewhere_stay_text(d):
    concepts = tuple(replace_name(concept, name) for concept, name in zip(d.concepts, NASTY, strict=False))
    nasty = replace(d, concepts=concepts + d.concepts[len(concepts) :], layer="<img src=x onerror=alert(1)>")
    for shown in (nasty.units[1], nasty.units[[0, 1, 2]], nasty.summary(), nasty):
        html = shown._repr_html_()
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "\x1b" not in html + repr(shown)
        assert "\u202e" not in html


def replace_name(concept, name):
    return Concept(concept.number, name, concept.category)


def test_drawings_are_called_so(d):
    drawn = replace(d, drawings=True)
    for shown in (drawn.units[1], drawn.units[[1, 2]], drawn.summary()):
        assert "Probed with drawings" in shown._repr_html_()


# --- the summary ---


def test_a_summary_is_a_table_in_a_cell_and_text_elsewhere(d):
    summary = d.summary(0.01)
    html = summary._repr_html_()
    assert summary.headline.replace(">", "&gt;") in html
    for category in (*d.categories, "all"):
        assert f">{category}</td>" in html
        assert f">{summary.paper.detectors[category]:,}</td>" in html
    assert "<" not in repr(summary).replace("<=", "").replace(summary.headline, "")


def test_ends_that_repeat_the_category_are_in_the_tooltip():
    base = dissection()
    concepts = tuple(Concept(c.number, f"{c.name}-c", "color") for c in base.concepts)
    colors = replace(
        base,
        concepts=concepts,
        categories=("color",),
        activation=base.activation.max(axis=1, keepdims=True),
    )
    name = colors.units[1].label
    assert name.endswith("-c")
    for html in (colors.units[1]._repr_html_(), colors.units[[1, 2]]._repr_html_(), colors._repr_html_()):
        assert f'<span title="{name}">{name[:-2]}</span>' in html
