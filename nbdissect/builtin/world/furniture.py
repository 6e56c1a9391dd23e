"""Things in rooms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import (
    DARK,
    GREEN,
    GREY,
    LAMPLIGHT,
    LIGHT_BLUE,
    PAINTS,
    TAN,
    WHITE,
    WOODS,
    contrast,
    jitter,
    paint,
    shade,
)  # fmt: skip

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def sofa(pen: Pen) -> None:
    """Draw a sofa with two seats, sometimes with cushions."""
    dice = pen.dice
    color = paint(dice)
    cover, dark = pen.cloth(color, share=0.25), pen.ink(shade(color, 0.75), material="fabric")
    foot = pen.ink((90.0, 62.0, 44.0), material="wood", pattern="plain")
    for x in (-17.0, 17.0):
        pen.rect(foot, x - 1.2, 0, x + 1.2, 2.6)
    pen.rect(cover, -17, 8, 17, 20)
    pen.rect(dark, -19, 2.4, 19, 7)
    light = pen.ink(shade(color, 1.15), material="fabric")
    for x in (-8.0, 8.0):
        pen.rect(light, x - 7.6, 6.4, x + 7.6, 10)
    arm = pen.ink(shade(color, 0.88), material="fabric")
    for x in (-18.5, 18.5):
        pen.rect(arm, x - 3, 2.4, x + 3, 13)
        pen.ellipse(arm, x, 13, 3, 2)
    for x in (-10.5, 10.5):
        if dice.chance(0.6):
            cushion = pen.cloth(paint(dice), part="sofa cushion", share=0.5)
            pen.polygon(cushion, ((x - 5, 9.4), (x + 4.2, 9), (x + 5, 17.6), (x - 4.2, 18.4)))


def table(pen: Pen) -> None:
    """Draw a table: wooden, painted, or under a cloth."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *PAINTS)))
    half = dice.between(12, 17)
    leg = pen.ink(shade(color, 0.78), part="table leg", material="wood", pattern="plain")
    for x in (-half + 2, half - 2):
        pen.polygon(leg, ((x - 1.7, 13), (x + 1.7, 13), (x + 1.2, 0), (x - 1.2, 0)))
    pen.rect(pen.ink(color, material="wood"), -half, 12, half, 14.6)
    if dice.chance(0.35):
        cloth = pen.cloth(paint(dice), share=0.7)
        pen.polygon(cloth, ((-half + 3, 15), (half - 3, 15), (half - 3, 7), (0, 9), (-half + 3, 7)))
    if dice.chance(0.6):  # something on it, which is no concept
        vase = pen.canvas.ink(paint(dice))
        x = dice.between(-0.6, 0.6) * half
        pen.ellipse(vase, x, 17.4, 2.4, 2.8)
        pen.rect(vase, x - 1, 18, x + 1, 22)


