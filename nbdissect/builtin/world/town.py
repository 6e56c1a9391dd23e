"""Scenes in town."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import shade
from nbdissect.builtin.world.patterns import SIDE

if TYPE_CHECKING:
    from nbdissect.builtin.world.stage import Stage


def _road(stage: Stage) -> tuple[float, float]:
    """Lay a road across and return its span of depths."""
    dice = stage.dice
    top = stage.horizon + (SIDE - stage.horizon) * dice.between(0.4, 0.55)
    stage.ground("asphalt", "asphalt", "stone", top=top, object="road")
    pen = stage.canvas.pen(0, 0)
    line = stage.canvas.ink((236.0, 232.0, 220.0), object="road")
    y = (top + SIDE) / 2
    for x in range(dice.whole(-12, 0), SIDE, 24):
        pen.rect(line, x, -y - 0.8, x + 12, -y + 0.8)
    kerb = stage.canvas.ink((190.0, 188.0, 184.0), object="road", material="stone", pattern="plain")
    pen.rect(kerb, -1, -top - 0.6, SIDE + 1, -top + 1.2)
    first = (top - stage.horizon) / (SIDE - stage.horizon)
    return first + 0.14, 0.95


def street(stage: Stage) -> None:
    """Compose houses along a road, cars, people."""
    stage.sky((38, 54), sunny=0.4)
    stage.ground("stone", "grass", "", "snow")
    lanes = _road(stage)
    stage.put("house", count=(2, 3), depth=(0.05, 0.25), size=1.05)
    stage.put("car", 0.85, count=(1, 2), depth=lanes, size=0.95)
    stage.put("tree", 0.45, count=(1, 2), depth=(0.2, 0.35), size=0.9)
    stage.put("street lamp", 0.45, count=(1, 2), depth=(0.25, 0.38))
    stage.put("person", 0.55, count=(1, 2), depth=(0.28, 0.9))
    stage.put("umbrella", 0.1, depth=(0.25, 0.36))
    stage.put("bench", 0.12, depth=(0.25, 0.36))


def night_city(stage: Stage) -> None:
    """Compose tower blocks, mostly by night."""
    stage.sky((58, 84), sunny=0.3)
    stage.behind("skyscraper", 5, 7, (0.7, 1.1))
    stage.ground("asphalt", "stone", "grass")
    lanes = _road(stage)
    stage.put("skyscraper", count=(2, 4), depth=(0.05, 0.2), size=1.05)
    stage.put("car", 0.6, count=(1, 2), depth=lanes, size=0.85)
    stage.put("street lamp", 0.4, count=(1, 2), depth=(0.25, 0.4))
    stage.put("tree", 0.25, depth=(0.2, 0.3), size=0.8)
    stage.put("person", 0.35, count=(1, 2), depth=(0.3, 0.9))


def station(stage: Stage) -> None:
    """Compose a train at a platform, a clock."""
    dice = stage.dice
    stage.sky((36, 50), sunny=0.3)
    if dice.chance(0.5):
        stage.behind("house", 1, 3, (0.6, 0.9))
    elif dice.chance(0.4):
        stage.behind("skyscraper", 2, 4, (0.4, 0.6))
    stage.ground("grass", "sand", "", "snow")
    rail_y = stage.horizon + (SIDE - stage.horizon) * 0.36
    pen = stage.canvas.pen(0, 0)
    pen.rect(stage.canvas.ink((120.0, 100.0, 88.0), material="stone"), -1, -rail_y - 4, SIDE + 1, -rail_y + 1)
    pen.rect(stage.canvas.ink((170.0, 174.0, 180.0), material="metal"), -1, -rail_y - 1, SIDE + 1, -rail_y + 0.6)
    stage.put("train", 0.85, depth=(0.36, 0.36), x=(60, 160), size=1.15)
    stage.ground("stone", "asphalt", top=rail_y + 10)
    if dice.chance(0.6):  # the station clock on its post
        x = dice.between(14, 114)
        stage.canvas.pen(x, rail_y + 12).rect(stage.canvas.ink((60.0, 62.0, 70.0), material="metal"), -0.9, 0, 0.9, 40)
        stage.put("clock", depth=(0.5, 0.5), x=(x, x), lift=(42, 42), size=0.95)
        stage.put("street lamp", 0.2, depth=(0.55, 0.65))
    stage.put("bench", 0.5, depth=(0.6, 0.9))
    stage.put("person", 0.7, count=(1, 3), depth=(0.55, 0.95))
    stage.put("street lamp", 0.3, count=(1, 2), depth=(0.52, 0.65), size=0.9)


def airfield(stage: Stage) -> None:
    """Compose aeroplanes on the runway and in the air."""
    stage.sky((58, 82), sunny=0.4)
    stage.behind("mountain", 0, 1)
    stage.behind("tree", 0, 2, (0.4, 0.6))
    stage.ground("grass", "asphalt", "sand", "snow")
    if stage.dice.chance(0.6):
        _road(stage)
    landed = stage.put("aeroplane", 0.7, depth=(0.45, 0.7), size=1.2, x=(30, 98), lift=(5, 6))
    stage.put("aeroplane", 0.5 if landed else 1.0, count=(1, 2), depth=(0.2, 0.3), size=1.0, lift=(28, 58))
    stage.put("house", 0.2, depth=(0.0, 0.1), size=0.8)
    stage.put("person", 0.4, count=(1, 2), depth=(0.5, 0.95))
    stage.put("car", 0.2, depth=(0.6, 0.9), size=0.7)
    stage.put("fence", 0.2, count=(1, 3), depth=(0.8, 0.95))


def park(stage: Stage) -> None:
    """Compose benches and lamps among trees."""
    stage.sky((40, 60))
    if stage.dice.chance(0.3):
        stage.behind("skyscraper", 1, 4, (0.5, 0.7))
    stage.ground("grass", "grass", "", "snow")
    path = stage.horizon + (SIDE - stage.horizon) * stage.dice.between(0.5, 0.75)
    pen = stage.canvas.pen(0, 0)
    color = (206.0, 190.0, 160.0)
    pen.polygon(
        stage.canvas.ink(color, second=shade(color, 0.88), material="sand"),
        ((-1, -path), (60, -path + 4), (129, -path), (129, -path - 12), (60, -path - 9), (-1, -path - 13)),
    )
    found = stage.put("bench", 0.75, count=(1, 2), depth=(0.35, 0.8), size=1.1)
    stage.put("fountain", 0.5 if found else 1.0, depth=(0.25, 0.6), size=1.05)
    stage.put("street lamp", 0.6, count=(1, 2), depth=(0.2, 0.6))
    stage.put("tree", 0.85, count=(1, 4), depth=(0.05, 0.4))
    stage.put("bird", 0.5, count=(1, 2), depth=(0.5, 0.97))
    stage.put("person", 0.6, count=(1, 3), depth=(0.4, 0.9))
    stage.put("flower", 0.3, count=(1, 3), depth=(0.5, 0.95))
    stage.put("ball", 0.15, depth=(0.5, 0.95))


def playground(stage: Stage) -> None:
    """Compose a slide, swings, balls."""
    stage.sky((40, 62))
    stage.ground("grass", "sand", "asphalt", "")
    if stage.dice.chance(0.25):
        stage.behind("house", 1, 2, (0.5, 0.8))
    found = stage.put("slide", 0.65, depth=(0.25, 0.75), size=1.05)
    stage.put("swing", 0.6 if found else 1.0, depth=(0.15, 0.6), size=1.1)
    stage.put("ball", 0.6, count=(1, 2), depth=(0.5, 0.97), size=1.1)
    stage.put("tree", 0.5, count=(1, 2), depth=(0.0, 0.25))
    stage.put("bench", 0.2, depth=(0.3, 0.6))
    stage.put("fence", 0.3, count=(1, 3), depth=(0.0, 0.15))
    stage.put("person", 0.75, count=(1, 3), depth=(0.35, 0.95), size=0.85)
