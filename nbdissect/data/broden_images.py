"""Images and masks of a data set, decoded only if they are what index.csv says."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from nbdissect.data.broden_files import BrodenError
from nbdissect.samples.images import stores_16_bits

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nbdissect.data.broden_files import DatasetFiles

# Named one by one, because Pillow would also start a Ghostscript for what calls itself PostScript.
_FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")
_MODES = ("RGB", "L")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _PALETTE = 2, 3
_SAMPLES = {_RGB: 3, 4: 2, 6: 4}  # per pixel; 1 in the others
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
_CHUNK = 1 << 20
_COLORS = {0: "grayscale", _RGB: "RGB", _PALETTE: "palette", 4: "grayscale with alpha", 6: "RGBA"}


@dataclass(frozen=True)
class ExpectedFile:
    """An image file or a mask file, and what index.csv says about it.

    Attributes
    ----------
    path : Path
    size : (int, int)
        Height and width, in pixels.
    line : int
        The line of index.csv that names it.
    """

    path: Path
    size: tuple[int, int]
    line: int

    def damage_error(self, how: str) -> BrodenError:
        """Return the error that says how the file is damaged."""
        return BrodenError(f"{self.path}: damaged ({how}). Restore the file, or remove line {self.line} of index.csv.")

    def check_size(self, height: int, width: int) -> None:
        """Refuse a size that differs from the one in index.csv; called before decoding, so that a bomb is never unpacked."""
        if (height, width) != self.size:
            raise BrodenError(
                f"{self.path}: {height} × {width} pixels (height × width); index.csv, line {self.line}, says "
                f"{self.size[0]} × {self.size[1]}. Correct the line, or restore the file."
            )


def read_image(files: DatasetFiles, expected: ExpectedFile) -> Image.Image:
    """Return an image, RGB, its pixels as they are stored.

    An orientation in its EXIF data isn't applied: the masks belong to the stored pixels, as in
    the original programs. It is dropped, so that nobody turns the image away from its masks later.

    Raises
    ------
    BrodenError
    OSError
    """
    content = files.read(expected.path)
    if content.startswith(_SIGNATURE):
        _check_png(content, expected)
    with _decode(content, expected, _FORMATS, _MODES) as stored:
        image = stored.convert("RGB")
    image.info.clear()
    return image


def read_mask(files: DatasetFiles, expected: ExpectedFile, is_label: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the label numbers of a mask, int32 [sh, sw].

    Parameters
    ----------
    files : DatasetFiles
    expected : ExpectedFile
    is_label : bool array, shape [65536]
        Whether each number is a label of label.csv, or 0.

    Raises
    ------
    BrodenError
    OSError
    """
    content = files.read(expected.path)
    if not content.startswith(_SIGNATURE):
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        raise BrodenError(f"{expected.path}: not a readable image; a mask is a PNG file, {begins}. Restore the file.")
    depth, color, entries = _check_png(content, expected)
    # Pillow would keep the upper half of 16 bits, which makes every label below 256 "none".
    if depth > 8 or color not in {_RGB, _PALETTE}:
        raise BrodenError(
            f"{expected.path}: a PNG of {depth} bits, {_COLORS.get(color, f'color type {color}')}; a mask is RGB of 8 bits, "
            "label = red + 256 · green. Save it as that."
        )
    with _decode(content, expected, ("PNG",), ("RGB", "P")) as image:
        # Programs that make PNG files smaller store few colors as a palette; the colors stay the same.
        if color == _PALETTE and (highest := int(np.asarray(image).max())) >= entries:
            raise expected.damage_error(f"a pixel takes color {highest} of a palette of {entries}")
        pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    if pixels[..., 2].any():
        row, column = np.argwhere(pixels[..., 2])[0]
        raise BrodenError(
            f"{expected.path}, row {row}, column {column}: a pixel with blue {pixels[row, column, 2]}; "
            "a label is red + 256 · green, with blue 0. Save the label numbers that way."
        )
    labels = pixels[..., 0] + np.int32(256) * pixels[..., 1]
    if not (valid := is_label.take(labels)).all():
        row, column = np.argwhere(~valid)[0]
        raise BrodenError(
            f"{expected.path}, row {row}, column {column}: label number {labels[row, column]} is not in label.csv; "
            "every number in a mask is a label, or 0 for none. Correct the mask, or add the label."
        )
    return labels


def _check_png(content: bytes, expected: ExpectedFile) -> tuple[int, int, int]:
    """Return a PNG's bits per sample, color type and number of palette entries, after checking that all of it is there.

    Pillow skips the checksums of pixel data, so that about one damaged byte in a hundred gives
    another mask without an error; and where the rows end early, it fills the rest with 0, which means "none".
    """
    view = memoryview(content)
    header, entries, place, kind = b"", 0, len(_SIGNATURE), b""
    compressed: list[memoryview] = []
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, place) if place + 8 <= len(content) else (len(content), b"")
        end = place + length + 12
        if end > len(content):
            raise expected.damage_error(f"cut off after {len(content):,} bytes")
        if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise expected.damage_error(f"wrong checksum in the part {kind.decode('latin-1')!r} at byte {place}")
        if kind == b"IHDR":
            header = content[place + 8 : end - 4]
        elif kind == b"PLTE":
            entries = length // 3
        elif kind == b"IDAT":
            compressed.append(view[place + 8 : end - 4])
        place = end
    if len(header) != 13:
        raise expected.damage_error(f"a header of {len(header)} bytes, not 13")
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    expected.check_size(height, width)
    bits = depth * _SAMPLES.get(color, 1)
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    sizes = [(-((top - height) // down), -((left - width) // right)) for top, left, down, right in passes]
    size = sum(rows * (1 + (columns * bits + 7) // 8) for rows, columns in sizes if columns > 0)
    if not _unpacks_to(compressed, size):
        raise expected.damage_error(f"fewer pixels than the {height} × {width} of its header")
    return depth, color, entries


def _unpacks_to(compressed: list[memoryview], size: int) -> bool:
    """Return whether the compressed parts hold at least `size` bytes; they are counted, not kept."""
    unpacker = zlib.decompressobj()
    try:
        for part in compressed:
            rest: bytes | memoryview = part
            while size > 0 and len(rest):
                size -= len(unpacker.decompress(rest, _CHUNK))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return size <= 0


def _decode(content: bytes, expected: ExpectedFile, formats: tuple[str, ...], modes: tuple[str, ...]) -> Image.Image:
    """Return the image, decoded, if it has the expected size and one of these modes."""
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        raise BrodenError(
            f"{expected.path}: not a readable image; {begins}. Allowed are {', '.join(formats)}. Restore the file."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrodenError(
            f"{expected.path}: far more pixels than index.csv, line {expected.line}, says: {expected.size[0]} × {expected.size[1]}. "
            "It was not unpacked. Restore the file."
        ) from None
    except Exception as error:  # Pillow's decoders raise anything: OSError, SyntaxError, struct.error, …
        raise expected.damage_error(str(error)) from error
    expected.check_size(image.height, image.width)
    if image.mode not in modes:
        raise BrodenError(
            f"{expected.path}: an image of mode {image.mode!r}; allowed: {', '.join(modes)}. Save it as {modes[0]}."
        )
    if stores_16_bits(image):
        raise BrodenError(
            f"{expected.path}: an image of 16 bits per channel, of which only the upper 8 would be read. Save it with 8 bits."
        )
    try:
        image.load()
    except Exception as error:  # as above
        raise expected.damage_error(str(error)) from error
    return image
