"""The stage: light, sky and ground, and the things that scenes put on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.builtin.world.canvas import Canvas, Painting, Pen
from nbdissect.builtin.world.palette import PAINTS, RGB, STONES, TAN, WHITE, WOODS, jitter, mix, paint, shade
from nbdissect.builtin.world.patterns import SIDE
from nbdissect.builtin.world.things import THINGS
from nbdissect.builtin.world.vocabulary import TEXTURES

if TYPE_CHECKING:
    from nbdissect.builtin.world.dice import Dice

Span = tuple[float, float]

_DAY: tuple[RGB, ...] = ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.04, 1.0, 0.92), (0.92, 0.97, 1.05), (0.9, 0.9, 0.92))
_DUSK: tuple[RGB, ...] = ((1.02, 0.84, 0.72), (0.86, 0.76, 0.88), (0.98, 0.8, 0.8))
_NIGHT: tuple[RGB, ...] = ((0.48, 0.52, 0.74), (0.52, 0.5, 0.68), (0.44, 0.54, 0.66))

# (zenith, horizon) before the light tints them
_SKIES: tuple[tuple[RGB, RGB], ...] = (
    ((96.0, 168.0, 232.0), (226.0, 242.0, 250.0)),
    ((140.0, 196.0, 236.0), (250.0, 244.0, 226.0)),
    ((180.0, 192.0, 206.0), (232.0, 234.0, 236.0)),
    ((112.0, 190.0, 206.0), (244.0, 250.0, 230.0)),
    ((150.0, 150.0, 214.0), (255.0, 214.0, 190.0)),
    ((236.0, 170.0, 140.0), (255.0, 236.0, 190.0)),
)

_GROUNDS: dict[str, tuple[RGB, ...]] = {
    "grass": (
        (116.0, 172.0, 84.0),
        (140.0, 184.0, 96.0),
        (96.0, 150.0, 90.0),
        (176.0, 176.0, 92.0),
        (150.0, 140.0, 84.0),
    ),
    "sand": ((232.0, 208.0, 158.0), (222.0, 184.0, 132.0), (240.0, 222.0, 184.0), (214.0, 160.0, 116.0)),
    "snow": ((240.0, 244.0, 250.0), (226.0, 234.0, 246.0), (246.0, 240.0, 240.0)),
    "asphalt": ((112.0, 114.0, 120.0), (92.0, 94.0, 102.0), (140.0, 138.0, 136.0)),
    "stone": (*STONES, (196.0, 186.0, 170.0)),
    "": ((160.0, 124.0, 90.0), (132.0, 104.0, 80.0), (176.0, 150.0, 110.0)),
}
_SEAS: tuple[RGB, ...] = ((70.0, 140.0, 190.0), (84.0, 172.0, 190.0), (60.0, 108.0, 160.0), (110.0, 160.0, 170.0))


class Stage:
    """One scene in the making.

    Things are put by depth, 0 at the horizon and 1 at the lower edge, and drawn far to near when
    the scene is finished.
    """

    def __init__(self, dice: Dice, night: float = 0.0) -> None:
        self.dice = dice
        dark = dice.chance(night)
        tint = dice.pick(_NIGHT) if dark else dice.pick(_DUSK) if dice.chance(0.18) else dice.pick(_DAY)
        self.dark = dark
        self.canvas = Canvas(dice, tint)
        self.horizon = 60.0
        self.far, self.near = 0.92, 1.8
        self._grounds: list[tuple[float, int]] = []
        self._placed: list[tuple[float, str, float, float, float, bool]] = []

    # ---- surroundings -------------------------------------------------------------------------
    def sky(self, horizon: Span = (46, 70), *, sunny: float = 0.5) -> None:
        """Paint the sky down to the horizon, with sun or moon, clouds, stars and birds."""
        dice = self.dice
        self.horizon = dice.between(*horizon)
        if self.dark:
            zenith, low = dice.pick(
                (((20.0, 26.0, 58.0), (92.0, 96.0, 150.0)), ((26.0, 22.0, 52.0), (120.0, 84.0, 130.0)))
            )
        else:
            zenith, low = dice.pick(_SKIES)
        # the gradient runs over the whole image, of which the sky is only the upper part
        low = mix(zenith, low, 1.5)
        ink = self.canvas.ink(zenith, second=low, object="sky", pattern="gradient", glow=self.dark)
        self._band(ink, 0, self.horizon + 4)  # a little further down: rolling ground leaves no gap
        if self.dark:
            for _ in range(dice.whole(6, 18)):
                self._hang("star", (2, 126), (2, self.horizon - 4), 1.0)
        high = (10, max(14.0, self.horizon * 0.42))
        if dice.chance(0.6 if self.dark else sunny):
            name = dice.pick(("moon", "crescent")) if self.dark else "sun"
            self._hang(name, (12, 116), high, dice.between(1.0, 1.7))
        if not self.dark:
            for _ in range(dice.pick((0, 0, 1, 2, 3))):
                self._hang("cloud", (4, 124), (6, self.horizon * 0.6), dice.between(0.6, 1.2))

    def fill(self, ink: int) -> None:
        """Paint the whole sheet."""
        self._band(ink, 0, SIDE)

    def behind(self, name: str, low: int, high: int, size: Span = (0.9, 1.5), lift: float = 2.0) -> None:
        """Draw things on the horizon at once, behind all that is put."""
        for x in self._spread(self.dice.whole(low, high)):
            self._draw(name, x, self.horizon + lift, self.dice.between(*size))

    def ground(self, *materials: str, top: float | None = None, object: str = "") -> None:  # noqa: A002
        """Paint the ground from the horizon (or ``top``) down, in one of these materials."""
        dice = self.dice
        material = dice.pick(materials)
        color = jitter(dice, dice.pick(_GROUNDS[material]))
        ink = self.canvas.ink(color, second=shade(color, 1.14 if material in ("snow", "asphalt") else 0.84),
                              material=material, object=object)  # fmt: skip
        start = self.horizon if top is None else top
        if top is None and dice.chance(0.4):  # rolling ground rather than a straight line
            points = [(float(x), -start - dice.between(-2.5, 2.5)) for x in range(0, SIDE + 17, 16)]
            self._pen().polygon(ink, [*points, (SIDE + 16.0, -SIDE), (0.0, -SIDE)])
            self._band(ink, start + 2.5, SIDE)
        else:
            self._band(ink, start, SIDE)
        self._grounds.append((start, ink))

    def sea(self, bottom: float = SIDE) -> None:
        """Paint water from the horizon down."""
        color = jitter(self.dice, self.dice.pick(_SEAS))
        ink = self.canvas.ink(color, second=mix(color, WHITE, 0.55), object="sea", material="water")
        self._band(ink, self.horizon, bottom)
        self._grounds.append((self.horizon, ink))

    def room(self) -> None:
        """Paint a wall and a floor; at night the lamps are on."""
        dice = self.dice
        if self.dark:
            self.canvas.tint = (0.82, 0.7, 0.6)
        self.horizon = dice.between(76, 92)
        self.far, self.near = 1.4, 1.75
        wall = jitter(dice, mix(dice.pick(PAINTS), WHITE, dice.between(0.3, 0.75)))
        look = dice.pick(("", "", "", "", "texture", "texture", "brick", "wood"))
        texture = dice.pick(TEXTURES) if look == "texture" else ""
        material = "" if look == "texture" else look
        second = shade(wall, dice.pick((0.82, 1.5))) if texture else None
        self._band(
            self.canvas.ink(wall, second=second, object="wall", material=material, texture=texture), 0, self.horizon
        )
        self._band(
            self.canvas.ink(dice.pick((WHITE, shade(wall, 0.6))), object="wall"), self.horizon - 2.2, self.horizon
        )
        kind = dice.pick(("wood", "wood", "stone", "fabric", "chequered"))
        color = jitter(dice, dice.pick(WOODS) if kind == "wood" else dice.pick((*STONES, TAN, paint(dice))))
        if kind == "chequered":
            floor = self.canvas.ink(color, second=shade(color, 0.6), texture=kind)
        else:
            floor = self.canvas.ink(color, material=kind)
        self._band(floor, self.horizon, SIDE)
        self._grounds.append((self.horizon, floor))
        if dice.chance(0.35):
            rug = self.canvas.ink(paint(dice), material="fabric", texture=dice.pick(("", *TEXTURES)))
            y = (self.horizon + SIDE) / 2 + 3
            self._pen().ellipse(rug, dice.between(40, 88), -y, dice.between(26, 44), (SIDE - self.horizon) * 0.32)

    def wall_thing(
        self, name: str, chance: float, x: Span = (16, 112), y: Span | None = None, size: Span = (1.2, 1.6)
    ) -> None:
        """Hang something on the wall, with this probability; drawn at once."""
        if self.dice.chance(chance):
            span = (34.0, max(38.0, self.horizon - 30.0)) if y is None else y
            self._hang(name, x, span, self.dice.between(*size))

    # ---- things -------------------------------------------------------------------------------
    def put(self, name: str, chance: float = 1.0, *, count: tuple[int, int] = (1, 1), depth: Span = (0.15, 0.8),
            size: float = 1.0, x: Span = (8, 120), lift: Span = (0, 0)) -> int:  # fmt: skip
        """Put one or several of something on the ground, with this probability; return how many.

        ``lift`` raises them above the ground, in pixels: balls in the air, fish.
        """
        dice = self.dice
        if not dice.chance(chance):
            return 0
        places = self._spread(dice.whole(*count), x)
        for place in places:
            at = dice.between(*depth)
            self._placed.append(
                (at, name, place, size * dice.between(0.85, 1.15), dice.between(*lift), dice.chance(0.5))
            )
        return len(places)

    def finish(self) -> Painting:
        """Draw what was put, far to near, and return the finished drawing."""
        for depth, name, x, size, lift, flip in sorted(self._placed):
            y = self.horizon + (SIDE - 3 - self.horizon) * depth
            scale = size * (self.far + (self.near - self.far) * depth)
            if THINGS[name].shadow and not self.dark:
                self._shadow(x, y, THINGS[name].shadow * scale, lift)
            self._draw(name, x, y - lift, scale, flip=flip)
        return self.canvas.finish()

    # ---- helpers ------------------------------------------------------------------------------
    def _pen(self) -> Pen:
        """Return a pen in image coordinates; y counts upwards, so rows are negative."""
        return self.canvas.pen(0, 0)

    def _band(self, ink: int, top: float, bottom: float) -> None:
        self._pen().rect(ink, -1, -bottom - 1, SIDE + 1, -top)

    def _spread(self, count: int, x: Span = (8, 120)) -> list[float]:
        """Places from left to right that are random and yet not all in one spot."""
        width = (x[1] - x[0]) / max(count, 1)
        return [x[0] + (slot + self.dice.between(0.1, 0.9)) * width for slot in range(count)]

    def _hang(self, name: str, x: Span, y: Span, size: float) -> None:
        self._draw(name, self.dice.between(*x), self.dice.between(*y), size)

    def _draw(self, name: str, x: float, y: float, size: float, *, flip: bool | None = None) -> None:
        thing = THINGS[name]
        flip = self.dice.chance(0.5) if flip is None else flip
        angle = self.dice.between(-thing.sway, thing.sway)
        thing.draw(self.canvas.pen(x, y, size, flip=flip, angle=angle, object=thing.object))

    def _shadow(self, x: float, y: float, half: float, lift: float) -> None:
        ground = [ink for top, ink in self._grounds if y >= top - 1]
        if ground:
            self.canvas.pen(x, y).ellipse(
                self.canvas.relit(ground[-1], 0.78), half * 0.15, 0, half * (1.1 - 0.01 * lift), 1.2 + half * 0.11
            )
