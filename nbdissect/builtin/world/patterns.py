"""Tiles: what is painted on a surface, in levels from its first color (0) to its second (31)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 32
#: Pixels drawn for each pixel of the image, along each axis.
SUPERSAMPLING = 3
#: Height and width of an image, in pixels.
SIDE = 128
DRAWN = SIDE * SUPERSAMPLING
#: Tiles are larger than the drawing, so that a pattern can begin anywhere.
MARGIN = 96
TILE = DRAWN + MARGIN


class Tiles(NamedTuple):
    """All tiles in one array, and where to find the variants of each.

    Attributes
    ----------
    levels : uint8 array, shape [variants * TILE * TILE]
    variants : dict of str to tuple of int
        Positions of a pattern's variants; times ``TILE * TILE``, their offsets in ``levels``.
    """

    levels: NDArray[np.uint8]
    variants: dict[str, tuple[int, ...]]


def _noise(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Smooth noise in 0 to 1 from a coarse random grid, float32, shape [TILE, TILE]."""
    coarse = Image.fromarray((rng.random((height, width)) * 255).astype(np.uint8))
    fine = np.asarray(coarse.resize((TILE, TILE), Image.Resampling.BICUBIC), dtype=np.float32)
    spread: NDArray[np.float32] = (fine - fine.min()) / (fine.max() - fine.min())
    return spread


def _specks(rng: np.random.Generator, cell: int, share: float) -> NDArray[np.float32]:
    """Specks of about ``cell`` drawn pixels that cover this share of the surface."""
    field = _noise(rng, TILE // cell, TILE // cell)
    return (field > np.quantile(field, 1.0 - share)).astype(np.float32)


def _flagstones(rng: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slabs of unequal tone with thin joints."""
    row = np.floor(y / 21)
    shifted = x + 17 * (row % 3)
    joint = (y % 21 < 1.8) | (shifted % 46 < 1.8)
    tone = rng.random((TILE // 21 + 1, TILE // 46 + 3)).astype(np.float32)
    slab = tone[row.astype(int), np.floor(shifted / 46).astype(int)]
    return np.where(joint, 1.0, 0.5 * slab + 0.15 * _noise(rng, TILE // 4, TILE // 4)).astype(np.float32)


def _materials(x: NDArray[np.float32], y: NDArray[np.float32]) -> dict[str, list[NDArray[np.float32]]]:
    """Tiles of the materials that have a grain of their own."""
    rng = np.random.default_rng(7)
    bricks = []
    for height, width in ((12, 27), (15, 33)):
        row = np.floor(y / height)
        mortar = (y % height < 2.5) | ((x + (row % 2) * width / 2) % width < 2.5)
        tone = rng.random((TILE // height + 1, TILE // 13 + 2)).astype(np.float32)
        column = np.floor((x + (row % 2) * width / 2) / width)
        bricks.append(np.where(mortar, 1.0, 0.3 * tone[row.astype(int), column.astype(int)]).astype(np.float32))
    grain = _noise(rng, TILE // 5, TILE // 60)
    planks = np.where(y % 24 < 2, 1.0, 0.55 * grain).astype(np.float32)
    ripples = 0.5 + 0.5 * np.sin(y / 5.5 + 4.0 * _noise(rng, 24, 8))
    waves = ((ripples > 0.86) & (_noise(rng, 60, 16) > 0.5)).astype(np.float32)
    blades = np.maximum(_specks(rng, 5, 0.08), 0.5 * _noise(rng, TILE // 6, TILE // 9)).astype(np.float32)
    leaves = (0.75 * (_noise(rng, TILE // 9, TILE // 9) > 0.52)).astype(np.float32)
    return {
        "brick": bricks,
        "wood": [planks, planks.T.copy()],
        "water": [np.maximum(waves, 0.35 * _noise(rng, 30, 6)).astype(np.float32)],
        "grass": [blades],
        "sand": [np.maximum(0.9 * _specks(rng, 4, 0.06), 0.5 * _noise(rng, 16, 8)).astype(np.float32)],
        "snow": [(0.6 * _noise(rng, 10, 6)).astype(np.float32)],
        "asphalt": [np.maximum(0.7 * _specks(rng, 4, 0.1), 0.3 * _noise(rng, 20, 20)).astype(np.float32)],
        "stone": [_flagstones(rng, x, y)],
        "foliage": [leaves],
        "metal": [(0.5 * _noise(rng, 40, 3)).astype(np.float32)],
    }


def _textures(x: NDArray[np.float32], y: NDArray[np.float32]) -> dict[str, list[NDArray[np.float32]]]:
    """Tiles of the textures; periods are four to seven pixels of the image."""
    shapes: dict[str, list[NDArray[np.bool_]]] = {
        name: [] for name in ("striped", "dotted", "chequered", "zigzagged", "grid")
    }
    for period in (12.0, 17.0):
        for along in (x, y, (x + y) * 0.7071, (x - y + TILE) * 0.7071):
            shapes["striped"].append(along % period < period / 2)
        lag = np.where(np.floor(y / period) % 2 == 0, 0.0, period / 2)
        dots = ((x + lag) % period - period / 2) ** 2 + (y % period - period / 2) ** 2
        shapes["dotted"].append(dots < (0.3 * period) ** 2)
        shapes["chequered"].append((x % period < period / 2) ^ (y % period < period / 2))
        bend = np.abs((x % (1.3 * period)) - 0.65 * period)
        shapes["zigzagged"].append((y + bend) % period < 0.5 * period)
        wide = 0.8 * period
        shapes["grid"].append((x % wide < 2.6) | (y % wide < 2.6))
    return {name: [shape.astype(np.float32) for shape in variants] for name, variants in shapes.items()}


@lru_cache(maxsize=1)
def tiles() -> Tiles:
    """Return all tiles; made once, about 10 MB."""
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    down = np.clip(y / DRAWN, 0.0, 1.0)
    named: dict[str, list[NDArray[np.float32]]] = {
        "plain": [np.zeros_like(x)],
        "gradient": [down],
        **_materials(x, y),
        **_textures(x, y),
    }
    rng = np.random.default_rng(11)
    stack: list[NDArray[np.uint8]] = []
    variants: dict[str, tuple[int, ...]] = {}
    for name, group in named.items():
        variants[name] = tuple(range(len(stack), len(stack) + len(group)))
        for tile in group:
            # dithered, so that the few levels of a gradient leave no bands
            dither = rng.random(tile.shape, dtype=np.float32) if name == "gradient" else 0.5
            stack.append(np.clip(tile * (LEVELS - 1) + dither, 0, LEVELS - 1).astype(np.uint8))
    levels = np.stack(stack).reshape(-1)
    levels.setflags(write=False)
    return Tiles(levels, variants)
