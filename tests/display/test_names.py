"""Names from elsewhere do nothing in what is displayed: no escape, no override of direction, no formula, no tag."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

import nbdissect as nd
from nbdissect.display import filtering, replies
from nbdissect.display.dissection_table import table_of
from nbdissect.display.gallery import Gallery
from nbdissect.display.html_page import page
from nbdissect.display.live_view import LiveView
from nbdissect.display.progress import reporter_of
from nbdissect.display.run_view import RunView
from nbdissect.display.saved_output import static_html
from nbdissect.markup import NO_MATH
from nbdissect.text import printable
from nbdissect.types import Progress
from support.dissections import NASTY, Squares, dissection

FORMULAS = (r"$\frac{$", "US$5 or CA$", r"\(x\) and \[y\]", "50 % of_it^2 #1 & ~")
CONTROLS = ("\x1b]0;title\x07\x1b[2J", "\x9b31mred", "back\x08\x08space", "line\nbreak\r", "\u2066isolate\u2069")
NAMES = (*NASTY, *FORMULAS, *CONTROLS)
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")


@pytest.fixture(autouse=True)
def _figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def d():
    """A result all of whose names are of that kind: concepts, a category, layer and model."""
    plain = dissection(len(NAMES), names=NAMES)
    category = "tex\x1b[2J$\u202e$"
    concepts = tuple(
        each._replace(category=category) if each.category == "texture" else each for each in plain.concepts
    )
    categories = tuple(category if name == "texture" else name for name in plain.categories)
    best = np.eye(len(NAMES), dtype=np.int64) * 2_000  # one detector for each
    return replace(
        plain,
        concepts=concepts,
        categories=categories,
        layer="la\x1b[2Jyer$\u202e\ud800$",
        model="Mo$d\x9bel$",
        data=Squares(concepts),
        intersection=best,
        truth=np.full(len(NAMES), 2_000),
        activation=np.full((len(NAMES), len(categories)), 4_000),
    )


class Inert(HTMLParser):
    """The text of a page that lies outside what MathJax leaves alone, and all of it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.outside, self.text = [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "meta", "link", "input", "br"):
            ignored = NO_MATH in (dict(attrs).get("class") or "") or tag in ("script", "style")
            self.open.append((tag, ignored or bool(self.open and self.open[-1][1])))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        self.text += data
        if not (self.open and self.open[-1][1]):
            self.outside += data


def texts_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_in(item)


def inert(*values):
    return not [text for value in values for text in texts_in(value) if RAW.search(text)]


def test_the_summary(d):
    seen = Inert(d._repr_html_())
    assert not RAW.search(d._repr_html_())
    assert "US$5 or CA$" in seen.text
    assert r"\u202e" in seen.text
    assert seen.outside.strip() == "", "MathJax reads nothing of it"
    d._repr_html_().encode("utf-8")


def test_the_saved_output(d):
    html = static_html(d, "nbdissect-1")
    assert not RAW.search(html)
    assert "$" not in Inert(html).outside
    html.encode("utf-8")


def test_the_page(d):
    text = page(d)
    assert not RAW.search(text)
    text.encode("utf-8")


def test_what_a_widget_sends(d):
    table = table_of(d, "key")
    assert inert(table)
    assert table["names"] == [printable(name) for name in NAMES]
    g = Gallery(d, only="all")
    assert inert(g.get_state("_tables"), g.current, repr(g))
    json.dumps(g.current, ensure_ascii=False).encode("utf-8")


def test_a_gallery_takes_names_as_they_are_and_as_it_shows_them(d):
    g = Gallery(d, only="all")
    (category,) = (name for name in d.categories if name.startswith("tex"))
    for name in (category, printable(category)):
        g.category = [name]
        assert g.category == [printable(category)]
        assert g.shown == [unit for unit in g.shown if d.concepts[d.best_concepts[unit]].category == category] != []
    g.category = []
    g.selected = [f"{d.layer}:3", f"{printable(d.layer)}:4"]
    assert g.selected == [3, 4]
    g.current = d.layer
    assert g.current == printable(d.layer)
    g.query = r"\u202egnp"
    assert [d.concepts[d.best_concepts[unit]].name for unit in g.shown] == ["a\u202egnp.exe"]
    assert filtering.shown_units(d, "x", g.state()) == g.shown


def test_names_that_only_look_different_need_names_of_their_own(d):
    with pytest.raises(ValueError, match="needs a name of its own"):
        Gallery({"a\x1b": d, r"a\x1b": d})


def test_errors_in_answers(d):
    class Broken(Squares):
        def __getitem__(self, index):
            raise OSError("\x1b[2J" + "half \ud800\nsecond line")

    for request in (
        {"kind": "pictures", "images": [0, 1]},
        {"kind": "pictures", "images": [0]},
        {"kind": "maps", "units": [0]},
    ):
        reply, _ = replies.answer({"a": replace(d, data=Broken(d.concepts))}, {"id": "1", "key": "a", **request})
        assert inert(reply)
        assert r"\ud800" in json.dumps(reply, ensure_ascii=False)


def test_the_table_of_layers():
    model = torch.nn.Sequential()
    model.add_module("$la\x1b[2Jyer$\u202e", torch.nn.Conv2d(3, 4, 3))
    table = nd.layers(model, Squares(dissection().concepts))
    assert not RAW.search(repr(table))
    assert not RAW.search(table._repr_html_())
    assert r"$la\x1b[2Jyer$\u202e" in Inert(table._repr_html_()).text
    assert Inert(table._repr_html_()).outside.strip() == ""


def test_the_line_of_a_run(d, capsys):
    with reporter_of(True).following(d.layer) as report:
        report(Progress("network", 1, 1))
    assert capsys.readouterr().err.startswith(r"la\x1b[2Jyer$\u202e\ud800$: stopped after 1")


def test_the_view_of_a_run(d, monkeypatch):
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: None)
    live = LiveView(single=True)
    live.show(d.layer)
    live.fail(ValueError("\x1b[2Jno\nsuch \ud800 file"))
    view = live.view
    assert isinstance(view, RunView)
    assert (view.title, view.doing) == (printable(d.layer), "failed: \\x1b[2Jno\nsuch \\ud800 file")
    assert inert(view.title, view.doing.replace("\n", ""), repr(view), repr(live._frame))


@pytest.mark.parametrize("tex", [False, True], ids=["mathtext", "LaTeX"])
@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_the_plot(d, tex):
    with mpl.rc_context({"text.usetex": tex}):
        figure = d.plot()
        axes = figure.axes[0]
        texts = [*axes.get_xticklabels(), axes._left_title, *axes.get_legend().get_texts()]
        if figure._supxlabel:
            texts.append(figure._supxlabel)
    assert not [text.get_text() for text in texts if text.get_parse_math() or text.get_usetex()]
    assert inert([text.get_text().replace("\n", "") for text in texts])
    assert "US$5 or CA$" in [text.get_text() for text in texts]
    if not tex:  # which may not be installed
        figure.savefig(io.BytesIO(), dpi=40)
