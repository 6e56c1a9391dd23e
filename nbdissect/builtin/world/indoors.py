"""Scenes in rooms. Wall, floor and light are the same for all of them; the furniture tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbdissect.builtin.world.stage import Stage


def living_room(stage: Stage) -> None:
    """Furnish with a sofa, lamps, pictures."""
    stage.room()
    stage.wall_thing("window", 0.35, size=(1.2, 1.6))
    stage.wall_thing("picture", 0.6)
    stage.wall_thing("clock", 0.2, y=(14, 30))
    found = stage.put("sofa", 0.78, depth=(0.15, 0.6), size=1.05)
    stage.put("bookcase", 0.5 if found else 1.0, depth=(0.02, 0.12), size=1.1)
    stage.put("lamp", 0.55, depth=(0.05, 0.3))
    stage.put("pot plant", 0.45, depth=(0.05, 0.5), size=0.95)
    stage.put("table", 0.3, depth=(0.6, 0.9), size=0.8)
    stage.put("person", 0.3, depth=(0.2, 0.8))
    stage.put("ball", 0.2, depth=(0.6, 0.95), size=0.8)


def bedroom(stage: Stage) -> None:
    """Furnish with a bed, a lamp."""
    stage.room()
    stage.wall_thing("window", 0.45, size=(1.2, 1.6))
    stage.wall_thing("picture", 0.5)
    stage.wall_thing("clock", 0.15, y=(14, 30))
    found = stage.put("bed", 0.85, depth=(0.15, 0.7), size=1.05)
    stage.put("wardrobe", 0.5 if found else 1.0, depth=(0.02, 0.12), size=1.1)
    stage.put("lamp", 0.5, depth=(0.05, 0.3))
    stage.put("chair", 0.25, depth=(0.1, 0.8), size=0.9)
    stage.put("pot plant", 0.2, depth=(0.05, 0.5))
    stage.put("person", 0.25, depth=(0.2, 0.9))
    stage.put("ball", 0.25, depth=(0.6, 0.95), size=0.8)
    stage.put("globe", 0.12, depth=(0.5, 0.9), size=0.8)


def kitchen(stage: Stage) -> None:
    """Furnish with a stove and a fridge, a table with chairs."""
    stage.room()
    stage.wall_thing("window", 0.35, size=(1.1, 1.5))
    stage.wall_thing("clock", 0.45, y=(14, 32))
    stage.wall_thing("picture", 0.15)
    found = stage.put("stove", 0.75, depth=(0.05, 0.2), size=1.15)
    stage.put("fridge", 0.65 if found else 1.0, depth=(0.05, 0.2), size=1.15)
    stage.put("table", 0.5, depth=(0.4, 0.9), size=0.9)
    stage.put("chair", 0.5, count=(1, 2), depth=(0.4, 0.9), size=0.9)
    stage.put("pot plant", 0.15, depth=(0.1, 0.6), size=0.8)
    stage.put("person", 0.35, depth=(0.2, 0.8))


def bathroom(stage: Stage) -> None:
    """Furnish with a bathtub."""
    stage.room()
    stage.wall_thing("window", 0.4, size=(0.9, 1.3))
    stage.wall_thing("picture", 0.3)
    stage.wall_thing("clock", 0.12, y=(14, 32))
    found = stage.put("bathtub", 0.7, depth=(0.2, 0.75), size=1.1)
    stage.put("washbasin", 0.6 if found else 1.0, depth=(0.02, 0.12), size=1.1)
    stage.put("pot plant", 0.35, depth=(0.05, 0.5))
    stage.put("lamp", 0.15, depth=(0.05, 0.3))
    stage.put("chair", 0.25, depth=(0.1, 0.8), size=0.85)
    stage.put("person", 0.35, depth=(0.1, 0.8))
    stage.put("ball", 0.2, depth=(0.6, 0.95), size=0.8)


def classroom(stage: Stage) -> None:
    """Furnish with a board, tables with chairs, a globe."""
    stage.room()
    stage.wall_thing("blackboard", 0.8, x=(36, 92), y=(46, 62), size=(1.1, 1.4))
    stage.wall_thing("clock", 0.4, y=(10, 18), size=(0.8, 1.0))
    stage.put("table", 0.8, count=(1, 3), depth=(0.3, 0.9), size=0.75)
    stage.put("chair", 0.7, count=(1, 3), depth=(0.3, 0.95), size=0.85)
    stage.put("bookcase", 0.15, depth=(0.02, 0.12), size=1.05)
    stage.put("globe", 0.65, depth=(0.2, 0.9))
    stage.put("person", 0.5, count=(1, 2), depth=(0.1, 0.7))
    stage.put("pot plant", 0.15, depth=(0.05, 0.5), size=0.8)
