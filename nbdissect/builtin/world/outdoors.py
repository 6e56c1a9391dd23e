"""Scenes in the country, by the water and in the snow.

Scenes share skies, grounds and bystanders on purpose: what sets them apart is which things stand
in them, and that is what a network that learns to tell them apart has to find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.palette import mix, shade
from nbdissect.builtin.world.patterns import SIDE

if TYPE_CHECKING:
    from nbdissect.builtin.world.stage import Stage


def beach(stage: Stage) -> None:
    """Compose sand and sea, parasols, palms, bathers."""
    stage.sky((36, 52), sunny=0.6)
    stage.sea()
    shore = stage.horizon + stage.dice.between(14, 26)
    stage.put("boat", 0.35, depth=(0.05, 0.15), size=0.6)
    stage.ground("sand", "sand", "", top=shore)
    at_shore = (shore - stage.horizon) / (SIDE - stage.horizon) + 0.12
    found = stage.put("umbrella", 0.65, count=(1, 3), depth=(at_shore, 0.85), size=1.1)
    stage.put("palm", 0.6 if found else 1.0, count=(1, 2), depth=(at_shore, 0.7), size=1.2)
    stage.put("ball", 0.35, depth=(at_shore, 0.95))
    stage.put("person", 0.7, count=(1, 3), depth=(at_shore, 0.9))
    stage.put("flying bird", 0.3, depth=(0.2, 0.3), lift=(20, 50))


def harbour(stage: Stage) -> None:
    """Compose boats before a quay, a lighthouse."""
    stage.sky((40, 56))
    stage.behind("mountain", 0, 1)
    stage.sea()
    quay = stage.dice.between(96, 112)
    found = stage.put("boat", 0.8, count=(1, 3), depth=(0.15, 0.5), size=1.1)
    if stage.dice.chance(0.85):
        stage.ground("stone", "asphalt", "sand", top=quay)
    stage.put("lighthouse", 0.6 if found else 1.0, depth=(0.05, 0.3), size=1.1)
    stage.put("house", 0.25, depth=(0.0, 0.02), size=0.8)
    stage.put("person", 0.5, count=(1, 2), depth=(0.86, 0.98))
    stage.put("bench", 0.2, depth=(0.88, 0.98))
    stage.put("street lamp", 0.3, count=(1, 2), depth=(0.86, 0.95), size=0.9)
    stage.put("bird", 0.4, count=(1, 2), depth=(0.88, 0.98))
    stage.put("flying bird", 0.4, count=(1, 2), depth=(0.1, 0.2), lift=(14, 40))


def forest(stage: Stage) -> None:
    """Compose trees, firs and mushrooms."""
    stage.sky((40, 66), sunny=0.3)
    stage.ground("grass", "grass", "", "snow")
    found = stage.put("tree", 0.85, count=(3, 6), depth=(0.05, 0.6))
    stage.put("fir", 0.8 if found else 1.0, count=(2, 5), depth=(0.0, 0.6))
    stage.put("mushroom", 0.75, count=(1, 4), depth=(0.55, 0.97), size=1.1)
    stage.put("bird", 0.35, depth=(0.5, 0.95))
    stage.put("person", 0.2, depth=(0.3, 0.8))
    stage.put("flower", 0.2, count=(1, 2), depth=(0.6, 0.95))


def campsite(stage: Stage) -> None:
    """Compose tents and a fire."""
    stage.sky((44, 64), sunny=0.4)
    stage.behind("mountain", 0, 2)
    stage.ground("grass", "sand", "", "snow")
    found = stage.put("tent", 0.75, count=(1, 2), depth=(0.2, 0.6), size=1.1)
    stage.put("campfire", 0.65 if found else 1.0, depth=(0.5, 0.9), size=1.1)
    stage.put("fir", 0.6, count=(1, 3), depth=(0.0, 0.25))
    stage.put("tree", 0.3, count=(1, 2), depth=(0.0, 0.25))
    stage.put("person", 0.6, count=(1, 3), depth=(0.3, 0.9))
    stage.put("car", 0.12, depth=(0.1, 0.2), size=0.8)


def farm(stage: Stage) -> None:
    """Compose cows, a tractor, a windmill, fences."""
    stage.sky((42, 62))
    stage.behind("mountain", 0, 1)
    stage.ground("grass", "grass", "", "sand")
    stage.put("windmill", 0.6, depth=(0.02, 0.25), size=1.15)
    stage.put("house", 0.55, depth=(0.02, 0.15))
    found = stage.put("cow", 0.7, count=(1, 3), depth=(0.3, 0.9), size=0.95)
    stage.put("tractor", 0.55 if found else 1.0, depth=(0.3, 0.85), size=0.95)
    stage.put("fence", 0.55, count=(1, 3), depth=(0.15, 0.5), size=1.1)
    stage.put("tree", 0.4, count=(1, 2), depth=(0.0, 0.25))
    stage.put("person", 0.25, depth=(0.4, 0.9))
    stage.put("bird", 0.25, depth=(0.5, 0.95))


def garden(stage: Stage) -> None:
    """Compose beds of flowers before a fence or a house."""
    stage.sky((34, 56))
    stage.ground("grass", "grass", "", "sand")
    stage.put("house", 0.4, depth=(0.0, 0.1))
    stage.put("fence", 0.5, count=(1, 3), depth=(0.05, 0.3), size=1.1)
    stage.put("flower", count=(3, 6), depth=(0.45, 0.97), size=1.15)
    stage.put("pot plant", 0.4, count=(1, 2), depth=(0.3, 0.9))
    stage.put("tree", 0.5, depth=(0.1, 0.4))
    stage.put("umbrella", 0.2, depth=(0.2, 0.5))
    stage.put("table", 0.2, depth=(0.3, 0.7), size=0.8)
    stage.put("person", 0.4, depth=(0.3, 0.8))
    stage.put("bird", 0.3, depth=(0.5, 0.95))


def desert(stage: Stage) -> None:
    """Compose sand, rocks and cacti."""
    dice = stage.dice
    stage.sky((48, 74), sunny=0.6)
    stage.behind("mountain", 0, 1, lift=3)
    stage.ground("sand", "sand", "", "")
    found = stage.put("cactus", 0.75, count=(1, 4), depth=(0.1, 0.8), size=1.1)
    stage.put("pyramid", 0.45 if found else 1.0, count=(1, 2), depth=(0.03, 0.2), size=1.0)
    stage.put("tent", 0.15, depth=(0.2, 0.5))
    stage.put("palm", 0.15, depth=(0.1, 0.4))
    stage.put("person", 0.25, depth=(0.3, 0.8))
    stage.put("car", 0.15, depth=(0.4, 0.8), size=0.9)
    stage.put("bird", 0.25, depth=(0.4, 0.9))
    if dice.chance(0.3):
        stage.put("flying bird", depth=(0.1, 0.2), lift=(20, 50))


def snow_field(stage: Stage) -> None:
    """Compose snow, a snowman, firs."""
    stage.sky((44, 66), sunny=0.3)
    stage.behind("mountain", 0, 2)
    stage.ground("snow", "snow", "snow", "grass")
    found = stage.put("snowman", 0.7, count=(1, 2), depth=(0.3, 0.8))
    stage.put("sledge", 0.5 if found else 1.0, count=(1, 2), depth=(0.35, 0.95), size=1.1)
    stage.put("fir", 0.6, count=(1, 3), depth=(0.0, 0.4))
    stage.put("house", 0.35, depth=(0.0, 0.15))
    stage.put("person", 0.6, count=(1, 3), depth=(0.3, 0.9))
    stage.put("fence", 0.2, count=(1, 2), depth=(0.1, 0.4))
    stage.put("tree", 0.25, depth=(0.0, 0.3))


def underwater(stage: Stage) -> None:
    """Compose fish above a sandy bottom with seaweed."""
    dice = stage.dice
    color = dice.pick(
        ((70.0, 150.0, 190.0), (80.0, 170.0, 170.0), (70.0, 110.0, 180.0), (130.0, 130.0, 190.0), (120.0, 180.0, 150.0))
    )
    water = stage.canvas.ink(mix(color, (230.0, 250.0, 250.0), 0.35), second=shade(color, 0.55), object="sea",
                             material="water", pattern="gradient")  # fmt: skip
    stage.fill(water)
    stage.horizon = dice.between(84, 106)
    stage.far, stage.near = 0.95, 1.4
    stage.ground("sand", "stone", "")
    stage.put("seaweed", 0.85, count=(2, 4), depth=(0.1, 0.9), size=1.1)
    stage.put("fish", count=(2, 5), depth=(0.0, 0.9), size=1.35, lift=(14, 70))
    stage.put("boat", 0.15, depth=(0.2, 0.5), size=1.0)
    bubble = stage.canvas.ink((220.0, 242.0, 250.0), object="sea", material="water", pattern="plain")
    for _ in range(dice.whole(0, 8)):
        stage.canvas.pen(dice.between(4, 124), dice.between(8, 90)).ellipse(bubble, 0, 0, dice.between(0.6, 1.6))
