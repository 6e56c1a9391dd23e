"""Tensors that look like maps and are none: found in a zoo of other people's networks, told by more than shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbdissect as nd
from support.data import Photos


def rows(model, size=(64, 64), **options):
    torch.manual_seed(0)
    return {row.name: row for row in nd.layers(model, Photos(2, size), **options)}


class Surrounded(nn.Module):
    """Patches of 8 pixels as tokens, with others before and behind them, as YOLOS has its detection tokens."""

    def __init__(self, before=1, behind=4, size=(64, 64)):
        super().__init__()
        self.patches, self.patch_count = nn.Conv2d(3, 12, 8, 8), size[0] * size[1] // 64
        self.before, self.behind = (nn.Parameter(torch.randn(1, n, 12)) for n in (before, behind))
        self.embedded, self.block = nn.Identity(), nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2)
        before, behind = (tokens.expand(len(x), -1, -1) for tokens in (self.before, self.behind))
        return self.block(self.embedded(torch.cat([before, patches, behind], 1)))


@pytest.mark.parametrize(
    ("before", "behind", "positions"), [(1, 4, "0, 65, 66, 67, 68"), (0, 1, "number 64"), (0, 4, "64 to 67")]
)
def test_tokens_behind_the_patches_are_not_taken_for_some_in_front(before, behind, positions):
    found = rows(Surrounded(before, behind))
    for name in ("embedded", "block"):
        assert not found[name].units
        assert f"({positions}" in found[name].reason
        assert "the 64 of 8 × 8 do not stand last" in found[name].reason
    d = nd.dissect(
        Surrounded(before, behind),
        "block",
        Photos(3, (64, 64)),
        quantile=0.1,
        progress=False,
        output=lambda o: o[:, before : before + 64],
    )
    assert d.top_maps.shape[2:] == (8, 8)


@pytest.mark.parametrize("before", [0, 1, 3, 5])
def test_tokens_in_front_are_read_behind_them(before):
    found = rows(Surrounded(before, 0))
    assert {found[name].size for name in ("embedded", "block", "block.linear1")} == {(8, 8)}


class FromImage(nn.Module):
    """Tokens in front that the image makes, too: nothing shows which they are."""

    def __init__(self, others):
        super().__init__()
        self.patches, self.layer, self.others = nn.Conv2d(3, 12, 8, 8), nn.Linear(12, 12), others

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        means = tokens.mean(1, keepdim=True) * torch.arange(1, 1 + self.others)[:, None]
        return self.layer(torch.cat([means, tokens], 1))


def test_several_tokens_that_nothing_tells_apart_are_refused_and_one_is_a_summary_in_front():
    assert rows(FromImage(1))["layer"].reading == "tokens, after 1 other token"
    refused = rows(FromImage(3))["layer"]
    assert "nothing in this pass shows which 3 of them" in refused.reason


class Queries(nn.Module):
    """A decoder of as many queries as the image has patches, as DETR's 100 on 10 × 10."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 8, 8)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(12, 2, 24, batch_first=True), 1, enable_nested_tensor=False
        )
        self.queries = nn.Parameter(torch.randn(1, 64, 12))
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(12, 2, 24, batch_first=True), 2)

    def forward(self, x):
        seen = self.encoder(self.patches(x).flatten(2).transpose(1, 2))
        return self.decoder(self.queries.expand(len(x), -1, -1), seen)


def test_queries_are_no_patches_however_many_there_are():
    found = rows(Queries())
    assert found["encoder.layers.0"].size == (8, 8)
    for name in ("decoder.layers.0", "decoder.layers.1.linear1", "decoder"):
        assert "queries or the like, not patches of 8 × 8" in found[name].reason


class Attention(nn.Module):
    """Matrices [N, heads, T, T] of an attention made of convolutions, as in Visformer and EfficientFormer."""

    def __init__(self):
        super().__init__()
        self.patches, self.qkv = nn.Conv2d(3, 16, 8, 8), nn.Conv2d(16, 48, 1)
        self.talking, self.softmax, self.drop, self.out = nn.Conv2d(2, 2, 1), nn.Softmax(-1), nn.Dropout(), nn.ReLU()

    def forward(self, x):
        maps = self.patches(x)
        q, k, v = self.qkv(maps).reshape(len(x), 3, 2, 8, -1).unbind(1)
        weights = self.drop(self.softmax(self.talking(q.transpose(2, 3) @ k)))
        return self.out((weights @ v.transpose(2, 3)).transpose(2, 3).reshape(maps.shape))


class OneSize(Attention):
    def forward(self, x):
        if x.shape[2:] != (64, 64):
            raise AssertionError("images of 64 × 64, please")
        return super().forward(x)


