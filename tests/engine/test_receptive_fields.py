"""Where activations stand in the image: equal to the paper's program, measured on models of every kind, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torchvision import models

from nbdissect.engine.layouts import Layout
from nbdissect.engine.preprocessing import Normalize
from nbdissect.engine.probe import probe_layers
from nbdissect.engine.receptive_fields import with_fields
from nbdissect.results.upsampling import ReceptiveField, resize
from support import caffe_nets

CPU = torch.device("cpu")


def measured(model, layer, size=(64, 64), forward=None):
    """Return the receptive field of a layer, and the size of its maps."""
    rng = np.random.default_rng(0)
    images = [(k, Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8))) for k in range(3)]
    transform = Normalize(size)
    probe = probe_layers(model, [layer], images, transform, CPU, None, forward)
    assert isinstance(probe.layouts[layer], Layout)
    probe = with_fields(probe, model, images, transform, CPU, forward)
    return probe.fields[layer], probe.layouts[layer].grid


# --- what the original computes ---


@pytest.mark.parametrize(
    ("make", "image", "mask", "grid", "expected"),
    [
        pytest.param(caffe_nets.alexnet, 227, 113, 13, range(8, 105, 8), id="AlexNet conv5"),
        pytest.param(caffe_nets.vgg16, 224, 112, 14, range(4, 109, 8), id="VGG16 conv5_3"),
        pytest.param(
            lambda: caffe_nets.resnet(caffe_nets.RESNET_50), 224, 112, 7, range(1, 98, 16), id="ResNet-50 res5c"
        ),
        pytest.param(
            lambda: caffe_nets.resnet(caffe_nets.RESNET_152), 224, 112, 7, range(1, 98, 16), id="ResNet-152 res5c"
        ),
    ],
)
def test_anchors_are_those_of_the_paper(make, image, mask, grid, expected):
    model = make()
    field, size = measured(model, str(len(model) - 1), (image, image))
    assert size == (grid, grid)
    for anchors in field.anchors(size, (mask, mask)):
        assert anchors.tolist() == list(expected)


def test_torchvisions_resnet_pads_otherwise_and_stands_elsewhere():
    field, size = measured(models.resnet18(weights=None), "layer4", (224, 224))
    assert field == ReceptiveField((0, 0), (32, 32), (224, 224))
    assert field.anchors(size, (112, 112))[0].tolist() == list(range(0, 97, 16))


def test_a_mask_that_is_no_whole_part_of_the_image_keeps_the_centers_where_they_are():
    field = ReceptiveField((7.5, 7.5), (16, 16), (224, 224))
    rows, columns = field.anchors((14, 14), (300, 448))
    assert rows[:2] == pytest.approx([8 * 300 / 224 - 0.5, 24 * 300 / 224 - 0.5])
    assert columns[:2].tolist() == [15.5, 47.5]
    # A step of 8 pixels is no whole number of mask pixels of 3 pixels each.
    assert ReceptiveField((1, 1), (8, 8), (24, 24)).anchors((3, 3), (8, 8))[0] == pytest.approx([0.0, 8 / 3, 16 / 3])


# --- models ---


class Lines(nn.Module):
    """A network of one line, and a layer that returns what comes out of it."""

    def __init__(self, line, *modules):
        super().__init__()
        self.line, self.parts, self.out = line, nn.ModuleList(modules), nn.Identity()

    def forward(self, x):
        return self.out(self.line(x, *self.parts))


def conv(kernel=3, stride=1, padding=None, dilation=1):
    return nn.Conv2d(3, 3, kernel, stride, dilation * (kernel - 1) // 2 if padding is None else padding, dilation)


@pytest.mark.parametrize(
    ("line", "modules", "first", "step"),
    [
        pytest.param(lambda x, a: a(x), [conv()], 0, 1, id="convolution"),
        pytest.param(lambda x, a, b: b(a(x)), [conv(stride=2), conv(5, 2)], 0, 4, id="two"),
        pytest.param(lambda x, a: a(x), [conv(3, 1, 0, dilation=4)], 4, 1, id="dilation"),
        pytest.param(lambda x, a: a(x), [conv(4, 4, 0)], 1.5, 4, id="patches"),
        pytest.param(lambda x, a: functional.avg_pool2d(a(x), 2), [conv()], 0.5, 2, id="functional pooling"),
        pytest.param(lambda x, a: a(functional.pad(x, (0, 1, 0, 1))), [conv(3, 2, 0)], 1, 2, id="padded at the end"),
        pytest.param(lambda x, a: a(functional.pad(x, (1, 0, 1, 0))), [conv(3, 2, 0)], 0, 2, id="padded at the start"),
        pytest.param(lambda x, a: a(x), [nn.Conv2d(3, 3, 5, padding="same")], 0, 1, id="padding same"),
        pytest.param(lambda x, a: a(x)[:, :, 2:, 2:], [conv()], 2, 1, id="cropped"),
        pytest.param(lambda x, a: a(x)[:, :, 1::2, 1::2], [conv()], 1, 2, id="every other"),
        pytest.param(lambda x, a: x + torch.relu_(a(x)), [conv()], 0, 1, id="residual"),
        pytest.param(
            lambda x, a, b: torch.cat([a(x), b(x), functional.max_pool2d(x, 3, 2, 1)], 1),
            [conv(1, 2), conv(5, 2)],
            0,
            2,
            id="inception",
        ),
        pytest.param(
            lambda x, a: a(x) * torch.sigmoid(a(x).mean((2, 3), keepdim=True)), [conv()], 0, 1, id="squeeze-excite"
        ),
        pytest.param(lambda x, a: functional.interpolate(a(x), scale_factor=2), [conv(3, 4)], -1, 2, id="nearest"),
        pytest.param(
            lambda x, a: functional.interpolate(a(x), size=(31, 31), mode="bilinear", align_corners=True),
            [conv(3, 4)],
            0,
            2,
            id="corner to corner",
        ),
        pytest.param(
            lambda x, a, b: torch.cat([x, b(a(x))], 1),
            [nn.MaxPool2d(2), nn.ConvTranspose2d(3, 3, 2, stride=2)],
            0,
            1,
            id="U-Net",
        ),
        pytest.param(lambda x, a: a(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), [nn.Linear(3, 3)], 0, 1, id="ConvNeXt"),
        pytest.param(
            lambda x, a: a(x).view(len(x), 1, 3, 64, 64).transpose(1, 2).reshape(len(x), 3, 64, 64),
            [conv()],
            0,
            1,
            id="shuffled channels",
        ),
        pytest.param(
            lambda x, a: a(x) + functional.interpolate(functional.adaptive_avg_pool2d(x, 1), (64, 64)),
            [conv()],
            0,
            1,
            id="pooled over the image",
        ),
    ],
)
def test_every_step_moves_the_centers_as_it_does(line, modules, first, step):
    field, _ = measured(Lines(line, *modules), "out")
    assert field == ReceptiveField((first, first), (step, step), (64, 64))


def test_rows_and_columns_are_told_apart():
    model = nn.Sequential(nn.Conv2d(3, 3, (3, 5), stride=(1, 3), padding=(1, 0)), nn.ReLU())
    field, _ = measured(model, "1", (40, 66))
    assert field == ReceptiveField((0, 2), (1, 3), (40, 66))


def test_the_centers_are_those_that_a_gradient_shows():
    """A network of ones: the gradient of an inner activation is symmetric around the center of what it sees."""
    model = nn.Sequential(nn.Conv2d(1, 1, 5, 2, 1), nn.AvgPool2d(3, 2), nn.Conv2d(1, 1, 3, 1, 2, dilation=2))
    for module in model:
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    forward = lambda model, x: model(x[:, :1])  # noqa: E731
    field, grid = measured(model, "2", (91, 91), forward)
    image = torch.zeros(1, 1, 91, 91, requires_grad=True)
    at = grid[0] // 2
    model(image)[0, 0, at, at].backward()
    seen = image.grad[0, 0].sum(0).double()
    assert float((seen * torch.arange(91)).sum() / seen.sum()) == field.first[0] + at * field.step[0]


def test_a_map_of_one_position_needs_no_place():
    head = nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))
    for layer in ("1", "3"):
        field, grid = measured(head, layer)
        assert (field, grid) == (ReceptiveField((31.5, 31.5), (64, 64), (64, 64)), (1, 1))
        np.testing.assert_array_equal(resize(np.ones((1, 1), np.float32), (9, 7), field), np.ones((9, 7)))


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "densenet121", "googlenet", "shufflenet_v2_x0_5", "convnext_tiny", "squeezenet1_1"]
)
def test_networks_of_torchvision_are_followed_to_the_end(name):
    more = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = getattr(models, name)(weights=None, **more)
    layer = {"googlenet": "inception5b", "shufflenet_v2_x0_5": "conv5"}.get(name, "features")
    field, grid = measured(model, layer, (64, 64))
    assert field.step == (16, 16) if name == "squeezenet1_1" else (32, 32)
    assert grid[0] > 1


# --- refused ---


@pytest.mark.parametrize(
    ("line", "modules", "said"),
    [
        pytest.param(
            lambda x, a, b: a(x) + b(functional.avg_pool2d(x, 2)),
            [conv(3, 2), conv(1)],
            r"joins branches whose rows stand apart: they begin at 0 and 0\.5 px of the image, with steps of 2 and 2 px",
            id="branches that disagree",
        ),
        pytest.param(
            lambda x, a: (
                a(x.flatten(2).transpose(1, 2), *[x.flatten(2).transpose(1, 2)] * 2)[0].transpose(1, 2).view(x.shape)
            ),
            [nn.MultiheadAttention(3, 1, batch_first=True)],
            "relates positions to positions, as attention does",
            id="attention",
        ),
        pytest.param(lambda x, a: a(torch.roll(x, 1, 2)), [conv()], "uses the operation roll", id="rolled"),
        pytest.param(lambda x, a: a(x.flip(3)), [conv()], "uses the operation flip", id="turned around"),
        pytest.param(lambda x, a: a(x), [nn.AdaptiveAvgPool2d(7)], "pools 64 positions to 7", id="uneven pooling"),
        pytest.param(lambda x, a: a(x), [nn.PixelUnshuffle(2)], "uses the operation pixel_unshuffle", id="windows"),
        pytest.param(lambda x, a: a(x.transpose(2, 3)), [conv()], "are not rows and columns of the image", id="turned"),
        pytest.param(
            lambda x, a: a(torch.from_numpy(x.numpy() + 0)), [conv()], "doesn't come from the image", id="by numpy"
        ),
    ],
)
def test_what_is_no_chain_is_refused_with_the_module_and_what_to_do(line, modules, said):
    with pytest.raises(ValueError, match=said) as caught:
        measured(Lines(line, *modules), "out")
    text = str(caught.value)
    assert text.startswith("upsample='receptive-field' asks where the activations of layer 'out' stand in the image")
    assert text.endswith("or leave it at upsample='bilinear', for which a map covers the image evenly.")


def test_the_module_is_named():
    class Block(nn.Module):
        def forward(self, x):
            return torch.roll(x, 1, 3)

    model = nn.Sequential(conv(), Block(), conv())
    with pytest.raises(ValueError, match=r"Module '1' \(Block\) uses the operation roll"):
        measured(model, "2")
    assert measured(model, "0")[0].step == (1, 1)


def test_a_vision_transformer_is_refused_where_its_positions_mix():
    vit = models.VisionTransformer(64, 16, 1, 1, 8, 8, num_classes=2)
    with pytest.raises(ValueError, match=r"VisionTransformer itself sets maps side by side in space"):
        measured(vit, "encoder.layers.encoder_layer_0")
    assert measured(vit, "conv_proj")[0] == ReceptiveField((7.5, 7.5), (16, 16), (64, 64))


def test_measuring_leaves_the_model_as_it_was():
    model = nn.Sequential(conv(), nn.BatchNorm2d(3), nn.Dropout(), conv())
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    measured(model, "3")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
