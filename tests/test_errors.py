"""Bad input: what, what was got, what is allowed, the next step; the model comes back as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import nbdissect as nd
from support import dense
from support.data import KINDS, Angry, Photos, make_activations, make_data
from support.nets import Net, hooks


def refused(match, model=None, layer="features", data=None, error=ValueError, **options):
    model = Net() if model is None else model
    with pytest.raises(error, match=match):
        nd.dissect(model, layer, data=data if data is not None else Photos(), progress=False, **options)
    if isinstance(model, torch.nn.Module):
        assert hooks(model) == 0


def test_unknown_layer_lists_the_closest_three():
    refused(
        r"Net has no layer 'feature\.0'\. The closest are features\.\d, features\.\d, features\.\d\. nd\.layers\(model\) lists all\.",
        layer="feature.0",
    )
    wrapped = torch.nn.ModuleDict({"backbone": Net(), "head": torch.nn.Linear(2, 2)})
    refused(r"no layer 'fc'. The closest are backbone\.fc,", model=wrapped, layer="fc")


def test_layer_that_is_no_name():
    model = Net()
    refused(
        r"layer is a Linear; a dotted name such as 'features\.12' is needed\. This one is 'fc'\.",
        model=model,
        layer=model.fc,
    )
    refused("layer is an empty list", layer=[])


def test_layer_without_maps():
    refused(r"Layer 'pair' returns 2 tensors: \[0\] float32 \[N, 4, 8, 8\]; .*output= says what is meant", layer="pair")
    refused(
        r"Layer 'five' returns float32 \[N, 4, 1, 8, 8\], no map\. output= says what is meant",
        layer="five",
    )
    refused("Layer 'unused' was not called while Net ran", layer="unused")


@pytest.mark.filterwarnings("ignore:quantile=.* is less than one")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_activations_that_are_not_finite_name_layer_and_image(value, batch_size):
    activations = make_activations(np.random.default_rng(0), KINDS, 8, (4, 4))
    activations[5, 2, 1, 1] = value
    model = dense.Playback(layer=activations)
    refused(
        "Layer 'layer' gave NaN or infinite activations for image 5",
        model=model,
        layer="layer",
        data=make_data(np.random.default_rng(0), 8, [(8, 8)]),
        transform=dense.spell,
        batch_size=batch_size,
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("forward", [None, lambda model, x: model(x)])
def test_so_do_those_of_the_first_images_on_which_the_network_is_probed(value, forward):
    refused(
        "Layer 'features' gave NaN or infinite activations for image 0",
        transform=lambda _: torch.full((3, 8, 8), value),
        quantile=0.1,
        forward=forward,
    )


@pytest.mark.filterwarnings("ignore:quantile=.* is less than one")
def test_huge_but_finite_activations_are_fine():
    activations = np.full((4, 2, 8, 8), 3e38, np.float32)
    d = nd.dissect(
        dense.Playback(layer=activations),
        "layer",
        data=make_data(np.random.default_rng(0), 4, [(8, 8)]),
        transform=dense.spell,
        progress=False,
    )
    assert (d.thresholds == np.float32(3e38)).all()


@pytest.mark.parametrize("quantile", [0, 1, -0.1, 1.5, float("nan"), "0.005", None, True])
def test_quantile_outside_0_1(quantile):
    refused(
        r"quantile=.*; a number between 0 and 1 is needed, both excluded\. The paper uses 0\.005\.", quantile=quantile
    )


def test_quantile_too_small_for_the_data():
    refused(
        r"quantile=1e-09 of the 384 activations of a unit of layer 'features' is less than one: .* every mask is empty\. The smallest that leaves one here is 0\.0026; the paper uses 0\.005",
        quantile=1e-9,
    )


def test_data_too_small_for_any_usual_quantile_warns():
    with pytest.warns(UserWarning, match="is less than one: .* or use more images"):
        nd.dissect(Net(), "fc", data=Photos(), progress=False)


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", 0), ("batch_size", 2.5), ("top", -1), ("num_workers", -1), ("num_workers", None)]
)
def test_numbers(name, value):
    refused(rf"{name}=.*; a whole number is needed, at least", **{name: value})


def test_semantics_device_transform_model_data():
    refused("semantics='lite'; allowed are 'paper' and 'netdissect-lite'", semantics="lite")
    refused("device='abacus' can't be used here", device="abacus")
    if not torch.cuda.is_available():
        refused("device='cuda' can't be used here", device="cuda")
    refused("transform is a str", transform="resize")
    refused("model is a str; a torch.nn.Module is needed", model="resnet18")
    refused("data is a list without 'concepts'", data=[1, 2])
    refused("The data set is empty", data=Photos(0))


def test_a_device_without_values_is_refused_before_the_model_moves():
    model = Net()
    refused("device='meta' can't be used here", model=model, device="meta")
    assert model.fc.weight.device.type == "cpu"


@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated")
def test_scripted_models_and_any_error_of_a_model():
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)))
    refused(
        "RecursiveScriptModule is scripted or traced .*Dissect the model from which it was made",
        model=scripted,
        layer="0",
    )

    class Asserts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            assert x.shape[-1] == 224, "Wrong image width"
            return self.conv(x)

    refused(r"Asserts failed on a batch of shape \[3, 3, 8, 8\]: Wrong image width", model=Asserts(), layer="conv")
    with pytest.raises(ValueError, match="Asserts failed on a batch"):
        nd.layers(Asserts(), Photos())


def test_concepts_that_cannot_be():
    def with_concepts(*concepts):
        data = Photos()
        data.concepts = concepts
        return data

    refused("data.concepts is empty", data=with_concepts())
    refused("Concept numbers must be at least 1", data=with_concepts(nd.Concept(0, "a", "object")))
    refused("each once; got", data=with_concepts(nd.Concept(1, "a", "object"), nd.Concept(1, "b", "object")))
    refused(
        "Concept 'a' has category 'part', which is not among data.categories",
        data=with_concepts(nd.Concept(1, "a", "part")),
    )
    refused(r"must hold nd\.Concept\(number, name, category\)", data=with_concepts((1, "a", "object")))
    d = nd.dissect(
        Net(),
        "features",
        data=with_concepts(nd.Concept(2, "b", "object"), nd.Concept(1, "a", "object")),
        progress=False,
    )
    assert [c.number for c in d.concepts] == [1, 2]


def test_samples_that_cannot_be():
    def once(masks, whole):
        data = dense.Data([nd.Concept(1, "x", "a")], ("a",), [(masks, whole, (4, 4))] * 3)
        return {
            "model": dense.Playback(layer=np.zeros((3, 1, 20, 20), np.float32)),
            "layer": "layer",
            "data": data,
            "transform": dense.spell,
        }

    refused(
        r"Image 0: \.whole of its sample must map categories to sequences of label numbers; got \{'a': 3\}",
        **once({}, {"a": 3}),
    )
    refused(r"Image 0, category 'a': its mask is None; an array of whole numbers", **once({"a": None}, {}))
    case = once({"b": np.ones((1, 4, 4), int)}, {})
    with pytest.warns(UserWarning, match="Masks of b were not counted: data.categories holds a"):
        nd.dissect(case.pop("model"), case.pop("layer"), progress=False, **case)


def test_transform_that_gives_something_else():
    refused(r"transform gave a Image for image 0", transform=lambda image: image)
    refused(
        r"transform gave a float32 tensor of shape \[1, 3, 8, 8\] for image 0",
        transform=lambda image: torch.zeros(1, 3, 8, 8),
    )
    refused(
        r"transform gave shape \[3, 9, 8\] for image 1 but \[3, 8, 8\] for image 0",
        transform=iter_transform([8, 9, 8, 8, 8, 8]),
    )


def iter_transform(heights):
    # The first, the middle and the last image are seen once before, to learn what the network wants.
    sizes = iter([heights[0], heights[3], heights[5], *heights])
    return lambda image: torch.zeros(3, next(sizes), 8)


def test_images_that_give_maps_of_different_size():
    refused(
        r"Layer 'features' gave maps of 4 × 9 × 8 for image 1 after maps of 4 × 8 × 8",
        transform=iter_transform([8, 9, 9, 9, 9, 9]),
        batch_size=1,
    )


def test_a_model_that_fails_on_the_batch_says_so():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(5, 2))
    refused(r"Sequential failed on a batch of shape \[3, 3, 8, 8\].*\n.*transform=", model=model, layer="1")


def test_thresholds():
    refused("thresholds has 3 values; layer 'features' has 4 units", thresholds=[1, 2, 3])
    refused(r"thresholds of layer 'features': shape \[1, 4\]", thresholds=np.zeros((1, 4)))
    refused("thresholds of layer 'features'.*one finite number per unit", thresholds=[1, 2, 3, np.nan])
    refused("thresholds for several layers must be a mapping", layer=["features", "fc"], thresholds=[1, 2])
    refused(
        "thresholds has no entry for layer 'fc'; it has features",
        layer=["features", "fc"],
        thresholds={"features": np.zeros(4)},
    )


def test_masks_of_two_sizes_in_one_sample():
    data = dense.Data(
        [nd.Concept(1, "x", "a")], ("a",), [({"a": [np.zeros((4, 4), int), np.zeros((5, 4), int)]}, {}, (4, 4))]
    )
    refused(
        r"Image 0, category 'a': a mask of shape \[5, 4\] in a sample whose masks are \[4, 4\]",
        model=dense.Playback(layer=np.zeros((1, 1, 20, 20), np.float32)),
        layer="layer",
        data=data,
        transform=dense.spell,
    )


def test_a_crop_is_warned_of():
    import torchvision.transforms as T

    with pytest.warns(UserWarning, match="transform= contains CenterCrop, but masks cover the whole image"):
        nd.dissect(
            Net(), "features", data=Photos(), progress=False, transform=T.Compose([T.CenterCrop(8), T.ToTensor()])
        )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("where", [0, 5, 11])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk gone")])
def test_the_model_comes_back_as_it_was(workers, where, error):
    model = Net()
    model.train()
    model.features[1].eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    seeds = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    threads = torch.get_num_threads()
    with pytest.raises(type(error)):
        nd.dissect(model, "features", data=Angry(error, where), progress=False, batch_size=2, num_workers=workers)
    assert hooks(model) == 0
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), seeds[0])
    assert (np.random.get_state()[1] == seeds[1]).all()
    assert random.getstate() == seeds[2]
    assert torch.get_num_threads() == threads


def test_random_transforms_and_dropout_leave_no_trace():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Dropout())
    before = torch.get_rng_state()
    nd.dissect(model, "0", data=Photos(), progress=False, transform=lambda image: torch.rand(3, 8, 8) + random.random())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_data_set_that_draws_leaves_no_trace():
    class Drawing(Photos):
        def __getitem__(self, index):
            np.random.rand()
            return super().__getitem__(index)

    before = np.random.get_state()[1].copy(), np.random.get_state()[2]
    nd.dissect(Net(), "features", data=Drawing(), progress=False)
    assert (np.random.get_state()[1] == before[0]).all()
    assert np.random.get_state()[2] == before[1]


def test_the_model_can_be_trained_afterwards():
    model = Net()
    nd.dissect(model, "features", data=Photos(), progress=False)
    model(torch.randn(2, 3, 8, 8)).sum().backward()
    assert model.fc.weight.grad is not None
