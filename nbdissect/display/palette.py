"""One color per category, told apart by people with any color vision (Okabe and Ito, 2008)."""

from __future__ import annotations

_OKABE_ITO = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#999999")
_APART = tuple(_OKABE_ITO[k] for k in (0, 3, 2, 5, 4, 1))  # neighbors differ most
_USUAL = ("object", "part", "material", "scene", "texture", "color")


def place_color(place: int) -> str:
    """Return a color for the first, second, third … of a list; they repeat, so a number goes with each."""
    return _APART[place % len(_APART)]


def category_colors(categories: tuple[str, ...]) -> dict[str, str]:
    """Return a color for each category: Broden's six always get the same."""
    others = [name for name in categories if name not in _USUAL]
    palette = dict(zip(_USUAL, _OKABE_ITO, strict=False))
    spare = _OKABE_ITO[len(_USUAL) :]
    return {name: palette.get(name) or spare[others.index(name) % len(spare)] for name in categories}
