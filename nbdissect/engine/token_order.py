"""What models say of their tokens: how many stand in front, and in which order the others do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import nn

from nbdissect.engine.layouts import Layout, Unreadable


def _ancestors(model: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    parts = name.split(".")
    names = [".".join(parts[:k]) for k in range(len(parts) + 1)]
    return [(outer, model.get_submodule(outer)) for outer in names[::-1]]


def told_prefixes(model: nn.Module, name: str) -> tuple[int, ...] | None:
    """The numbers of prefix tokens that the nearest model around a layer allows; None where it doesn't say."""
    for _, module in _ancestors(model, name):
        told = getattr(module, "num_prefix_tokens", None)
        registers = getattr(getattr(module, "config", None), "num_register_tokens", None)
        if isinstance(told, int):
            return (0, told)
        if isinstance(registers, int):
            return (0, 1 + registers)
    return None


def _shifts_windows(model: nn.Module, name: str) -> str:
    """Return the class of the block around an attention layer that shifts what it gives to it; empty if none does.

    Where a window is as large as the maps, there is one for each image, and nothing else shows the shift.
    """
    for outer, module in _ancestors(model, name)[1:]:
        shift = getattr(module, "shift_size", 0)
        sizes = shift if isinstance(shift, (tuple, list)) else (shift,)
        inside = name.removeprefix(f"{outer}.").partition(".")[0]
        if any(isinstance(size, int) and size > 0 for size in sizes) and ("attn" in inside or "attention" in inside):
            return type(module).__name__
    return ""


def in_image_order(  # noqa: PLR0911 - one for each rule
    model: nn.Module, name: str, found: Layout | Unreadable
) -> Layout | Unreadable:
    """Put tokens in order where the model knows how; refuse them where it shuffles or hides them."""
    if isinstance(found, Unreadable) or found.function is not None:
        return found
    if found.grid != (1, 1) and (block := _shifts_windows(model, name)):
        return Unreadable(
            f"returns positions of windows that {block} has shifted, not in the order of the image; what {block} itself returns is back in order"
        )
    if found.form not in ("tokens", "units first"):
        return found
    for outer, module in _ancestors(model, name):
        kind = type(module).__name__
        if "Hiera" in kind and any(hasattr(module, word) for word in ("unroll", "reroll", "unroll_schedule")):
            inside = name.removeprefix(f"{outer}.") if outer else name
            block = inside.removeprefix("blocks.")
            reroll = getattr(module, "reroll", None)
            if inside.startswith("blocks.") and block.isdigit() and isinstance(reroll, nn.Module):
                schedule = getattr(reroll, "schedule", {})
                return replace(
                    found,
                    prefix=0,
                    grid=tuple(schedule[int(block)][1]),
                    reroll=partial(reroll, block_idx=int(block)),
                )
            return Unreadable(
                f"returns tokens in the order of {kind}'s windows, not of the image; its blocks ('blocks.0' …) can be put back in order"
            )
    hiding = next((m for m in model.modules() if callable(getattr(m, "random_masking", None))), None)
    if hiding is not None and "decoder" not in name:
        return Unreadable(
            f"returns tokens that {type(hiding).__name__} shuffles and hides at random; dissect the encoder without masking"
        )
    return found
