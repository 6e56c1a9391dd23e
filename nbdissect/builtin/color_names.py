"""The eleven basic color names, for every pixel of an image.

English has eleven *basic color terms* (Berlin and Kay, *Basic Color Terms*, 1969); Broden labels
colors with the same eleven. A pixel gets the name of the nearest of some ninety hand-picked
prototypes, several per name, in CIELAB, where equal distances look about equally different.
Lightness counts less than hue and chroma, because a shadow does not change the name of a color.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The names; :func:`name_colors` returns positions in this tuple.
COLOR_NAMES = ("black", "blue", "brown", "grey", "green", "orange", "pink", "purple", "red", "white", "yellow")

# Several prototypes per name: people call everything from lime to bottle green "green", and
# "brown" is a dark orange rather than a hue of its own.
_PROTOTYPES = {
    "black": "000000 141414 1c1a18 10141e 1a120e 0e1a12",
    "blue": "0000ff 1e4fbf 4a78d2 7fb0e6 a9cdf0 12275e 2f5f93 00a0d8 5f86ad 1a3a6a 3f97b8 7fcfe0",
    "brown": "5a3519 7a4b26 94633a 4a2a1a 8c5a44 a9804f 6b5434 3a2616 b58a62 c0a078 8a7350",
    "grey": "808080 5c5c5c a4a4a4 c4c4c4 3c3c3c 7a8088 857f78 9aa3a8 b8b4ac 50565e",
    "green": "008000 2f8f3a 5fb04a 9ac85a 1f4f2a 00d060 7fae6a 6b7f2a 3f6f4f a8d8a0 2f9f86 4a5a24",
    "orange": "ff8c00 f28a2c e8762a ffa94d d9781f f5b06a",
    "pink": "ffc0cb f58fb4 ff69b4 e87a9a f0a8b8 d86a8e eec4d0",
    "purple": "800080 7a3fa0 9a62c4 5a2f7a b48ad6 3f1f5a 8a4a8a c39ad0 6a5aa8",
    "red": "ff0000 c8241e e0392f a01818 d84a48 7a1414 b8403a",
    "white": "ffffff f2f2f0 f6f0e4 e8eef4 e6e4de eef6ea faeaea",
    "yellow": "ffff00 f6d32a ffe066 e8c030 fff3a0 d2b428 eadb8c e0cc9a",
}

_BITS = 6  # bits kept per channel: 262,144 colors, steps of 4 of 255
_LIGHTNESS_WEIGHT = 0.8


def srgb_to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return colors in CIELAB (white D65).

    Parameters
    ----------
    rgb : uint8 array, shape [..., 3]

    Returns
    -------
    float64 array, shape [..., 3]
        L* in 0 to 100, a* and b* about -110 to 110. Formulas: IEC 61966-2-1 (the transfer curve
        and the matrix) and CIE 15:2004 (L*, a*, b*).
    """
    encoded = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)
    knee = 6.0 / 29.0
    f = np.where(xyz > knee**3, np.cbrt(xyz), xyz / (3.0 * knee**2) + 4.0 / 29.0)
    return np.stack([116.0 * f[..., 1] - 16.0, 500.0 * (f[..., 0] - f[..., 1]), 200.0 * (f[..., 1] - f[..., 2])], -1)


@lru_cache(maxsize=1)
def _make_table() -> NDArray[np.uint8]:
    """Return the positions in COLOR_NAMES for each quantized color, uint8, shape [2**18]; made once, in half a second."""
    levels = (np.arange(1 << _BITS) << (8 - _BITS)) + (1 << (7 - _BITS))
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3).astype(np.uint8)
    scale = np.array([_LIGHTNESS_WEIGHT, 1.0, 1.0])
    points = (srgb_to_lab(grid) * scale).astype(np.float32)
    table = np.zeros(len(points), dtype=np.uint8)
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for position, name in enumerate(COLOR_NAMES):
        for code in _PROTOTYPES[name].split():
            target = srgb_to_lab(np.frombuffer(bytes.fromhex(code), dtype=np.uint8)) * scale
            distance = np.square(points - target.astype(np.float32)).sum(axis=1)
            closer = distance < nearest
            nearest[closer] = distance[closer]
            table[closer] = position
    table.setflags(write=False)
    return table


def name_colors(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the name of every pixel's color, as its position in :data:`COLOR_NAMES`.

    Parameters
    ----------
    rgb : uint8 array, shape [..., 3]
        sRGB. Quantized to six bits per channel first, so that naming is one lookup per pixel.

    Returns
    -------
    uint8 array, shape [...]
        Positions in :data:`COLOR_NAMES`.

    Raises
    ------
    ValueError
        If the array is not uint8 with three channels last.
    """
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim < 1 or rgb.shape[-1] != 3:
        raise ValueError(
            f"name_colors() takes a uint8 array with three channels last, [..., 3]; "
            f"got {rgb.dtype} with shape {list(rgb.shape)}. Convert the image with np.asarray(image.convert('RGB'))."
        )
    kept = rgb.astype(np.int32) >> (8 - _BITS)
    positions: NDArray[np.uint8] = _make_table()[(kept[..., 0] << (2 * _BITS)) | (kept[..., 1] << _BITS) | kept[..., 2]]
    return positions
