"""The concepts of the drawn world, with their numbers."""

from __future__ import annotations

from nbdissect.builtin.color_names import COLOR_NAMES
from nbdissect.types import Concept

#: Category names, in Broden's order.
CATEGORIES = ("color", "object", "part", "material", "scene", "texture")

OBJECTS = (
    "sky", "wall", "road", "sea", "mountain", "sun", "moon", "cloud",
    "tree", "fir", "palm", "cactus", "flower", "mushroom", "seaweed", "pot plant",
    "house", "skyscraper", "lighthouse", "windmill", "pyramid", "tent", "fence", "bench", "street lamp", "fountain",
    "car", "train", "boat", "tractor", "aeroplane",
    "person", "cow", "bird", "fish", "snowman",
    "umbrella", "ball", "slide", "swing", "campfire", "sledge",
    "sofa", "table", "chair", "lamp", "bed", "picture", "stove", "fridge", "clock",
    "bathtub", "washbasin", "wardrobe", "bookcase", "blackboard", "globe",
)  # fmt: skip

PARTS = (
    "tree crown", "tree trunk", "palm leaf", "blossom", "mushroom cap",
    "house roof", "house door", "house window", "chimney", "skyscraper window", "windmill blade", "lamp head",
    "wheel", "car window", "train window", "sail", "hull", "aeroplane wing",
    "person head", "person torso", "person legs", "cow head", "bird wing", "fish tail", "snowman hat",
    "sofa cushion", "chair back", "table leg", "lamp shade", "pillow", "oven door",
)  # fmt: skip

MATERIALS = (
    "asphalt", "brick", "fabric", "foliage", "glass", "grass", "metal", "sand", "snow", "stone", "water", "wood",
)  # fmt: skip

SCENES = (
    "airfield", "bathroom", "beach", "bedroom", "campsite", "classroom", "desert", "farm", "forest", "garden",
    "harbour", "kitchen", "living room", "night city", "park", "playground", "snow field", "station", "street",
    "underwater",
)  # fmt: skip

TEXTURES = ("chequered", "dotted", "grid", "striped", "zigzagged")

_NAMES = {
    "color": COLOR_NAMES,
    "object": OBJECTS,
    "part": PARTS,
    "material": MATERIALS,
    "scene": SCENES,
    "texture": TEXTURES,
}

#: All concepts, ascending by number; numbers begin at 1 and fit into eight bits.
CONCEPTS = tuple(
    Concept(number, name, category)
    for number, (category, name) in enumerate(
        ((category, name) for category in CATEGORIES for name in _NAMES[category]), start=1
    )
)

#: Number of a concept by category and name. No name means number 0: nothing.
NUMBER: dict[tuple[str, str], int] = {(concept.category, concept.name): concept.number for concept in CONCEPTS}
NUMBER.update({(category, ""): 0 for category in CATEGORIES})
