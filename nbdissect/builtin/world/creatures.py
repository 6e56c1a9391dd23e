"""People and animals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import (
    BROWN,
    DARK,
    ORANGE,
    PINK,
    RED,
    SKINS,
    TAN,
    WHITE,
    YELLOW,
    contrast,
    jitter,
    paint,
    shade,
)  # fmt: skip

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen

_HAIR = (
    DARK,
    (84.0, 56.0, 40.0),
    (150.0, 96.0, 56.0),
    (230.0, 196.0, 120.0),
    (190.0, 84.0, 50.0),
    (200.0, 200.0, 204.0),
)


def person(pen: Pen) -> None:
    """Draw a person, standing or walking, arms down or raised."""
    dice = pen.dice
    skin = jitter(dice, dice.pick(SKINS), 8)
    shirt, trousers = paint(dice), paint(dice)
    legs = pen.ink(trousers, part="person legs", material="fabric", pattern="plain")
    shoe = pen.ink(shade(trousers, 0.4), part="person legs")
    stride = dice.pick((1.6, 1.6, 3.4))
    for side in (-1, 1):
        pen.bar(legs, side * 1.1, 8.5, side * stride, 0.6, 2.5)
        pen.rect(shoe, side * stride - 1.3, 0, side * stride + 1.9, 1.4)
    torso = pen.cloth(shirt, part="person torso", share=0.35)
    sleeve = pen.ink(shade(shirt, 0.85), part="person torso", material="fabric", pattern="plain")
    hand = pen.ink(skin)
    raised = dice.chance(0.25)
    for side in (-1, 1):
        x, y = (side * 6, 17.5) if raised else (side * 4.9, 8.5)
        pen.bar(sleeve, side * 2.8, 14.2, x, y, 1.9)
        pen.ellipse(hand, x, y, 1.2)
    if dice.chance(0.3):  # a skirt or a coat
        pen.polygon(torso, ((-2.8, 15.6), (2.8, 15.6), (4.6, 5), (-4.6, 5)))
    else:
        pen.polygon(torso, ((-3.4, 15.6), (3.4, 15.6), (2.8, 7.6), (-2.8, 7.6)))
    hair = pen.ink(jitter(dice, dice.pick(_HAIR), 8), part="person head")
    if dice.chance(0.35):
        pen.ellipse(hair, 0, 18.6, 3.8, 4.4)
    pen.ellipse(pen.ink(skin, part="person head"), 0, 18.8, 3.3, 3.6)
    pen.dome(hair, 0, 19.6, 3.5, 3.3)
    if dice.chance(0.2):
        hat = pen.ink(paint(dice), part="person head", material="fabric", pattern="plain")
        pen.dome(hat, 0, 20.2, 3.6, 3.6)
        pen.rect(hat, -4.6, 19.8, 4.6, 20.9)
    eye = pen.ink(DARK, part="person head")
    for x in (-0.6, 1.6):
        pen.ellipse(eye, x, 18.6, 0.45)


def cow(pen: Pen) -> None:
    """Draw a cow, head up or grazing."""
    dice = pen.dice
    color = jitter(dice, dice.pick((WHITE, WHITE, BROWN, (176.0, 110.0, 70.0), TAN, DARK)))
    patch = shade(color, 0.4) if sum(color) > 300 else shade(color, 1.7)
    body, spots, leg = pen.ink(color), pen.ink(patch), pen.ink(shade(color, 0.8))
    for x in (-8.0, -4.5, 5.0, 8.5):
        pen.bar(leg, x, 0, x, 6, 2)
    pen.bar(leg, -11, 12, -12.5, 5, 0.9)
    pen.ellipse(body, -6, 9.6, 5.4, 5)
    pen.rect(body, -7, 4.6, 7, 14.6)
    pen.ellipse(body, 6.5, 9.8, 5, 4.8)
    for x, y, r in ((-6.0, 11.0, 2.6), (1.5, 8.0, 2.3), (5.5, 12.0, 1.9)):
        pen.ellipse(spots, x, y, r * 1.2, r)
    pen.ellipse(pen.ink(PINK), -2.5, 4.6, 2.2, 1.3)
    head, muzzle = pen.ink(color, part="cow head"), pen.ink((232.0, 170.0, 166.0), part="cow head")
    mark = pen.ink(patch, part="cow head")
    x, y = (12.5, 15.5) if dice.chance(0.6) else (13.5, 7.0)
    pen.bar(body, 8, 12, x, y, 4)
    pen.ellipse(mark, x - 3.2, y + 2, 1.8, 1)
    horn = pen.ink((236.0, 226.0, 200.0), part="cow head")
    pen.bar(horn, x - 1.8, y + 2.6, x - 2.6, y + 6.4, 1.1)
    pen.bar(horn, x + 1.8, y + 2.6, x + 2.6, y + 6.4, 1.1)
    pen.ellipse(head, x, y, 3.6, 4.4)
    pen.ellipse(muzzle, x + 1.1, y - 3, 3.1, 2.3)
    pen.ellipse(pen.ink(DARK, part="cow head"), x + 0.7, y + 0.9, 0.6)


def bird(pen: Pen) -> None:
    """Draw a bird on its legs."""
    dice = pen.dice
    color = paint(dice)
    body, beak = pen.ink(color), pen.ink(dice.pick((ORANGE, YELLOW, DARK)))
    for x in (-0.8, 1.2):
        pen.bar(beak, x, 0, x, 3, 0.7)
    pen.polygon(body, ((-4, 6.5), (-9, 8), (-8.5, 5)))
    pen.ellipse(body, 0, 5.6, 5, 3.6)
    pen.ellipse(body, 4, 9.4, 2.8)
    pen.polygon(beak, ((6.2, 10), (9.6, 9), (6.2, 8.2)))
    pen.ellipse(pen.ink(shade(color, 1.4)), 1.6, 4.4, 2.8, 2)
    pen.ellipse(pen.ink(shade(color, 0.62), part="bird wing"), -1.4, 6.2, 3.6, 2.1)
    pen.ellipse(pen.ink(WHITE), 4.8, 10, 0.9)
    pen.ellipse(pen.ink(DARK), 4.9, 10, 0.5)


def flying_bird(pen: Pen) -> None:
    """Draw a bird in the air, wings up."""
    dice = pen.dice
    color = WHITE if dice.chance(0.4) else paint(dice)
    body = pen.ink(color)
    wing = pen.ink(shade(color, 0.7), part="bird wing")
    pen.polygon(wing, ((1, 0.6), (-3, 0.6), (-7, 8), (-3.5, 6.5)))
    pen.ellipse(body, 0, 0, 5, 2)
    pen.polygon(body, ((-4, 0.6), (-8, 1.8), (-7.6, -0.8)))
    pen.ellipse(body, 4.6, 1.2, 1.9)
    pen.polygon(pen.ink(ORANGE), ((6.2, 1.8), (8.6, 1), (6.2, 0.4)))
    pen.polygon(pen.ink(shade(color, 0.85), part="bird wing"), ((2, 0.4), (-2, 0.4), (-3.5, 9), (0, 7)))
    pen.ellipse(pen.ink(DARK), 5, 1.6, 0.5)


def fish(pen: Pen) -> None:
    """Draw a fish; every other one is patterned."""
    dice = pen.dice
    color = paint(dice)
    fin = pen.ink(shade(color, 0.72), part="fish tail")
    tall = dice.between(3.6, 5.6)
    pen.polygon(fin, ((-5.6, 0), (-13.6, 6), (-11.4, 0), (-13.6, -6)))
    pen.polygon(pen.ink(shade(color, 0.72)), ((-3, tall * 0.7), (-2, tall + 3), (4, tall * 0.7)))
    texture = dice.pick(("striped", "dotted", "zigzagged", "chequered")) if dice.chance(0.5) else ""
    body = pen.ink(color, texture=texture, second=contrast(dice, color))
    pen.ellipse(body, 0, 0, 8.2, tall)
    pen.polygon(pen.ink(shade(color, 0.65)), ((0.6, -0.4), (-3.4, 1.8), (-3.2, -2.2)))
    pen.ellipse(pen.ink(WHITE), 4.8, 1.2, 1.5)
    pen.ellipse(pen.ink(DARK), 5.1, 1.2, 0.8)


def snowman(pen: Pen) -> None:
    """Draw a snowman with a hat and a carrot."""
    dice = pen.dice
    white, shadow = pen.ink((246.0, 248.0, 252.0), material="snow"), pen.ink((208.0, 218.0, 234.0), material="snow")
    stick = pen.ink(BROWN, material="wood", pattern="plain")
    pen.bar(stick, -5, 13, -11, 17, 0.9)
    pen.bar(stick, 5, 13, 11, 16, 0.9)
    for y, r in ((6.5, 7), (15, 5.2), (21.5, 3.9)):
        pen.ellipse(shadow, 0, y, r)
        pen.ellipse(white, -r * 0.12, y + r * 0.1, r * 0.86)
    coal = pen.ink(DARK)
    for x, y in ((-1.4, 22.6), (1.4, 22.6), (0, 16.8), (0, 14.2), (0, 7.6)):
        pen.ellipse(coal, x, y, 0.65)
    pen.polygon(pen.ink(ORANGE), ((0, 21.9), (0, 20.5), (5, 21)))
    if dice.chance(0.8):
        scarf = pen.cloth(paint(dice), share=0.3)
        pen.rect(scarf, -4, 17.4, 4, 19.2)
        pen.rect(scarf, 1.4, 13.4, 3.4, 18)
    hat = pen.ink(dice.pick((DARK, RED, paint(dice))), part="snowman hat")
    pen.rect(hat, -5.8, 23.8, 5.8, 25.4)
    pen.rect(hat, -3.9, 25, 3.9, 32)
