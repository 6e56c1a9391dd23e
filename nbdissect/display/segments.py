"""An image in the colors of its parts, each with a number, since colors alone tell little and repeat."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.display.palette import place_color
from nbdissect.display.unit_images import DIMMED

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_TINT = 0.5
_MOST_ENLARGED = 4
_RADIUS = 8  # of the disk behind a number, in pixels
_WHITE, _DARK = (255, 255, 255), (16, 16, 16)


def segments(image: Image, place: NDArray[np.int64], parts: int) -> Image:
    """Return an RGB image in the colors of its parts, with their numbers from 1 on; dimmed where there is none.

    Parameters
    ----------
    image : PIL.Image.Image
    place : int64 [height, width]
        The part that each pixel belongs to, from 0 on; -1 = none.
    parts : int
        How many there are.
    """
    import PIL.Image

    pixels = np.asarray(image, dtype=np.float32)
    colors = np.array([_rgb(k) for k in range(max(1, parts))], dtype=np.float32)
    tinted = (1 - _TINT) * pixels + _TINT * colors[place]
    pixels = np.where(place[..., None] >= 0, tinted, pixels * DIMMED)
    pixels[_edges(place)] = _WHITE
    drawn = PIL.Image.fromarray(pixels.astype(np.uint8))
    for k, at in _middles(place, parts):
        _write_number(drawn, k + 1, at)
    return drawn


def nearest(place: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return parts at another height and width: every pixel takes the nearest one's."""
    rows, columns = (
        ((np.arange(out) + 0.5) * size / out).astype(np.int64) for out, size in zip(shape, place.shape, strict=True)
    )
    found: NDArray[np.int64] = place[rows[:, None], columns]
    return found


def _edges(place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a pixel differs from the one below or right of it."""
    edges = np.zeros(place.shape, dtype=bool)
    edges[:-1] |= place[:-1] != place[1:]
    edges[:, :-1] |= place[:, :-1] != place[:, 1:]
    return edges


def _middles(place: NDArray[np.int64], units: int) -> list[tuple[int, tuple[int, int]]]:
    """Return for each unit with a segment the pixel of it that lies deepest inside, x and y."""
    found = []
    for k in range(units):
        inside = place == k
        if not inside.any():
            continue
        deepest = inside
        while True:
            smaller = deepest.copy()
            for axis in (0, 1):
                for by in (-1, 1):
                    smaller &= np.roll(deepest, by, axis)
            if not smaller.any() or smaller.all():
                break
            deepest = smaller
        y, x = np.argwhere(deepest)[len(np.argwhere(deepest)) // 2]
        found.append((k, (int(x), int(y))))
    return found


def _write_number(image: Image, number: int, at: tuple[int, int]) -> None:
    from PIL import ImageDraw

    radius = _RADIUS + 3 * (len(str(number)) - 1)
    x = min(max(at[0], radius), max(image.width - radius - 1, radius))
    y = min(max(at[1], _RADIUS), max(image.height - _RADIUS - 1, _RADIUS))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((x - radius, y - _RADIUS, x + radius, y + _RADIUS), _RADIUS, fill=_DARK, outline=_WHITE)
    draw.text((x + 0.5, y + 0.5), str(number), fill=_WHITE, anchor="mm")


def _rgb(k: int) -> tuple[int, int, int]:
    color = place_color(k)
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def swatch(k: int) -> str:
    """Return the number of a part on its color, as HTML."""
    style = (
        f"display:inline-block;min-width:1.5em;text-align:center;border-radius:.8em;background:{place_color(k)};"
        "color:#fff;text-shadow:0 0 2px #000,0 0 2px #000;font-weight:bold"
    )
    return f'<span style="{style}">{k + 1}</span>'


def png(image: Image) -> str:
    """Return an image as an address that holds all of it, with its lines and colors as they are."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def sized(image: Image, side: int) -> Image:
    """Return an RGB image whose longer side has `side` pixels, unless it were enlarged too much for that."""
    scale = min(side / max(image.size), _MOST_ENLARGED)
    return image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
