"""Things that grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import (
    BROWN,
    FOLIAGE,
    GREEN,
    LIME,
    ORANGE,
    PAINTS,
    RED,
    TAN,
    WHITE,
    WOODS,
    YELLOW,
    jitter,
    mix,
    shade,
)  # fmt: skip

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def tree(pen: Pen) -> None:
    """Draw a broad-leaved tree: trunk, crown, sometimes fruit."""
    dice = pen.dice
    height = dice.between(13, 18)
    trunk = pen.ink(jitter(dice, dice.pick(WOODS[:3])), part="tree trunk", material="wood", pattern="plain")
    pen.polygon(trunk, ((-2.4, 0), (2.4, 0), (1.5, height), (-1.5, height)))
    pen.bar(trunk, 0, height * 0.55, 5, height + 1, 1.2)
    leaf = jitter(dice, dice.pick(FOLIAGE))
    dark = pen.ink(shade(leaf, 0.78), part="tree crown", material="foliage")
    mid = pen.ink(leaf, part="tree crown", material="foliage")
    light = pen.ink(shade(leaf, 1.16), part="tree crown", material="foliage")
    wide, tall = dice.between(9, 12), dice.between(9, 12)
    middle = height + tall * 0.55
    if dice.chance(0.35):  # one round or oval crown
        pen.ellipse(dark, 0, middle, wide, tall)
        pen.ellipse(mid, -wide * 0.1, middle + tall * 0.12, wide * 0.84, tall * 0.84)
        pen.ellipse(light, -wide * 0.25, middle + tall * 0.35, wide * 0.45, tall * 0.42)
    else:  # a crown of several boughs
        for ink, shrink, lift in ((dark, 1.0, 0.0), (mid, 0.82, 0.12), (light, 0.45, 0.3)):
            for x, y in ((-0.55, -0.15), (0.55, -0.15), (0.0, 0.4), (-0.3, 0.2), (0.35, 0.15)):
                pen.ellipse(
                    ink, x * wide * shrink - wide * lift * 0.4, middle + (y + lift) * tall, wide * 0.62 * shrink
                )
    if dice.chance(0.25):
        fruit = pen.ink(dice.pick((RED, ORANGE, YELLOW)), part="tree crown")
        for _ in range(7):
            pen.ellipse(fruit, dice.between(-0.6, 0.6) * wide, middle + dice.between(-0.5, 0.6) * tall, 1.1)


def fir(pen: Pen) -> None:
    """Draw a conifer, sometimes under snow."""
    dice = pen.dice
    pen.rect(pen.ink(BROWN, part="tree trunk", material="wood", pattern="plain"), -1.5, 0, 1.5, 5)
    leaf = jitter(dice, dice.pick(((44.0, 104.0, 76.0), (58.0, 124.0, 84.0), (36.0, 84.0, 88.0), (96.0, 130.0, 84.0))))
    inks = [pen.ink(shade(leaf, f), material="foliage", pattern="plain") for f in (0.8, 1.0)]
    snow = pen.ink((240.0, 244.0, 250.0), material="snow") if dice.chance(0.3) else None
    wide, tall = dice.between(8, 10.5), dice.between(26, 34)
    for tier in range(3):
        low, top = 4 + tier * tall * 0.26, 4 + tall * (0.48 + tier * 0.26)
        half = wide * (1 - tier * 0.24)
        pen.polygon(inks[0], ((-half, low), (half, low), (0, top)))
        pen.polygon(inks[1], ((-half, low), (half * 0.1, low), (0, top)))
        if snow is not None:
            pen.polygon(
                snow, ((-half * 0.45, low + (top - low) * 0.55), (half * 0.2, low + (top - low) * 0.5), (0, top))
            )


def palm(pen: Pen) -> None:
    """Draw a palm with a bent trunk."""
    dice = pen.dice
    trunk = pen.ink(jitter(dice, TAN), material="wood", part="tree trunk", second=shade(BROWN, 0.9), pattern="plain")
    lean = dice.between(2, 8)
    for step in range(5):
        x0, x1 = lean * (step / 5) ** 2, lean * ((step + 1) / 5) ** 2
        pen.bar(trunk, x0, step * 5.4, x1, step * 5.4 + 6, 3.2 - 0.35 * step)
    leaf = jitter(dice, dice.pick(((70.0, 150.0, 74.0), (104.0, 166.0, 70.0), (56.0, 128.0, 96.0))))
    inks = [pen.ink(shade(leaf, f), part="palm leaf", material="foliage", pattern="plain") for f in (0.75, 1.0, 1.15)]
    x, y = lean, 28.0
    for number, (dx, dy, drop) in enumerate(
        ((-13, 1, 7), (13, 1, 7), (-10, 6, 2), (10, 6, 2), (-7, -4, 9), (7, -4, 9), (1, 8, 0))
    ):
        pen.polygon(
            inks[number % 3],
            ((x, y), (x + dx * 0.5, y + dy + 3.2), (x + dx, y + dy - drop), (x + dx * 0.45, y + dy * 0.4 - 0.6)),
        )
    if dice.chance(0.5):
        nut = pen.ink((110.0, 70.0, 44.0))
        for side in (-1.6, 1.6):
            pen.ellipse(nut, x + side, y - 1.5, 1.5)


def cactus(pen: Pen) -> None:
    """Draw a cactus with arms."""
    dice = pen.dice
    green = jitter(dice, dice.pick((GREEN, (96.0, 148.0, 88.0), (60.0, 128.0, 104.0))))
    body, light = pen.ink(shade(green, 0.85)), pen.ink(shade(green, 1.12))
    tall = dice.between(20, 27)
    arms = ((-7.5, 8, 16), (7.5, 11, 19)) if dice.chance(0.8) else ((7.5, 8, 17),)
    for x, low, top in arms:
        pen.bar(body, 0, low, x, low, 3.6)
        pen.bar(body, x, low - 1.8, x, top, 3.6)
        pen.ellipse(body, x, top, 1.8)
        pen.bar(light, x - 0.9, low, x - 0.9, top, 0.8)
    pen.bar(body, 0, 0, 0, tall, 6)
    pen.ellipse(body, 0, tall, 3)
    pen.bar(light, -1.6, 1, -1.6, tall, 1)
    pen.bar(light, 0.6, 1, 0.6, tall, 0.8)
    if dice.chance(0.5):
        pen.ellipse(pen.ink(dice.pick(((240.0, 120.0, 160.0), YELLOW, RED)), part="blossom"), 0, tall + 3, 1.8)


def flower(pen: Pen) -> None:
    """Draw one large flower with stem, leaves and blossom."""
    dice = pen.dice
    tall = dice.between(9, 14)
    stem = pen.ink(jitter(dice, dice.pick((GREEN, LIME, (60.0, 120.0, 60.0)))))
    pen.bar(stem, 0, 0, 0, tall, 1.3)
    pen.polygon(stem, ((0, 2), (-4.5, 6.5), (-1, 5)))
    pen.polygon(stem, ((0, 3), (4.5, 7), (1, 6)))
    color = jitter(dice, dice.pick(PAINTS[:12]))
    petal = pen.ink(color, part="blossom")
    heart = pen.ink(YELLOW if dice.chance(0.6) else shade(color, 0.5), part="blossom")
    y = tall + 3
    if dice.chance(0.3):  # a tulip
        pen.polygon(petal, ((-4, y + 4), (-3.4, y - 2), (0, y - 4), (3.4, y - 2), (4, y + 4), (2, y + 1.5), (0, y + 5),
                            (-2, y + 1.5)))  # fmt: skip
        return
    for dx, dy in ((0, 3), (2.9, 0.9), (1.8, -2.4), (-1.8, -2.4), (-2.9, 0.9)):
        pen.ellipse(petal, dx, y + dy, 2.3)
    pen.ellipse(heart, 0, y, 1.9)


def mushroom(pen: Pen) -> None:
    """Draw a mushroom; its cap is often dotted."""
    dice = pen.dice
    stem = pen.ink(jitter(dice, (236.0, 224.0, 200.0)))
    pen.polygon(stem, ((-2, 0), (2, 0), (1.5, 7), (-1.5, 7)))
    color = jitter(dice, dice.pick((RED, RED, ORANGE, BROWN, PAINTS[9], TAN)))
    dotted = dice.chance(0.7)
    cap = pen.ink(color, part="mushroom cap", texture="dotted" if dotted else "", second=WHITE if dotted else None)
    pen.dome(cap, 0, 5.5, 6.5, 6.5)


def seaweed(pen: Pen) -> None:
    """Draw a tuft of seaweed swaying in the water."""
    dice = pen.dice
    color = jitter(dice, dice.pick((GREEN, LIME, (56.0, 128.0, 96.0), (150.0, 80.0, 110.0), ORANGE, RED)))
    inks = [pen.ink(shade(color, f)) for f in (0.8, 1.0, 1.15)]
    for blade, x in enumerate((-4.0, 0.0, 4.0)):
        tall, sway = dice.between(12, 24), dice.pick((-2.5, 2.5))
        left = [(x - 1.4 + sway * (1 if s % 2 else -1) * s / 6, tall * s / 6) for s in range(6)]
        right = [(px + 2.8, py) for px, py in reversed(left)]
        pen.polygon(inks[blade], [*left, (left[-1][0] + 1.4, tall), *right])


def pot_plant(pen: Pen) -> None:
    """Draw a plant in a pot."""
    dice = pen.dice
    leaf = jitter(dice, dice.pick(FOLIAGE[:5]))
    inks = [pen.ink(shade(leaf, f), material="foliage", pattern="plain") for f in (0.8, 1.0, 1.15)]
    wide = dice.between(0.8, 1.2)
    for number, (dx, dy) in enumerate(((-7, 13), (7, 13), (-5, 18), (5, 18), (0, 21), (-8, 8), (8, 8))):
        pen.polygon(inks[number % 3], ((0, 5), (dx * wide * 0.4 - 1.5, dy * 0.6), (dx * wide, dy),
                                       (dx * wide * 0.6 + 1.8, dy * 0.55)))  # fmt: skip
    color = jitter(dice, dice.pick((*PAINTS, (196.0, 104.0, 70.0), (196.0, 104.0, 70.0))))
    pot = pen.cloth(color, material="stone", share=0.3)
    pen.polygon(pot, ((-3.6, 0), (3.6, 0), (4.6, 6.5), (-4.6, 6.5)))
    pen.rect(pen.ink(mix(color, WHITE, 0.25)), -5.1, 6, 5.1, 7.8)
