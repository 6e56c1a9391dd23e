"""Photographs and masks of a data set, decoded only if they are what index.csv says."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from nbdissect.data.broden_files import BrodenError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nbdissect.data.broden_files import Files

# Named one by one, because Pillow would also start a Ghostscript for what calls itself PostScript.
_FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")
_MODES = ("RGB", "L")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _PALETTE = 2, 3
_SAMPLES = {_RGB: 3, 4: 2, 6: 4}  # per pixel; 1 in the others
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
_PIECE = 1 << 20
_COLORS = {0: "greyscale", _RGB: "RGB", _PALETTE: "palette", 4: "greyscale with alpha", 6: "RGBA"}


@dataclass(frozen=True)
class Claim:
    """What index.csv says about a file.

    Attributes
    ----------
    path : Path
    size : (int, int)
        Height and width.
    line : int
        Of index.csv.
    """

    path: Path
    size: tuple[int, int]
    line: int

    def damaged(self, how: str) -> BrodenError:
        """Return the error for a file that can't be decoded."""
        return BrodenError(f"{self.path}: damaged ({how}). Restore the file, or remove line {self.line} of index.csv.")

    def check_size(self, height: int, width: int) -> None:
        """Refuse another size than the index says; asked before decoding, so that a bomb is never unpacked."""
        if (height, width) != self.size:
            message = (
                f"{self.path}: {height} × {width} pixels (height × width); index.csv, line {self.line}, says "
                f"{self.size[0]} × {self.size[1]}. Correct the line, or restore the file."
            )
            raise BrodenError(message)


def read_photograph(files: Files, claim: Claim) -> Image.Image:
    """Return a photograph, RGB, its pixels as they are stored.

    An orientation in its EXIF data isn't applied: the masks belong to the stored pixels, as in
    the original programs. It is dropped, so that nobody later turns the picture under its masks.

    Raises
    ------
    BrodenError
    OSError
    """
    content = files.read(claim.path)
    if content.startswith(_SIGNATURE):
        _check_png(content, claim)
    with _decoded(content, claim, _FORMATS, _MODES) as picture:
        photograph = picture.convert("RGB")
    photograph.info.clear()
    return photograph


def read_mask(files: Files, claim: Claim, known: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the label numbers of a mask, int32 [sh, sw].

    Parameters
    ----------
    files : Files
    claim : Claim
    known : bool array, shape [65536]
        Which numbers are labels.

    Raises
    ------
    BrodenError
    OSError
    """
    content = files.read(claim.path)
    if not content.startswith(_SIGNATURE):
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        message = f"{claim.path}: not a readable image; a mask is a PNG file, {begins}. Restore the file."
        raise BrodenError(message)
    depth, color, entries = _check_png(content, claim)
    # Pillow would keep the upper half of 16 bits, which makes every label below 256 "none".
    if depth > 8 or color not in {_RGB, _PALETTE}:
        message = (
            f"{claim.path}: a PNG of {depth} bits, {_COLORS.get(color, f'colour type {color}')}; a mask is RGB of 8 bits, "
            "label = red + 256 · green. Save it as that."
        )
        raise BrodenError(message)
    with _decoded(content, claim, ("PNG",), ("RGB", "P")) as picture:
        # What makes PNG files smaller turns few category_colors into a palette; they are the same category_colors.
        if color == _PALETTE and (highest := int(np.asarray(picture).max())) >= entries:
            raise claim.damaged(f"a pixel takes colour {highest} of a palette of {entries}")
        pixels = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    if pixels[..., 2].any():
        row, column = np.argwhere(pixels[..., 2])[0]
        message = (
            f"{claim.path}, row {row}, column {column}: a pixel with blue {pixels[row, column, 2]}; "
            "a label is red + 256 · green, with blue 0. Save the label numbers that way."
        )
        raise BrodenError(message)
    labels = pixels[..., 0] + np.int32(256) * pixels[..., 1]
    if not (fine := known.take(labels)).all():
        row, column = np.argwhere(~fine)[0]
        message = (
            f"{claim.path}, row {row}, column {column}: label number {labels[row, column]} is not in label.csv; "
            "every number in a mask is a label, or 0 for none. Correct the mask, or add the label."
        )
        raise BrodenError(message)
    return labels


def _check_png(content: bytes, claim: Claim) -> tuple[int, int, int]:
    """Return a PNG's bits per sample, colour type and number of palette entries, once it is known to be whole.

    Pillow skips the checksums of pixel data, so that about one damaged byte in a hundred gives
    another mask without an error; and where the rows end early, it fills up with 0, which is "none".
    """
    view = memoryview(content)
    header, entries, place, kind = b"", 0, len(_SIGNATURE), b""
    packed: list[memoryview] = []
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, place) if place + 8 <= len(content) else (len(content), b"")
        end = place + length + 12
        if end > len(content):
            raise claim.damaged(f"cut off after {len(content):,} bytes")
        if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise claim.damaged(f"wrong checksum in the part {kind.decode('latin-1')!r} at byte {place}")
        if kind == b"IHDR":
            header = content[place + 8 : end - 4]
        elif kind == b"PLTE":
            entries = length // 3
        elif kind == b"IDAT":
            packed.append(view[place + 8 : end - 4])
        place = end
    if len(header) != 13:
        raise claim.damaged(f"a header of {len(header)} bytes, not 13")
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    claim.check_size(height, width)
    bits = depth * _SAMPLES.get(color, 1)
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    sizes = [(-((top - height) // down), -((left - width) // right)) for top, left, down, right in passes]
    wanted = sum(rows * (1 + (columns * bits + 7) // 8) for rows, columns in sizes if columns > 0)
    if not _unpacks_to(packed, wanted):
        raise claim.damaged(f"fewer pixels than the {height} × {width} of its header")
    return depth, color, entries


def _unpacks_to(packed: list[memoryview], wanted: int) -> bool:
    """Whether compressed parts hold so many bytes; they are counted, not kept."""
    unpacker = zlib.decompressobj()
    try:
        for part in packed:
            rest: bytes | memoryview = part
            while wanted > 0 and len(rest):
                wanted -= len(unpacker.decompress(rest, _PIECE))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return wanted <= 0


def _decoded(content: bytes, claim: Claim, formats: tuple[str, ...], modes: tuple[str, ...]) -> Image.Image:
    """Return an image of the claimed size and of one of these modes, decoded."""
    try:
        picture = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        message = f"{claim.path}: not a readable image; {begins}. Allowed are {', '.join(formats)}. Restore the file."
        raise BrodenError(message) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        message = (
            f"{claim.path}: far more pixels than index.csv, line {claim.line}, says: {claim.size[0]} × {claim.size[1]}. "
            "It was not unpacked. Restore the file."
        )
        raise BrodenError(message) from None
    except Exception as error:  # Pillow's decoders raise what they like: OSError, SyntaxError, struct.error, …
        raise claim.damaged(str(error)) from error
    claim.check_size(picture.height, picture.width)
    if picture.mode not in modes:
        message = (
            f"{claim.path}: an image of mode {picture.mode!r}; allowed: {', '.join(modes)}. Save it as {modes[0]}."
        )
        raise BrodenError(message)
    try:
        picture.load()
    except Exception as error:  # as above
        raise claim.damaged(str(error)) from error
    return picture
