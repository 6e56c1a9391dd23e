"""Things above and behind: sun, moon, clouds, mountains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import LAMPLIGHT, ORANGE, WHITE, YELLOW, jitter, mix, shade

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def sun(pen: Pen) -> None:
    """Draw a sun, with or without rays."""
    dice = pen.dice
    color = jitter(dice, dice.pick((YELLOW, (255.0, 232.0, 150.0), ORANGE, (240.0, 96.0, 70.0), (255.0, 248.0, 222.0))))
    disc = pen.ink(color, glow=True)
    if dice.chance(0.6):
        turn = dice.between(0, 0.6)
        for ray in range(10):
            c, s = math.cos(turn + ray * math.pi / 5), math.sin(turn + ray * math.pi / 5)
            pen.polygon(disc, ((7.2 * c - 1.2 * s, 7.2 * s + 1.2 * c), (7.2 * c + 1.2 * s, 7.2 * s - 1.2 * c),
                               (11 * c, 11 * s)))  # fmt: skip
    pen.ellipse(disc, 0, 0, 6.2)


def moon(pen: Pen) -> None:
    """Draw a full moon with craters; :func:`crescent` draws the other one."""
    dice = pen.dice
    color = jitter(dice, dice.pick(((240.0, 236.0, 210.0), (226.0, 230.0, 240.0), LAMPLIGHT)))
    pen.ellipse(pen.ink(color, glow=True), 0, 0, 6)
    crater = pen.ink(shade(color, 0.86), glow=True)
    for x, y, r in ((-2, 1.5, 1.5), (2.2, -1.6, 1.2), (1.8, 2.6, 0.9), (-1.8, -2.6, 0.8)):
        pen.ellipse(crater, x, y, r)


def crescent(pen: Pen) -> None:
    """Draw a crescent moon."""
    dice = pen.dice
    ink = pen.ink(jitter(dice, dice.pick(((240.0, 236.0, 210.0), LAMPLIGHT))), glow=True)
    outer = [(7 * math.sin(a / 8 * math.pi), 7 * math.cos(a / 8 * math.pi)) for a in range(9)]
    inner = [(3.2 * math.sin(a / 8 * math.pi), 7 * math.cos(a / 8 * math.pi)) for a in range(8, -1, -1)]
    pen.polygon(ink, [*outer, *inner])


def cloud(pen: Pen) -> None:
    """Draw a heap of cloud."""
    dice = pen.dice
    color = mix(dice.pick((WHITE, (236.0, 240.0, 248.0), (214.0, 218.0, 226.0))), (246.0, 190.0, 170.0),
                dice.pick((0.0, 0.0, 0.4)))  # fmt: skip
    dark, light = pen.ink(shade(color, 0.9)), pen.ink(color)
    for ink, lift in ((dark, 0.0), (light, 1.2)):
        for x, y, r in ((-8, 0, 4), (-2.5, 2.5, 5.6), (4, 1.5, 4.8), (9, -0.5, 3.2)):
            pen.ellipse(ink, x, y + lift, r * 1.15, r * 0.85)


def mountain(pen: Pen) -> None:
    """Draw a mountain with a lit and a shaded flank, sometimes a white summit."""
    dice = pen.dice
    color = jitter(
        dice,
        dice.pick(((128.0, 132.0, 150.0), (110.0, 130.0, 120.0), (160.0, 128.0, 104.0), (176.0, 120.0, 96.0),
                   (104.0, 112.0, 140.0))),
    )  # fmt: skip
    wide, tall, peak = dice.between(24, 38), dice.between(18, 32), dice.between(-6, 6)
    light, dark = pen.ink(color, material="stone"), pen.ink(shade(color, 0.8), material="stone")
    pen.polygon(light, ((-wide, 0), (wide, 0), (peak, tall)))
    ridge = ((peak, tall), (peak + 3, tall * 0.62), (peak - 1, tall * 0.4), (peak + 5, 0))
    pen.polygon(dark, (*ridge, (wide, 0)))
    if dice.chance(0.55):
        snow, shadow = pen.ink((242.0, 245.0, 250.0), material="snow"), pen.ink((206.0, 216.0, 232.0), material="snow")
        left, right = peak + (-wide - peak) * 0.3, peak + (wide - peak) * 0.3
        low = tall * 0.7
        pen.polygon(snow, ((left, low), (peak - 2, low * 0.9), (peak + 2.4, low), (peak, tall)))
        pen.polygon(shadow, ((peak + 2.4, low), ((right + peak) / 2, low * 0.88), (right, low), (peak, tall)))


def star(pen: Pen) -> None:
    """Draw a star: a dot of light that stays part of the sky."""
    pen.ellipse(pen.ink((250.0, 246.0, 226.0), glow=True), 0, 0, pen.dice.between(0.35, 0.7))
