"""Dissections with a cache, for this process and others to make."""

from __future__ import annotations

import numpy as np
import torch

import nbdissect as nd
from support.data import Photos
from support.nets import Net


def net(kind=Net):
    torch.manual_seed(0)
    return kind()


def dissect(cache, model=None, layer="features", data=None, **more):
    more = {"quantile": 0.1, "progress": False, **more}
    return nd.dissect(model or net(), layer, data=data or Photos(), cache=cache, **more)


def once(image):
    return torch.tensor(np.array(image)).permute(2, 0, 1) / 255
