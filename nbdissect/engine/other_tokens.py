"""Where tokens that are no patches of the image stand: shown by two images that differ everywhere.

A class token, registers and queries begin as the same for all images; tokens of patches never do. So the
first sequence of a length that a part of the model returns shows which of its positions aren't the image's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.activations import ModelOutOfMemoryError, recorded, run_model
from nbdissect.engine.layouts import tensors_in
from nbdissect.engine.reading import is_spatial
from nbdissect.engine.token_order import told_prefixes
from nbdissect.notices import logger
from nbdissect.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from nbdissect.engine.activations import Forward
    from nbdissect.engine.layouts import Layout


def object_to_tokens(
    model: nn.Module, found: Mapping[str, Layout], images: torch.Tensor, forward: Forward | None
) -> dict[str, str]:
    """Return, for each layer whose tokens aren't what was read, why.

    Parameters
    ----------
    found : mapping of name to Layout
        The layers that were read. Of tokens alone is asked, and only where the model doesn't say how many others it has.
    images : tensor [N, C, H, W]
        As the network is fed.
    """
    asked = {
        name: layout
        for name, layout in found.items()
        if layout.form in ("tokens", "units first") and layout.function is None and told_prefixes(model, name) is None
    }
    if not asked:
        return {}
    seen = _OtherTokens({layout.prefix + math.prod(layout.grid) for layout in asked.values()})
    names = {id(module): name for name, module in model.named_modules()}
    try:
        with recorded(model, lambda *_: None, lambda module, output: seen.record(names[id(module)], module, output)):
            run_model(model, _differing(images), forward)
    except (ValueError, ModelOutOfMemoryError) as error:
        logger.debug("the network takes no two images that differ everywhere: %s", error)
        return {}
    return {name: why for name, layout in asked.items() if (why := seen.objection(name, layout))}


def _differing(images: torch.Tensor) -> torch.Tensor:
    """Return two images that differ in every patch: the first of a batch [N, C, H, W], and another made of it."""
    first = images[:1].float()
    ramp = torch.linspace(0.5, 1.5, images.shape[-1], device=images.device)
    scale = 1.0 if images.dtype.is_floating_point else 100.0
    return torch.cat([first, first.flip((-1, -2)) + scale * ramp]).to(images.dtype)


class _OtherTokens:
    """What a pass over two images that differ everywhere shows of sequences.

    Parameters
    ----------
    lengths : set of int
        Of the sequences that were read as tokens.
    """

    def __init__(self, lengths: set[int]) -> None:
        self._lengths = lengths
        self._first: dict[tuple[str, int], tuple[int, ...]] = {}
        self._sees: set[str] = set()  # parts of the model with a convolution or pool of their own

    def record(self, name: str, module: nn.Module, output: Any) -> None:
        """Note which positions of what a module returned are the same for both images."""
        for _, tensor in tensors_in(output):
            if tensor.ndim == 4 and is_spatial(module):
                self._sees.update(_around(name))
            if tensor.ndim != 3 or not tensor.is_floating_point() or 2 not in tensor.shape[:2] or not tensor.any():
                continue
            one, two = tensor.unbind(0 if tensor.shape[0] == 2 else 1)
            equal = one == two
            for axis in (0, 1):
                length = equal.shape[axis]
                if length in self._lengths:
                    same = tuple(equal.all(dim=1 - axis).nonzero().flatten().tolist())
                    for part in _around(name):
                        self._first.setdefault((part, length), same)

    def objection(self, name: str, found: Layout) -> str:
        """Return why a layer's tokens aren't patches behind so many others; empty if nothing speaks against it."""
        patches = found.grid[0] * found.grid[1]
        length = found.prefix + patches
        for part in _around(name):
            same = self._first.get((part, length), ())
            if len(same) == length and part not in self._sees:
                return f"returns {length} tokens that begin as the same for all images: queries or the like, not patches of {found.grid[0]} × {found.grid[1]}"
            if not same or len(same) == length:
                continue
            if same[-1] < found.prefix:
                return ""
            return (
                f"returns {length} tokens, of which {plural(len(same), 'token')} ({_positions(same)}) {'is' if len(same) == 1 else 'are'} "
                f"the same for all images, so that the {patches} of {found.grid[0]} × {found.grid[1]} do not stand last"
            )
        if found.prefix > 1:
            return f"returns {length} tokens, and nothing in this pass shows which {found.prefix} of them aren't those of {found.grid[0]} × {found.grid[1]}"
        return ""


def _around(name: str) -> Iterator[str]:
    """Yield the name itself and those of the parts around it, from the inside out, down to the model's, ``""``."""
    yield name
    while name:
        name = name.rpartition(".")[0]
        yield name


def _positions(same: tuple[int, ...]) -> str:
    if same == tuple(range(same[0], same[-1] + 1)):
        return f"{same[0]} to {same[-1]}, counted from 0" if len(same) > 1 else f"number {same[0]}, counted from 0"
    return ", ".join(map(str, same[:5])) + (", …" if len(same) > 5 else "")
