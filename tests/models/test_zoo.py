"""Ten networks of other people, dissected without a special argument: every count as the dense reference has it.

The reference gets its maps from a hook of the test's own, laid out by hand as each library documents it.
``tools/zoo.py`` looks at many more, and writes docs/zoo.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision import models

import nbdissect as nd
from support import dense
from support.data import make_data
from support.needs import needed

timm = needed("timm")
IMAGES = 7  # more than a probe shows at once, so that the hook can tell a batch of the run
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
RAW = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # a detector normalizes inside


class Labeled(dense.Data):
    """Random labels, on images of noise that declare their size."""

    image_size = (64, 96)

    def __getitem__(self, index):
        masks, whole, shape = self.samples[index]
        pixels = np.random.default_rng(index).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize(self.image_size[::-1], Image.Resampling.BICUBIC)
        return nd.Sample(image, masks, whole, shape)


@dataclass(frozen=True)
class Case:
    """make, the layer, how its output is laid out, what the network is fed, and the maps' height and width."""

    make: Any
    layer: str
    layout: Any
    fed: tuple[int, int]
    grid: tuple[int, int]
    colors: tuple = IMAGENET


def first(output):
    return output


def last(output):
    return output.permute(0, 3, 1, 2)


def tokens(others, grid, output):
    return output[:, others:].transpose(1, 2).reshape(len(output), -1, *grid)


def small(name, **options):
    return partial(timm.create_model, name, pretrained=False, num_classes=5, **options)


def mobilenet(make, **options):
    return partial(make, weights=None, weights_backbone=None, **options)


CASES = {
    "ViT": Case(
        small("vit_tiny_patch16_224", depth=2, embed_dim=48),
        "blocks.1",
        partial(tokens, 1, (14, 14)),
        (224, 224),
        (14, 14),
        HALF,
    ),
    "Swin": Case(
        small("swin_tiny_patch4_window7_224", embed_dim=24, depths=(1, 1, 2, 1), num_heads=(1, 2, 3, 4)),
        "layers.2",
        last,
        (224, 224),
        (14, 14),
    ),
    "ConvNeXt": Case(
        small("convnext_atto", dims=(16, 24, 32, 48), depths=(1, 1, 2, 1)), "stages.2", first, (224, 224), (14, 14)
    ),
    "ConvNeXt's MLP": Case(
        small("convnext_tiny", dims=(16, 24, 32, 48), depths=(1, 1, 2, 1)),
        "stages.2.blocks.1.mlp.fc1",
        last,
        (224, 224),
        (14, 14),
    ),
    "ResNet": Case(partial(models.resnet18, weights=None), "layer3", first, (64, 96), (4, 6)),
    "DenseNet": Case(partial(models.DenseNet, 8, (2, 2, 2, 2), 16), "features.denseblock3", first, (64, 96), (4, 6)),
    "MobileNet": Case(partial(models.mobilenet_v3_small, weights=None), "features.8", first, (64, 96), (4, 6)),
    "DINOv2 with registers": Case(
        small("vit_small_patch14_reg4_dinov2", img_size=224, depth=2, embed_dim=48, num_heads=2),
        "blocks.1",
        partial(tokens, 5, (16, 16)),
        (224, 224),
        (16, 16),
    ),
    "CLIP's visual tower": Case(
        small("vit_base_patch32_clip_224", depth=2, embed_dim=48, num_heads=2),
        "blocks.1.mlp.fc1",
        partial(tokens, 1, (7, 7)),
        (224, 224),
        (7, 7),
        CLIP,
    ),
    "DeepLab's backbone": Case(
        mobilenet(models.segmentation.deeplabv3_mobilenet_v3_large), "backbone.12", first, (64, 96), (4, 6)
    ),
    "a detector": Case(
        mobilenet(models.detection.fasterrcnn_mobilenet_v3_large_320_fpn, min_size=64, max_size=96),
        "backbone.body.12",
        first,
        (64, 96),
        (4, 6),
        RAW,
    ),
}


def prepared(data, case):
    """The images as the network's documentation says that it is fed."""
    resized = [data[k].image.resize(case.fed[::-1], Image.Resampling.BICUBIC) for k in range(len(data))]
    mean, deviation = (torch.tensor(values)[:, None, None] for values in case.colors)
    return torch.stack([(torchvision.transforms.functional.to_tensor(image) - mean) / deviation for image in resized])


@pytest.mark.parametrize("name", CASES)
def test_counts_equal_a_dense_reference(name):
    case = CASES[name]
    torch.manual_seed(0)
    model = case.make().eval()
    rng = np.random.default_rng(1)
    made = make_data(rng, IMAGES, [(20, 30), (16, 24)])
    data = Labeled(made.concepts, made.categories, made.samples, made.concept_numbers)
    batches = []
    handle = model.get_submodule(case.layer).register_forward_hook(
        lambda _m, _i, output: batches.append(output.detach().clone())
    )
    with torch.no_grad():
        model(prepared(data, case))
    alone = case.layout(batches.pop())
    assert alone.shape[2:] == case.grid
    d = nd.dissect(model, case.layer, data, quantile=0.05, top=4, progress=False)
    handle.remove()
    (run,) = [output for output in batches if len(output) == IMAGES]
    maps = case.layout(run).float()
    torch.testing.assert_close(maps, alone.float(), rtol=1e-3, atol=1e-3 * float(alone.abs().max()))
    T, best, I, truth, A = dense.dissect(maps.numpy(), data, 0.05, top=4)
    np.testing.assert_array_equal(d.thresholds, T)
    np.testing.assert_array_equal(d.top_images, best)
    np.testing.assert_array_equal(d.truth, truth)
    np.testing.assert_array_equal(d.intersection, I)
    np.testing.assert_array_equal(d.activation, A)
    assert I.any()
