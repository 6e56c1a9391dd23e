"""What `write_broden` is given, checked: names and numbers that the format can hold, and how it shall write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from nbdissect.data.broden import FIXED_COLUMNS
from nbdissect.data.pictures import LabelsError

if TYPE_CHECKING:
    from nbdissect.types import Concept

_MOST_NUMBER = (1 << 16) - 1  # what red and green of a mask's pixel hold


def check_categories(categories: tuple[str, ...]) -> tuple[str, ...]:
    """Return the categories, which must be names that can stand in a header and in names of files."""
    for name in categories:
        if name in FIXED_COLUMNS or not {"/", "\\", ":", ";", "(", ")"}.isdisjoint(name) or not is_plain(name):
            raise LabelsError(
                f"write_broden: a category called {name!r} can't stand in the Broden format: no / \\ : ; ( ), no control characters, "
                f"and none of {', '.join(FIXED_COLUMNS)}. Call it something else."
            )
    return categories


def check_concepts(concepts: Sequence[Concept]) -> None:
    """Refuse numbers that a mask can't hold, and names that a table can't."""
    for concept in concepts:
        if concept.number > _MOST_NUMBER:
            raise LabelsError(
                f"write_broden: concept {concept.name!r} has the number {concept.number:,}; masks in the Broden format hold numbers to {_MOST_NUMBER:,}. "
                "Number your concepts from 1 on."
            )
        if not is_plain(concept.name):
            raise LabelsError(
                f"write_broden: the name {concept.name!r} of concept {concept.number} holds a control character or half a letter. Rename it."
            )


def is_plain(name: str) -> bool:
    """Whether a name has no control characters and no halves of letters."""
    return name.encode("utf-8", "replace").decode() == name and all(
        ord(sign) >= 32 and ord(sign) != 127 for sign in name
    )


def parse_size(size: Any) -> tuple[int, int] | None:
    """Return height and width in pixels, of one number or two; None = as they are."""
    if size is None:
        return None
    sides = (size, size) if isinstance(size, Integral) else tuple(size) if isinstance(size, Sequence) else ()
    if len(sides) != 2 or not all(
        isinstance(n, Integral) and not isinstance(n, bool) and 2 <= int(n) <= 8192 for n in sides
    ):
        raise LabelsError(
            f"size={size!r:.40}; a number of pixels from 2 to 8,192 is needed, such as 224, or (height, width)."
        )
    return int(sides[0]), int(sides[1])


def parse_quality(quality: int | None) -> int | None:
    """Return the quality of JPEG files; None = PNG."""
    if quality is not None and not (isinstance(quality, int) and 1 <= quality <= 95):
        raise LabelsError(f"quality={quality!r:.40}; a whole number from 1 to 95 is needed, or None for PNG.")
    return quality


def parse_splits(splits: Any) -> Mapping[str, float] | None:
    """Return the shares of the splits by name; None = as the data set has them."""
    if splits is None:
        return None
    shares = splits.values() if isinstance(splits, Mapping) else ()
    if not shares or not all(isinstance(n, (int, float)) and 0 <= n < float("inf") for n in shares) or not sum(shares):
        raise LabelsError(
            f'splits={splits!r:.80}; a mapping of name to share is needed, such as {{"train": 0.7, "val": 0.3}}.'
        )
    if not all(isinstance(name, str) and name and is_plain(name) for name in splits):
        raise LabelsError(f"splits={splits!r:.80}; its keys must be names.")
    return dict(splits)
