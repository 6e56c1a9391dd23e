"""Makes an upright PIL image, decoded, of what a data set gives as one; whatever would be misread is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.text import describe_type

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112  # tag of EXIF; 1: stored upright
_DEEP = re.compile(r";16[BLNS]")  # 16 bits per channel; "BGR;16" are 16 bits per pixel


def read_image(value: Any, index: int | None) -> Image:
    """Return the image of sample `index`, None if it is of no data set: decoded, turned as its EXIF orientation says, of 8 bits per channel.

    Parameters
    ----------
    value : PIL image, path, or uint8 array [h, w, 3]
        Grayscale, palette, alpha, CMYK and 1-bit images keep their mode.
    index : int
        For error texts.

    Raises
    ------
    ValueError
        If it is something else, can't be decoded, or holds 16-bit or float values.
    OSError
        If there is no such file, or it may not be read.
    """
    from PIL import Image, ImageOps

    if isinstance(value, (str, os.PathLike)):
        with _open(Path(value), index) as file:  # closed then; what was decoded stays
            return read_image(file, index)
    if isinstance(value, np.ndarray):
        value = Image.fromarray(_check_array(value, index))
    elif not isinstance(value, Image.Image):
        hint = ""
        if type(value).__module__.startswith("torch"):
            hint = " Of a tensor of 0 to 1, torchvision.transforms.functional.to_pil_image(tensor) makes one."
        raise ValueError(
            f"{_of(index)} is {describe_type(value)}; a PIL image, a path, or a uint8 array "
            f"[height, width, 3] is needed.{hint}"
        )
    name = f" ({value.filename})" if getattr(value, "filename", "") else ""
    _check_depth(value, index, name)
    try:
        value.load()
        if value.mode == "La":  # which Pillow converts to nothing else
            value = value.convert("LA")
        if value.getexif().get(_ORIENTATION, 1) != 1:
            value = ImageOps.exif_transpose(value)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise anything: OSError, SyntaxError, struct.error, …
        raise ValueError(
            f"{_which(index)}{name}: it can't be decoded: {error}. Restore the file, or leave the image out of the data set."
        ) from error
    if 0 in value.size:
        raise ValueError(f"{_which(index)}{name}: it is {value.height} × {value.width}, without a pixel.")
    return value  # type: ignore[no-any-return]


def _which(index: int | None) -> str:
    return "This image" if index is None else f"Image {index}"


def _of(index: int | None) -> str:
    return "image" if index is None else f"Image {index}: .image of its sample"


def _open(path: Path, index: int | None) -> Image:
    from PIL import Image

    try:
        path = path.expanduser()
    except RuntimeError as error:  # no such ~user
        raise ValueError(f"{_which(index)}: {path} isn't a path: {error}") from error
    if not path.exists():
        raise FileNotFoundError(
            f"{_which(index)}: there is no file {path}. A relative path starts from {Path.cwd()}; give a full one."
        )
    if not path.is_file():  # reading a pipe would wait forever
        raise ValueError(f"{_which(index)}: {path} isn't a file.")
    try:
        return Image.open(path)
    except PermissionError:
        raise
    except Exception as error:  # as above
        raise ValueError(
            f"{_which(index)}: {path} can't be read as an image: {error}. Restore the file, or leave it out of the data set."
        ) from error


def _check_array(array: np.ndarray[Any, Any], index: int | None) -> np.ndarray[Any, Any]:
    if (
        array.dtype == np.uint8
        and array.ndim == 3
        and array.shape[2] == 3
        and array.size
        and not isinstance(array, np.ma.MaskedArray)
    ):
        return np.ascontiguousarray(array)
    hint = ""
    if array.dtype.kind == "f":
        hint = " Of floats of 0 to 1, (array * 255).round().astype(np.uint8) makes one."
    elif array.dtype.kind in "iu" and array.dtype != np.uint8:
        hint = (
            " Of 16 bits, (array / 65535 * 255).round().astype(np.uint8) makes one, with 65535 the value that is white."
        )
    elif array.ndim == 2:
        hint = " Of one channel, np.stack([array] * 3, axis=-1) makes one."
    elif array.ndim == 3 and array.shape[0] == 3:
        hint = " With channels first, array.transpose(1, 2, 0) makes one."
    raise ValueError(
        f"{_of(index)} is a {array.dtype} array of shape {list(array.shape)}; a PIL image, a path, or a uint8 "
        f"array [height, width, 3] is needed.{hint}"
    )


def stores_16_bits(image: Image) -> bool:
    """Return whether an image file holds 16 bits per channel, of which Pillow would keep the upper 8; known until it is decoded."""
    return any(_DEEP.search(str(tile[3])) for tile in getattr(image, "tile", ()))


def _check_depth(image: Image, index: int | None, name: str) -> None:
    """Refuse 16-bit and float values: which of them is white can't be known, and Pillow would make most of them white, or black."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        what = "floats" if image.mode == "F" else "whole numbers of more than 8 bits"
        raise ValueError(
            f"{_which(index)}{name}: it holds {what} (mode {image.mode!r}), and which of its values is white can't be known. Convert it: "
            "Image.fromarray((np.asarray(image) / 65535 * 255).round().astype(np.uint8)), with the value that is white for 65535, "
            "such as 4095 where 12 bits are used."
        )
    if stores_16_bits(image):
        raise ValueError(
            f"{_which(index)}{name}: it holds 16 bits per channel, of which Pillow keeps the upper 8: all is black where 8 bits are used. "
            "Read it with a library for such files, scale it to 0 … 255, and give a uint8 array [height, width, 3]."
        )
