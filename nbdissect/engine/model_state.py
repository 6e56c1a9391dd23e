"""A model is borrowed: it comes back as it was, and its devices and dtype decide where and how it is fed."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def preserve_model_state(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Run the model in eval mode on `device`, without gradients, and give it back as it was.

    A model that somebody has spread over several devices stays where it is: `device` is then only
    where its batches are made and its maps are worked on.

    Restored, also after an error or an interrupt: train/eval mode of every module, device, grad mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    homes = model_devices(model)
    moved = len(homes) == 1 and homes[0] != device
    try:
        if moved:
            model.to(device)
        model.eval()
        # no_grad, not inference_mode: what a model caches on its first call must still serve its training later.
        with torch.no_grad():
            yield
    finally:
        # First by its own method, which some models override (merged weights come apart again there).
        model.train(modes[0][1])
        for module, training in modes:
            module.training = training
        if moved:
            model.to(homes[0])


@contextmanager
def preserve_rng_state(device: torch.device) -> Iterator[None]:
    """Restore the state of all random generators: model, transform and data set may draw from them."""
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])


def model_device(model: torch.nn.Module) -> torch.device | None:
    """The device of the model's first parameter or buffer, where it expects its input; None where it has none."""
    return next(iter(model_devices(model)), None)


def model_devices(model: torch.nn.Module) -> list[torch.device]:
    """The devices on which the model's parameters and buffers lie, each once, in the model's order."""
    return list(dict.fromkeys(tensor.device for tensor in (*model.parameters(), *model.buffers())))


def model_dtype(model: torch.nn.Module) -> torch.dtype:
    """Dtype of the first floating-point parameter: what the model takes."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
