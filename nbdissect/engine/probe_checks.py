"""What the values of a probe's passes show: whether two passes agree, and whether a layer sees the images at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLIND = "returns the same for different images: it doesn't see them. With forward=, parts of a model may see a text, or noise"
# Values of two batches may differ by rounding, where a convolution is computed another way; no more.
_TOLERANCE = 1e-2
_ROUNDING = 1e-6


def same_for_all_images(tensors: Sequence[torch.Tensor], images: int) -> bool:
    """Whether a layer returned the same for different images, but for rounding.

    Parameters
    ----------
    tensors : sequence of tensor
        What it returned for a batch.
    images : int
        In the batch.
    """
    found = False
    for tensor in tensors:
        axis = next((k for k, n in enumerate(tensor.shape) if n == images), None)
        if axis is None or not tensor.is_floating_point() or not tensor.any():  # zeros say nothing
            continue
        rows = tensor.float().movedim(axis, 0)
        largest = float(rows.abs().max())
        if not math.isfinite(largest):  # says nothing, and the run refuses it
            continue
        found = True
        if not torch.allclose(rows, rows[:1].expand_as(rows), rtol=0, atol=_ROUNDING * largest):
            return False
    return found


def same_but_rounded(one: Mapping[int, list[torch.Tensor]], two: Mapping[int, list[torch.Tensor]], images: int) -> bool:
    """Whether two passes, the second with fewer images in another memory format, gave the same but for rounding."""
    for key, tensors in one.items():
        others = two.get(key, [])
        if len(others) != len(tensors):
            return False
        for a, b in zip(tensors, others, strict=True):
            changed = [k for k in range(a.ndim) if a.ndim == b.ndim and a.shape[k] != b.shape[k]]
            if a.ndim != b.ndim or len(changed) != 1 or not a.is_floating_point():
                continue  # not read as maps, whatever it is
            shared = a.narrow(changed[0], 0, min(images, a.shape[changed[0]]))
            if shared.shape != b.shape:
                continue
            largest = float(shared.float().abs().max())
            scale = (
                largest if largest and math.isfinite(largest) else 1.0
            )  # what isn't finite the run refuses, by image
            if not torch.allclose(shared.float(), b.float(), rtol=0, atol=_TOLERANCE * scale, equal_nan=True):
                return False
    return True
