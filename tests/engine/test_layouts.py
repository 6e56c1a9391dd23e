"""Which axes of a layer's output are units and space: read from the pass, or refused with the readings named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbdissect as nd
from support.data import Photos


class Tokens(nn.Module):
    """Patches of 8 pixels as tokens, with some others in front, through a layer of any kind."""

    def __init__(self, layer=None, prefix=0, units=12, embed=True):
        super().__init__()
        self.patches = nn.Conv2d(3, units, 8, 8)
        self.prefix = nn.Parameter(torch.full((1, prefix, units), 99.0))
        self.layer = layer or nn.Identity()
        self.embed = embed

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.layer(torch.cat([self.prefix.expand(len(tokens), -1, -1), tokens], 1))


class Permuted(nn.Module):
    """Maps of a convolution with channels last, through a layer of any kind."""

    def __init__(self, layer=None, units=12):
        super().__init__()
        self.conv = nn.Conv2d(3, units, 8, 8)
        self.layer = layer or nn.Identity()

    def forward(self, x):
        return self.layer(self.conv(x).permute(0, 2, 3, 1).contiguous())


def row(model, name, size=(48, 80), **options):
    torch.manual_seed(0)
    return next(row for row in nd.layers(model, Photos(2, size), **options) if row.name == name)


def same_maps(model, name, other, size=(48, 80), **options):
    one = nd.dissect(model, name, Photos(5, size), quantile=0.1, progress=False, **options)
    two = nd.dissect(model, other, Photos(5, size), quantile=0.1, progress=False)
    np.testing.assert_array_equal(one.top_maps, two.top_maps)
    np.testing.assert_array_equal(one.thresholds, two.thresholds)


@pytest.mark.parametrize("prefix", [0, 1, 2, 5, 16])
@pytest.mark.parametrize("size", [(64, 64), (32, 128), (72, 128)])
def test_tokens_fold_as_the_grid_of_the_convolution(prefix, size):
    model = Tokens(prefix=prefix, units=7)
    found = row(model, "layer", size)
    assert (found.units, found.size) == (7, (size[0] // 8, size[1] // 8))
    same_maps(model, "layer", "patches", size)


def test_more_prefix_tokens_than_a_model_says_it_has_are_refused():
    model = Tokens(prefix=3)
    model.num_prefix_tokens = 1
    assert not row(model, "layer").units
    model.num_prefix_tokens = 3
    assert row(model, "layer").units == 12


def test_channels_last_is_read_from_the_grid_and_from_the_kind_of_the_layer():
    model = Permuted()
    found = row(model, "layer")
    assert (found.units, found.size, found.reading) == (12, (6, 10), "channels last")
    same_maps(model, "layer", "conv")
    assert row(Permuted(nn.Linear(12, 100)), "layer").units == 100
    assert "12 units of 6 × 10, channels last" in repr(nd.layers(model, Photos(2, (48, 80))))


def test_as_many_units_as_rows_and_columns_are_told_by_wider_images():
    assert row(Permuted(units=8), "layer", (64, 64)).reading == "channels last"
    assert row(nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU()), "1", (64, 64)).reading == ""


class Fixed(Permuted):
    def forward(self, x):
        if x.shape[2:] != (64, 64):
            raise AssertionError("images of 64 × 64, please")
        return super().forward(x)


def test_as_many_units_as_rows_and_columns_in_a_network_of_one_size_are_refused_with_both_readings():
    found = row(Fixed(units=8), "layer", (64, 64))
    assert found.units == 0
    assert "channels first (8 units of 8 × 8) or channels last (8 units of 8 × 8)" in found.reason
    with pytest.raises(ValueError, match="output= says what is meant"):
        nd.dissect(Fixed(units=8), "layer", Photos(2, (64, 64)), progress=False)
    same_maps(Fixed(units=8), "layer", "conv", (64, 64), output=lambda o: o.permute(0, 3, 1, 2))


class SecondBatch(nn.Module):
    """[T, N, units], as OpenAI's CLIP has it."""

    def __init__(self):
        super().__init__()
        self.conv, self.layer = nn.Conv2d(3, 12, 8, 8), nn.LayerNorm(12)

    def forward(self, x):
        return self.layer(self.conv(x).flatten(2).permute(2, 0, 1))


def test_the_batch_may_stand_second():
    found = row(SecondBatch(), "layer")
    assert (found.units, found.size, found.reading) == (12, (6, 10), "tokens, batch second")
    d = nd.dissect(SecondBatch(), "layer", Photos(5, (48, 80)), quantile=0.1, progress=False, batch_size=2)
    assert d.top_maps.shape[2:] == (6, 10)


class Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.inside = nn.Conv2d(3, 12, 8, 8), nn.Linear(12, 4)

    def forward(self, x):
        maps = self.conv(x)
        return self.inside(maps.unfold(2, 2, 2).unfold(3, 2, 2).reshape(-1, 12, 4).transpose(1, 2))


def test_the_table_refuses_what_a_run_refuses():
    found = row(Windows(), "inside")
    assert not found.units
    assert "no axis counts the images" in found.reason
    with pytest.raises(ValueError, match="no axis counts the images"):
        nd.dissect(Windows(), "inside", Photos(2, (48, 80)), progress=False)


