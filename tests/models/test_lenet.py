"""From a tutorial's file to the gallery, as docs/checkpoints.md goes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from torch import nn
from torch.nn import functional
from torchvision import transforms

import nbdissect as nd
from nbdissect.builtin.world import World
from support.paths import ROOT

PAGE = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8")


def lenet(seed):
    """The class of the page, with random values."""
    code = re.search(r"^class LeNet.*?(?=^```)", PAGE, re.MULTILINE | re.DOTALL)[0]
    scope = {"nn": nn, "F": functional}
    exec(compile(code, "checkpoints.md", "exec"), scope)
    torch.manual_seed(seed)
    return scope["LeNet"]()


@pytest.fixture(scope="module")
def prepare():
    return transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])


@pytest.fixture(scope="module")
def data():
    return World(n=30)


@pytest.fixture
def trained():
    return lenet(seed=1)


@pytest.fixture
def file(tmp_path, trained):
    path = tmp_path / "LeNet.pth.tar"
    state = {"net": nn.DataParallel(trained).state_dict(), "acc": np.float64(75.3), "epoch": 199}
    torch.save(state, path)
    return path


def test_from_file_to_gallery(file, trained, data, prepare, tmp_path, capsys):
    model = lenet(seed=2)
    assert not torch.equal(model.conv2.weight, trained.conv2.weight)
    nd.load_checkpoint(model, file)
    said = "LeNet.pth.tar: 10 of the 10 tensors of LeNet loaded from 'net', without the prefix 'module.'.\n"
    assert capsys.readouterr().out.endswith(said)
    assert said in PAGE
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in trained.state_dict().items())

    rows = {row.name: row for row in nd.layers(model, data, transform=prepare)}
    assert (rows["conv2"].units, rows["conv2"].size) == (16, (10, 10))
    assert (rows["fc3"].units, rows["fc3"].size) == (10, (1, 1))

    d, reference = (nd.dissect(net, "conv2", data, transform=prepare, progress=False) for net in (model, trained))
    assert d == reference
    assert d.provenance.weights == reference.provenance.weights
    assert [unit.label for unit in d.units] == [unit.label for unit in reference.units]
    gallery = d.gallery()
    try:
        assert list(gallery.shown)
    finally:
        gallery.close()
    d.to_html(tmp_path / "page.html")
    assert "conv2" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_magic_shows_the_same(file, trained, data, prepare):
    model = lenet(seed=2)
    nd.load_checkpoint(model, file)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        shell.run_line_magic("load_ext", "nbdissect")
        shell.user_ns.update(model=model, data=data, prepare=prepare)
        with capture_output():
            d = shell.run_line_magic("dissect", "model conv2 --data data --transform prepare")
    finally:
        InteractiveShell.clear_instance()
    assert d == nd.dissect(trained, "conv2", data, transform=prepare, progress=False)


def test_with_other_weights_the_result_is_another(data, prepare):
    """The test above could not see a load that did nothing, if all LeNets gave the same."""
    one, two = (nd.dissect(lenet(k), "conv2", data, transform=prepare, progress=False) for k in (1, 2))
    assert one != two
