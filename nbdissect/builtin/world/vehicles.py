"""Things that drive, sail and fly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import (
    DARK,
    GLASS,
    GREY,
    LAMPLIGHT,
    NAVY,
    RED,
    RGB,
    WHITE,
    WOODS,
    YELLOW,
    jitter,
    paint,
    shade,
)  # fmt: skip

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def _wheel(pen: Pen, x: float, y: float, radius: float, rim: RGB = (190.0, 194.0, 200.0)) -> None:
    """Draw a tyre with its rim."""
    tyre = pen.ink((38.0, 38.0, 42.0), part="wheel")
    pen.ellipse(tyre, x, y, radius)
    pen.ellipse(pen.ink(rim, part="wheel", material="metal", pattern="plain"), x, y, radius * 0.55)
    pen.ellipse(tyre, x, y, radius * 0.2)


def car(pen: Pen) -> None:
    """Draw a car from the side: saloon, small car or van."""
    dice = pen.dice
    color = paint(dice)
    body, low = (
        pen.ink(color, material="metal", pattern="plain"),
        pen.ink(shade(color, 0.75), material="metal", pattern="plain"),
    )
    night = sum(pen.canvas.tint) < 2.0
    glass_color = jitter(dice, LAMPLIGHT if night and dice.chance(0.3) else GLASS)
    glass = pen.ink(glass_color, part="car window", material="glass")
    panes: tuple[tuple[tuple[float, float], ...], ...]
    shape = dice.pick(("saloon", "small", "van"))
    if shape == "van":
        half, top = 17.0, 17.5
        pen.polygon(body, ((-half, 3), (half, 3), (half, 9), (half - 3, 10), (half - 7, top), (-half, top)))
        panes = (
            ((half - 9, 10), (half - 4.2, 10), (half - 7.6, top - 1.8), (half - 9, top - 1.8)),
            ((half - 18, 10), (half - 10.4, 10), (half - 10.4, top - 1.8), (half - 18, top - 1.8)),
            ((-half + 2, 10), (half - 19.4, 10), (half - 19.4, top - 1.8), (-half + 2, top - 1.8)),
        )
    else:
        half, top = (17.0, 14.0) if shape == "saloon" else (13.5, 15.5)
        pen.polygon(body, ((-half, 3), (half, 3), (half, 7.4), (half - 2, 8.6), (-half + 1, 8.8), (-half, 7.6)))
        pen.polygon(body, ((-half + 3, 8.2), (half - 6, 8.2), (half - 11, top), (-half + 7, top)))
        panes = (
            ((-half + 5.4, 8.6), (-1.2, 8.6), (-1.2, top - 1.3), (-half + 8, top - 1.3)),
            ((0.2, 8.6), (half - 8, 8.6), (half - 11.8, top - 1.3), (0.2, top - 1.3)),
        )
    for pane in panes:
        pen.polygon(glass, pane)
    pen.rect(low, -half, 2.6, half, 4.6)
    for x in (-half + 6, half - 6):
        _wheel(pen, x, 3.8, 4.1)
    pen.ellipse(pen.ink(LAMPLIGHT, glow=True), half - 1.2, 6.6, 1.7)
    pen.rect(pen.ink(RED), -half, 6, -half + 1.6, 8)


def train(pen: Pen) -> None:
    """Draw an engine and carriages, longer than most views."""
    dice = pen.dice
    color, stripe = paint(dice), paint(dice)
    body = pen.ink(color, material="metal")
    roof = pen.ink(shade(color, 0.6), material="metal")
    band = pen.ink(stripe, material="metal", pattern="plain")
    glass = pen.ink(
        jitter(dice, dice.pick((GLASS, LAMPLIGHT, (72.0, 88.0, 110.0)))), part="train window", material="glass"
    )
    under = pen.ink((52.0, 52.0, 58.0), material="metal", pattern="plain")
    for carriage in range(dice.whole(2, 3)):
        left = -carriage * 45.0
        pen.rect(under, left - 40, 1.6, left, 4)
        if carriage == 0:
            pen.polygon(body, ((left - 42, 3.6), (left + 3, 3.6), (left + 3, 9), (left - 4, 21), (left - 42, 21)))
            pen.polygon(glass, ((left - 5.2, 12), (left + 0.4, 12), (left - 4.2, 19), (left - 5.2, 19)))
            pen.ellipse(pen.ink(LAMPLIGHT, glow=True), left + 1, 7.4, 1.5)
        else:
            pen.rect(body, left - 42, 3.6, left, 21)
        pen.rect(roof, left - 42, 20.4, left - (4 if carriage == 0 else 0), 22.6)
        pen.rect(band, left - 42, 7, left + (2.6 if carriage == 0 else 0), 9.4)
        for window in range(4):
            x = left - 38.5 + window * 8.2
            pen.rect(glass, x, 11.8, x + 5.8, 18.4)
        for x in (left - 36, left - 29, left - 12, left - 5):
            _wheel(pen, x, 2.4, 2.8)


def boat(pen: Pen) -> None:
    """Draw a sailing boat, or a small steamer."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, WHITE, RED, NAVY))) if dice.chance(0.5) else paint(dice)
    hull = pen.ink(color, part="hull", material="wood" if dice.chance(0.5) else "")
    if dice.chance(0.72):
        pen.bar(pen.ink((110.0, 78.0, 54.0), material="wood", pattern="plain"), 0, 5, 0, 31, 1.2)
        sail_color = WHITE if dice.chance(0.4) else paint(dice)
        sail = pen.cloth(sail_color, part="sail", share=0.35)
        pen.polygon(sail, ((1.4, 8), (13, 8), (9, 18), (1.4, 30)))
        pen.polygon(
            pen.ink(shade(sail_color, 0.85), part="sail", material="fabric"), ((-1.4, 8), (-10.5, 8), (-1.4, 26))
        )
    else:
        pen.rect(pen.ink(WHITE), -8, 6, 7, 13)
        for x in (-6, -1.6, 2.8):
            pen.rect(pen.ink((72.0, 104.0, 140.0), material="glass"), x, 8, x + 2.8, 11)
        funnel = paint(dice)
        pen.rect(pen.ink(funnel, material="metal"), -4, 13, 0, 21)
        pen.rect(pen.ink(DARK, material="metal"), -4, 19, 0, 21)
    pen.polygon(hull, ((-15, 7), (16.5, 7), (11.5, 0), (-11, 0)))
    pen.polygon(pen.ink(shade(color, 0.6), part="hull"), ((-12.5, 2.4), (13.4, 2.4), (11.5, 0), (-11, 0)))


