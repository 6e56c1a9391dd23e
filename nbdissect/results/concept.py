"""What a unit can be a detector of."""

from __future__ import annotations

from typing import NamedTuple


class Concept(NamedTuple):
    """A labelled concept: a number in the masks, its name, and its category.

    A concept *is* its number: names repeat (Broden holds a material *glass* and a
    part *glass*), numbers do not.
    """

    number: int
    name: str
    category: str
