"""Checkpoints as people save them, each kind in a file of its own, and the network that they belong to."""

from __future__ import annotations

import argparse
import json
import pathlib
import pickle
import warnings
from collections import OrderedDict, defaultdict

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn


class Tower(nn.Module):
    """A small network with two layers of one shape, a buffer that counts, and one that isn't saved."""

    def __init__(self, classes=5, width=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.left = nn.Conv2d(width, width, 1)
        self.right = nn.Conv2d(width, width, 1)
        self.head = nn.Linear(width, classes)
        self.register_buffer("grid", torch.arange(4.0), persistent=False)

    def forward(self, x):
        x = self.stem(x)
        return self.head((self.left(x) + self.right(x)).mean((2, 3)))


class Wrapped(nn.Module):
    """A model that keeps the network as its backbone."""

    def __init__(self):
        super().__init__()
        self.backbone = Tower()
        self.decoder = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.decoder(self.backbone.stem(x))


def trained(seed=1, **options):
    """Return a network with values of its own, also in its buffers."""
    torch.manual_seed(seed)
    net = Tower(**options)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape))
        else:
            tensor.fill_(17 + seed)
    return net


def prefixed(state, prefix):
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def only(state, *heads):
    return OrderedDict((name, tensor) for name, tensor in state.items() if name.startswith(heads))


def optimizer_state(net):
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.rand(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    net.zero_grad()
    return optimizer.state_dict()


def scripted(net, path):
    with warnings.catch_warnings():  # TorchScript is to go, its files stay
        warnings.simplefilter("ignore")
        torch.jit.script(net.eval()).save(str(path))


def save(kind, net, path):
    """Save a network as one of "zip", "legacy" (both by torch.save), "script" and "safetensors"."""
    if kind == "script":
        scripted(net, path)
    elif kind == "safetensors":
        save_file(net.state_dict(), path)
    else:
        torch.save({"net": net.state_dict()}, path, _use_new_zipfile_serialization=kind == "zip")


def sharded(state, folder):
    """Write a state dict in two shards with their index, as Hugging Face does; return the index."""
    names = list(state)
    shards = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for file, part in shards.items():
        save_file({name: state[name].contiguous() for name in part}, folder / file, {"format": "pt"})
    places = {name: file for file, part in shards.items() for name in part}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}), encoding="utf-8")
    return index


def lightning(state):
    """Return what Lightning's ``save_checkpoint`` writes of a module whose network is ``self.model``."""
    callback = {"best_model_score": torch.tensor(0.5), "best_k_models": {"a.ckpt": torch.tensor(0.5)}}
    return {
        "epoch": 3,
        "global_step": 10,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": OrderedDict(**prefixed(state, "model."), **{"loss.weight": torch.ones(5)}),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": callback},
        "optimizer_states": [optimizer_state(trained())],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 0.1, "root": pathlib.PurePosixPath("data")},
    }


def write(path, content):
    """Write one file: bytes as they are, anything else by torch.save."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return path


class Runs:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def arguments(net):
    return {
        "net": prefixed(net.state_dict(), "module."),
        "acc": np.float64(91.2),
        "best": np.array([1.0, 2.0]),
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("out")),
        "path": pathlib.Path("data"),
        "meters": defaultdict(list, loss=[1.0]),
        "epoch": 5,
    }


def detectron(net):
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    return pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=2)
