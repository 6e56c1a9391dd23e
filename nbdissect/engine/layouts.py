"""How a layer's output becomes maps: which part of it is meant, and what its axes are.

Nothing is guessed from the rank of a tensor or from a square number. A convolution, a 2-D norm or a
pool says by its kind that its axes are [units, h, w], a Linear or a LayerNorm that its last axis is
units. What others return is compared with the grids of the convolutions and pools that ran before,
and with the image that the network was fed. Where that leaves two readings, or none, the layer is
refused by an error that names them; ``output=`` then says what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Grid = tuple[int, int]
"""Height and width of a map."""
Form = Literal["channels first", "channels last", "tokens", "units first", "units"]
Key = int | str

OUTPUT_HINT = "output= says what is meant: an index, a key, or a function of what the module returns to [N, units, h, w], [N, T, units] or [N, units]."


@dataclass(frozen=True)
class Layout:
    """How one layer's output becomes maps.

    Attributes
    ----------
    units : int
    grid : (int, int)
        Height and width of a map.
    form : str
        "channels first" [N, U, h, w], "channels last" [N, h, w, U], "tokens" [N, T, U], "units first"
        [N, U, T], "units" [N, U].
    part : tuple of int or str
        Where in a tuple, list or mapping the tensor lies.
    batch_axis : int
    prefix : int
        Tokens in front of those of the grid: class, register and distillation tokens.
    function : callable, optional
        What makes the tensor of the module's output.
    reroll : callable, optional
        What puts tokens in windowed order back into [N, h, w, U].
    calls : int
        How often the layer is called in a pass. The last call counts.
    """

    units: int
    grid: Grid
    form: Form
    part: tuple[Key, ...] = ()
    batch_axis: int = 0
    prefix: int = 0
    function: Callable[[Any], Any] | None = None
    reroll: Callable[[torch.Tensor], torch.Tensor] | None = None
    calls: int = 1

    @property
    def reading(self) -> str:
        """What was read beside units and size, in words; empty for plain maps [N, units, h, w]."""
        words = []
        if self.part:
            words.append("".join(f"[{key!r}]" for key in self.part) + " of what it returns")
        if self.form in ("channels last", "units first"):
            words.append(self.form)
        if self.form == "tokens" and self.reroll is None:
            words.append("tokens")
        if self.reroll is not None:
            words.append("tokens, put back in order by the model")
        if self.prefix:
            words.append(f"after {self.prefix} other {'token' if self.prefix == 1 else 'tokens'}")
        if self.batch_axis:
            words.append("batch second")
        if self.calls > 1:
            words.append(f"last of {self.calls} calls")
        return ", ".join(words)

    def maps(self, output: Any, layer: str) -> torch.Tensor:
        """Return a layer's output as maps, float32 [B, h, w, U], contiguous.

        Units last: a batch in ``channels_last`` already lies so in memory, and per-unit comparisons
        then run along memory.

        Raises
        ------
        ValueError
            If the output is not what it was for the first images.
        """
        tensor = part_of(output, self.function, self.part)
        ranks = {"channels first": 4, "channels last": 4, "units": 2}
        if not isinstance(tensor, torch.Tensor) or tensor.ndim != ranks.get(self.form, 3):
            what = f"shape {list(tensor.shape)}" if isinstance(tensor, torch.Tensor) else f"a {type(tensor).__name__}"
            raise ValueError(
                f"Layer {layer!r} gave {what} after {self.units} units of {times(self.grid)}. All images must give maps of one size: resize them to one size in transform=."
            )
        tensor = tensor.movedim(self.batch_axis, 0)
        if self.form == "channels first":
            maps = tensor.permute(0, 2, 3, 1)
        elif self.form == "channels last":
            maps = tensor
        elif self.form == "units":
            maps = tensor[:, None, None, :]
        else:
            maps = self._folded(tensor if self.form == "tokens" else tensor.transpose(1, 2), layer)
        return maps.to(torch.float32).contiguous()

    def _folded(self, tokens: torch.Tensor, layer: str) -> torch.Tensor:
        if tokens.shape[1] != self.prefix + self.grid[0] * self.grid[1]:
            raise ValueError(
                f"Layer {layer!r} gave {tokens.shape[1]} tokens after {self.prefix + self.grid[0] * self.grid[1]}. "
                "All images must give maps of one size: resize them to one size in transform=."
            )
        return (
            self.reroll(tokens)
            if self.reroll is not None
            else tokens[:, self.prefix :].reshape(len(tokens), *self.grid, -1)
        )


@dataclass(frozen=True)
class Unreadable:
    """Why a layer's output is not read as maps."""

    reason: str


@dataclass(frozen=True)
class Shape:
    """One tensor of a layer's output, as it was for a larger and for a smaller batch.

    Attributes
    ----------
    part : tuple of int or str
        Where in the output it lies.
    dtype : torch.dtype
    larger, smaller : tuple of int
    wide : tuple of int, optional
        With the smaller batch and images twice as wide, where the network takes them.
    """

    part: tuple[Key, ...]
    dtype: torch.dtype
    larger: tuple[int, ...]
    smaller: tuple[int, ...]
    wide: tuple[int, ...] | None = None

    def __str__(self) -> str:
        axes = ("N" if a != b else str(a) for a, b in zip(self.larger, self.smaller, strict=False))
        return f"{str(self.dtype).removeprefix('torch.')} [{', '.join(axes)}]"


def part_of(output: Any, function: Callable[[Any], Any] | None, part: tuple[Key, ...]) -> Any:
    """Return the part of an output that is meant."""
    if function is not None:
        output = function(output)
    for key in part:
        output = output[key]
    return output


def picked(output: Any, pick: Any) -> Any:
    """Return the part of an output that `pick`, an index, a key or a function, means."""
    if pick is None:
        return output
    return part_of(output, pick, ()) if callable(pick) else part_of(output, None, (pick,))


def tensors_in(output: Any, part: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], torch.Tensor]]:
    """Yield every tensor in nested tuples, lists and mappings, with where it lies."""
    if isinstance(output, torch.Tensor):
        yield part, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            if isinstance(key, (int, str)):
                yield from tensors_in(value, (*part, key))
    elif isinstance(output, (tuple, list)):
        for key, value in enumerate(output):
            yield from tensors_in(value, (*part, key))


def times(size: Grid) -> str:
    """Return ``56 × 56``."""
    return f"{size[0]} × {size[1]}"
