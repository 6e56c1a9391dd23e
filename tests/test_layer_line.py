"""The line that dissects a layer: in the user's words, and whatever the layer is called, the one that is meant."""

from __future__ import annotations

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import nbdissect as nd
from nbdissect.layer_line import NAME_ONLY, magic_word, python_line
from support.data import Photos

NAMES = [
    "layer4",
    "a b",
    "-q",
    "--data",
    "$x",
    "{x}",
    "it's",
    'say "hi"',
    "#1",
    "a #b",
    "<b>&amp;",
    "what?",
    "end;",
    "a\\b",
    "tab\there",
    "Schicht_ä",
    "层",
    "🙂",
    "\u202e",
    "%x",
    "!ls",
    "~",
]


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbdissect")
    shell.user_ns.update(photos=Photos(), nd=nd, name="photos")
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_line_dissects_the_layer_that_was_clicked(shell, name):
    net = torch.nn.Sequential()
    net.add_module(name, torch.nn.Conv2d(3, 2, 1))
    shell.user_ns["net"] = net
    table = shell.run_cell("%dissect net --data photos -q 0.1").result
    assert table.line.of(name).isprintable()
    d = shell.run_cell(table.line.of(name)).result
    assert (d.layer, d.quantile) == (name, 0.1)
    call = nd.layers(net, shell.user_ns["photos"]).line.of(name)
    assert call == f"nd.dissect(net, {name!r}, data=photos)"
    assert shell.run_cell(call).result.layer == name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("net", "%dissect net layer3"),
        ("net.backbone --data photos", "%dissect net.backbone layer3 --data photos"),
        ("--data photos net -q 0.1", "%dissect --data photos net layer3 -q 0.1"),
        ("--data net net", "%dissect --data net net layer3"),
        ("--per-image net  --html 'a b.html' ;", "%dissect --per-image net layer3 --html 'a b.html'"),
        ("'nets[0]' -d 'folder of mine' # later", "%dissect 'nets[0]' layer3 -d 'folder of mine'"),
    ],
)
def test_all_else_of_the_line_is_kept(given, expected):
    from nbdissect.magic import DissectMagics, _line_with_layer

    model = DissectMagics(InteractiveShell.instance())._parsed(given).model
    assert _line_with_layer(given, model).of("layer3") == expected
    InteractiveShell.clear_instance()


def test_words():
    assert [magic_word(name) for name in ("layer4.0", "a b", "$x", "it's")] == [
        "layer4.0",
        "'a b'",
        r"{'\x24x'}",
        r"{'it\x27s'}",
    ]


def test_a_call_in_python_uses_the_names_that_there_are():
    net, photos, prepare = torch.nn.Conv2d(3, 2, 1), Photos(), len
    space = {"dissection": nd, "net": net, "photos": photos, "prepare": prepare, "_": photos}
    line = python_line(space, net, {"data": photos, "transform": prepare, "output": 0, "device": None})
    assert line.of("0") == "dissection.dissect(net, '0', data=photos, transform=prepare, output=0)"
    assert python_line(space, net, {"data": "a b"}).of("0") == "dissection.dissect(net, '0', data='a b')"
    # Without a name for one of the things no line says which is meant.
    assert python_line(space, torch.nn.ReLU(), {}) is NAME_ONLY
    assert python_line(space, net, {"data": Photos()}) is NAME_ONLY
    assert python_line({"net": net}, net, {}) is NAME_ONLY
    assert NAME_ONLY.of("layer3") == "'layer3'"