def tractor(pen: Pen) -> None:
    """Draw a tractor with one large wheel."""
    dice = pen.dice
    color = paint(dice)
    body = pen.ink(color, material="metal")
    pen.bar(pen.ink(DARK, material="metal"), 9, 12, 9, 19, 1.5)
    pen.rect(body, 0, 6, 15, 13)
    pen.rect(pen.ink(shade(color, 0.7), material="metal"), 11.5, 6.8, 14.4, 12)
    pen.rect(pen.ink(GLASS, material="glass"), -8.4, 12, 1, 21)
    frame = pen.ink(shade(color, 0.85), material="metal")
    for x in (-8.4, 0.4):
        pen.bar(frame, x, 10, x, 22, 1.2)
    pen.rect(frame, -9.6, 21, 1.8, 22.8)
    pen.rect(body, -9, 7, 1, 12)
    rim = dice.pick((YELLOW, RED, GREY, WHITE))
    for x, radius in ((-5.5, 7.8), (11.5, 5.0)):
        _wheel(pen, x, radius, radius, rim)


def aeroplane(pen: Pen) -> None:
    """Draw an aeroplane from the side."""
    dice = pen.dice
    color = WHITE if dice.chance(0.35) else paint(dice)
    trim = paint(dice)
    body = pen.ink(color, material="metal")
    wing_color = shade(color, 0.72) if dice.chance(0.5) else trim
    wing = pen.ink(wing_color, part="aeroplane wing", material="metal")
    pen.polygon(pen.ink(shade(wing_color, 0.85), part="aeroplane wing", material="metal"),
                ((-3, 6.5), (7, 6.5), (-2, 15), (-7, 15)))  # fmt: skip
    pen.polygon(pen.ink(trim, material="metal"), ((-17, 6), (-11, 6), (-17.5, 15), (-21, 15)))
    pen.ellipse(body, 0, 4.6, 19, 4)
    pen.polygon(body, ((-22, 7.6), (-8, 8.4), (-8, 2)))
    pane = pen.ink((72.0, 104.0, 140.0), material="glass")
    for x in range(-9, 11, 4):
        pen.ellipse(pane, x, 6, 1.0)
    pen.polygon(pane, ((12, 6), (16.4, 6), (14, 8)))
    pen.polygon(wing, ((-4, 4.8), (8, 4.8), (-4.5, -6), (-10.5, -6)))
    if dice.chance(0.5):
        pen.ellipse(pen.ink(DARK, material="metal"), 2, 0.4, 3, 1.5)
