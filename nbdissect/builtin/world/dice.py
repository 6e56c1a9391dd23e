"""Random choices that depend on nothing but their seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Dice:
    """A stream of random choices, the same on every machine for the same key.

    Built on ``random.Random.random`` alone, whose sequence Python keeps from version to version,
    and several times faster per draw than NumPy's generators.
    """

    def __init__(self, key: str) -> None:
        self._random = random.Random(key).random  # noqa: S311 - drawings, not secrets

    def between(self, low: float, high: float) -> float:
        """Return a number, uniform between two bounds."""
        return low + (high - low) * self._random()

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self._random() * len(options))]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))
