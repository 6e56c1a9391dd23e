"""Small networks, and one real one."""

from __future__ import annotations

import torch

from support.paths import SQUEEZENET


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(inplace=True)
        )
        self.pair = Pair()
        self.unused = torch.nn.Identity()
        self.five = Five()
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, x):
        x = self.features(x)
        self.five(x)
        self.pair(x)
        return self.fc(x.mean((2, 3)))


class Pair(torch.nn.Module):
    def forward(self, x):
        return x, x


class Five(torch.nn.Module):
    def forward(self, x):
        return x[:, :, None]


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def squeezenet():
    """SqueezeNet 1.1 with ImageNet weights."""
    import torchvision
    from safetensors.torch import load_file

    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(load_file(SQUEEZENET))
    return model
