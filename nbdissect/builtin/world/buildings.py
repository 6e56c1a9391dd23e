"""Buildings and what stands beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import (
    BRICKS,
    DARK,
    GLASS,
    GREY,
    LAMPLIGHT,
    PAINTS,
    RED,
    RGB,
    STONES,
    WHITE,
    WOODS,
    jitter,
    paint,
    shade,
)  # fmt: skip

if TYPE_CHECKING:
    from nbdissect.builtin.world.canvas import Pen


def _pane(pen: Pen, part: str, dark_share: float = 0.3) -> int:
    """Mix window glass: lit from inside when it is dark, sky-colored or deep by day."""
    dice = pen.dice
    night = sum(pen.canvas.tint) < 2.0
    if night and dice.chance(0.75):
        return pen.ink(jitter(dice, LAMPLIGHT), part=part, material="glass", glow=True)
    color: RGB = (72.0, 88.0, 110.0) if dice.chance(dark_share) else jitter(dice, GLASS)
    return pen.ink(color, part=part, material="glass")


def house(pen: Pen) -> None:
    """Draw a house with door, windows, a roof and often a chimney."""
    dice = pen.dice
    wide, tall, rise = dice.between(13, 18), dice.between(15, 22), dice.between(8, 14)
    kind = dice.pick(("brick", "brick", "wood", "", "", "stone"))
    base = {"brick": dice.pick(BRICKS), "wood": dice.pick((*WOODS, RED, WHITE)), "stone": dice.pick(STONES)}
    color = jitter(dice, base.get(kind, dice.pick(((240.0, 224.0, 190.0), WHITE, *PAINTS))))
    front = pen.ink(color, material=kind)
    roof_color = jitter(dice, dice.pick(((170.0, 76.0, 58.0), (110.0, 70.0, 56.0), (90.0, 96.0, 112.0), *PAINTS)))
    roof = pen.ink(roof_color, part="house roof")
    if dice.chance(0.65):
        x = dice.between(0.2, 0.4) * wide
        stack = pen.ink(jitter(dice, dice.pick(BRICKS)), part="chimney", material="brick")
        pen.rect(stack, x, tall, x + 5.6, tall + rise + 5)
        pen.rect(pen.ink(DARK, part="chimney"), x - 0.8, tall + rise + 4, x + 6.4, tall + rise + 6.2)
    pen.rect(front, -wide, 0, wide, tall)
    if dice.chance(0.7):
        pen.polygon(
            roof, ((-wide - 3, tall), (wide + 3, tall), (wide * 0.12, tall + rise), (-wide * 0.12, tall + rise))
        )
    else:
        pen.polygon(
            roof, ((-wide - 2, tall), (wide + 2, tall), (wide - 3, tall + rise * 0.8), (-wide + 3, tall + rise * 0.8))
        )
    pen.rect(pen.ink(shade(roof_color, 0.7), part="house roof"), -wide - 3, tall - 1, wide + 3, tall + 0.8)
    frame = pen.ink(WHITE if dice.chance(0.7) else shade(color, 0.5), part="house window")
    glass = _pane(pen, "house window")
    spots = dice.pick(((-0.55, 0.55), (-0.6, 0.15), (-0.15, 0.6)))
    free = {(-0.55, 0.55): 0.0, (-0.6, 0.15): 0.64, (-0.15, 0.6): -0.64}[spots]
    for level in (0.62,) if tall < 18 else (0.36, 0.74):
        for spot in spots if level < 0.7 else (-0.55, 0.0, 0.55):
            x, y = spot * wide, level * tall
            pen.rect(frame, x - 2.9, y - 3, x + 2.9, y + 3)
            pen.rect(glass, x - 2.1, y - 2.2, x + 2.1, y + 2.2)
            pen.rect(frame, x - 0.3, y - 2.2, x + 0.3, y + 2.2)
    door = paint(dice)
    x = free * wide
    pen.rect(pen.ink(shade(door, 0.7), part="house door"), x - 3, 0, x + 3, 9.2)
    pen.rect(pen.ink(door, part="house door", material="wood", pattern="plain"), x - 2.4, 0, x + 2.4, 8.6)
    pen.ellipse(pen.ink(LAMPLIGHT, part="house door"), x + 1.4, 4, 0.6)


def skyscraper(pen: Pen) -> None:
    """Draw a tower block with rows of windows."""
    dice = pen.dice
    wide, tall = dice.between(8, 13), dice.between(34, 62)
    color = jitter(
        dice, dice.pick((*STONES, GREY, (96.0, 110.0, 134.0), (190.0, 176.0, 160.0), (120.0, 92.0, 88.0), DARK))
    )
    pen.rect(pen.ink(color), -wide, 0, wide, tall)
    pen.rect(pen.ink(shade(color, 0.8)), wide * 0.6, 0, wide, tall)
    if dice.chance(0.5):
        pen.rect(pen.ink(shade(color, 0.9)), -wide * 0.6, tall, wide * 0.5, tall + 4)
        pen.bar(pen.ink(shade(color, 0.6)), 0, tall + 4, 0, tall + 11, 0.9)
    panes = [_pane(pen, "skyscraper window") for _ in range(3)]
    columns = 3 if wide < 10 else 4
    step = 1.9 * wide / columns
    y = 4.0
    while y < tall - 4:
        for column in range(columns):
            x = -0.95 * wide + (column + 0.5) * step
            pen.rect(dice.pick(panes), x - step * 0.28, y, x + step * 0.28, y + 3.4)
        y += 6.2


def lighthouse(pen: Pen) -> None:
    """Draw a lighthouse with painted bands and a lantern."""
    dice = pen.dice
    first, second = jitter(dice, WHITE), jitter(dice, dice.pick((RED, RED, *PAINTS[:9])))
    inks = (pen.ink(first), pen.ink(second))
    bands = 5
    for band in range(bands):
        low, high = band * 34 / bands, (band + 1) * 34 / bands
        left, right = 7 - low * 0.09, 7 - high * 0.09
        pen.polygon(inks[band % 2], ((-left, low), (left, low), (right, high), (-right, high)))
    pen.rect(pen.ink(DARK, material="metal"), -5.6, 34, 5.6, 35.6)
    pen.rect(pen.ink(LAMPLIGHT, part="lamp head", material="glass", glow=True), -3, 35.6, 3, 40.5)
    pen.polygon(inks[1], ((-4.2, 40.5), (4.2, 40.5), (0, 45)))
    pen.rect(pen.ink((72.0, 88.0, 110.0), material="glass"), -1.2, 12, 1.2, 16)


def windmill(pen: Pen) -> None:
    """Draw a windmill with four blades at any angle."""
    dice = pen.dice
    color = jitter(dice, dice.pick((WHITE, (226.0, 206.0, 170.0), *WOODS, *BRICKS)))
    pen.polygon(pen.ink(color, material="stone"), ((-8, 0), (8, 0), (5, 26), (-5, 26)))
    pen.dome(pen.ink(paint(dice)), 0, 26, 5.8, 5.5)
    pen.rect(pen.ink((90.0, 62.0, 44.0), material="wood", pattern="plain"), -2.2, 0, 2.2, 7)
    turn = dice.between(0, 1.57)
    blade_color = dice.pick((WHITE, (236.0, 226.0, 200.0), (120.0, 84.0, 60.0)))
    frame = pen.ink(shade(blade_color, 0.6), part="windmill blade")
    sail = pen.ink(blade_color, part="windmill blade", texture="grid", second=shade(blade_color, 0.55))
    # blades turn about the hub: a pen of their own, with its own angle
    origin_x, origin_y = pen.place(0, 27)
    for quarter in range(4):
        blade = pen.canvas.pen(origin_x, origin_y, pen.scale, angle=turn + quarter * 1.5708, object="windmill")
        blade.rect(sail, 0.6, 3.4, 5.6, 20)
        blade.bar(frame, 0, 0, 0, 19, 1.2)
    pen.ellipse(frame, 0, 27, 1.7)


def tent(pen: Pen) -> None:
    """Draw a ridge tent with an open front."""
    dice = pen.dice
    color = paint(dice)
    side = pen.cloth(color, share=0.45)
    front = pen.ink(shade(color, 0.72), material="fabric")
    wide, tall = dice.between(9, 12), dice.between(14, 18)
    pen.polygon(side, ((-wide, 0), (0, tall), (17, tall - 1.5), (17 + wide * 0.8, 0)))
    pen.polygon(front, ((-wide, 0), (wide, 0), (0, tall)))
    pen.polygon(pen.ink((52.0, 44.0, 48.0)), ((-wide * 0.4, 0), (wide * 0.4, 0), (0, tall * 0.72)))
    pen.polygon(pen.ink(shade(color, 1.25), material="fabric"), ((-wide * 0.4, 0), (-wide * 0.05, 0), (0, tall * 0.72)))


def fence(pen: Pen) -> None:
    """Draw a few metres of picket fence."""
    dice = pen.dice
    color = jitter(dice, dice.pick((WHITE, WHITE, *WOODS, *PAINTS)))
    rail, picket = (
        pen.ink(shade(color, 0.8), material="wood", pattern="plain"),
        pen.ink(color, material="wood", pattern="plain"),
    )
    length = dice.whole(5, 10)
    pen.rect(rail, -length * 2.3, 2.4, length * 2.3, 3.8)
    pen.rect(rail, -length * 2.3, 6.2, length * 2.3, 7.6)
    pointed = dice.chance(0.6)
    for number in range(length):
        x = (number - (length - 1) / 2) * 4.4
        pen.polygon(picket, ((x - 1.2, 0), (x + 1.2, 0), (x + 1.2, 9), (x, 10.8 if pointed else 9), (x - 1.2, 9)))


def bench(pen: Pen) -> None:
    """Draw a park bench."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*WOODS, *PAINTS)))
    plank, iron = pen.ink(color, material="wood", pattern="plain"), pen.ink(DARK, material="metal")
    for x in (-8.5, 8.5):
        pen.bar(iron, x, 0, x, 5, 1.4)
        pen.bar(iron, x, 4.5, x * 1.04, 11, 1.1)
    pen.rect(plank, -11, 4.2, 11, 6)
    pen.rect(pen.ink(shade(color, 0.85), material="wood", pattern="plain"), -11, 7.2, 11, 8.6)
    pen.rect(plank, -11, 9.4, 11, 10.8)