class Attention(nn.Module):
    """A block whose matrices [N, heads, T, T] and queries [N, heads, T, d] go through modules."""

    def __init__(self, units=16):
        super().__init__()
        self.patches, self.norm, self.qkv = nn.Conv2d(3, units, 8, 8), nn.LayerNorm(units), nn.Linear(units, 3 * units)
        self.queries, self.matrices, self.out = nn.Identity(), nn.Softmax(-1), nn.Linear(units, units)

    def forward(self, x):
        tokens = self.norm(self.patches(x).flatten(2).transpose(1, 2))
        N, T, C = tokens.shape
        q, k, v = self.qkv(tokens).reshape(N, T, 3, 2, C // 2).permute(2, 0, 3, 1, 4)
        return self.out((self.matrices(self.queries(q) @ k.transpose(-2, -1)) @ v).transpose(1, 2).reshape(N, T, C))


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_attention_is_no_map(size):
    model = Attention()
    assert row(model, "matrices", size).units == row(model, "queries", size).units == 0
    assert row(model, "out", size).size == (size[0] // 8, size[1] // 8)


class Mixer(nn.Module):
    def __init__(self, units, tokens):
        super().__init__()
        self.patches, self.mix, self.act = nn.Conv2d(3, units, 8, 8), nn.Linear(tokens, 20), nn.GELU()

    def forward(self, x):
        return self.act(self.mix(self.patches(x).flatten(2)))


@pytest.mark.parametrize("units", [64, 16, 100])
def test_channels_that_number_a_square_are_not_positions(units):
    for name in ("mix", "act"):
        assert not row(Mixer(units, 64), name, (64, 64)).units


class Random(nn.Module):
    """Keeps a quarter of the patches, as a masked autoencoder does."""

    def __init__(self):
        super().__init__()
        self.patches, self.embedded, self.layer = nn.Conv2d(3, 12, 8, 8), nn.Identity(), nn.LayerNorm(12)

    def forward(self, x):
        tokens = self.embedded(self.patches(x).flatten(2).transpose(1, 2))
        return self.layer(tokens[:, torch.randperm(tokens.shape[1])[: tokens.shape[1] // 4]])


def test_a_quarter_of_the_tokens_with_as_many_units_is_no_map():
    assert row(Random(), "embedded", (64, 64)).size == (8, 8)
    assert not row(Random(), "layer", (64, 64)).units


class Merging(nn.Module):
    """Tokens of 2 × 2 patches merged, without a convolution."""

    def __init__(self):
        super().__init__()
        self.patches, self.embedded, self.merge = nn.Conv2d(3, 12, 8, 8), nn.Identity(), nn.Linear(48, 24)

    def forward(self, x):
        maps = self.patches(x)
        h, w = maps.shape[2:]
        tokens = self.embedded(maps.flatten(2).transpose(1, 2)).reshape(len(x), h // 2, 2, w // 2, 2, 12)
        return self.merge(tokens.permute(0, 1, 3, 2, 4, 5).reshape(len(x), h * w // 4, 48))


def test_merged_tokens_lie_on_half_the_grid():
    found = row(Merging(), "merge", (64, 96))
    assert (found.units, found.size) == (24, (4, 6))


class Pair(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.conv, self.part = nn.Conv2d(3, 4, 8, 8), Make(make)

    def forward(self, x):
        self.part(self.conv(x))
        return x


class Make(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


def test_the_only_tensor_is_read_and_of_several_output_chooses():
    assert row(Pair(lambda x: {"out": x, "size": (3, 4)}), "part").reading == "['out'] of what it returns"
    two = Pair(lambda x: (x[:, :1], x))
    assert "returns 2 tensors: [0] float32 [N, 1, 6, 10]; [1] float32 [N, 4, 6, 10]" in row(two, "part").reason
    same_maps(two, "part", "conv", output=1)
    same_maps(Pair(lambda x: {"a": x, "b": 2 * x}), "part", "conv", output="a")
    same_maps(two, "part", "conv", output={"part": lambda o: o[1]})
    assert row(two, "part", output=1).units == 4


def test_output_is_in_the_record_and_what_is_no_output_is_refused():
    two = Pair(lambda x: (x[:, :1], x))
    d = nd.dissect(two, "part", Photos(3, (48, 80)), quantile=0.1, progress=False, output=1)
    assert d.provenance.output == "part: 1"
    for output, text in [
        (True, "an index, a key, or a function"),
        ({"conv": 0}, "names layer 'conv'"),
        (7, "IndexError"),
    ]:
        with pytest.raises(ValueError, match=text):
            nd.dissect(two, "part", Photos(3, (48, 80)), progress=False, output=output)


def test_a_reason_names_the_dtype():
    assert "bool" in row(nn.Sequential(nn.Conv2d(3, 4, 3), Make(lambda x: x > 0)), "1").reason


def test_an_empty_table_says_why():
    table = nd.layers(Make(lambda x: x), Photos(2, (48, 80)))
    assert "called no module of its own on the first of 2 images of Photos, 48 × 80 px, fed as 3 × 48 × 80" in repr(
        table
    )
    assert "called no module" in table._repr_html_()


def test_a_layer_of_several_calls_says_which_counts():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x))

    assert row(Shared(), "conv").reading == "last of 2 calls"


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "hiera_tiny_224", "swin_tiny_patch4_window7_224"])
def test_stages_of_timm(name):
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval()
    module = model.feature_info[-1]["module"]
    x = torch.rand(1, 3, 224, 224)
    wanted = model.forward_intermediates(x, indices=[-1], output_fmt="NCHW", intermediates_only=True)[0]
    found = next(layer for layer in nd.layers(model, Photos(1, (224, 224))) if layer.name == module)
    assert (found.units, found.size) == (wanted.shape[1], tuple(wanted.shape[2:]))
