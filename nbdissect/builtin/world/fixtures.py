"""Large things that stand along the walls of rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import DARK, GLASS, GREY, PAINTS, WHITE, WOODS, jitter, paint, shade

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def stove(pen: Pen) -> None:
    """Draw a stove with its oven, often with a pot."""
    dice = pen.dice
    color = WHITE if dice.chance(0.4) else paint(dice)
    pen.rect(pen.ink(color, material="metal"), -10, 0, 10, 19)
    pen.rect(pen.ink(shade(color, 0.6), material="metal"), -10.6, 18.4, 10.6, 20.4)
    door = pen.ink(shade(color, 0.72), part="oven door", material="metal")
    pen.rect(door, -7.6, 2, 7.6, 12.6)
    pen.rect(pen.ink((64.0, 60.0, 66.0), part="oven door", material="glass"), -5.4, 3.6, 5.4, 9.6)
    pen.rect(pen.ink((224.0, 226.0, 230.0), part="oven door", material="metal"), -6, 10.6, 6, 11.7)
    knob = pen.ink(DARK if sum(color) > 300 else WHITE)
    for x in (-7, -2.4, 2.4, 7):
        pen.ellipse(knob, x, 15.7, 1.2)
    if dice.chance(0.65):
        pot, x = pen.canvas.ink(paint(dice), material="metal"), dice.pick((-4.5, 4.5))
        pen.rect(pot, x - 4, 20.4, x + 4, 26)
        pen.rect(pot, x - 5.6, 23.4, x + 5.6, 24.6)
        pen.dome(pot, x, 26, 3.4, 2)


def fridge(pen: Pen) -> None:
    """Draw a fridge with two doors."""
    dice = pen.dice
    color = dice.pick((WHITE, (200.0, 206.0, 212.0))) if dice.chance(0.45) else paint(dice)
    tall = dice.between(33, 40)
    pen.rect(pen.ink(color, material="metal"), -9.5, 1.2, 9.5, tall)
    pen.rect(pen.ink(shade(color, 0.55), material="metal"), -9.5, tall * 0.62, 9.5, tall * 0.62 + 0.9)
    pen.rect(pen.ink(shade(color, 0.8), material="metal"), 6.8, 1.2, 9.5, tall)
    handle = pen.ink(DARK if sum(color) > 300 else WHITE, material="metal")
    pen.rect(handle, -7.6, tall * 0.68, -6.2, tall * 0.88)
    pen.rect(handle, -7.6, tall * 0.36, -6.2, tall * 0.56)
    if dice.chance(0.5):
        pen.rect(pen.ink(paint(dice)), -1, tall * 0.75, 3, tall * 0.86)


def bathtub(pen: Pen) -> None:
    """Draw a bathtub on feet, with foam."""
    dice = pen.dice
    color = WHITE if dice.chance(0.5) else paint(dice)
    metal = pen.ink(dice.pick(((214.0, 178.0, 90.0), GREY, DARK)), material="metal")
    for x in (-12, 12):
        pen.ellipse(metal, x, 1.6, 2, 1.7)
    pen.bar(metal, 17, 13, 17, 20, 1.3)
    pen.bar(metal, 17.4, 19.6, 12.5, 19.6, 1.3)
    if dice.chance(0.7):
        foam = pen.ink((238.0, 246.0, 252.0))
        for x in range(-12, 12, 4):
            pen.ellipse(foam, x, 14.4, dice.between(2.2, 3.6))
    pen.polygon(pen.ink(color), ((-19, 14), (19, 14), (15, 2.4), (-14, 2.4)))
    pen.polygon(pen.ink(shade(color, 0.8)), ((-16, 5.6), (16.2, 5.6), (15, 2.4), (-14, 2.4)))
    pen.rect(pen.ink(shade(color, 0.92)), -20.4, 13.2, 20.4, 15.4)


def washbasin(pen: Pen) -> None:
    """Draw a washbasin on its pedestal, with a mirror above."""
    dice = pen.dice
    color = WHITE if dice.chance(0.5) else paint(dice)
    pen.polygon(pen.ink(shade(color, 0.82)), ((-2.6, 0), (2.6, 0), (1.9, 13), (-1.9, 13)))
    pen.polygon(pen.ink(color), ((-9, 18), (9, 18), (5.6, 12), (-5.6, 12)))
    pen.rect(pen.ink(shade(color, 0.92)), -9.8, 17, 9.8, 18.8)
    tap = pen.ink(dice.pick(((214.0, 178.0, 90.0), GREY, DARK)), material="metal", pattern="plain")
    pen.bar(tap, 0, 18.6, 0, 22.6, 1.3)
    pen.bar(tap, -0.5, 22.4, 3.6, 21.6, 1.2)
    frame = pen.ink(paint(dice))
    glass = pen.ink(jitter(dice, GLASS), second=WHITE, material="glass")
    shine = pen.ink(WHITE, material="glass")
    if dice.chance(0.5):
        pen.ellipse(frame, 0, 35, 7.6, 9)
        pen.ellipse(glass, 0, 35, 6.3, 7.7)
    else:
        pen.rect(frame, -8, 26.5, 8, 43.5)
        pen.rect(glass, -6.7, 27.8, 6.7, 42.2)
    pen.polygon(shine, ((-3.6, 33), (-1.6, 33), (2.8, 39), (0.8, 39)))


def wardrobe(pen: Pen) -> None:
    """Draw a wardrobe with two doors."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *WOODS, *PAINTS)))
    tall = dice.between(36, 44)
    foot = pen.ink(shade(color, 0.6), material="wood", pattern="plain")
    for x in (-10.5, 10.5):
        pen.rect(foot, x - 1.4, 0, x + 1.4, 2.4)
    pen.rect(pen.ink(shade(color, 0.85), material="wood", pattern="plain"), -12.6, 2, 12.6, tall)
    door = pen.cloth(color, material="wood", share=0.15)
    for left, right in ((-11.2, -0.6), (0.6, 11.2)):
        pen.rect(door, left, 4, right, tall - 2)
    knob = pen.ink((236.0, 214.0, 150.0), material="metal", pattern="plain")
    for x in (-2.2, 2.2):
        pen.ellipse(knob, x, tall * 0.5, 1.1)
    pen.rect(foot, -13.6, tall - 0.6, 13.6, tall + 1.8)


def bookcase(pen: Pen) -> None:
    """Draw a bookcase full of books."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *WOODS, *PAINTS)))
    pen.rect(pen.ink(color, material="wood", pattern="plain"), -12, 0, 12, 41)
    inside = pen.ink(shade(color, 0.5), material="wood", pattern="plain")
    spines = [pen.ink(paint(dice)) for _ in range(7)]
    for low in (2.0, 12.0, 22.0, 32.0):
        pen.rect(inside, -10.6, low, 10.6, low + 7.8)
        x = -10.4
        while x < 8.6:
            thick = dice.between(1.6, 2.8)
            if dice.chance(0.88):
                pen.rect(dice.pick(spines), x, low, x + thick, low + dice.between(5, 7.2))
            x += thick + 0.15
