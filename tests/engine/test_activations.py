"""What counts as a layer's activation, and where the pass stops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nbdissect as nd
from support import dense
from support.cases import assert_equal
from support.data import Photos, make_activations, make_data


def run(model, layer, data=None, **options):
    return nd.dissect(model, layer, data=data or Photos(40), progress=False, quantile=0.05, **options)


def test_the_value_returned_before_an_in_place_operation_changes_it():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.Conv2d(4, 4, 3))
    alone = run(model, "0")
    assert (alone.top_maps.min((1, 2, 3)) < 0).all(), "negative values count"
    together = run(model, ["0", "2"])
    np.testing.assert_array_equal(together["0"].top_maps, alone.top_maps)
    np.testing.assert_array_equal(together["0"].thresholds, alone.thresholds)


class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.tail = torch.nn.Identity()
        self.batches = 0
        self.tails = 0

    def forward(self, x):
        self.batches += 1
        x = self.conv(self.conv(x))
        self.tails += 1
        return self.tail(x)


def test_a_module_called_twice_counts_with_its_last_call():
    torch.manual_seed(0)
    model = Twice()
    twice, tail = run(model, "conv"), run(model, "tail")
    np.testing.assert_array_equal(twice.top_maps, tail.top_maps)


def test_the_pass_stops_behind_the_last_wanted_call():
    model = Twice()
    run(model, "conv", data=Photos(200), batch_size=10)
    probes, checks = 2, 2  # batches 16 and 19
    assert model.batches == 20 + probes + checks
    assert model.tails == probes + checks, "only a few images, now and then, run to the end"


def test_one_module_under_two_names():
    model = torch.nn.Module()
    model.a = torch.nn.Conv2d(3, 3, 1)
    model.b = model.a
    model.forward = lambda x: model.b(x)  # noqa: PLW0108 - looked up when called, as in a class
    both = run(model, ["a", "b"])
    np.testing.assert_array_equal(both["a"].intersection, both["b"].intersection)


@pytest.mark.parametrize("class_token", [False, True])
def test_tokens_of_a_square_grid(class_token):
    activations = make_activations(np.random.default_rng(0), ["normal", "relu"], 30, (4, 4))
    tokens = activations.reshape(30, 2, 16).transpose(0, 2, 1)
    if class_token:
        tokens = np.concatenate([np.full((30, 1, 2), 99, np.float32), tokens], axis=1)
    data = make_data(np.random.default_rng(0), 30, [(8, 8)])
    model = dense.Playback(layer=np.ascontiguousarray(tokens))
    d = run(model, "layer", data, transform=dense.spell, output=lambda o: o[:, -16:])
    assert_equal(d, dense.dissect(activations, data, 0.05))
    with pytest.raises(ValueError, match=r"neither axis is a grid of this pass.*output="):
        run(model, "layer", data, transform=dense.spell)


def test_fully_connected_layers_count_as_1_by_1_maps():
    activations = make_activations(np.random.default_rng(0), ["normal", "relu"], 40, (1, 1))
    data = make_data(np.random.default_rng(0), 40, [(8, 8)])
    d = run(dense.Playback(layer=activations[:, :, 0, 0]), "layer", data, transform=dense.spell)
    assert_equal(d, dense.dissect(activations, data, 0.05))


class Reuses(torch.nn.Module):
    """Returns the same memory every time, as a captured graph does."""

    def forward(self, x):
        if not hasattr(self, "buffer") or self.buffer.shape != x.shape:
            self.buffer = torch.empty_like(x)
        return torch.mul(x, 2, out=self.buffer)


def test_a_layer_that_uses_its_memory_again():
    reused, fresh = torch.nn.Sequential(Reuses()), torch.nn.Sequential(torch.nn.Identity())
    a = run(reused, "0", batch_size=4)
    b = run(fresh, "0", batch_size=4)
    np.testing.assert_array_equal(a.thresholds, 2 * b.thresholds)
    np.testing.assert_array_equal(a.intersection, b.intersection)


def test_a_model_that_turns_gradients_on():
    class Grad(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            with torch.enable_grad():
                return self.conv(x)

    assert run(Grad(), "conv").thresholds.shape == (4,)


def test_a_model_that_merges_weights_in_eval_mode_gets_them_apart_again():
    class Merging(torch.nn.Conv2d):
        merged = False

        def train(self, mode=True):
            if mode == self.merged:
                self.weight.data *= 0.5 if mode else 2
                self.merged = not mode
            return super().train(mode)

    model = torch.nn.Sequential(Merging(3, 4, 3))
    before = model[0].weight.clone()
    run(model, "0")
    assert torch.equal(model[0].weight, before)
    assert model.training


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)).to(dtype)
    try:
        model(torch.zeros(1, 3, 8, 8, dtype=dtype))
    except RuntimeError as error:  # older torch has no half precision on the CPU
        pytest.skip(str(error))
    d = run(model, "0")
    assert d.thresholds.dtype == np.float32


class Integers(torch.nn.Module):
    """Convolutions whose every sum is a small integer: exact in any order of summation."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 8, 3, stride=2)
        for layer in (self.first, self.second):
            layer.weight.data = torch.randint(-2, 3, layer.weight.shape, generator=generator).float()
            layer.bias.data = torch.randint(-2, 3, layer.bias.shape, generator=generator).float()

    def forward(self, x):
        return self.second(self.first(x).relu())


