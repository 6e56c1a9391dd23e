"""What counts as an activation map."""

from __future__ import annotations

import math
from typing import Any

import torch


def to_maps(output: Any, layer: str) -> torch.Tensor:
    """Return a layer's output as maps, float32 [B, h, w, U], contiguous.

    Units last: a batch in ``channels_last`` already lies so in memory, and per-unit comparisons
    then run along memory.

    Parameters
    ----------
    output
        [B, U, h, w]; or [B, U], taken as 1 x 1 maps; or tokens [B, T, U] of a square grid of
        patches, with or without one class token in front.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(output, torch.Tensor):
        kind = type(output).__name__
        raise ValueError(f"Layer {layer!r} returns a {kind}, not one tensor, so it has no activation maps. {_ALLOWED}")
    if not output.is_floating_point() or output.ndim not in (2, 3, 4) or 0 in output.shape:
        raise ValueError(_no_map(output, layer))
    if output.ndim == 4:
        maps = output.permute(0, 2, 3, 1)
    elif output.ndim == 2:
        maps = output[:, None, None, :]
    else:
        maps = _patches(output, layer)
    return maps.to(torch.float32).contiguous()


def _patches(tokens: torch.Tensor, layer: str) -> torch.Tensor:
    count = tokens.shape[1]
    for patches in (count, count - 1):
        side = math.isqrt(patches)
        if side and side * side == patches:
            return tokens[:, count - patches :].reshape(len(tokens), side, side, -1)
    raise ValueError(_no_map(tokens, layer))


_ALLOWED = (
    "Allowed are [N, units, height, width], [N, units], and tokens [N, T, units] of a square grid of patches "
    "(T or T − 1 a square). nd.layers(model) lists the layers that qualify."
)


def _no_map(output: torch.Tensor, layer: str) -> str:
    kind = str(output.dtype).removeprefix("torch.")
    return (
        f"Layer {layer!r} returns a {kind} tensor of shape {list(output.shape)}, which is no activation map. {_ALLOWED}"
    )
