"""Directories in the Broden format: index.csv, label.csv, category.csv, c_<category>.csv, images/.

Format: D. Bau, B. Zhou et al., "Network Dissection", CVPR 2017, the data set's own files.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from nbdissect.results.concept import Concept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

_PHOTOGRAPH_MODES = ("RGB", "L")


class BrodenError(ValueError):
    """A file of the data set doesn't hold what the format says; names file, line and column."""


@dataclass(frozen=True)
class _Row:
    """One line of index.csv."""

    line: int
    image: str
    size: tuple[int, int]
    shape: tuple[int, int]
    layers: dict[str, tuple[str | int, ...]]  # per category, in the order of the cell


class Broden:
    """A densely labelled data set in a directory of the Broden format.

    Parameters
    ----------
    path : path
        The directory that holds ``index.csv``, ``label.csv``, ``category.csv``, one
        ``c_<category>.csv`` per category, and ``images/``.
    categories : sequence of str, optional
        Which categories to use; all of ``category.csv`` by default.

    Attributes
    ----------
    concepts : tuple of Concept
        The numbers of the chosen categories' ``c_*.csv``, ascending. A number that stands in
        several belongs to the category of its largest coverage; a tie goes to the later one.
    categories : tuple of str
        In the order of ``category.csv``.
    concept_numbers : frozenset of int
        All numbers of ``label.csv``.
    image_size : (int, int)
        Height and width of the first image.

    Raises
    ------
    BrodenError
        A ValueError: a file doesn't hold what the format says, a category is unknown, a path
        leaves the directory, or there are no images.
    FileNotFoundError
        A file is missing, the images and masks that index.csv names included.
    """

    def __init__(self, path: str | os.PathLike[str], categories: Sequence[str] | None = None) -> None:
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            message = f"{self.path} is no directory. A Broden data set is a directory that holds index.csv, label.csv and images/."
            raise FileNotFoundError(message)
        available = [row["name"] for _, row in _table(self.path / "category.csv", ["name"])]
        if not available or len(set(available)) < len(available):
            message = f"{self.path / 'category.csv'}: the names must be some, each once; found {', '.join(available) or 'none'}."
            raise BrodenError(message)
        self.categories = _choose(available, categories)
        self.concept_numbers = frozenset(
            _integer(self.path / "label.csv", line, "number", row["number"])
            for line, row in _table(self.path / "label.csv", ["number", "name"])
        )
        self.concepts = self._read_concepts()
        self._rows = self._read_index()
        self._check_files()
        self.image_size = self._rows[0].size

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> BrodenSample:
        return BrodenSample(self.path / "images", self._rows[index])

    def digest(self) -> str:
        """Return a digest of the tables and of the images and masks that are used, byte by byte."""
        total = hashlib.blake2b(digest_size=16)
        tables = ["index", "label", "category", *(f"c_{category}" for category in self.categories)]
        names = [self.path / f"{table}.csv" for table in tables]
        for row in self._rows:
            masks = (part for parts in row.layers.values() for part in parts if isinstance(part, str))
            names += [self.path / "images" / name for name in (row.image, *masks)]
        for name in names:
            content = name.read_bytes()
            total.update(f"{name.name} {len(content)} ".encode())
            total.update(content)
        return f"blake2b:{total.hexdigest()}"

    def __repr__(self) -> str:
        return f"<Broden {self.path}: {len(self):,} images, {len(self.concepts):,} concepts in {', '.join(self.categories)}>"

    def _read_concepts(self) -> tuple[Concept, ...]:
        best: dict[int, tuple[float, Concept]] = {}
        for category in self.categories:
            file = self.path / f"c_{category}.csv"
            for line, row in _table(file, ["number", "name", "coverage"]):
                number = _integer(file, line, "number", row["number"])
                if number not in self.concept_numbers or number == 0:
                    message = f"{file}, line {line}, column 'number': {number} is not a number of label.csv."
                    raise BrodenError(message)
                coverage = _coverage(file, line, row["coverage"])
                if number not in best or coverage >= best[number][0]:
                    best[number] = coverage, Concept(number, row["name"], category)
        if not best:
            message = f"{self.path}: no concepts in {', '.join(f'c_{category}.csv' for category in self.categories)}."
            raise BrodenError(message)
        return tuple(best[number][1] for number in sorted(best))

    def _read_index(self) -> list[_Row]:
        file = self.path / "index.csv"
        rows = []
        for line, row in _table(file, ["image", "ih", "iw", "sh", "sw", *self.categories]):
            ih, iw, sh, sw = (_integer(file, line, name, row[name], least=1) for name in ("ih", "iw", "sh", "sw"))
            layers = {
                category: tuple(_layer(file, line, category, part) for part in row[category].split(";"))
                for category in self.categories
                if row[category]
            }
            rows.append(_Row(line, _inside(file, line, "image", row["image"]), (ih, iw), (sh, sw), layers))
        if not rows:
            message = f"{file} lists no images."
            raise BrodenError(message)
        return rows

    def _check_files(self) -> None:
        """Find what is missing before an hour of work, by listing folders rather than asking for each file."""
        folders: dict[PurePosixPath, set[str]] = {}
        for row in self._rows:
            named = [row.image, *(part for parts in row.layers.values() for part in parts if isinstance(part, str))]
            for name in named:
                path = PurePosixPath(name)
                if path.parent not in folders:
                    folder = self.path / "images" / path.parent
                    folders[path.parent] = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
                if path.name not in folders[path.parent]:
                    message = (
                        f"{self.path / 'images' / name} is missing; {self.path / 'index.csv'}, line {row.line}, names it. "
                        "Restore the file, or remove the line."
                    )
                    raise FileNotFoundError(message)


