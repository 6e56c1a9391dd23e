"""What can be put on the stage, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbdissect.builtin.world import buildings, creatures, fixtures, furniture, leisure, plants, sky, vehicles

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.builtin.world.canvas import Pen


class Thing(NamedTuple):
    """How to draw something.

    Attributes
    ----------
    draw : callable
        Draws it with a pen.
    object : str
        The concept it is; empty if none.
    shadow : float
        Half the width of its shadow on the ground, in its own units; 0 for none.
    sway : float
        Largest tilt, in radians.
    """

    draw: Callable[[Pen], None]
    object: str
    shadow: float = 0.0
    sway: float = 0.0


THINGS: dict[str, Thing] = {
    "sun": Thing(sky.sun, "sun"),
    "moon": Thing(sky.moon, "moon"),
    "crescent": Thing(sky.crescent, "moon", sway=0.4),
    "cloud": Thing(sky.cloud, "cloud"),
    "mountain": Thing(sky.mountain, "mountain"),
    "star": Thing(sky.star, "sky"),
    "tree": Thing(plants.tree, "tree", 9, 0.06),
    "fir": Thing(plants.fir, "fir", 8, 0.03),
    "palm": Thing(plants.palm, "palm", 7, 0.08),
    "cactus": Thing(plants.cactus, "cactus", 6, 0.06),
    "flower": Thing(plants.flower, "flower", 2, 0.18),
    "mushroom": Thing(plants.mushroom, "mushroom", 4, 0.15),
    "seaweed": Thing(plants.seaweed, "seaweed", 5, 0.1),
    "pot plant": Thing(plants.pot_plant, "pot plant", 6),
    "house": Thing(buildings.house, "house", 17),
    "skyscraper": Thing(buildings.skyscraper, "skyscraper"),
    "lighthouse": Thing(buildings.lighthouse, "lighthouse", 8),
    "windmill": Thing(buildings.windmill, "windmill", 9),
    "pyramid": Thing(buildings.pyramid, "pyramid"),
    "fountain": Thing(buildings.fountain, "fountain", 12),
    "tent": Thing(buildings.tent, "tent", 17),
    "fence": Thing(buildings.fence, "fence"),
    "bench": Thing(buildings.bench, "bench", 11),
    "street lamp": Thing(buildings.street_lamp, "street lamp", 3),
    "car": Thing(vehicles.car, "car", 17),
    "train": Thing(vehicles.train, "train"),
    "boat": Thing(vehicles.boat, "boat", 0, 0.08),
    "tractor": Thing(vehicles.tractor, "tractor", 15),
    "aeroplane": Thing(vehicles.aeroplane, "aeroplane", 0, 0.3),
    "person": Thing(creatures.person, "person", 5, 0.05),
    "cow": Thing(creatures.cow, "cow", 12),
    "bird": Thing(creatures.bird, "bird", 5, 0.1),
    "flying bird": Thing(creatures.flying_bird, "bird", 0, 0.4),
    "fish": Thing(creatures.fish, "fish", 0, 0.4),
    "snowman": Thing(creatures.snowman, "snowman", 8, 0.06),
    "umbrella": Thing(leisure.umbrella, "umbrella", 11),
    "ball": Thing(leisure.ball, "ball", 4),
    "slide": Thing(leisure.slide, "slide", 13),
    "swing": Thing(leisure.swing, "swing", 15),
    "campfire": Thing(leisure.campfire, "campfire", 8),
    "sledge": Thing(leisure.sledge, "sledge", 11, 0.05),
    "sofa": Thing(furniture.sofa, "sofa", 20),
    "table": Thing(furniture.table, "table", 14),
    "chair": Thing(furniture.chair, "chair", 6),
    "lamp": Thing(furniture.lamp, "lamp", 5),
    "bed": Thing(furniture.bed, "bed", 21),
    "picture": Thing(furniture.picture, "picture"),
    "stove": Thing(fixtures.stove, "stove", 11),
    "fridge": Thing(fixtures.fridge, "fridge", 10),
    "clock": Thing(furniture.clock, "clock"),
    "bathtub": Thing(fixtures.bathtub, "bathtub", 18),
    "washbasin": Thing(fixtures.washbasin, "washbasin", 6),
    "wardrobe": Thing(fixtures.wardrobe, "wardrobe", 13),
    "bookcase": Thing(fixtures.bookcase, "bookcase", 13),
    "blackboard": Thing(furniture.blackboard, "blackboard"),
    "globe": Thing(furniture.globe, "globe", 5),
    "window": Thing(furniture.window, ""),
}