def street_lamp(pen: Pen) -> None:
    """Draw a street lamp; it shines when it is dark."""
    dice = pen.dice
    color = jitter(dice, dice.pick((DARK, DARK, GREY, (50.0, 90.0, 76.0))), 8)
    post = pen.ink(color, material="metal")
    pen.bar(post, 0, 0, 0, 27, 1.4)
    pen.rect(post, -1.8, 0, 1.8, 2)
    lit = pen.ink(LAMPLIGHT if dice.chance(0.7) else (250.0, 246.0, 236.0), part="lamp head", glow=True)
    if dice.chance(0.5):
        pen.polygon(lit, ((-2.4, 26), (2.4, 26), (3.8, 33.5), (-3.8, 33.5)))
        pen.polygon(pen.ink(color, part="lamp head", material="metal"), ((-4.6, 33.5), (4.6, 33.5), (0, 37)))
    else:
        pen.bar(post, 0, 27, 7, 29.5, 1.3)
        pen.dome(pen.ink(color, part="lamp head", material="metal"), 7, 27.6, 5, 4)
        pen.polygon(lit, ((2.4, 27.8), (11.6, 27.8), (9.8, 25), (4.2, 25)))


def pyramid(pen: Pen) -> None:
    """Draw a pyramid of stone courses, one side in the shade."""
    dice = pen.dice
    color = jitter(
        dice, dice.pick(((226.0, 194.0, 130.0), (206.0, 160.0, 110.0), (214.0, 186.0, 150.0), (190.0, 140.0, 104.0)))
    )
    wide, tall, edge = dice.between(18, 25), dice.between(17, 24), dice.between(4, 9)
    light = pen.ink(color, material="stone", pattern="brick", second=shade(color, 0.86))
    dark = pen.ink(shade(color, 0.72), material="stone", pattern="brick", second=shade(color, 0.62))
    pen.polygon(light, ((-wide, 0), (edge, 0), (0, tall)))
    pen.polygon(dark, ((edge, 0), (wide, 0), (0, tall)))


