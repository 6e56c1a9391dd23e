"""``forward=``: networks that take other arguments than a batch of images, and what is said of passes that fail."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbdissect as nd
from nbdissect.engine.pass_errors import visual_part
from nbdissect.runner.checkpoint import CheckpointError
from support.cases import interrupt
from support.data import Photos
from support.needs import needed
from support.nets import hooks

SCALE = 1.0


class Tower(nn.Module):
    """Takes its pixels by keyword, or in a dict, and nothing else."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, *, pixel_values=None, inputs=None):
        return SimpleNamespace(last=self.act(self.conv(inputs["image"] if pixel_values is None else pixel_values)))


class Both(nn.Module):
    """A model of images and texts, as CLIP is."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.vision_model = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU())
        self.text_model = nn.Sequential(nn.Embedding(10, 8), nn.LayerNorm(8))

    def forward(self, input_ids=None, pixel_values=None):
        return self.vision_model(pixel_values).mean((2, 3)), self.text_model(input_ids)


def photos(n=12):
    return Photos(n, (16, 16))


def dissect(model, layer="act", data=None, **options):
    return nd.dissect(model, layer, data or photos(), quantile=0.1, progress=False, **options)


def plain():
    net = Tower()
    return nn.Sequential(net.conv, net.act)


def assert_same(d, other):
    assert d.differences(other) == [
        line for line in d.differences(other) if line.startswith(("layer", "model", "made"))
    ]
    np.testing.assert_array_equal(d.iou, other.iou)
    np.testing.assert_array_equal(d.thresholds, other.thresholds)


CALLS = {
    "keywords": lambda model, x: model(pixel_values=x),
    "a dict": lambda model, x: model(inputs={"image": x}),
    "a partial": partial(lambda model, x, name: model(**{name: x}), name="pixel_values"),
    "something else after it": lambda model, x: (model(pixel_values=x), model.training, "whatever"),
}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("batch_size", [5, 32])
def test_the_result_is_that_of_a_plain_network(kind, batch_size):
    forward = CALLS[kind]
    d = dissect(Tower(), forward=forward, batch_size=batch_size)
    assert_same(d, dissect(plain(), "1", batch_size=batch_size))
    rows = {row.name: row for row in nd.layers(Tower(), photos(), forward=forward)}
    assert rows["act"].units == 6
    assert rows["act"].size == (16, 16)


def test_every_pass_goes_through_it(tmp_path):
    reference = dissect(plain(), "1")
    forward = CALLS["keywords"]
    assert_same(dissect(Tower(), forward=forward, memory_mb=16), reference)
    assert_same(dissect(Tower(), forward=forward, background=True).result(), reference)
    assert_same(dissect(Tower(), forward=forward, checkpoint=tmp_path / "run"), reference)
    needed("cloudpickle")
    with ThreadPoolExecutor(2) as executor:
        assert_same(
            dissect(Tower(), forward=forward, executor=executor, batch_size=4), dissect(plain(), "1", batch_size=4)
        )
    both = dissect(Tower(), ["conv", "act"], forward=forward)
    assert_same(both["act"], reference)


def test_it_gets_the_network_below_a_wrapper():
    seen = []

    def forward(model, x):
        seen.append((type(model), tuple(x.shape[1:]), x.dtype, model.training, torch.is_grad_enabled()))
        return model(pixel_values=x)

    model = nn.DataParallel(Tower())
    assert_same(dissect(model, "module.act", forward=forward), dissect(plain(), "1"))
    assert set(seen) == {(Tower, (3, 16, 16), torch.float32, False, False)}
    assert hooks(model) == 0
    assert model.training


def test_images_of_several_views_and_video():
    class Video(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv3d(3, 4, 3, padding=1)

        def forward(self, clip):
            return self.conv(clip)

    def still(model, x):
        return model(x[:, :, None].expand(-1, -1, 4, -1, -1))

    d = dissect(Video(), "conv", forward=still, output=lambda o: o.mean(2))
    assert d.iou.shape[0] == 4
    with pytest.raises(
        ValueError, match=r"of shape \[3, 4, 8, 8\] for image \d+; .*network of video .* batch in forward="
    ):
        dissect(Video(), "conv", transform=lambda image: torch.rand(3, 4, 8, 8))
    with pytest.raises(
        ValueError, match=r"Video failed on a batch of shape .*\n.*\(keywords, .* video\), pass forward="
    ):
        dissect(Video(), "conv")


# --- what is said ---


def test_a_pass_that_fails_names_forward():
    with pytest.raises(ValueError, match="Tower failed on a batch of shape") as caught:
        dissect(Tower())
    said = str(caught.value)
    assert "pass forward=, such as forward=lambda model, x: model(pixel_values=x)" in said
    assert "pass transform=, a function from a PIL image to a tensor [channels, height, width]" in said
    assert "sees images" not in said


def test_a_pass_that_fails_names_the_visual_part():
    with pytest.raises(ValueError, match=r"Its part that sees images is model\.vision_model: dissect that"):
        nd.layers(Both(), photos())
    wrapped = nn.ModuleDict({"clip": Both(), "head": nn.Linear(2, 2)})
    assert visual_part(wrapped) == "clip.vision_model"
    assert visual_part(nn.ModuleDict({"vision_model": Both().vision_model})) == "", "it is the whole model"
    assert visual_part(plain()) == ""
    assert len(nd.layers(Both().vision_model, photos())) == 2


def test_a_forward_that_fails_is_named_and_leaves_the_model_alone():
    model = Tower()

    def wrong(model, x):
        return model(pixels=x)

    with pytest.raises(
        ValueError, match=r"forward=<function .*wrong> failed with Tower on a batch of shape \[3, 3, 16, 16\]: .*pixels"
    ) as caught:
        dissect(model, forward=wrong)
    assert "It is called with the model and a batch, float32 [images, channels, height, width]" in str(caught.value)
    assert isinstance(caught.value.__cause__, TypeError)
    assert hooks(model) == 0
    assert model.training


@pytest.mark.parametrize(
    ("forward", "match"),
    [
        (3, "forward is an int; a function of the model and a batch is needed, such as forward=lambda model, x:"),
        ("encode_image", "forward is a str; a function of the model and a batch is needed"),
        (
            lambda x: x,
            r"forward=<function .*<lambda>> can't be called with the model and a batch \(too many positional",
        ),
        (lambda model, x, *, ids: x, r"can't be called with the model and a batch \(missing a required"),
    ],
)
@pytest.mark.parametrize("call", [nd.layers, dissect])
def test_a_forward_that_cant_be_called(forward, match, call):
    options = {"data": photos()} if call is nd.layers else {}
    with pytest.raises(ValueError, match=match):
        call(Tower(), forward=forward, **options)


def test_a_forward_that_calls_another_model():
    other = Tower()
    with pytest.raises(
        ValueError, match=r"Layer 'act' was not called .* forward= must call the model that it is given"
    ):
        dissect(Tower(), forward=lambda model, x: other(pixel_values=x))


def test_a_layer_that_sees_no_image_is_refused():
    """17 tokens of a text would be read as 4 × 4 patches and one other token."""

    def forward(model, x):
        ids = torch.arange(17) % 10
        return model(ids.expand(len(x), -1), x)

    with pytest.raises(ValueError, match="'text_model.1' returns the same for different images: it doesn't see them"):
        dissect(Both(), "text_model.1", forward=forward)
    assert dissect(Both(), "vision_model.1", forward=forward).iou.shape[0] == 8


def test_equal_images_and_dead_units_are_no_blindness():
    grey = [nd.Sample(Image.new("RGB", (16, 16), (90, 90, 90)), {"a": np.ones((1, 16, 16), int)}) for _ in range(12)]

    class Same(list):
        categories, concepts = ("a",), (nd.Concept(1, "grey", "a"),)

    assert dissect(Tower(), data=Same(grey), forward=CALLS["keywords"]).images == 12
    model = Tower()
    nn.init.constant_(model.conv.weight, 0)
    nn.init.constant_(model.conv.bias, -1)
    assert dissect(model, forward=CALLS["keywords"]).images == 12


# --- what made it ---


def test_the_record_says_how_the_network_was_called(tmp_path):
    d = dissect(Tower(), forward=CALLS["keywords"])
    assert re.fullmatch(r"<function <lambda>>, code [0-9a-f]{12}", d.provenance.forward)
    assert "forward" in str(d.provenance)
    d.save(tmp_path / "d.nbd")
    assert nd.load(tmp_path / "d.nbd").provenance.forward == d.provenance.forward
    assert dissect(Tower(), forward=CALLS["keywords"]).provenance.forward == d.provenance.forward
    other = dissect(Tower(), forward=CALLS["a dict"])
    assert [line[:8] for line in d.provenance.differences(other.provenance)] == ["forward:"]
    assert dissect(plain(), "1").provenance.forward == ""


def test_the_cache_tells_functions_apart(tmp_path):
    def cached(forward, **options):
        return dissect(Tower(), forward=forward, cache=tmp_path, **options)

    first = cached(lambda model, x: model(pixel_values=x))
    assert len(list(tmp_path.iterdir())) == 1
    assert cached(lambda model, x: model(pixel_values=x)).provenance.date == first.provenance.date, "the same code"
    assert len(list(tmp_path.iterdir())) == 1
    doubled = cached(lambda model, x: model(pixel_values=2 * x))
    assert not np.array_equal(doubled.thresholds, first.thresholds)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_unfinished_run_tells_functions_apart(tmp_path):
    options = {"quantile": 0.1, "batch_size": 4, "checkpoint": tmp_path / "run"}
    forward = CALLS["keywords"]
    d = nd.dissect(Tower(), "act", photos(), forward=forward, progress=interrupt(4), **options)
    assert not d.complete
    with pytest.raises(CheckpointError):
        nd.dissect(Tower(), "act", photos(), forward=lambda m, x: m(pixel_values=2 * x), progress=False, **options)
    whole = nd.dissect(Tower(), "act", photos(), forward=forward, progress=False, **options)
    assert_same(whole, dissect(plain(), "1", batch_size=4))


@pytest.mark.parametrize("where", ["a global number", "a tensor around it", "a partial's argument"])
def test_the_cache_sees_what_a_function_uses(tmp_path, where, monkeypatch):
    def make(scale):
        if where == "a global number":
            monkeypatch.setitem(globals(), "SCALE", scale)
            return lambda model, x: model(pixel_values=SCALE * x)
        if where == "a tensor around it":
            tensor = torch.full((2000,), scale)
            return lambda model, x: model(pixel_values=tensor[0] * x)
        return partial(lambda model, x, scale: model(pixel_values=scale * x), scale=scale)

    one, two = (dissect(Tower(), forward=make(scale), cache=tmp_path) for scale in (1.0, 3.0))
    assert not np.array_equal(one.thresholds, two.thresholds)
    assert len(list(tmp_path.iterdir())) == 2
