"""The built-in network: small, plain, trained only on the names of twenty drawn scenes."""

from __future__ import annotations

import math
from collections import OrderedDict
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar

import torch
from safetensors.torch import load
from torch import nn

from nbdissect.builtin.world import World
from nbdissect.builtin.world.vocabulary import SCENES

if TYPE_CHECKING:
    from torch import Tensor

#: Units of conv1 to conv6.
WIDTHS = (24, 48, 64, 128, 144, 160)
WEIGHTS = "demo.safetensors"


class Block(nn.Sequential):
    """Convolution, batch normalization, ReLU. Its output holds the activations of its units.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Height and width of the kernel; padded so that stride 1 keeps the size.
    stride : int
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            OrderedDict(
                conv=nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
                bn=nn.BatchNorm2d(outputs),
                # not in place: a hook on this module keeps the tensor it gets
                relu=nn.ReLU(),
            )
        )


class DemoNetwork(nn.Module):
    """Six convolutional layers, global average pooling, one linear layer.

    The layers ``conv1`` to ``conv6`` return rectified maps: 64 x 64, three times 32 x 32,
    and twice 16 x 16 for an image of 128 x 128. Images are RGB with the ImageNet normalization
    (mean .485 .456 .406, standard deviation .229 .224 .225), at their stored size.

    Parameters
    ----------
    scenes : int
        Number of classes.
    """

    #: Names of the classes, in the order of the logits.
    classes: tuple[str, ...] = SCENES
    #: What it was trained with, as networks of timm say it.
    pretrained_cfg: ClassVar = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}

    def __init__(self, scenes: int = len(SCENES)) -> None:
        super().__init__()
        c1, c2, c3, c4, c5, c6 = WIDTHS
        self.conv1 = Block(3, c1, kernel=5, stride=2)
        self.conv2 = Block(c1, c2, stride=2)
        self.conv3 = Block(c2, c3)
        self.conv4 = Block(c3, c4)
        self.conv5 = Block(c4, c5, stride=2)
        self.conv6 = Block(c5, c6)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c6, scenes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of the scenes.

        Parameters
        ----------
        images : float32 tensor, shape [N, 3, 128, 128]

        Returns
        -------
        float32 tensor, shape [N, 20]
        """
        x = self.conv3(self.conv2(self.conv1(images)))
        x = self.conv6(self.conv5(self.conv4(x)))
        scores: Tensor = self.fc(self.pool(x).flatten(1))
        return scores


def demo(*, trained: bool = True) -> tuple[DemoNetwork, World]:
    """Return the built-in network and the built-in labeled drawings; nothing is downloaded.

    The network was trained on the names of the scenes alone (``tools/train_demo.py``). It was
    never shown where a wheel or a window is; dissecting it finds units that respond to them.

    Parameters
    ----------
    trained : bool
        False returns the network as it was before training (initialized from a fixed seed), for
        comparison.

    Returns
    -------
    (DemoNetwork, World)
        The model in eval mode, on the CPU; 560 drawings that it was not trained on.
    """
    with torch.random.fork_rng(devices=[]):  # new layers draw random weights; the caller's random state stays
        model = DemoNetwork()
    if trained:
        stored = load((files(__package__) / WEIGHTS).read_bytes())
        model.load_state_dict({name: tensor.to(model.state_dict()[name].dtype) for name, tensor in stored.items()})
    else:
        initialize(model, seed=0)
    return model.eval(), World()


def initialize(model: nn.Module, seed: int) -> None:
    """Draw all weights of a model anew, in place, without touching PyTorch's own random state.

    He initialization (He et al., ICCV 2015, eq. 10) for convolutions, the same with gain 1 for
    linear layers; batch normalization starts as the identity.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
            elif isinstance(module, nn.Linear):
                module.weight.normal_(0.0, math.sqrt(1.0 / module.in_features), generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
