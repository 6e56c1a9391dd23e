"""Painting with labels: each stroke lays down a color and what it means, in one go.

The canvas holds no colors. It is one map of *ink numbers* at three times the image's
resolution; a later stroke overwrites an earlier one, which is the painter's order. Colors and
labels are both read off that map at the end, so what a pixel shows and what it is called can
never disagree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from nbdissect.builtin.world.palette import RGB, contrast, shade
from nbdissect.builtin.world.patterns import DRAWN, LEVELS, MARGIN, SUPERSAMPLING, TILE, tiles
from nbdissect.builtin.world.vocabulary import NUMBER, TEXTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nbdissect.builtin.world.dice import Dice

#: Categories whose labels strokes carry, in the order of :attr:`Painting.labels`.
STROKE_CATEGORIES = ("object", "part", "material", "texture")

#: Mask pixels along an axis take every sixth drawn pixel.
MASK_STEP = 2 * SUPERSAMPLING

_CIRCLE = [(math.cos(2 * math.pi * i / 20), math.sin(2 * math.pi * i / 20)) for i in range(20)]
_RAMP = np.arange(LEVELS, dtype=np.float32)[:, None] / (LEVELS - 1)
_GRID = (np.arange(DRAWN, dtype=np.int32)[:, None] * TILE + np.arange(DRAWN, dtype=np.int32)).copy()
_GRID.setflags(write=False)


class Painting(NamedTuple):
    """A finished drawing.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, 128 x 128 pixels.
    labels : dict of str to uint8 array, shape [64, 64]
        Concept numbers, per category of :data:`STROKE_CATEGORIES`; 0 is nothing.
    """

    image: Image.Image
    labels: dict[str, NDArray[np.uint8]]


class Canvas:
    """A sheet to draw on.

    Parameters
    ----------
    dice : Dice
    tint : three floats
        The color of the light: every color is multiplied by it, except inks that glow.
    """

    def __init__(self, dice: Dice, tint: RGB = (1.0, 1.0, 1.0)) -> None:
        self.dice = dice
        self.tint = tint
        self._map = Image.new("I", (DRAWN, DRAWN))
        self.draw = ImageDraw.Draw(self._map)
        self._colors: list[tuple[RGB, RGB]] = []
        self._offsets: list[int] = []
        self._labels: list[tuple[int, int, int, int]] = []
        self.ink((0.0, 0.0, 0.0))  # number 0, the untouched sheet

    def ink(
        self,
        color: RGB,
        *,
        second: RGB | None = None,
        object: str = "",  # noqa: A002 - the category's name
        part: str = "",
        material: str = "",
        texture: str = "",
        pattern: str = "",
        glow: bool = False,
    ) -> int:
        """Mix a new ink and return its number.

        Parameters
        ----------
        color, second : RGB
            The first and second color of the pattern. By default the second is a shade of the
            first, or for a texture a paint that stands out from it.
        object, part, material, texture : str, optional
            What the ink means; concept names.
        pattern : str, optional
            A tile's name. By default that of the texture or material.
        glow : bool
            A light of its own, which the dark does not dim.
        """
        if not pattern:
            pattern = texture or (material if material in tiles().variants else "plain")
        if second is None:
            second = contrast(self.dice, color) if texture else shade(color, 0.8)
        if not glow:
            r, g, b = self.tint
            color = (color[0] * r, color[1] * g, color[2] * b)
            second = (second[0] * r, second[1] * g, second[2] * b)
        offset = self.dice.pick(tiles().variants[pattern]) * TILE * TILE
        if pattern != "gradient":
            offset += self.dice.whole(0, MARGIN - 1) * TILE + self.dice.whole(0, MARGIN - 1)
        self._colors.append((color, second))
        self._offsets.append(offset)
        self._labels.append(
            (NUMBER["object", object], NUMBER["part", part], NUMBER["material", material], NUMBER["texture", texture])
        )
        return len(self._colors) - 1

    def relit(self, ink: int, factor: float) -> int:
        """Return an ink like another, in shadow (factor below 1): a shadow changes no label."""
        first, second = self._colors[ink]
        self._colors.append((shade(first, factor), shade(second, factor)))
        self._offsets.append(self._offsets[ink])
        self._labels.append(self._labels[ink])
        return len(self._colors) - 1

    def pen(self, x: float, y: float, scale: float = 1.0, *, flip: bool = False, angle: float = 0.0,
            object: str = "") -> Pen:  # fmt: skip  # noqa: A002
        """Return a pen with its origin at (x, y), in pixels of the image from the top left."""
        return Pen(self, x, y, scale, flip=flip, angle=angle, object=object)

    def finish(self) -> Painting:
        """Return the image and its labels."""
        ids = np.asarray(self._map)
        offsets = np.array(self._offsets, dtype=np.int32)
        levels = tiles().levels[offsets[ids] + _GRID]
        ends = np.array(self._colors, dtype=np.float32)
        ramps = np.zeros((len(ends), LEVELS, 4), dtype=np.uint8)
        ramps[..., :3] = np.clip(ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * _RAMP, 0.0, 255.0)
        pixels = ramps.view(np.uint32).reshape(-1)[ids * LEVELS + levels]
        drawn = Image.frombuffer("RGBX", (DRAWN, DRAWN), pixels.tobytes(), "raw", "RGBX", 0, 1)
        half = MASK_STEP // 2
        sampled = ids[half::MASK_STEP, half::MASK_STEP]
        table = np.array(self._labels, dtype=np.uint8)
        labels = {name: table[:, column][sampled] for column, name in enumerate(STROKE_CATEGORIES)}
        return Painting(drawn.reduce(SUPERSAMPLING).convert("RGB"), labels)


class Pen:
    """Draws one thing in the thing's own coordinates: x to the right, y up, origin where it stands.

    Lengths are pixels of the image at scale 1.
    """

    def __init__(self, canvas: Canvas, x: float, y: float, scale: float, *, flip: bool, angle: float,
                 object: str) -> None:  # fmt: skip  # noqa: A002
        self.canvas = canvas
        self.dice = canvas.dice
        self.scale = scale
        self._object = object
        length = scale * SUPERSAMPLING
        cosine, sine = math.cos(angle) * length, math.sin(angle) * length
        mirror = -1.0 if flip else 1.0
        self._x, self._y = x * SUPERSAMPLING, y * SUPERSAMPLING
        self._xx, self._xy = cosine * mirror, -sine
        self._yx, self._yy = -sine * mirror, -cosine

    def ink(self, color: RGB, *, second: RGB | None = None, part: str = "", material: str = "", texture: str = "",
            pattern: str = "", glow: bool = False) -> int:  # fmt: skip
        """Mix an ink that means this pen's object; see :meth:`Canvas.ink`."""
        return self.canvas.ink(
            color, second=second, object=self._object, part=part, material=material, texture=texture,
            pattern=pattern, glow=glow,
        )  # fmt: skip

    def cloth(self, color: RGB, *, part: str = "", material: str = "fabric", share: float = 0.5) -> int:
        """Mix an ink for something that in this share of cases has a texture."""
        texture = self.dice.pick(TEXTURES) if self.dice.chance(share) else ""
        return self.ink(color, part=part, material=material, texture=texture)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of this pen lies on the image, in pixels from the top left."""
        return (
            (self._x + self._xx * x + self._xy * y) / SUPERSAMPLING,
            (self._y + self._yx * x + self._yy * y) / SUPERSAMPLING,
        )

    def polygon(self, ink: int, points: Sequence[tuple[float, float]]) -> None:
        """Fill a polygon."""
        ox, oy, xx, xy, yx, yy = self._x, self._y, self._xx, self._xy, self._yx, self._yy
        self.canvas.draw.polygon([(ox + xx * x + xy * y, oy + yx * x + yy * y) for x, y in points], fill=ink)

    def rect(self, ink: int, left: float, bottom: float, right: float, top: float) -> None:
        """Fill a rectangle."""
        self.polygon(ink, ((left, bottom), (right, bottom), (right, top), (left, top)))

    def ellipse(self, ink: int, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """Fill an ellipse (a circle without ``ry``) about (x, y)."""
        ry = rx if ry is None else ry
        self.polygon(ink, [(x + rx * c, y + ry * s) for c, s in _CIRCLE])

    def dome(self, ink: int, x: float, y: float, rx: float, ry: float) -> None:
        """Fill the upper half of an ellipse; its flat side lies on y."""
        self.polygon(ink, [(x + rx * c, y + ry * s) for c, s in _CIRCLE[:11]])

    def bar(self, ink: int, x0: float, y0: float, x1: float, y1: float, width: float) -> None:
        """Fill a straight bar from one point to another."""
        dx, dy = x1 - x0, y1 - y0
        length = math.hypot(dx, dy) or 1.0
        nx, ny = -dy / length * width / 2, dx / length * width / 2
        self.polygon(ink, ((x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)))
