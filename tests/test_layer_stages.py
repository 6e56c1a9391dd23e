"""Which layers are recommended, on networks of many families; and how layers fall into stages."""

from __future__ import annotations

import pytest
import torch
import torchvision

import nbdissect as nd
from nbdissect.layer_stages import Layer, recommend, stages_of
from support.data import Photos

# Network → the side of its image, and the layers to begin with.
NETWORKS = {
    "resnet18": (64, ["layer4", "layer3", "layer2"]),
    "squeezenet1_1": (64, ["features.12", "features.7", "features.4"]),
    "vgg11": (64, ["features.19", "features.14", "features.9"]),
    "alexnet": (64, ["features.11", "features.4", "features.1"]),
    "densenet121": (64, ["features.denseblock4", "features.denseblock3", "features.denseblock2"]),
    "mobilenet_v2": (64, ["features.18", "features.13", "features.6"]),
    "mobilenet_v3_small": (64, ["features.12", "features.8", "features.3"]),
    "googlenet": (64, ["inception5b", "inception4e", "inception3b"]),
    "efficientnet_b0": (64, ["features.8", "features.5", "features.3"]),
    "vit_b_32": (
        224,
        ["encoder.layers.encoder_layer_11", "encoder.layers.encoder_layer_7", "encoder.layers.encoder_layer_3"],
    ),
    "swin_t": (64, ["features.7", "features.5", "features.3"]),
    "convnext_tiny": (64, ["features.7", "features.5", "features.3"]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layers_of_the_last_stages_are_recommended(name):
    side, expected = NETWORKS[name]
    weights = {"weights": None, "init_weights": False} if name == "googlenet" else {"weights": None}
    table = nd.layers(torchvision.models.get_model(name, **weights), Photos(1, (side, side)))
    assert [layer.name for layer in table.recommended] == expected
    assert all(layer.units for layer in table.recommended)
    if name == "vit_b_32":
        assert table.recommendation.reason.startswith("All 12 blocks of this network have one map size.")
    else:
        assert table.recommendation.reason.startswith("The last layer of each of the last three stages")
    # The stages hold every layer that can be dissected, once.
    listed = [layer.name for stage in table.stages for node in stage.nodes for layer in below(node)]
    assert sorted(listed) == sorted(layer.name for layer in table if layer.units)


def below(node):
    return [*([node.layer] if node.layer.units else []), *(one for child in node.inside for one in below(child))]


def names(layers):
    return [layer.name for layer in recommend(stages_of(layers)).layers]


class LeNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(3, 6, 5), torch.nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = (torch.nn.Linear(*sides) for sides in ((400, 120), (120, 84), (84, 10)))

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


def test_a_lenet_has_two_layers_with_maps():
    table = nd.layers(LeNet(), Photos(1, (32, 32)))
    assert [layer.name for layer in table.recommended] == ["conv2", "conv1"]
    assert table.recommendation.reason.startswith("The last layer of each of the last two stages")


def test_a_network_of_one_layer():
    table = nd.layers(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), Photos(1))
    assert [layer.name for layer in table.recommended] == ["0"]
    assert table.recommendation.reason == "The last layer with maps."


def test_a_network_without_maps():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 20), torch.nn.ReLU(), torch.nn.Linear(20, 5))
    table = nd.layers(net, Photos(1))
    assert [layer.name for layer in table.recommended] == ["2"]
    assert "no layers with maps" in table.recommendation.reason


def test_a_model_whose_body_cannot_be_read_is_looked_into():
    body = [Layer("body", "Body", reason="returns 2 tensors", parameters=9)]
    parts = [Layer(f"body.{k}", "Block", 8, (16 >> k, 16 >> k), parameters=3) for k in range(3)]
    head = [Layer("fc", "Linear", 5, (1, 1), parameters=5)]
    assert names([*parts, *body, *head]) == ["body.2", "body.1", "body.0"]


def test_pools_alone_are_no_stage_and_what_only_keeps_is_no_end():
    layers = [
        Layer("conv", "Conv2d", 8, (8, 8), parameters=9),
        Layer("drop", "Dropout", 8, (8, 8)),
        Layer("pool", "MaxPool2d", 8, (4, 4)),
    ]
    assert names(layers) == ["conv"]


def test_a_segmentation_head_is_not_recommended():
    layers = [
        Layer("backbone", "Body", 8, (8, 8), parameters=9),
        Layer("classifier", "Head", 21, (16, 16), parameters=9),
    ]
    assert names(layers) == ["backbone"]


def test_a_stem_before_the_first_block_is_not_recommended():
    layers = [Layer("relu", "ReLU", 8, (64, 64), parameters=1)]
    for k in (1, 2):
        layers += [Layer(f"layer{k}.0", "Block", 8, (64 >> k,) * 2, parameters=9)]
        layers += [Layer(f"layer{k}", "Sequential", 8, (64 >> k,) * 2, parameters=9)]
    assert names(layers) == ["layer2", "layer1"]
    plain = [Layer("conv", "Conv2d", 8, (8, 8), parameters=9), Layer("last", "Conv2d", 8, (4, 4), parameters=9)]
    assert names([*layers, *plain]) == ["last", "conv", "layer2"]


def test_nothing_can_be_read():
    assert stages_of([Layer("a", "Pair", reason="returns 2 tensors")]) == []


def test_a_thousand_layers_take_a_moment():
    net = torch.nn.Sequential(*(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.ReLU()) for _ in range(334)))
    table = nd.layers(net, Photos(1))
    assert len(table) == 1002
    assert [layer.name for layer in table.recommended] == ["333", "221", "110"]
    assert len(repr(table).splitlines()) < 30
    assert len(table._repr_html_()) < 300_000


def test_what_was_read_is_said():
    assert Layer("a", "Linear", 96, (56, 56), reading="channels last").read == "96 units of 56 × 56, channels last"
    assert Layer("a", "Conv2d", 1, (1, 1)).read == "1 unit of 1 × 1"
    assert Layer("a", "Pair", reason="returns 2 tensors").read == "returns 2 tensors"