@pytest.mark.parametrize("kind", [Attention, OneSize])
def test_attention_of_convolutions_is_no_map_of_the_image(kind):
    found = rows(kind())  # of 64 positions each with each: as large as the image of 64 × 64
    for name in ("talking", "softmax", "drop"):
        assert "64 × 64 may be a map or attention: 64 is the number of positions" in found[name].reason
    assert found["out"].size == (8, 8)


class Decoder(nn.Module):
    """Goes down to 8 × 8 and up again to 64 × 64, which is 8 · 8 each way."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 6, 8, 8), nn.ConvTranspose2d(6, 4, 8, 8)
        self.act, self.conv = nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1)

    def forward(self, x):
        return self.conv(self.act(self.up(self.down(x))))


def test_a_decoder_that_is_as_large_as_attention_would_be_is_read():
    found = rows(Decoder())
    assert [found[name].size for name in ("up", "act", "conv")] == [(64, 64)] * 3


class Unfolded(nn.Module):
    """[N, C, pixels of a patch, patches], through 1 × 1 convolutions, as MobileViTv2 has it."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.mix = nn.Conv2d(3, 12, 4, 4), nn.GroupNorm(1, 12), nn.Conv2d(12, 12, 1)
        self.drop, self.last = nn.Dropout(), nn.Conv2d(12, 5, 1)

    def forward(self, x):
        maps = self.stem(x)
        N, C, h, w = maps.shape
        patches = maps.reshape(N, C, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(N, C, 4, -1)
        patches = self.drop(self.mix(self.norm(patches)))
        return self.last(patches.reshape(N, C, 2, 2, h // 2, w // 2).permute(0, 1, 4, 2, 5, 3).reshape(maps.shape))


def test_pixels_sorted_by_their_place_in_a_patch_are_no_map():
    found = rows(Unfolded())
    for name in ("norm", "mix"):
        assert "4 × 64 is no grid of this pass or of the image of 64 × 64: pixels were rearranged" in found[name].reason
    assert not found["drop"].units
    assert found["last"].size == (16, 16)


class ShiftedBlock(nn.Module):
    """One window as large as the maps, shifted nevertheless, as Swin has it at sizes that it wasn't made for."""

    def __init__(self, shift):
        super().__init__()
        self.shift_size, self.attn, self.mlp = shift, nn.Linear(12, 12), nn.Linear(12, 7)

    def forward(self, maps):
        shifted = maps.roll((-self.shift_size, -self.shift_size), (1, 2))
        seen = self.attn(shifted.flatten(1, 2)).reshape(maps.shape)
        return self.mlp(maps + seen.roll((self.shift_size, self.shift_size), (1, 2)))


class ShiftedWindows(nn.Module):
    def __init__(self, shift):
        super().__init__()
        self.patches, self.block = nn.Conv2d(3, 12, 8, 8), ShiftedBlock(shift)

    def forward(self, x):
        return self.block(self.patches(x).permute(0, 2, 3, 1))


def test_a_window_that_was_shifted_is_not_in_the_order_of_the_image():
    found = rows(ShiftedWindows(3))
    assert "windows that ShiftedBlock has shifted" in found["block.attn"].reason
    assert found["block"].size == found["block.mlp"].size == (8, 8)
    assert rows(ShiftedWindows(0))["block.attn"].size == (8, 8)


def test_maps_that_shrink_more_one_way_than_the_other_are_maps():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.MaxPool2d((4, 1)),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, None)),
        nn.Conv2d(8, 4, 1),
    )
    found = rows(model, (64, 96))
    assert [found[str(k)].size for k in range(6)] == [(64, 96), (16, 96), (16, 96), (16, 96), (1, 96), (1, 96)]


def test_what_is_read_behind_other_tokens_is_what_a_hook_sees():
    torch.manual_seed(0)
    model = Surrounded(3, 0).eval()
    seen = []
    handle = model.block.register_forward_hook(lambda _m, _i, output: seen.append(output))
    data = Photos(4, (64, 64))
    with torch.no_grad():
        transform = nn.Identity()
        images = [torch.from_numpy(np.array(data[k].image)).permute(2, 0, 1) / 255 for k in range(4)]
        model(transform(torch.stack(images)))
    handle.remove()
    maps = seen[0][:, 3:].transpose(1, 2).reshape(4, 12, 8, 8).numpy()
    d = nd.dissect(
        model,
        "block",
        data,
        quantile=0.1,
        top=4,
        progress=False,
        transform=lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255,
    )
    np.testing.assert_allclose(d.top_maps[:, 0], maps[d.top_images[:, 0], np.arange(12)], rtol=1e-5, atol=1e-6)