@dataclass(frozen=True)
class BrodenSample:
    """One image and its labels, read from disk each time they are asked for."""

    _folder: Path
    _row: _Row

    @property
    def image(self) -> Image.Image:
        """The photograph, RGB."""
        with _opened(self._folder, self._row.image, self._row.size, _PHOTOGRAPH_MODES, self._row.line) as picture:
            return picture.convert("RGB")

    @property
    def masks(self) -> dict[str, NDArray[np.int32]]:
        """Per category with a mask, its layers of label numbers, int32 [layers, sh, sw]."""
        return {
            category: np.stack([self._layer(part) for part in parts])
            for category, parts in self._row.layers.items()
            if any(isinstance(part, str) for part in parts)
        }

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        """Per category without a mask, the numbers that hold for the whole image."""
        return {
            category: tuple(part for part in parts if isinstance(part, int))
            for category, parts in self._row.layers.items()
            if all(isinstance(part, int) for part in parts)
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the masks."""
        return self._row.shape

    @property
    def labelled(self) -> bool:
        """Whether any category has a mask or a number other than 0."""
        return any(part != 0 for parts in self._row.layers.values() for part in parts)

    def _layer(self, part: str | int) -> NDArray[np.int32]:
        if isinstance(part, int):  # a number beside a mask fills a layer
            return np.full(self._row.shape, part, dtype=np.int32)
        with _opened(self._folder, part, self._row.shape, ("RGB",), self._row.line) as picture:
            pixels = np.asarray(picture)
        if pixels[..., 2].any():
            message = f"{self._folder / part}: a pixel with blue {pixels[..., 2].max()}; a label is red + 256 · green, with blue 0."
            raise BrodenError(message)
        return pixels[..., 0] + np.int32(256) * pixels[..., 1]


@contextmanager
def _opened(folder: Path, name: str, size: tuple[int, int], modes: tuple[str, ...], line: int) -> Iterator[Image.Image]:
    """An image file of the expected size and mode, decoded; any failure names the file."""
    path = folder / name
    # A link inside the data set may still point out of it.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        message = f"{path}: a link that leaves the data set's directory."
        raise BrodenError(message)
    try:
        picture = Image.open(path)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = f"{path}: not a readable image ({error})."
        raise BrodenError(message) from error
    with picture:
        # Before decoding: the header tells, and a bomb is never unpacked.
        if picture.size != size[::-1]:
            message = (
                f"{path}: {picture.height} × {picture.width} pixels (height × width); index.csv, line {line}, says "
                f"{size[0]} × {size[1]}."
            )
            raise BrodenError(message)
        if picture.mode not in modes:
            message = f"{path}: an image of mode {picture.mode!r}; allowed: {', '.join(modes)}. Save it as {modes[0]}."
            raise BrodenError(message)
        try:
            picture.load()
        except Exception as error:  # Pillow's decoders raise what they like: OSError, SyntaxError, struct.error, …
            message = f"{path}: damaged ({error}). Restore the file, or remove line {line} of index.csv."
            raise BrodenError(message) from error
        yield picture


def _table(file: Path, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file that must have some columns, with their line numbers."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = reader.fieldnames or []
            for column in columns:
                if column not in header:
                    message = f"{file}: no column {column!r}; found {', '.join(header) or 'an empty file'}."
                    raise BrodenError(message)
            for row in reader:
                if None in row or None in row.values():
                    message = (
                        f"{file}, line {reader.line_num}: not as many cells as the header has columns ({len(header)})."
                    )
                    raise BrodenError(message)
                yield reader.line_num, row
    except FileNotFoundError:
        message = f"{file} is missing. A Broden data set holds index.csv, label.csv, category.csv and one c_<category>.csv per category."
        raise FileNotFoundError(message) from None
    except (csv.Error, UnicodeDecodeError) as error:
        message = f"{file}: {error}. The file must be UTF-8 text, comma separated."
        raise BrodenError(message) from error


def _integer(file: Path, line: int, column: str, text: str, least: int = 0) -> int:
    # isdecimal alone admits digits of other scripts; 9 digits keep absurd sizes out.
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= least):
        message = f"{file}, line {line}, column {column!r}: {text!r}; a whole number from {least} on is needed."
        raise BrodenError(message)
    return int(text)


def _coverage(file: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{file}, line {line}, column 'coverage': {text!r} is not a number."
        raise BrodenError(message)
    return value


def _layer(file: Path, line: int, column: str, part: str) -> str | int:
    """One part of a category's cell: the path of a mask, or a label number."""
    if part.isascii() and part.isdecimal():
        return _integer(file, line, column, part)
    if not part.lower().endswith(".png"):
        message = (
            f"{file}, line {line}, column {column!r}: {part!r}; a label number or the path of a PNG mask is needed."
        )
        raise BrodenError(message)
    return _inside(file, line, column, part)


def _inside(file: Path, line: int, column: str, name: str) -> str:
    """Refuse a path that leaves the images directory."""
    if not name:
        message = f"{file}, line {line}, column {column!r}: an empty entry; a path is needed."
        raise BrodenError(message)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        message = f"{file}, line {line}, column {column!r}: the path {name!r} leaves the images directory; it must lie inside."
        raise BrodenError(message)
    return name


def _choose(available: list[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(available)
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name not in available:
            close = difflib.get_close_matches(str(name), available, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            message = f"Unknown category {name!r}; the data set has {', '.join(available)}.{hint}"
            raise BrodenError(message)
    if not wanted:
        message = f"categories is empty; choose some of {', '.join(available)}."
        raise BrodenError(message)
    return tuple(name for name in available if name in wanted)
