"""Directories in the Broden format: index.csv, label.csv, category.csv, c_<category>.csv, images/.

Format: D. Bau, B. Zhou et al., "Network Dissection", CVPR 2017, the data set's own files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.data.broden_files import BrodenError, Files, shown
from nbdissect.data.broden_images import Claim, read_mask, read_photograph
from nbdissect.data.broden_tables import read_table
from nbdissect.text import did_you_mean
from nbdissect.types import Concept

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from nbdissect.data.broden_tables import Row

__all__ = ["Broden", "BrodenError", "BrodenSample"]

_FIXED_COLUMNS = ("image", "split", "ih", "iw", "sh", "sw")
# Of one photograph, or of all layers of one category of one image: 8,192 × 8,192. Broden's have 384 × 384.
_MOST_PIXELS = 1 << 26
_MOST_LAYERS = 1000  # in one cell; Broden's have a dozen
_LONGEST_NAME = 1000  # of a file, with its folders; systems allow some thousand


@dataclass(frozen=True)
class _Entry:
    """One image of index.csv."""

    line: int
    image: str
    size: tuple[int, int]
    shape: tuple[int, int]
    layers: dict[str, tuple[str | int, ...]]  # per category, in the order of the cell

    @property
    def files(self) -> list[tuple[str, str]]:
        """The files that it needs, each with the column that names it."""
        masks = [(column, part) for column, parts in self.layers.items() for part in parts if isinstance(part, str)]
        return [("image", self.image), *masks]


class Broden:
    """A densely labelled data set in a directory of the Broden format.

    Parameters
    ----------
    path : path
        The directory that holds ``index.csv``, ``label.csv``, ``category.csv``, one
        ``c_<category>.csv`` per category, and ``images/``.
    categories : sequence of str, optional
        Which categories to use; all of ``category.csv`` by default.
    follow_links : bool, optional
        Whether to read files through links that leave the directory. The directory itself and
        ``images`` may always be links; any other such link is refused by default, because a data
        set from somebody else has no business with the rest of your files.

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

    def __init__(
        self,
        path: str | os.PathLike[str],
        categories: Sequence[str] | None = None,
        *,
        follow_links: bool = False,
    ) -> None:
        self.path = _directory(path)
        self._files = Files(self.path, follow_links=follow_links)
        self.categories = _choose(self._read_categories(), categories)
        names = self._read_labels()
        self.concept_numbers = frozenset(names)
        self.concepts = self._read_concepts(names)
        self._known = np.zeros(1 << 16, dtype=bool)  # what the two bytes of a mask's pixel can hold
        self._known[[0, *(number for number in names if number < len(self._known))]] = True
        self._entries = self._read_index()
        self._check_files()
        self.image_size = self._entries[0].size

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> BrodenSample:
        return BrodenSample(self._files, self._entries[index], self._known)

    def digest(self) -> str:
        """Return a digest of the tables and of the images and masks that are used, byte by byte."""
        total = hashlib.blake2b(digest_size=16)
        tables = ["index", "label", "category", *(f"c_{category}" for category in self.categories)]
        paths = [self.path / f"{table}.csv" for table in tables]
        paths += [self._files.images / name for entry in self._entries for _, name in entry.files]
        for path in paths:
            content = self._files.read(path)
            total.update(f"{path.name} {len(content)} ".encode())
            total.update(content)
        return f"blake2b:{total.hexdigest()}"

    def __repr__(self) -> str:
        return f"<Broden {self.path}: {len(self):,} images, {len(self.concepts):,} concepts in {', '.join(self.categories)}>"

    def _read_categories(self) -> list[str]:
        names: list[str] = []
        for row in read_table(self._files, "category.csv", ["name"]):
            name = row["name"]
            # It becomes the name of a file and of a column.
            if not name or name in _FIXED_COLUMNS or not {"/", "\\", ":"}.isdisjoint(name):
                row.refuse("name", "the name of a category is needed, without / \\ : and no fixed column of index.csv.")
            if name in names:
                row.refuse("name", "each category stands there once. Remove the line.")
            names.append(name)
        if not names:
            message = f"{self.path / 'category.csv'} lists no categories; at least one is needed."
            raise BrodenError(message)
        return names

    def _read_labels(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for row in read_table(self._files, "label.csv", ["number", "name"]):
            number = row.integer("number")
            if number in names:
                row.refuse(
                    "number", f"each number stands there once; it is {shown(names[number])} already. Correct the line."
                )
            names[number] = row["name"]
        return names

    def _read_concepts(self, names: dict[int, str]) -> tuple[Concept, ...]:
        best: dict[int, tuple[float, Concept]] = {}
        for category in self.categories:
            here = set()
            for row in read_table(self._files, f"c_{category}.csv", ["number", "name", "coverage"]):
                number = row.integer("number", least=1)
                if number not in names:
                    row.refuse(
                        "number", f"it is not a number of label.csv, which has {len(names):,}. Correct one of them."
                    )
                if number in here:
                    row.refuse("number", "each number stands there once. Correct or remove the line.")
                # The name is the number's check digit: a wrong number would name the units after another concept.
                if not row["name"] or row["name"] != names[number]:
                    row.refuse("name", f"label.csv calls number {number} {shown(names[number])}. Correct one of them.")
                here.add(number)
                coverage = row.number("coverage")
                if number not in best or coverage >= best[number][0]:
                    best[number] = coverage, Concept(number, row["name"], category)
            if not here:
                message = f"{self.path / f'c_{category}.csv'} lists no concepts. Restore it, or leave the category out with categories=."
                raise BrodenError(message)
        return tuple(best[number][1] for number in sorted(best))

    def _read_index(self) -> list[_Entry]:
        entries: list[_Entry] = []
        lines: dict[str, int] = {}
        for row in read_table(self._files, "index.csv", [*_FIXED_COLUMNS, *self.categories]):
            entry = self._entry(row)
            if entry.image in lines:
                row.refuse(
                    "image",
                    f"it stands in line {lines[entry.image]} too, and would count twice. Remove one of the lines.",
                )
            lines[entry.image] = entry.line
            entries.append(entry)
        if not entries:
            message = f"{self.path / 'index.csv'} lists no images; at least one is needed."
            raise BrodenError(message)
        return entries

    def _entry(self, row: Row) -> _Entry:
        ih, iw, sh, sw = (row.integer(name, least=1) for name in ("ih", "iw", "sh", "sw"))
        layers = {
            category: tuple(self._layer(row, category, part) for part in row[category].split(";"))
            for category in self.categories
            if row[category]
        }
        for category, parts in layers.items():
            if len(parts) > _MOST_LAYERS:
                row.refuse(category, f"{len(parts):,} entries; at most {_MOST_LAYERS:,} are read. Correct the line.")
        # A number is a layer of pixels only beside a mask.
        masks = [len(parts) for parts in layers.values() if any(isinstance(part, str) for part in parts)]
        for column, pixels in (("ih", ih * iw), ("sh", sh * sw * max(masks, default=1))):
            if pixels > _MOST_PIXELS:
                row.refuse(
                    column, f"that makes {pixels:,} pixels; at most {_MOST_PIXELS:,} are read. Make them smaller."
                )
        return _Entry(row.line, _inside(row, "image", row["image"]), (ih, iw), (sh, sw), layers)

    def _layer(self, row: Row, column: str, part: str) -> str | int:
        """One part of a category's cell: the path of a mask, or a label number."""
        if part.isascii() and part.isdecimal():
            number = row.integer(column, part=part)
            if number and number not in self.concept_numbers:
                row.refuse(column, f"label number {number} is not in label.csv. Correct it, or add the label.", part)
            return number
        if not part.lower().endswith(".png"):
            row.refuse(column, "a label number or the path of a PNG mask is needed.", part)
        return _inside(row, column, part)

    def _check_files(self) -> None:
        """Find what is missing before an hour of work, by listing folders rather than asking for each file."""
        folders: dict[str, dict[str, os.DirEntry[str]]] = {}
        for entry in self._entries:
            for column, name in entry.files:
                folder, _, last = name.rpartition("/")
                try:
                    if folder not in folders:
                        folders[folder] = self._files.listing(self._files.images / folder)
                    found = folders[folder].get(last)
                    # The listing tells of nearly all that they are plain files; the odd ones are looked at.
                    if found is None or found.is_symlink() or not found.is_file():
                        self._files.check(self._files.images / name)
                except (BrodenError, OSError) as error:
                    message = f"{error} It is named by {self.path / 'index.csv'}, line {entry.line}, column {column!r}."
                    raise type(error)(message) from error


@dataclass(frozen=True)
class BrodenSample:
    """One image and its labels, read from disk each time they are asked for."""

    _files: Files
    _entry: _Entry
    _known: NDArray[np.bool_]

    @property
    def image(self) -> Image.Image:
        """The photograph, RGB, as it is stored: an EXIF orientation isn't applied, since masks belong to the stored pixels."""
        return read_photograph(self._files, self._claim(self._entry.image, self._entry.size))

    @property
    def masks(self) -> dict[str, NDArray[np.int32]]:
        """Per category with a mask, its layers of label numbers, int32 [layers, sh, sw]."""
        return {
            category: np.stack([self._layer(part) for part in parts])
            for category, parts in self._entry.layers.items()
            if any(isinstance(part, str) for part in parts)
        }

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        """Per category without a mask, the numbers that hold for the whole image."""
        return {
            category: tuple(part for part in parts if isinstance(part, int))
            for category, parts in self._entry.layers.items()
            if all(isinstance(part, int) for part in parts)
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the masks."""
        return self._entry.shape

    @property
    def labelled(self) -> bool:
        """Whether any category has a mask or a number other than 0."""
        return any(part != 0 for parts in self._entry.layers.values() for part in parts)

    def _layer(self, part: str | int) -> NDArray[np.int32]:
        if isinstance(part, int):  # a number beside a mask fills a layer
            return np.full(self._entry.shape, part, dtype=np.int32)
        return read_mask(self._files, self._claim(part, self._entry.shape), self._known)

    def _claim(self, name: str, size: tuple[int, int]) -> Claim:
        return Claim(self._files.images / name, size, self._entry.line)


def _directory(path: str | os.PathLike[str]) -> Path:
    try:
        directory = Path(path).expanduser()
    except (TypeError, RuntimeError) as error:  # no path at all; no such ~user
        message = f"{path!r:.200} is no path of a directory ({error}). A Broden data set is a directory: nd.Broden('data/broden1_224')."
        raise BrodenError(message) from error
    if not directory.is_dir():
        message = f"{directory} is no directory. A Broden data set is a directory that holds index.csv, label.csv and images/."
        raise FileNotFoundError(message)
    return directory


def _inside(row: Row, column: str, name: str) -> str:
    """Refuse a path that leaves the images directory."""
    if not name:
        row.refuse(column, "an empty entry; a path is needed.", name)
    path = PurePosixPath(name)
    # The backslash and the colon are for Windows, where C:\x leaves.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        message = f"{row.file}, line {row.line}, column {column!r}: the path {shown(name)} leaves the images directory; it must lie inside. Correct the line."
        raise BrodenError(message)
    if len(name) > _LONGEST_NAME:
        row.refuse(column, f"a path has at most {_LONGEST_NAME:,} characters. Correct the line.", name)
    return str(path)  # one name for one file: neither a//1.png nor ./a/1.png


def _choose(available: list[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(available)
    if not isinstance(wanted, Iterable):
        message = f"categories={wanted!r:.80}; a sequence of names is needed, some of {', '.join(available)}."
        raise BrodenError(message)
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name not in available:
            message = f"Unknown category {name!r}; the data set has {', '.join(available)}.{did_you_mean(str(name), available)}"
            raise BrodenError(message)
    if not wanted:
        message = f"categories is empty; choose some of {', '.join(available)}."
        raise BrodenError(message)
    return tuple(name for name in available if name in wanted)