def test_the_same_numbers_whatever_the_batch_size_workers_and_order():
    def integers(image):
        return torch.tensor(np.array(image) // 32).permute(2, 0, 1).float()

    class Masked(Photos):
        concepts = (nd.Concept(1, "thing", "object"), nd.Concept(2, "part", "part"))
        categories = ("object", "part")

        def __getitem__(self, index):
            rng = np.random.default_rng(index)
            masks = {"object": rng.integers(0, 2, (1, 16, 16)), "part": rng.choice([0, 2], (2, 16, 16))}
            return nd.Sample(super().__getitem__(index).image, masks)

    def once(layers=("first", "second"), **options):
        return run(Integers(), list(layers), Masked(37), transform=integers, **options)

    reference = once()
    for options in (
        {"batch_size": 1},
        {"batch_size": 5},
        {"batch_size": 100},
        {"num_workers": 3},
        {"layers": ("second", "first")},
    ):
        other = once(**options)
        for name in ("first", "second"):
            a, b = reference[name], other[name]
            for array in ("thresholds", "top_images", "top_maps", "intersection", "truth", "activation"):
                np.testing.assert_array_equal(getattr(a, array), getattr(b, array))


def test_default_transform_is_torchvisions():
    import torchvision.transforms as T

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    theirs = T.Compose([T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    np.testing.assert_array_equal(run(model, "0").thresholds, run(model, "0", transform=theirs).thresholds)


def test_transform_of_the_models_own_weights():
    import torchvision

    from nbdissect.engine.preprocessing import default_transform

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    model.weights = torchvision.models.EfficientNet_B0_Weights.IMAGENET1K_V1
    assert default_transform(model, (8, 8)).size == (224, 224)
    timm = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    timm.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.1, 0.2, 0.3), "input_size": (3, 96, 128)}
    assert default_transform(timm, (8, 8)).size == (96, 128)
    assert default_transform(timm, (8, 8)).std == (0.1, 0.2, 0.3)
    assert default_transform(torch.nn.DataParallel(timm), None) == default_transform(timm, None)


def test_layers_lists_what_can_be_dissected():
    from support.nets import Net

    model = Net().train()
    table = nd.layers(model, Photos())
    by_name = {layer.name: layer for layer in table}
    assert by_name["features"].units == 4
    assert by_name["features"].size == (8, 8)
    assert by_name["pair"].reason == "returns 2 tensors: [0] float32 [N, 4, 8, 8]; [1] float32 [N, 4, 8, 8]"
    assert "returns float32 [N, 4, 1, 8, 8], no map" in repr(table)
    assert "the first of 6 images of Photos, 8 × 8 px, fed as 3 × 8 × 8" in repr(table)
    assert "unused" not in by_name
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert by_name["features"].read == "4 units of 8 × 8"
    assert [layer.name for layer in table.recommended] == ["features.2"]
