"""The embedded network."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import torch
from safetensors import safe_open

import nbdissect as nd
from nbdissect.builtin.network import WEIGHTS, DemoNetwork, demo
from nbdissect.builtin.world import World
from nbdissect.builtin.world.vocabulary import SCENES

_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def _accuracy(model: DemoNetwork, world: World) -> float:
    images = np.stack([np.asarray(world[i].image) for i in range(len(world))])
    right = 0
    with torch.inference_mode():
        for start in range(0, len(images), 50):
            batch = torch.from_numpy(images[start : start + 50]).permute(0, 3, 1, 2).float() / 255.0
            named = model((batch - _MEAN) / _STD).argmax(1).tolist()
            right += sum(SCENES[k] == world.concepts[world.scene(start + i) - 1].name for i, k in enumerate(named))
    return right / len(images)


@pytest.fixture(scope="module")
def model() -> DemoNetwork:
    return demo()[0]


def test_demo_returns_a_network_in_eval_mode_and_the_world(model: DemoNetwork) -> None:
    _, world = demo()
    assert isinstance(world, World)
    assert world.split == "probe"
    assert not model.training
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_weights_fit_into_two_megabytes_and_say_how_they_came_about() -> None:
    path = files("nbdissect.builtin") / WEIGHTS
    assert len(path.read_bytes()) <= 2_000_000
    with safe_open(str(path), "pt") as stored:
        metadata = stored.metadata()
    assert float(metadata["accuracy_test"]) > 0.98
    assert "recipe" in metadata


@pytest.mark.slow
def test_it_knows_scenes_it_has_not_seen(model: DemoNetwork) -> None:
    assert _accuracy(model, World(n=200, split="test", seed=9)) > 0.95


@pytest.mark.slow
def test_untrained_it_knows_nothing_and_is_the_same_every_time() -> None:
    first, second = demo(trained=False)[0], demo(trained=False)[0]
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert _accuracy(first, World(n=200, split="test", seed=9)) < 0.2


def test_initialising_leaves_the_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    demo(trained=False)
    demo()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("layer", "shape"), [("conv1", 64), ("conv2", 32), ("conv3", 32), ("conv4", 32), ("conv5", 16), ("conv6", 16)]
)
def test_layers_return_rectified_maps(model: DemoNetwork, layer: str, shape: int) -> None:
    seen: list[torch.Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.inference_mode():
        model(torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    handle.remove()
    assert seen[0].shape[2:] == (shape, shape)
    assert float(seen[0].min()) == 0.0


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def _unique_objects_and_parts(model: DemoNetwork, layer: str, world: World) -> int:
    unique = nd.dissect(model, layer, data=world, progress=False).summary().report.unique
    return unique["object"] + unique["part"]


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["conv5", "conv6"])
def test_training_on_scenes_alone_grows_detectors_of_objects(model: DemoNetwork, world: World, layer: str) -> None:
    assert _unique_objects_and_parts(model, layer, world) >= 15
    assert _unique_objects_and_parts(demo(trained=False)[0], layer, world) <= 4
