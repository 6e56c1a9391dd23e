"""Files of pictures and masks: which there are, which belong together, and what a mask's pixels hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.text import describe_type, plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
"""The endings of the files that count as pictures."""

_SHOWN = 5  # names in an error text


class LabelsError(ValueError):
    """Labels, or the files that hold them, that can't be right; the text names the image or the file."""


def is_path(value: Any) -> bool:
    """Whether a value names a file."""
    return isinstance(value, (str, os.PathLike))


def open_folder(path: str | os.PathLike[str], what: str) -> Path:
    """Return a folder.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is none; the text begins with `what`.
    """
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:  # no such ~user
        raise FileNotFoundError(f"{what}: {path}: {error}") from error
    if not folder.is_dir():
        kind = NotADirectoryError if folder.exists() else FileNotFoundError
        hint = " Unpack it first." if folder.suffix.lower() in {".zip", ".tar", ".gz", ".tgz"} else ""
        raise kind(f"{what}: {folder} is no folder. A relative path starts from {Path.cwd()}.{hint}")
    return folder


def list_pictures(folder: Path, what: str) -> list[Path]:
    """Return the pictures in a folder and below it, in the order of their names; hidden files are left out.

    Raises
    ------
    LabelsError
        If there are none.
    """
    found = [
        Path(place) / name
        for place, folders, names in os.walk(folder, followlinks=True)
        if _without_hidden(folders)
        for name in names
        if not name.startswith(".") and name.lower().endswith(SUFFIXES)
    ]
    if not found:
        raise LabelsError(f"{what}: {folder} holds no picture, that is no file that ends in {', '.join(SUFFIXES)}.")
    return sorted(found)


def _without_hidden(folders: list[str]) -> bool:
    folders[:] = [name for name in folders if not name.startswith(".")]
    return True


def listed(names: Iterable[Any]) -> str:
    """Return the first few names, and how many there are, for an error text."""
    names = [printable(str(name)) for name in names]
    return ", ".join(names[:_SHOWN]) + (f", … ({len(names):,} in all)" if len(names) > _SHOWN else "")


def check_files(paths: Sequence[Path], named_by: str) -> None:
    """Refuse a list of files of which some are missing; each folder is listed once.

    Raises
    ------
    FileNotFoundError
    """
    folders: dict[Path, set[str]] = {}
    missing = []
    for path in paths:
        if path.parent not in folders:
            there = path.parent.iterdir() if path.parent.is_dir() else ()
            folders[path.parent] = {file.name for file in there}
        if path.name not in folders[path.parent]:
            missing.append(path)
    if missing:
        raise FileNotFoundError(
            f"{plural(len(missing), 'file')} that {named_by} names {'is' if len(missing) == 1 else 'are'} missing: {listed(missing)}. "
            "Restore them, or name the folder that holds them."
        )


# --- what a mask's pixels hold ---


def mask_size(mask: Any, where: str) -> tuple[int, int]:
    """Return the height and width of a mask, of a file without decoding it."""
    if is_path(mask):
        with _open(Path(mask), where) as picture:
            return picture.height, picture.width
    if hasattr(mask, "getbands"):
        return mask.height, mask.width
    return tuple(np.shape(mask)[:2])


def read_values(mask: Any, where: str, *, colors: bool, decode: Callable[[Any], Any] | None) -> NDArray[Any]:
    """Return the values of a mask's pixels, whole numbers [h, w]; a color as red · 65,536 + green · 256 + blue.

    Parameters
    ----------
    mask : path, PIL image, or array
        Of a palette, the indices are read, unless `colors` are meant.
    where : str
        For error texts, such as ``"Image 3 (a.jpg)"``.
    colors : bool
        Whether pixels are told apart by color.
    decode : callable, optional
        From the pixels as they are stored, an array [h, w] or [h, w, channels], to whole numbers [h, w].

    Raises
    ------
    LabelsError
    OSError
    """
    pixels = _pixels(mask, where, colors=colors and decode is None)
    if decode is not None:
        values = np.asarray(decode(pixels))
        if values.ndim != 2 or values.dtype.kind not in "iub":
            raise LabelsError(
                f"{where}: decode gave {describe_type(values)} and dtype {values.dtype} for its mask; whole numbers [height, width] are needed."
            )
        return values
    if colors:
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        packed: NDArray[np.int32] = (
            (pixels[..., 0].astype(np.int32) << 16) | (pixels[..., 1].astype(np.int32) << 8) | pixels[..., 2]
        )
        return packed
    if pixels.ndim == 2:
        return pixels
    first = pixels[..., 0]
    if not (pixels[..., :3] == first[..., None]).all():
        raise LabelsError(
            f"{where}: its mask is a color picture, and names are given by number. Give them by color, "
            '{(128, 0, 0): "cat"}; or, of ADE20K, decode="ade20k".'
        )
    return first


def _pixels(mask: Any, where: str, *, colors: bool) -> NDArray[Any]:
    if is_path(mask):
        with _open(Path(mask), where) as picture:
            return _pixels(picture, where, colors=colors)
    if not hasattr(mask, "getbands"):
        return _array(mask, where)
    if getattr(mask, "format", None) == "JPEG":
        raise LabelsError(
            f"{where}: its mask is a JPEG file, which changes pixels a little, and labels with them. Use PNG."
        )
    try:
        mask.load()
        if mask.mode == "P" and colors:
            mask = mask.convert("RGB")
        pixels = np.asarray(mask)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise anything
        raise LabelsError(f"{where}: its mask can't be decoded: {error}. Restore the file.") from error
    if mask.mode == "LA":
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f":
        raise LabelsError(
            f"{where}: its mask holds fractions (mode {mask.mode!r}); whole numbers or colors are needed."
        )
    return pixels


def _array(mask: Any, where: str) -> NDArray[Any]:
    pixels = np.asarray(mask) if not isinstance(mask, np.ma.MaskedArray) else None
    if pixels is None or pixels.ndim not in (2, 3) or pixels.dtype.kind not in "iub" or not pixels.size:
        raise LabelsError(
            f"{where}: its mask is {describe_type(mask)}; a path, a PIL image, or whole numbers [height, width] or colors "
            "[height, width, 3] are needed."
        )
    if pixels.ndim == 3 and (pixels.shape[2] not in (3, 4) or pixels.dtype != np.uint8):
        raise LabelsError(
            f"{where}: its mask is {describe_type(mask)} and dtype {pixels.dtype}; [height, width], or uint8 colors [height, width, 3] are needed."
        )
    return pixels


def _open(path: Path, where: str) -> Image:
    from PIL import Image

    try:
        return Image.open(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{where}: there is no file {path}, its mask. Restore it.") from None
    except (PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # as above
        raise LabelsError(f"{where}: {path}, its mask, can't be read: {error}. Restore the file.") from error
