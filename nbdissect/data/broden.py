"""Directories in the Broden format: index.csv, label.csv, category.csv, c_<category>.csv, images/.

Format: D. Bau, B. Zhou et al., "Network Dissection", CVPR 2017, the data set's own files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.data.broden_files import BrodenError, DatasetFiles, quote
from nbdissect.data.broden_sample import BrodenSample, ImageEntry
from nbdissect.data.broden_tables import read_table
from nbdissect.samples import Indexable
from nbdissect.text import did_you_mean
from nbdissect.types import TOTAL, Concept

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from nbdissect.data.broden_tables import TableRow

__all__ = ["Broden", "BrodenError", "BrodenSample"]

ORIGIN = "origin.txt"
FIXED_COLUMNS = ("image", "split", "ih", "iw", "sh", "sw")
# Of one image, or of all planes of one category of one image: 8,192 × 8,192. Broden's have 384 × 384.
_MAX_PIXELS = 1 << 26
_MAX_PLANES = 1000  # in one cell; Broden's have a dozen
_MAX_NAME = 1000  # of a file, with its folders; systems allow some thousand


class Broden(Indexable):
    """A densely labeled data set in a directory of the Broden format.

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
        set made by somebody else should not reach the rest of your files.

    Attributes
    ----------
    concepts : tuple of Concept
        The concepts in the ``c_*.csv`` of the chosen categories, ascending by number. One that
        is in several belongs to the category of its largest coverage; a tie goes to the later one.
    categories : tuple of str
        In the order of ``category.csv``.
    concept_numbers : frozenset of int
        All numbers of ``label.csv``.
    image_size : (int, int)
        Height and width of the first image.
    credit : str
        The first line of ``origin.txt``, where :func:`nbdissect.write_broden` says what the set was made of; results keep it.

    Raises
    ------
    BrodenError
        A ValueError: a file breaks the format, a category is unknown, a path leaves the
        directory, or there are no images.
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
        self.path = _find_directory(path)
        self._files = DatasetFiles(self.path, follow_links=follow_links)
        self.categories = _select_categories(self._read_categories(), categories)
        names = self._read_labels()
        self.concept_numbers = frozenset(names)
        self.concepts = self._read_concepts(names)
        self._is_label = np.zeros(1 << 16, dtype=bool)  # what the two bytes of a mask's pixel can hold
        self._is_label[[0, *(number for number in names if number < len(self._is_label))]] = True
        self._entries = self._read_index()
        self._check_files()
        self.image_size = self._entries[0].size
        self.credit = self._files.read_note(ORIGIN)

    @classmethod
    def download(
        cls,
        root: str | os.PathLike[str],
        size: int = 224,
        *,
        url: str | None = None,
        sha256: str | None = None,
        keep_archive: bool = False,
        progress: bool = True,
    ) -> Broden:
        """Fetch Broden into ``root/broden1_<size>``, about 1 GB, and return it; one that is there already is opened.

        A download that ends early goes on where it was with the next call. Length and checksums are compared, and
        the archive is unpacked into its own directory alone.

        Parameters
        ----------
        root : path
        size : {224, 227, 384}
            Pixels of an image's side; masks have half of it.
        url : str, optional
            Another copy of the archive than that of the data set's own site, which is not always reachable.
        sha256 : str, optional
            What the archive must have.
        keep_archive : bool
            Whether the zip file stays.
        progress : bool
            Whether to show how far it is.

        Raises
        ------
        ValueError
            If there is no such size.
        OSError
            If the site doesn't answer, sends something else, or the disk is full.
        """
        from nbdissect.data.broden_download import download

        return cls(download(root, size, url=url, sha256=sha256, keep_archive=keep_archive, progress=progress))

    def __len__(self) -> int:
        return len(self._entries)

    def _read(self, position: int, /) -> BrodenSample:
        return BrodenSample(self._files, self._entries[position], self._is_label)

    def statistics(self) -> dict[int, tuple[int, float]]:
        """Return what the tables of the chosen categories say of each concept: in how many images it is, and how many whole images its pixels would fill.

        Raises
        ------
        BrodenError
            If a table lacks its column ``frequency``, or holds something else there.
        """
        said: dict[int, tuple[int, float]] = {}
        category_of = {concept.number: concept.category for concept in self.concepts}
        for category in self.categories:
            for row in read_table(self._files, f"c_{category}.csv", ["number", "frequency", "coverage"]):
                number = row.read_integer("number", least=1)
                if category_of.get(number) == category:
                    said[number] = int(row.read_number("frequency")), row.read_number("coverage")
        return said

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
            # It is also the name of a file and of a column.
            if not name or name in FIXED_COLUMNS or not {"/", "\\", ":"}.isdisjoint(name):
                row.reject(
                    "name", "a category needs a name, without / \\ : and other than a fixed column of index.csv."
                )
            if name in names:
                row.reject("name", "the category is in the table already. Remove the line.")
            names.append(name)
        if not names:
            raise BrodenError(f"{self.path / 'category.csv'} lists no categories; at least one is needed.")
        return names

    def _read_labels(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for row in read_table(self._files, "label.csv", ["number", "name"]):
            number = row.read_integer("number")
            if number in names:
                row.reject("number", f"the number belongs to {quote(names[number])} already. Correct the line.")
            names[number] = row["name"]
        return names

    def _read_concepts(self, names: dict[int, str]) -> tuple[Concept, ...]:
        best: dict[int, tuple[float, Concept]] = {}
        for category in self.categories:
            here = set()
            for row in read_table(self._files, f"c_{category}.csv", ["number", "name", "coverage"]):
                number = row.read_integer("number", least=1)
                if number not in names:
                    row.reject(
                        "number",
                        f"label.csv doesn't have the number, among its {len(names):,}. Correct one of the two.",
                    )
                if number in here:
                    row.reject("number", "the number is in the table already. Correct or remove the line.")
                # The name confirms the number: with a wrong number, units would be named after another concept.
                if not row["name"] or row["name"] != names[number]:
                    row.reject(
                        "name", f"label.csv calls number {number} {quote(names[number])}. Correct one of the two."
                    )
                here.add(number)
                coverage = row.read_number("coverage")
                if number not in best or coverage >= best[number][0]:
                    best[number] = coverage, Concept(number, row["name"], category)
            if not here:
                raise BrodenError(
                    f"{self.path / f'c_{category}.csv'} lists no concepts. Restore it, or leave the category out with categories=."
                )
        return tuple(best[number][1] for number in sorted(best))

    def _read_index(self) -> list[ImageEntry]:
        entries: list[ImageEntry] = []
        lines: dict[str, int] = {}
        for row in read_table(self._files, "index.csv", [*FIXED_COLUMNS, *self.categories]):
            entry = self._read_entry(row)
            if entry.image in lines:
                row.reject(
                    "image",
                    f"line {lines[entry.image]} names the image too; it would count twice. Remove one of the lines.",
                )
            lines[entry.image] = entry.line
            entries.append(entry)
        if not entries:
            raise BrodenError(f"{self.path / 'index.csv'} lists no images; at least one is needed.")
        return entries

    def _read_entry(self, row: TableRow) -> ImageEntry:
        ih, iw, sh, sw = (row.read_integer(name, least=1) for name in ("ih", "iw", "sh", "sw"))
        cells = {
            category: tuple(self._read_part(row, category, part) for part in row[category].split(";"))
            for category in self.categories
            if row[category]
        }
        for category, parts in cells.items():
            if len(parts) > _MAX_PLANES:
                row.reject(category, f"{len(parts):,} entries; at most {_MAX_PLANES:,} are read. Correct the line.")
        # A number becomes a plane of pixels only beside a mask.
        planes = [len(parts) for parts in cells.values() if any(isinstance(part, str) for part in parts)]
        for column, pixels in (("ih", ih * iw), ("sh", sh * sw * max(planes, default=1))):
            if pixels > _MAX_PIXELS:
                row.reject(
                    column, f"that makes {pixels:,} pixels; at most {_MAX_PIXELS:,} are read. Make the files smaller."
                )
        return ImageEntry(row.line, _relative_path(row, "image", row["image"]), (ih, iw), (sh, sw), row["split"], cells)

    def _read_part(self, row: TableRow, column: str, part: str) -> str | int:
        """Return one part of a category's cell: the path of a mask, or a label number."""
        if part.isascii() and part.isdecimal():
            number = row.read_integer(column, part=part)
            if number and number not in self.concept_numbers:
                row.reject(column, f"label number {number} is not in label.csv. Correct it, or add the label.", part)
            return number
        if not part.lower().endswith(".png"):
            row.reject(column, "a label number or the path of a PNG mask is needed.", part)
        return _relative_path(row, column, part)

    def _check_files(self) -> None:
        """Find missing files now rather than after an hour of work; folders are listed, which is faster than asking for each file."""
        folders: dict[str, dict[str, os.DirEntry[str]]] = {}
        for entry in self._entries:
            for column, name in entry.files:
                folder, _, last = name.rpartition("/")
                try:
                    if folder not in folders:
                        folders[folder] = self._files.list_folder(self._files.images / folder)
                    found = folders[folder].get(last)
                    # The listing shows that nearly all are plain files; only the others are checked one by one.
                    if found is None or found.is_symlink() or not found.is_file():
                        self._files.check(self._files.images / name)
                except (BrodenError, OSError) as error:
                    raise type(error)(
                        f"{error} It is named by {self.path / 'index.csv'}, line {entry.line}, column {column!r}."
                    ) from error


def _find_directory(path: str | os.PathLike[str]) -> Path:
    try:
        directory = Path(path).expanduser()
    except (TypeError, RuntimeError) as error:  # not a path; no such ~user
        raise BrodenError(
            f"{path!r:.200} isn't the path of a directory ({error}). A Broden data set is a directory: nd.Broden('data/broden1_224')."
        ) from error
    if not directory.is_dir():
        kind, what = (
            (NotADirectoryError, "is a file") if directory.exists() else (FileNotFoundError, "isn't a directory")
        )
        hint = " Unpack it first." if directory.suffix.lower() in {".zip", ".tar", ".gz"} else ""
        raise kind(
            f"{directory} {what}. A Broden data set is a directory that holds index.csv, label.csv and images/.{hint}"
        )
    return directory


def _relative_path(row: TableRow, column: str, name: str) -> str:
    """Return the path in its plainest form, if it stays inside the images directory."""
    if not name:
        row.reject(column, "an empty entry; a path is needed.", name)
    path = PurePosixPath(name)
    # The backslash and the colon are for Windows, where C:\x leaves.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise BrodenError(
            f"{row.file}, line {row.line}, column {column!r}: the path {quote(name)} leaves the images directory; it must lie inside. Correct the line."
        )
    if len(name) > _MAX_NAME:
        row.reject(column, f"a path has at most {_MAX_NAME:,} characters. Correct the line.", name)
    return str(path)  # one name for one file: a//1.png and ./a/1.png become a/1.png


def _select_categories(available: list[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None:
        wanted = available
    if not isinstance(wanted, Iterable):
        raise BrodenError(f"categories={wanted!r:.80}; a sequence of names is needed, some of {', '.join(available)}.")
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name not in available:
            raise BrodenError(
                f"Unknown category {name!r}; the data set has {', '.join(available)}.{did_you_mean(str(name), available)}"
            )
    if not wanted:
        raise BrodenError(f"categories is empty; choose some of {', '.join(available)}.")
    if TOTAL in wanted:
        raise BrodenError(
            f"A category called {TOTAL!r}: summaries use the name for the total. Rename it in category.csv, index.csv and c_{TOTAL}.csv, "
            "or leave it out with categories=."
        )
    return tuple(name for name in available if name in wanted)
