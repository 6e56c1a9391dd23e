"""Every unit's threshold, the m-th largest of its activations: its rank, and a buffer that finds it in a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from nbdissect.engine.devices import true_positions
from nbdissect.notices import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nbdissect.types import Semantics

_PAPER_QUANTILE = 0.005
# Elements of one topk call; bounds its working memory.
_CHUNK = 4_000_000
# Map values handled at once. While the bound is low, many of them survive, at 50 bytes each.
_ELEMENTS = 1 << 20


@dataclass(frozen=True)
class Rank:
    """Which order statistic of a unit's n activations is its threshold.

    Attributes
    ----------
    count : int
        The threshold needs the `count` largest values.
    fraction : float
        It lies between the count-th largest (0) and the next larger (1).
    """

    count: int
    fraction: float = 0.0


def threshold_rank(quantile: float, n: int, semantics: Semantics) -> Rank:
    """Return where among n activations the threshold lies.

    The paper's: the m-th largest, m = floor(q n) + 1, so that at most a share q lies strictly above.
    NetDissect-Lite reads its sketch at the position (int(1000 (1 - q)) - 1) / 999 of the sorted values,
    interpolated linearly: 0.994994 for q = 0.005.
    """
    if semantics == "paper":
        return Rank(math.floor(quantile * n) + 1)
    position = int(1000 * (1 - quantile) - 1) / 999 * (n - 1)
    lower = math.floor(position)
    return Rank(n - lower, position - lower)


class TopValues:
    """The `count` largest values of every unit so far, and a bound that no threshold can lie below.

    A padded buffer [U, 2 count]: when a unit's row is full, all rows are cut back to their `count`
    largest, whose minimum is that unit's bound from then on. The count-th largest value so far
    never exceeds the final one, so values up to the bound can be forgotten.

    Attributes
    ----------
    bound : float32 [U]
    """

    kept = "values"

    def __init__(self, units: int, rank: Rank, device: torch.device) -> None:
        self._rank = rank
        self._values = torch.full((units, 2 * rank.count), -math.inf, dtype=torch.float32, device=device)
        self._fill = torch.zeros(units, dtype=torch.int64, device=device)
        self.bound = torch.full((units,), -math.inf, dtype=torch.float32, device=device)
        # Known on the host without asking the device: every row has at least so much room; whether all hold `count` values.
        self._room = 2 * rank.count
        self._full = False

    def update(self, maps: torch.Tensor) -> bool:
        """Take in maps [B, h, w, U]; return whether the bound rose."""
        parts = torch.split(maps, max(1, _ELEMENTS // maps[0].numel()))
        return any([self._update(part) for part in parts])  # noqa: C419 - all of them, also after the first that rose

    def _update(self, maps: torch.Tensor) -> bool:
        rows = maps.view(-1, maps.shape[-1])
        rose = False
        above = rows > self.bound
        counts = above.sum(0)
        if not self._fits(counts, len(rows)):
            self.merge([])
            rose = True
            above = rows > self.bound
            counts = above.sum(0)
            if not self._fits(counts, len(rows)):
                self.merge([maps])
                return True
        where = true_positions(above)
        unit = where % rows.shape[1]
        order = torch.argsort(unit, stable=True)
        start = torch.cumsum(counts, 0) - counts
        unit = unit[order]
        slot = torch.arange(len(unit), device=unit.device) - start[unit] + self._fill[unit]
        self._values[unit, slot] = rows.view(-1)[where[order]]
        self._fill += counts
        return rose

    def _fits(self, counts: torch.Tensor, most: int) -> bool:
        """Whether the rows have room for `counts` [U] more values, none more than `most`; if so, takes it for used."""
        if most <= self._room:
            self._room -= most
            return True
        left = self._values.shape[1] - int((self._fill + counts).max())
        self._room = max(left, 0)
        return left >= 0

    def merge(self, batches: Sequence[torch.Tensor]) -> None:
        """Take in whole maps [B, h, w, U] and cut every row back to its `count` largest."""
        new = sum(batch.shape[0] * batch.shape[1] * batch.shape[2] for batch in batches)
        # While rows are not full their padding must stay behind the values: only a sorted topk puts it there.
        self._full = self._full or bool((self._fill + new >= self._rank.count).all())
        step = max(1, _CHUNK // (self._values.shape[1] + new))
        for first in range(0, len(self._values), step):
            part = slice(first, first + step)
            rows = [self._values[part], *(batch[..., part].flatten(0, 2).T for batch in batches)]
            largest = torch.cat(rows, 1).topk(self._rank.count, sorted=not self._full).values
            self._values[part, : self._rank.count] = largest
            self.bound[part] = torch.maximum(self.bound[part], largest.amin(1))
        self._values[:, self._rank.count :] = -math.inf
        self._fill = (self._fill + new).clamp_(max=self._rank.count)
        self._room = self._rank.count

    def state_dict(self) -> dict[str, NDArray[np.float32]]:
        """Return what :meth:`merge_state` takes: the values float32 [U, K], padded with -inf, and the bound."""
        self.merge([])
        held = int(self._fill.max())
        return {"values": self._values[:, :held].cpu().numpy(), "bound": self.bound.cpu().numpy()}

    def merge_state(self, values: NDArray[np.float32], bound: NDArray[np.float32]) -> None:
        """Take in what another buffer holds."""
        device = self.bound.device
        self.merge([torch.from_numpy(values).to(device).T[None, None]])
        self.bound = torch.maximum(self.bound, torch.from_numpy(bound).to(device))

    def thresholds(self, rank: Rank) -> NDArray[np.float32]:
        """Return the values at a rank, at most the buffer's own, float32 [U]; more may still come in."""
        held = self._values[:, : max(rank.count, int(self._fill.max()))]
        step = max(1, _CHUNK // held.shape[1])
        parts = [_order_statistics(held[first : first + step], rank) for first in range(0, len(held), step)]
        return np.concatenate(parts)


def _order_statistics(values: torch.Tensor, rank: Rank) -> NDArray[np.float32]:
    """Return the value of every row at a rank, float32 [rows]."""
    largest = values.topk(rank.count, sorted=bool(rank.fraction)).values
    lower = largest.amin(1).cpu().numpy()
    if not rank.fraction:
        return lower
    upper = largest[:, : max(1, rank.count - 1)].amin(1).cpu().numpy()
    return interpolate(lower, upper, rank.fraction)


def interpolate(lower: NDArray[np.float32], upper: NDArray[np.float32], fraction: float) -> NDArray[np.float32]:
    """Return the value between two order statistics as ``numpy.quantile`` computes it, in float64."""
    a, b = lower.astype(np.float64), upper.astype(np.float64)
    value = a + (b - a) * fraction if fraction < 0.5 else b - (b - a) * (1 - fraction)
    return value.astype(np.float32)


def check_quantile(quantile: float, n: int, layer: str) -> None:
    """Refuse a quantile that leaves every mask empty, or warn where the data set is too small for any usual one.

    Raises
    ------
    ValueError
        If a share `quantile` of `n` activations is less than one of them, though the paper's 0.005
        would leave one.
    """
    if quantile * n >= 1:
        return
    text = (
        f"quantile={quantile:g} of the {n:,} activations of a unit of layer {layer!r} is less than one: "
        f"no activation exceeds the threshold and every mask is empty. The smallest that leaves one here is {1 / n:.2g}"
    )
    if n * _PAPER_QUANTILE >= 1:
        raise ValueError(f"{text}; the paper uses {_PAPER_QUANTILE:g}.")
    warn(f"{text}; or use more images.")
