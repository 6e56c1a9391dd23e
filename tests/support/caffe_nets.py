"""The networks of the paper as Caffe had them, with few channels: their geometry, which torchvision's differ from.

AlexNet's first convolution pads nothing; ResNet's pooling pads nothing and rounds up, and its blocks step in their first
1 × 1 convolution; VGG is the same in both.
"""

from __future__ import annotations

import torch
from torch import nn

_FEW = 2


def alexnet():
    """AlexNet up to conv5, for images of 227 × 227: maps of 13 × 13."""
    return nn.Sequential(
        *(nn.Conv2d(3, _FEW, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(_FEW, _FEW, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(_FEW, _FEW, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(_FEW, _FEW, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(_FEW, _FEW, 3, padding=1), nn.ReLU()),
    )


def vgg16():
    """VGG16 up to conv5_3, for images of 224 × 224: maps of 14 × 14."""
    layers, channels = [], 3
    for stage, convolutions in enumerate((2, 2, 3, 3, 3)):
        if stage:
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, _FEW, 3, padding=1), nn.ReLU()]
            channels = _FEW
    return nn.Sequential(*layers)


class _Bottleneck(nn.Module):
    def __init__(self, channels, stride, *, first):
        super().__init__()
        self.branch1 = nn.Conv2d(channels, _FEW, 1, stride=stride) if first else nn.Identity()
        self.branch2a = nn.Conv2d(channels, _FEW, 1, stride=stride)
        self.branch2b = nn.Conv2d(_FEW, _FEW, 3, padding=1)
        self.branch2c = nn.Conv2d(_FEW, _FEW, 1)

    def forward(self, x):
        inner = torch.relu(self.branch2b(torch.relu(self.branch2a(x))))
        return torch.relu(self.branch1(x) + self.branch2c(inner))


def resnet(blocks):
    """ResNet up to the last stage (res5c), for images of 224 × 224: maps of 7 × 7."""
    layers = [nn.Conv2d(3, _FEW, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
    for stage, number in enumerate(blocks):
        for block in range(number):
            stride = 2 if stage and not block else 1
            layers.append(_Bottleneck(_FEW, stride, first=not block))
    return nn.Sequential(*layers)


RESNET_50, RESNET_152 = (3, 4, 6, 3), (3, 8, 36, 3)