def fountain(pen: Pen) -> None:
    """Draw a fountain with two basins and jets of water."""
    dice = pen.dice
    color = jitter(dice, dice.pick((*STONES, (214.0, 200.0, 176.0), WHITE)))
    stone, dark = (
        pen.ink(color, material="stone", pattern="plain"),
        pen.ink(shade(color, 0.78), material="stone", pattern="plain"),
    )
    water = pen.ink((190.0, 224.0, 240.0), material="water", pattern="plain")
    deep = pen.ink((110.0, 174.0, 210.0), material="water", pattern="plain")
    high = dice.between(25, 30)
    pen.bar(dark, 0, 4, 0, 16, 4)
    for side in (-1, 1):
        pen.bar(water, side * 0.8, 17, side * 2.6, high, 1.5)
        pen.bar(water, side * 2.6, high, side * 6, high - 3, 1.4)
        pen.bar(water, side * 6, high - 3, side * 8.4, 17, 1.3)
        pen.bar(water, side * 8, 15, side * 11, 6, 1.2)
    pen.polygon(stone, ((-9, 16), (9, 16), (3, 12), (-3, 12)))
    pen.ellipse(deep, 0, 16, 8.6, 1.3)
    pen.polygon(stone, ((-15, 7), (15, 7), (13, 0), (-13, 0)))
    pen.ellipse(deep, 0, 7, 14.4, 1.8)
    pen.polygon(dark, ((-13.7, 2.4), (13.7, 2.4), (13, 0), (-13, 0)))
