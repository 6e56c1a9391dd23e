"""From a scene's name to a finished drawing."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from nbdissect.builtin.world import indoors, outdoors, town
from nbdissect.builtin.world.canvas import Painting
from nbdissect.builtin.world.patterns import SIDE
from nbdissect.builtin.world.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nbdissect.builtin.world.dice import Dice


class Scene(NamedTuple):
    """How a scene is composed, and how often it is night there."""

    compose: Callable[[Stage], None]
    night: float = 0.0


SCENES_BY_NAME: dict[str, Scene] = {
    "airfield": Scene(town.airfield, 0.12),
    "bathroom": Scene(indoors.bathroom),
    "beach": Scene(outdoors.beach, 0.06),
    "bedroom": Scene(indoors.bedroom, 0.2),
    "campsite": Scene(outdoors.campsite, 0.4),
    "classroom": Scene(indoors.classroom),
    "desert": Scene(outdoors.desert, 0.15),
    "farm": Scene(outdoors.farm, 0.06),
    "forest": Scene(outdoors.forest, 0.15),
    "garden": Scene(outdoors.garden, 0.05),
    "harbour": Scene(outdoors.harbour, 0.2),
    "kitchen": Scene(indoors.kitchen, 0.1),
    "living room": Scene(indoors.living_room, 0.1),
    "night city": Scene(town.night_city, 0.85),
    "park": Scene(town.park, 0.15),
    "playground": Scene(town.playground, 0.05),
    "snow field": Scene(outdoors.snow_field, 0.15),
    "station": Scene(town.station, 0.2),
    "street": Scene(town.street, 0.2),
    "underwater": Scene(outdoors.underwater),
}

_NOISE_SIDE = SIDE + 64


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    """Film grain with unit variance, larger than the image, float32."""
    grain = np.random.default_rng(5).standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3)).astype(np.float32)
    grain.setflags(write=False)
    return grain


def _develop(dice: Dice, image: Image.Image) -> Image.Image:
    """Add what a camera adds: uneven light, some blur, some grain."""
    if dice.chance(0.15):
        image = image.filter(ImageFilter.BoxBlur(dice.between(0.15, 0.4)))
    ramp = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    gain = 1.0 + dice.between(-0.16, 0.16) * ramp[:, None] + dice.between(-0.2, 0.2) * ramp
    gain *= dice.between(0.92, 1.06)
    y, x = dice.whole(0, _NOISE_SIDE - SIDE), dice.whole(0, _NOISE_SIDE - SIDE)
    pixels = np.asarray(image) * gain.astype(np.float32)[..., None]
    pixels += dice.between(0.5, 3.5) * _noise()[y : y + SIDE, x : x + SIDE]
    return Image.fromarray(np.clip(pixels, 0.0, 255.0).astype(np.uint8))


def draw(name: str, dice: Dice) -> Painting:
    """Draw a scene.

    Parameters
    ----------
    name : str
        One of :data:`nbdissect.builtin.world.vocabulary.SCENES`.
    dice : Dice

    Returns
    -------
    Painting
        The image and the labels of its strokes.
    """
    scene = SCENES_BY_NAME[name]
    stage = Stage(dice, scene.night)
    scene.compose(stage)
    painting = stage.finish()
    return Painting(_develop(dice, painting.image), painting.labels)
