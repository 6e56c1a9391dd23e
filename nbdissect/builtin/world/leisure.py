"""Things to play with and to rest under."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import ORANGE, PAINTS, RED, WHITE, WOODS, YELLOW, contrast, jitter, paint, shade

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def umbrella(pen: Pen) -> None:
    """Draw a parasol in two colors."""
    dice = pen.dice
    color = paint(dice)
    inks = (
        pen.ink(color, material="fabric", pattern="plain"),
        pen.ink(contrast(dice, color) if dice.chance(0.8) else color, material="fabric", pattern="plain"),
    )
    pole = pen.ink(jitter(dice, (226.0, 220.0, 206.0)))
    lean = dice.between(-0.25, 0.25)
    x, y = pen.place(0, 0)
    tilted = pen.canvas.pen(x, y, pen.scale, angle=lean, object="umbrella")
    tilted.bar(pole, 0, 0, 0, 20, 1.2)
    edges = [-13 + 26 * i / 6 for i in range(7)]
    for number in range(6):
        left, right = edges[number], edges[number + 1]
        middle = (left + right) / 2
        top = [
            (13 * math.sin(a), 16 + 10.5 * math.cos(a))
            for a in (math.asin(left / 13), math.asin(middle / 13), math.asin(right / 13))
        ]
        tilted.polygon(inks[number % 2], [(left, 16), *top, (right, 16), (middle, 17.2)])
    tilted.ellipse(pole, 0, 27, 1.1)


def ball(pen: Pen) -> None:
    """Draw a ball, plain or with segments."""
    dice = pen.dice
    color = paint(dice)
    first, second = pen.cloth(color, material="", share=0.25), pen.ink(contrast(dice, color))
    pen.ellipse(first, 0, 4.6, 4.6)
    if dice.chance(0.7):
        turn = dice.between(0, 2)
        for third in range(3):
            a = turn + third * 2.094
            arc = [(4.6 * math.cos(a + b), 4.6 + 4.6 * math.sin(a + b)) for b in (0.0, 0.35, 0.7, 1.05)]
            pen.polygon(second, [(0, 4.6), *arc])
        pen.ellipse(pen.ink(WHITE), 0, 4.6, 1)
    pen.ellipse(pen.ink(shade(color, 1.6)), -1.7, 6.6, 0.9)


def slide(pen: Pen) -> None:
    """Draw a children's slide with its ladder."""
    dice = pen.dice
    chute, frame = paint(dice), paint(dice)
    iron = pen.ink(frame, material="metal", pattern="plain")
    for x in (-12, -7):
        pen.bar(iron, x - 1.5, 0, x + 1, 24, 1.4)
    for y in range(3, 20, 4):
        pen.bar(iron, -13 + y * 0.1, y, -7.5 + y * 0.1, y, 1.2)
    pen.polygon(
        pen.ink(shade(chute, 0.7), material="metal"), ((-7, 19), (-5.5, 16), (11, 1.5), (17, 1.5), (17, 3.5), (12, 3.5))
    )
    pen.polygon(
        pen.ink(chute, material="metal"), ((-7.5, 21.5), (-5, 18.5), (11.5, 3.4), (17, 3.4), (17, 5.6), (12.5, 5.8))
    )
    pen.rect(iron, -12, 18, -6, 19.6)
    pen.bar(iron, 8, 0, 8, 6, 1.3)
    if dice.chance(0.4):
        pen.polygon(pen.cloth(paint(dice), share=0.5), ((-14, 24), (-4, 24), (-9, 30)))


def swing(pen: Pen) -> None:
    """Draw a frame with two swings."""
    dice = pen.dice
    frame = pen.ink(paint(dice), material="metal", pattern="plain")
    rope = pen.ink((90.0, 84.0, 80.0))
    for x in (-14, 14):
        pen.bar(frame, x, 24, x - 4, 0, 1.5)
        pen.bar(frame, x, 24, x + 4, 0, 1.5)
    pen.bar(frame, -15, 24, 15, 24, 1.8)
    for x in (-6, 6):
        sway = dice.between(-5, 5)
        seat = pen.ink(paint(dice))
        for side in (-2.2, 2.2):
            pen.bar(rope, x + side, 23.5, x + side + sway, 7, 0.7)
        pen.bar(seat, x - 3.2 + sway, 6.6, x + 3.2 + sway, 6.6, 1.8)


def campfire(pen: Pen) -> None:
    """Draw a fire on crossed logs."""
    dice = pen.dice
    flames = ((ORANGE, 1.0), (YELLOW, 0.68), ((255.0, 246.0, 200.0), 0.36))
    lean = dice.between(-1.5, 1.5)
    tall = dice.between(12, 16)
    for color, size in flames if dice.chance(0.6) else ((RED, 1.2), *flames):
        w, h = 6.4 * size, tall * size
        pen.polygon(
            pen.ink(color, glow=True),
            ((-w, 4), (-w * 0.75, 2), (w * 0.75, 2), (w, 4.4), (w * 0.72, h * 0.55), (w * 0.4, h * 0.4), (lean, h + 2),
             (-w * 0.35, h * 0.5), (-w * 0.72, h * 0.66)),
        )  # fmt: skip
    bark, light = (
        pen.ink((110.0, 74.0, 50.0), material="wood", pattern="plain"),
        pen.ink((150.0, 106.0, 70.0), material="wood"),
    )
    pen.bar(bark, -8, 0.6, 7, 3.6, 2.4)
    pen.bar(light, 8, 0.6, -7, 3.6, 2.4)


def sledge(pen: Pen) -> None:
    """Draw a wooden sledge on curved runners."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *PAINTS)))
    runner = pen.ink(dice.pick((RED, (70.0, 60.0, 60.0), (110.0, 74.0, 50.0))), material="wood", pattern="plain")
    pen.bar(runner, -11, 0.9, 9, 0.9, 1.7)
    pen.bar(runner, 8.6, 0.9, 13, 4.2, 1.7)
    pen.bar(runner, 13, 3.8, 12.4, 8, 1.6)
    for x in (-8.0, -0.5, 7.0):
        pen.bar(runner, x, 1, x, 6, 1.4)
    pen.rect(pen.ink(color, material="wood", pattern="plain"), -11.5, 5.4, 11, 8)
    pen.rect(pen.ink(shade(color, 0.75), material="wood", pattern="plain"), -11.5, 5, 11, 6)
    if dice.chance(0.4):
        pen.rect(pen.cloth(paint(dice), share=0.6), -6, 7.8, 4, 12)
