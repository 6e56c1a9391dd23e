"""The table of layers as HTML and as text: names stay text, and what is in it."""

from __future__ import annotations

import re

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import nbdissect as nd
from nbdissect.display.bundle import STATIC
from nbdissect.display.layer_choice import LayerChoice
from nbdissect.display.layer_costs import cost, costs_explained
from nbdissect.display.session import session
from nbdissect.layer_line import CodeLine, magic_word
from nbdissect.layer_list import Layers
from nbdissect.layer_stages import Layer
from support.data import Photos
from support.nets import Net

LINE = CodeLine("%dissect net ", " --data photos", magic_word)


def table(*layers, **options):
    return Layers("Net", list(layers), "the first of 100 images", images=100, line=LINE, **options)


CONV = Layer("conv", "Conv2d", 512, (13, 13), share=0.5, parameters=9)


def test_names_stay_text():
    evil = '<img src=x onerror="alert(1)">'
    shown = Layers(evil, [Layer(evil, evil, 2, (3, 3), parameters=1), Layer("b", evil, reason=evil)], evil, line=LINE)
    html = shown._repr_html_()
    assert "<img" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in html
    # The line is what the magic understands, not what is shown.
    assert f'data-w="{magic_word(evil).replace(chr(39), "&#x27;")}"' in html


def test_stages_come_first_and_all_else_is_folded():
    html = nd.layers(Net(), Photos())._repr_html_()
    unfolded = re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)
    assert set(re.findall(r"<button[^>]*>([^<]*)<", unfolded)) == {"features.2", "fc"}
    assert set(re.findall(r"<button[^>]*>([^<]*)<", html)) == {
        "features",
        "features.0",
        "features.1",
        "features.2",
        "fc",
    }
    assert "2 layers can’t be dissected" in html
    assert "returns 2 tensors: [0] float32" in html


def test_a_layer_of_no_stage_is_not_offered():
    html = table(CONV, Layer("pair", "Pair", reason="returns 2 tensors"))._repr_html_()
    assert not re.search(r"<button[^>]*>pair<", html)


def test_the_line_and_the_cost():
    shown = table(CONV, seconds=0.2, measured=4)
    assert cost(shown, CONV) == "50 % run, 3 MB kept"
    text = costs_explained(shown)
    assert "All of it takes about 20 s for 100 images (CPU time of one thread, measured on one)" in text
    assert "at quantile 0.005" in text
    assert "Next: %dissect net conv --data photos" in repr(shown)
    # What could not be measured isn't said.
    unknown = table(Layer("conv", "Conv2d", 512, (13, 13), parameters=9))
    assert cost(unknown, unknown[0]) == "3 MB kept"
    assert "Run:" not in costs_explained(unknown)


def test_a_model_without_layers():
    empty = nd.layers(torch.nn.Identity(), Photos())
    assert "Identity has no layers to list" in repr(empty)
    assert "Identity has no layers to list" in empty._repr_html_()


@pytest.fixture
def shell(monkeypatch):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.kernel = "something that shows HTML"
    parent = {"header": {"msg_id": "1"}, "metadata": {"cellId": "abc"}, "content": {}}
    monkeypatch.setattr(shell, "get_parent", lambda: parent, raising=False)
    yield parent
    InteractiveShell.clear_instance()


def test_a_watched_cell_gets_a_widget_for_its_clicks_which_the_next_run_closes(shell, monkeypatch):
    made = []
    monkeypatch.setattr(session, "register", made.append)
    html = table(CONV)._repr_html_()
    (choice,) = made
    assert isinstance(choice, LayerChoice)
    assert choice.cell == "abc"
    assert f'id="{choice.table}"' in html
    choice.close()


@pytest.mark.parametrize("reason", ["nobody watches", "no cell is named", "only HTML is wanted"])
def test_elsewhere_a_click_copies(shell, monkeypatch, reason):
    made = []
    monkeypatch.setattr(session, "register", made.append)
    if reason == "nobody watches":
        shell["content"]["allow_stdin"] = False
    elif reason == "no cell is named":
        shell["metadata"].clear()
    else:
        monkeypatch.setattr(nd.options, "renderer", "html")
    assert "attach(" in table(CONV)._repr_html_()
    assert made == []


def test_the_module_is_small_and_asks_nobody():
    script = (STATIC / "layers.js").read_text(encoding="utf-8")
    style = (STATIC / "layers.css").read_text(encoding="utf-8")
    assert len(script) <= 3_000
    assert len(style) <= 3_500
    assert "http" not in script + style
