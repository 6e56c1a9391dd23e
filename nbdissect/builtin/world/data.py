"""The drawn world as a labeled data set."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from nbdissect._version import __version__
from nbdissect.builtin.color_names import name_colors
from nbdissect.builtin.world.canvas import STROKE_CATEGORIES
from nbdissect.builtin.world.dice import Dice
from nbdissect.builtin.world.patterns import SIDE
from nbdissect.builtin.world.scenes import draw
from nbdissect.builtin.world.vocabulary import CATEGORIES, CONCEPTS, NUMBER, SCENES
from nbdissect.samples import Indexable
from nbdissect.types import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nbdissect.types import Concept

SPLITS = ("probe", "train", "test")

_MASKS = ("color", *STROKE_CATEGORIES)
_FIRST_COLOR = NUMBER["color", "black"]


class World(Indexable):
    """A little drawn world whose every pixel is labeled: the data set that needs no download.

    Drawings of twenty scenes with pixel-exact labels of color, object, part, material and
    texture, and the scene as a label of the whole image. The same ``seed`` and ``index`` give the
    same drawing, whatever was drawn before.

    Parameters
    ----------
    n : int
        Number of images; scenes take turns, so a multiple of 20 gives each the same share.
    seed : int
    split : {"probe", "train", "test"}
        Drawings of different splits have nothing in common but the style. Networks are probed on
        "probe"; the built-in one was trained on "train".

    Attributes
    ----------
    concepts : tuple of Concept
    categories : tuple of str
    image_size : (int, int)
        Height and width of the images; masks have half of each.
    drawings : bool
        True: results with this set say so.
    credit, licence : str
        For the record that results keep.

    Examples
    --------
    >>> world = World(n=20)
    >>> sample = world[0]
    >>> sample.image.size, sample.masks["object"].shape
    ((128, 128), (1, 64, 64))
    """

    concepts: Sequence[Concept] = CONCEPTS
    categories: tuple[str, ...] = CATEGORIES
    image_size: tuple[int, int] = (SIDE, SIDE)
    drawings: bool = True
    credit: str = "nbdissect's drawn world, made by this software"
    licence: str = "BSD-3-Clause"

    def __init__(self, n: int = 560, *, seed: int = 0, split: str = "probe") -> None:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(
                f"World(n={n!r}): a data set needs at least one image; the default is 560, 28 of each of the 20 scenes."
            )
        if split not in SPLITS:
            raise ValueError(
                f"World(split={split!r}): there is no such split; choose one of {', '.join(map(repr, SPLITS))}."
            )
        self.seed = seed
        self.split = split
        self._n = int(n)
        # about 70 kB per image, filled as images are asked for
        self._drawn: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return self._n

    def _read(self, position: int, /) -> Sample:
        drawn = self._drawn.get(position)
        if drawn is None:
            # no lock: two threads may both draw an image, and both draw the same one
            drawn = self._drawn[position] = self._draw(position)
        pixels, labels = drawn
        masks = {category: labels[row : row + 1].astype(np.uint16) for row, category in enumerate(_MASKS)}
        return Sample(
            image=Image.fromarray(pixels),
            masks=masks,
            whole={"scene": (self.scene(position),)},
            shape=(labels.shape[1], labels.shape[2]),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the finished drawings behind: a worker process draws those that it is asked for."""
        return {**self.__dict__, "_drawn": {}}

    def digest(self) -> str:
        """Return a digest of what determines the drawings, and of one drawing of each scene."""
        total = hashlib.blake2b(f"World {self._n} {self.seed} {self.split} {__version__}".encode(), digest_size=16)
        for index in range(min(self._n, len(SCENES))):
            self[index]  # drawn now, or already
            for part in self._drawn[index]:
                total.update(part.tobytes())
        return f"blake2b:{total.hexdigest()}"

    def scene(self, index: int) -> int:
        """Return the number of an image's scene, without drawing it."""
        return NUMBER["scene", SCENES[index % len(SCENES)]]

    def _draw(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Draw an image: pixels uint8 [128, 128, 3] and labels uint8 [categories, 64, 64]."""
        dice = Dice(f"world {self.split} {self.seed} {index}")
        painting = draw(SCENES[index % len(SCENES)], dice)
        colors = name_colors(np.asarray(painting.image.reduce(2))) + np.uint8(_FIRST_COLOR)
        labels = np.stack([colors, *(painting.labels[category] for category in STROKE_CATEGORIES)])
        return np.asarray(painting.image), labels

    def __repr__(self) -> str:
        counts = {category: sum(concept.category == category for concept in CONCEPTS) for category in CATEGORIES}
        listed = ", ".join(f"{count} {category}" for category, count in counts.items())
        return (
            f"World: {self._n} drawings of {len(SCENES)} scenes, {SIDE} x {SIDE} px; "
            f"concepts: {listed} (split {self.split!r}, seed {self.seed})"
        )
