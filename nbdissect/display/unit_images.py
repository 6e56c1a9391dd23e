"""The strongest images of a unit as plain pictures: dimmed where the unit is off, with an outline where it is on."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.upsampling import resize
from nbdissect.samples import check_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.results.layer_scores import LayerScores

DIMMED = 0.65
QUALITY = 80
_GAP = 4
_DARK, _WHITE = 16.0, 255.0


def strongest(d: LayerScores, u: int) -> list[tuple[int, int]]:
    """Return rank and index of each image of a unit that there is."""
    return (
        [(rank, int(image)) for rank, image in enumerate(d.top_images[u]) if image >= 0] if d.data is not None else []
    )


def pictures(d: LayerScores, u: int, side: int) -> Iterator[Image]:
    """Yield the strongest images of a unit, at most `side` pixels wide and high, strongest first."""
    data: Any = check_dataset(d.data)
    for rank, index in strongest(d, u):
        image = data[index].image.convert("RGB")
        image.thumbnail((side, side))
        yield outlined(image, resize(d.top_maps[u, rank], image.size[::-1], d.receptive_field) > d.thresholds[u])


def outlined(image: Image, on: NDArray[np.bool_]) -> Image:
    """Return an image with a third of its light taken where the unit is off, and a two-tone line around where it is on."""
    import PIL.Image

    pixels = np.asarray(image, dtype=np.float32)
    pixels = np.where(on[..., None], pixels, pixels * DIMMED)
    inner, outer = on & ~_grown(~on), _grown(on) & ~on
    line = on & ~inner
    second = inner & _grown(line)
    pixels[outer | second] = _DARK
    pixels[line] = _WHITE
    return PIL.Image.fromarray(pixels.astype(np.uint8))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask and the pixels that touch it; the edge of the image is no edge of the mask."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def strip(d: LayerScores, u: int, side: int) -> Image:
    """Return all strongest images of a unit side by side, with nothing between them."""
    import PIL.Image

    images = list(pictures(d, u, side))
    drawn = PIL.Image.new("RGBA", (len(images) * (side + _GAP) - _GAP, side))
    for at, image in enumerate(images):
        place = (at * (side + _GAP) + (side - image.width) // 2, (side - image.height) // 2)
        drawn.paste(image, place)
    return drawn


def data_url(image: Image) -> str:
    """Return an image as the address of an ``img``, which holds all of it."""
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