def chair(pen: Pen) -> None:
    """Draw a chair from the side, with its back."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *PAINTS)))
    wood, dark = (
        pen.ink(color, material="wood", pattern="plain"),
        pen.ink(shade(color, 0.75), material="wood", pattern="plain"),
    )
    back = pen.ink(shade(color, 1.05), part="chair back", material="wood", pattern="plain")
    for x in (-4.4, 4.4):
        pen.bar(dark, x, 0, x * 0.9, 9, 1.4)
    pen.rect(wood, -5.6, 8.6, 5.6, 10.8)
    if dice.chance(0.5):
        for x in (-4.6, -1.6, 1.4, 4.4):
            pen.bar(back, x, 10.6, x, 22, 1.3)
        pen.rect(back, -5.4, 19.6, 5.2, 22.4)
    else:
        pen.rect(pen.cloth(color, part="chair back", material="wood", share=0.2), -5, 12.4, 5, 22)
        for x in (-4, 4):
            pen.bar(back, x, 10.6, x, 13, 1.3)


def lamp(pen: Pen) -> None:
    """Draw a standing lamp."""
    dice = pen.dice
    stand = pen.ink(jitter(dice, dice.pick((DARK, GREY, *WOODS))), material="metal", pattern="plain")
    tall = dice.between(22, 30)
    pen.bar(stand, 0, 1, 0, tall, 1.2)
    pen.dome(stand, 0, 0, 4.5, 2)
    color = LAMPLIGHT if dice.chance(0.3) else paint(dice)
    pen.polygon(
        pen.cloth(color, part="lamp shade", share=0.4),
        ((-7.8, tall - 1), (7.8, tall - 1), (4.4, tall + 9.5), (-4.4, tall + 9.5)),
    )
    pen.ellipse(pen.ink((255.0, 246.0, 214.0), glow=True), 0, tall - 1.2, 1.6, 1)


def bed(pen: Pen) -> None:
    """Draw a bed from the side, with pillow and blanket."""
    dice = pen.dice
    wood = jitter(dice, dice.pick((*WOODS, WHITE, *PAINTS)))
    frame = pen.ink(wood, material="wood")
    pen.rect(frame, -22, 0, -19, 19)
    pen.rect(frame, 19, 0, 22, 13)
    pen.rect(pen.ink(shade(wood, 0.8), material="wood"), -19, 2.6, 19, 6.4)
    pen.rect(pen.ink(WHITE, material="fabric"), -19, 6.2, 19, 10.4)
    pillow = pen.cloth(WHITE if dice.chance(0.5) else paint(dice), part="pillow", share=0.35)
    pen.polygon(pillow, ((-18.8, 10), (-5.4, 10), (-5.8, 16), (-12, 17.6), (-18.2, 16.4)))
    cover = paint(dice)
    pen.polygon(pen.cloth(cover, share=0.45), ((-7.5, 12.4), (18, 12.8), (19.4, 5), (-7.5, 5)))
    pen.rect(pen.ink(shade(cover, 1.4), material="fabric"), -8, 10.4, -4.4, 12.8)


def picture(pen: Pen) -> None:
    """Draw a framed picture: hills, or a pattern."""
    dice = pen.dice
    wide, tall = dice.between(6, 9.5), dice.between(6, 9)
    pen.rect(pen.ink(jitter(dice, dice.pick((*WOODS, WHITE, DARK, (214.0, 178.0, 90.0))))), -wide, 0, wide, 2 * tall)
    left, right, low, top = -wide + 1.5, wide - 1.5, 1.5, 2 * tall - 1.5
    if dice.chance(0.55):
        pen.rect(pen.ink(paint(dice)), left, low, right, top)
        pen.polygon(
            pen.ink(paint(dice)),
            ((left, low), (right, low), (right, tall * 0.8), (left + wide * 0.6, tall * 1.1), (left, tall * 0.6)),
        )
        pen.ellipse(pen.ink(paint(dice)), right - 3, top - 3, 1.8)
    else:
        pen.rect(pen.cloth(paint(dice), material="", share=0.8), left, low, right, top)


def clock(pen: Pen) -> None:
    """Draw a round clock."""
    dice = pen.dice
    color = paint(dice)
    pen.ellipse(pen.ink(color), 0, 0, 7.2)
    dial = WHITE if dice.chance(0.75) else shade(color, 1.6)
    pen.ellipse(pen.ink(dial), 0, 0, 5.9)
    hand = pen.ink(DARK)
    for hour in range(12):
        a = hour * math.pi / 6
        pen.ellipse(hand, 4.8 * math.cos(a), 4.8 * math.sin(a), 0.45)
    for length, width in ((4.2, 0.8), (2.8, 1.1)):
        a = dice.between(0, 6.28)
        pen.bar(hand, 0, 0, length * math.cos(a), length * math.sin(a), width)


def blackboard(pen: Pen) -> None:
    """Draw a board with writing."""
    dice = pen.dice
    board = dice.pick(((52.0, 90.0, 74.0), (60.0, 62.0, 68.0), (70.0, 100.0, 130.0), WHITE))
    chalk = pen.ink(contrast(dice, board) if sum(board) > 600 else (226.0, 230.0, 226.0))
    half = dice.between(20, 26)
    pen.rect(pen.ink(dice.pick(WOODS), material="wood", pattern="plain"), -half, 0, half, 24)
    pen.rect(pen.ink(board), -half + 1.6, 1.6, half - 1.6, 22.4)
    for y in (17.5, 13.2, 8.9):
        x = -half + 4.0
        while x < half * 0.4:
            length = dice.between(3, 7)
            pen.bar(chalk, x, y, x + length, y + dice.between(-0.6, 0.6), 0.9)
            x += length + 2
    x, y = half * 0.66, 9.0
    if dice.chance(0.5):
        for angle in range(3):
            a, b = math.pi / 2 + angle * 2.094, math.pi / 2 + (angle + 1) * 2.094
            pen.bar(chalk, x + 5 * math.cos(a), y + 5 * math.sin(a), x + 5 * math.cos(b), y + 5 * math.sin(b), 0.9)


def globe(pen: Pen) -> None:
    """Draw a globe on its stand."""
    dice = pen.dice
    stand = pen.ink(jitter(dice, dice.pick(WOODS)), material="wood", pattern="plain")
    pen.dome(stand, 0, 0, 5, 2.4)
    pen.bar(stand, 0, 1, 0, 4.4, 1.4)
    pen.ellipse(pen.ink((214.0, 178.0, 90.0), material="metal"), 0, 10.4, 7)
    pen.ellipse(pen.ink(jitter(dice, LIGHT_BLUE if dice.chance(0.7) else paint(dice))), 0, 10.4, 6)
    land = pen.ink(jitter(dice, GREEN if dice.chance(0.6) else TAN))
    pen.polygon(land, ((-4.6, 12), (-2, 14.8), (0.4, 13.4), (-0.6, 11), (-2.6, 9.6)))
    pen.polygon(land, ((-1, 9), (1.6, 9.6), (1.4, 6.4), (0, 5)))
    pen.polygon(land, ((2, 14), (5, 12), (4.2, 9.4), (2.4, 11)))


def window(pen: Pen) -> None:
    """Draw a window of a room, with curtains; it belongs to the wall and is no concept of its own."""
    dice = pen.dice
    frame = pen.ink(WHITE)
    view = pen.ink(
        dice.pick((LIGHT_BLUE, (246.0, 196.0, 150.0), (52.0, 62.0, 96.0), (200.0, 224.0, 240.0))),
        material="glass",
        glow=True,
    )
    pen.rect(frame, -10, 0, 10, 22)
    pen.rect(view, -8.6, 1.4, 8.6, 20.6)
    pen.rect(frame, -0.6, 1, 0.6, 21)
    pen.rect(frame, -9, 10.4, 9, 11.6)
    if dice.chance(0.6):
        curtain = pen.cloth(paint(dice), share=0.5)
        for side in (-1, 1):
            pen.polygon(curtain, ((side * 12, 23), (side * 4, 23), (side * 7.4, -2), (side * 12, -2)))
        pen.rect(pen.ink((110.0, 78.0, 54.0)), -13, 22.6, 13, 24)
