"""The colors that things are painted in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbdissect.builtin.world.dice import Dice

RGB = tuple[float, float, float]

RED = (206.0, 60.0, 52.0)
ORANGE = (236.0, 140.0, 52.0)
YELLOW = (244.0, 204.0, 72.0)
LIME = (150.0, 196.0, 80.0)
GREEN = (70.0, 150.0, 84.0)
TEAL = (56.0, 156.0, 158.0)
LIGHT_BLUE = (124.0, 184.0, 230.0)
BLUE = (58.0, 108.0, 196.0)
NAVY = (42.0, 56.0, 104.0)
PURPLE = (128.0, 82.0, 172.0)
PINK = (240.0, 142.0, 176.0)
WHITE = (244.0, 242.0, 236.0)
GREY = (146.0, 150.0, 156.0)
DARK = (44.0, 44.0, 52.0)
BROWN = (134.0, 90.0, 56.0)
TAN = (204.0, 168.0, 120.0)

#: What can be painted at will: cars, clothes, walls, sails.
PAINTS = (RED, ORANGE, YELLOW, LIME, GREEN, TEAL, LIGHT_BLUE, BLUE, NAVY, PURPLE, PINK, WHITE, GREY, DARK, BROWN, TAN)
WOODS = ((134.0, 90.0, 56.0), (170.0, 122.0, 76.0), (102.0, 66.0, 44.0), (196.0, 158.0, 108.0))
STONES = ((150.0, 146.0, 140.0), (120.0, 122.0, 128.0), (178.0, 170.0, 156.0))
BRICKS = ((178.0, 84.0, 62.0), (150.0, 70.0, 58.0), (200.0, 130.0, 92.0), (190.0, 170.0, 150.0))
SKINS = ((246.0, 208.0, 176.0), (224.0, 172.0, 130.0), (168.0, 112.0, 78.0), (110.0, 72.0, 50.0))
FOLIAGE = (
    (84.0, 148.0, 70.0), (56.0, 120.0, 66.0), (124.0, 168.0, 74.0), (70.0, 140.0, 104.0), (158.0, 164.0, 66.0),
    (216.0, 150.0, 60.0), (196.0, 92.0, 56.0), (226.0, 190.0, 80.0), (236.0, 170.0, 190.0),
)  # fmt: skip
GLASS = (176.0, 212.0, 228.0)
LAMPLIGHT = (255.0, 226.0, 140.0)


def jitter(dice: Dice, color: RGB, amount: float = 14.0) -> RGB:
    """Return the color moved a little, mostly in lightness."""
    shift = dice.between(-amount, amount)
    return (
        color[0] + shift + dice.between(-amount, amount) * 0.5,
        color[1] + shift + dice.between(-amount, amount) * 0.5,
        color[2] + shift + dice.between(-amount, amount) * 0.5,
    )


def paint(dice: Dice) -> RGB:
    """Return any paint, a little varied."""
    return jitter(dice, dice.pick(PAINTS))


def shade(color: RGB, factor: float) -> RGB:
    """Return the color darkened (factor below 1) or lightened towards white (above 1)."""
    if factor <= 1.0:
        return (color[0] * factor, color[1] * factor, color[2] * factor)
    return mix(color, (255.0, 255.0, 255.0), factor - 1.0)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """Return the color on the way from the first to the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def contrast(dice: Dice, color: RGB) -> RGB:
    """Return a paint clearly lighter or darker than the color, for a pattern on it."""
    brightness = sum(color) / 3.0
    for _ in range(6):
        other = paint(dice)
        if abs(sum(other) / 3.0 - brightness) > 60.0:
            return other
    return shade(color, 1.7) if brightness < 130.0 else shade(color, 0.45)
