"""Selecting the value at a rank by its digits: exact, from counts alone, in memory that doesn't grow with the data."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nbdissect.engine.devices import true_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nbdissect.engine.thresholds import Rank

_KEY_BITS = 32
_MAGNITUDE = (1 << 31) - 1
# Rows of counts that are summed up at once; bounds the working memory.
_ROWS = 1 << 20


def keys_of(values: torch.Tensor) -> torch.Tensor:
    """Return int64 keys in 0 … 2^32 - 1 that order float32 values as the numbers themselves; -0 equals 0."""
    bits = (values + 0.0).view(torch.int32)
    return (bits ^ ((bits >> 31) & _MAGNITUDE)).to(torch.int64) + (1 << 31)


def value_of(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the float32 values of some keys."""
    signed = (np.asarray(keys, dtype=np.int64) - (1 << 31)).astype(np.int32)
    bits = (signed ^ ((signed >> 31) & np.int32(_MAGNITUDE))).astype(np.int32)
    values: NDArray[np.float32] = np.ascontiguousarray(bits).view(np.float32) + np.float32(0.0)
    return values


class RadixHistogram:
    """How many activations of every unit lie in each of 2^bits ranges, and a bound that no threshold can lie below.

    The ranges are those of the first bits of a float: with 16 they are 0.8 % wide or narrower. The
    lower edge of the range in which the value of the wanted rank lies, among those seen so far, is
    the bound; values up to it can be forgotten. The threshold itself is then looked for among the
    values above the bound: see :class:`RadixSelect`.

    Attributes
    ----------
    bound : float32 [U]
    counts : int32 or int64 [U, 2^bits]

    Parameters
    ----------
    units : int
    count : int
        The wanted rank: the threshold is the `count`-th largest value.
    device
    bits : int
    most : int
        How many values of a unit there will be.
    """

    kept = "counts"

    def __init__(self, units: int, count: int, device: torch.device, bits: int, *, most: int) -> None:
        self._count = count
        self.bits = bits
        dtype = torch.int32 if most <= _MAGNITUDE else torch.int64
        self.counts = torch.zeros((units, 1 << bits), dtype=dtype, device=device)
        self.bound = torch.full((units,), -math.inf, dtype=torch.float32, device=device)
        self._fresh = 0  # values counted since the bound was last raised
        self._wait = units * count

    def update(self, maps: torch.Tensor) -> bool:
        """Take in maps [B, h, w, U]; return whether the bound may have risen."""
        for part in torch.split(maps, max(1, _ROWS // maps[0].numel())):
            rows = part.reshape(-1, part.shape[-1])
            where = true_positions(rows > self.bound)
            place = (where % rows.shape[1] << self.bits) + (keys_of(rows.view(-1)[where]) >> (_KEY_BITS - self.bits))
            ones = torch.ones(1, dtype=self.counts.dtype, device=place.device).expand(len(place))
            self.counts.view(-1).index_add_(0, place, ones)
            self._fresh += len(where)
        if self._fresh < self._wait:
            return False
        self._raise_bound()
        return True

    def merge(self, batches: Sequence[torch.Tensor]) -> None:
        """Take in maps [B, h, w, U], and raise the bound at once."""
        for maps in batches:
            self.update(maps)
        self._raise_bound()

    def _raise_bound(self) -> None:
        self._fresh = 0
        # The bound rises ever more slowly: finding it costs as much as counting some millions of values.
        self._wait = max(self._count * len(self.counts) // 4, self.counts.numel() // 4)
        place, _ = self.place(np.full(len(self.counts), self._count))
        edge = torch.from_numpy(value_of(np.maximum(place, 0) << (_KEY_BITS - self.bits)))
        edge = torch.where(torch.from_numpy(place < 0) | ~torch.isfinite(edge), -math.inf, edge)
        self.bound = torch.maximum(self.bound, edge.to(self.bound.device))

    def thresholds(self, rank: Rank) -> NDArray[np.float32]:
        """Return the values at a rank to within a range's width, float32 [U]."""
        place, _ = self.place(np.full(len(self.counts), rank.count))
        edge = value_of(np.maximum(place, 0) << (_KEY_BITS - self.bits))
        found: NDArray[np.float32] = np.maximum(np.where(place < 0, -np.inf, edge), self.bound.cpu().numpy())
        return found.astype(np.float32)

    def place(self, rank: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the range in which the rank-th largest value lies, int64 [U], and its rank within; -1 where fewer were counted."""
        return _place(self.counts.cpu().numpy(), rank)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what :meth:`merge_state` takes."""
        return {"counts": self.counts.cpu().numpy(), "bound": self.bound.cpu().numpy()}

    def merge_state(self, counts: NDArray[np.integer], bound: NDArray[np.float32]) -> None:
        """Take in what another histogram has counted."""
        self.counts += torch.from_numpy(counts).to(self.counts.device)
        self.bound = torch.maximum(self.bound, torch.from_numpy(bound).to(self.bound.device))
        self._raise_bound()


class RadixSelect:
    """The rank-th largest value of every unit, found digit by digit in passes over the values above a bound.

    Parameters
    ----------
    histogram : RadixHistogram
        Has counted all values, at least those above its bound.
    rank : int
        At most the rank for which the histogram keeps its bound.
    """

    def __init__(self, histogram: RadixHistogram, rank: int) -> None:
        self.floor = histogram.bound.cpu().numpy()
        self._bits = histogram.bits
        self._known = histogram.bits
        self._dtype = np.int32 if histogram.counts.dtype == torch.int32 else np.int64
        place, self._rank = histogram.place(np.full(len(self.floor), rank))
        # Fewer than `rank` above the bound, though so many are not below it: the value is the bound.
        self._settled = place < 0
        self._prefix = np.maximum(place, 0)
        self.counts = self._no_counts()

    @property
    def done(self) -> bool:
        """Whether every value is found."""
        return self._known == _KEY_BITS or bool(self._settled.all())

    def update(self, values: NDArray[np.float32], unit: NDArray[np.integer]) -> None:
        """Take in values [R] of units [R] in this pass: all those above the bound, each once."""
        wanted = values > self.floor[unit]
        unit, keys = unit[wanted].astype(np.int64), keys_of(torch.from_numpy(values[wanted])).numpy()
        inside = keys >> (_KEY_BITS - self._known) == self._prefix[unit]
        bits = self._next_bits
        digit = (keys[inside] >> (_KEY_BITS - self._known - bits)) & ((1 << bits) - 1)
        np.add.at(self.counts.reshape(-1), (unit[inside] << bits) + digit, 1)

    def blank(self) -> RadixSelect:
        """Return this search with nothing counted in this pass, for another process."""
        other = copy(self)
        other.counts = self._no_counts()
        return other

    def narrow(self) -> None:
        """End a pass over all values."""
        bits = self._next_bits
        place, rank = _place(self.counts, self._rank)
        missing = place < 0
        self._settled |= missing
        self._prefix = (self._prefix << bits) + np.maximum(place, 0)
        self._rank = np.where(missing, 1, rank)
        self._known += bits
        self.counts = self._no_counts()

    def values(self) -> NDArray[np.float32]:
        """Return the values, float32 [U]."""
        assert self.done
        found = value_of(self._prefix << (_KEY_BITS - self._known))
        return np.where(self._settled, self.floor, found).astype(np.float32)

    @property
    def _next_bits(self) -> int:
        return min(self._bits, _KEY_BITS - self._known)

    def _no_counts(self) -> NDArray[np.integer]:
        return np.zeros((len(self.floor), 1 << self._next_bits), self._dtype)


def _place(counts: NDArray[np.integer], rank: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column in which the rank-th largest lies, and its rank in there, each int64 [U]; -1 where there are fewer."""
    place = np.empty(len(counts), np.int64)
    left = np.empty(len(counts), np.int64)
    step = max(1, _ROWS // counts.shape[1])
    for first in range(0, len(counts), step):
        part = slice(first, first + step)
        above = np.cumsum(counts[part, ::-1], axis=1, dtype=np.int64)  # values in this column and all higher ones
        reached = above >= rank[part, None]
        k = reached.argmax(axis=1)
        rows = np.arange(len(k))
        place[part] = np.where(reached[rows, k], counts.shape[1] - 1 - k, -1)
        left[part] = rank[part] - (above[rows, k] - counts[part, ::-1][rows, k])
    return place, left
