"""A network of known activations that stand at known pixels of its image, for the dense reference."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from support import dense
from support.cases import Case
from support.data import KINDS, make_activations, make_data


class Sight(nn.Module):
    """Sees windows of an image, and returns the one value that each holds."""

    def __init__(self, window, step):
        super().__init__()
        self.window, self.step, self.layer = window, step, nn.Identity()

    def forward(self, x):
        return self.layer(functional.max_pool2d(x, self.window, self.step))


class Spread:
    """The transform that goes with it: the activations of the image that spells its number, each over its window."""

    def __init__(self, activations, window, step, image):
        self.activations, self.window, self.step, self.image = activations, window, step, image

    def __call__(self, picture):
        maps = self.activations[int(dense.spell(picture)[0, 0, 0])]
        fed = np.full((len(maps), *self.image), 99.0, np.float32)
        for i in range(maps.shape[1]):
            for j in range(maps.shape[2]):
                y, x = i * self.step, j * self.step
                fed[:, y : y + self.window, x : x + self.window] = maps[:, i, j, None, None]
        return torch.from_numpy(fed)


class AnchoredCase(Case):
    """Maps of 5 × 5 at windows of 2 × 2, every 4 pixels of an image of 20 × 24; `where` says where they stand on masks."""

    def __init__(self, shapes, where, images=24, seed=0, window=2, step=4, image=(20, 24)):
        rng = np.random.default_rng(seed)
        self.activations = make_activations(rng, KINDS, images, (image[0] // step, image[1] // step))
        self.data = make_data(rng, images, shapes)
        self.model = Sight(window, step)
        self.spread = Spread(self.activations, window, step, image)
        self.where = where

    def dissect_loudly(self, **options):
        options = {"transform": self.spread, "upsample": "receptive-field", **options}
        return super().dissect_loudly(**options)

    def reference(self, quantile=0.05, semantics="paper"):
        """What the dense reference counts."""
        return dense.dissect(self.activations, self.data, quantile, semantics, anchors=self.where)
