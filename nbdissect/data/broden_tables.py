"""CSV tables read strictly: what is wrong is named by file, line and column."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbdissect.data.broden_files import BrodenError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import NoReturn

    from nbdissect.data.broden_files import Files

# A line is one image or one label. The longest of Broden are some thousand characters.
_LONGEST_LINE = 1 << 20
# UTF-16 is full of NULs; the others don't belong in a name, nor on the terminal that shows it.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    file : Path
    line : int
        From 1; the header is line 1.
    cells : dict of str to str
        By column.
    """

    file: Path
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def refuse(self, column: str, needed: str, found: str | None = None) -> NoReturn:
        """Raise an error that names the cell, what stands in it (or `found`, a part of it), and what is needed."""
        found = self.cells[column] if found is None else found
        message = f"{self.file}, line {self.line}, column {column!r}: {shown(found)}; {needed}"
        raise BrodenError(message)

    def integer(self, column: str, *, least: int = 0, part: str | None = None) -> int:
        """Return a cell, or a part of it, as a whole number from `least` on."""
        text = self.cells[column] if part is None else part
        # isdecimal alone admits digits of other scripts; 9 digits keep absurd numbers out.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= least):
            self.refuse(column, f"a whole number from {least} on is needed, of at most 9 digits.", text)
        return int(text)

    def number(self, column: str) -> float:
        """Return a cell as a number, 0 or more."""
        text = self.cells[column]
        try:
            # float() admits digits of other scripts, underscores and blanks: signs of another file or of damage.
            value = float(text) if text.isascii() and text.strip() == text and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            self.refuse(column, "a number is needed, 0 or more.")
        return value


def read_table(files: Files, name: str, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a CSV file, each with those columns.

    The file is UTF-8, with or without a byte order mark, has any kind of line break, its columns in
    any order and others beside them; blank lines are skipped. Each line stands for itself: a
    quote that isn't closed must not swallow the lines after it, and with them their images.

    Raises
    ------
    BrodenError
    OSError
    """
    file = files.root / name
    header: list[str] = []
    places: list[int] = []
    for line, text in _lines(files, file):
        try:
            cells = next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            message = (
                f"{file}, line {line}: {error}. Cells are separated by commas; quotes are closed on the same line."
            )
            raise BrodenError(message) from error
        if not cells:
            continue
        if not header:
            header = cells
            places = [_place(file, line, header, column) for column in columns]
        elif len(cells) != len(header):
            message = (
                f"{file}, line {line}: not as many cells ({len(cells):,}) as the header has columns ({len(header):,}). "
                "Correct or remove the line."
            )
            raise BrodenError(message)
        else:
            yield Row(file, line, {column: cells[place] for column, place in zip(columns, places, strict=True)})
    if not header:
        message = (
            f"{file} is an empty file; a header with the columns {', '.join(columns)} is needed. Restore the file."
        )
        raise BrodenError(message)


def _place(file: Path, line: int, header: list[str], column: str) -> int:
    if header.count(column) == 1:
        return header.index(column)
    found = ", ".join(shown(name)[1:-1] if name.isprintable() else shown(name) for name in header[:20])
    more = f", and {len(header) - 20:,} more" if len(header) > 20 else ""
    how = "two or more columns" if column in header else "no column"
    message = f"{file}, line {line}: {how} {column!r}; found {found}{more}. One is needed, separated by commas."
    raise BrodenError(message)


def _lines(files: Files, file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers, without their ends."""
    try:
        raw = files.open(file)
    except FileNotFoundError:  # most often another directory was meant
        message = f"{file} is missing. A Broden data set holds index.csv, label.csv, category.csv and one c_<category>.csv per category."
        raise FileNotFoundError(message) from None
    # surrogateescape, so that a byte that is no UTF-8 is found in its own line, not somewhere in a block of 8 kB.
    with raw, io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="") as stream:
        line = 0
        while text := stream.readline(_LONGEST_LINE + 1):
            line += 1
            if len(text) > _LONGEST_LINE:
                message = f"{file}, line {line}: longer than {_LONGEST_LINE:,} characters; a line holds one image or one label. Restore the file."
                raise BrodenError(message)
            _check_characters(file, line, text)
            # A number cut in two is still a number: without this, half a file may read as a whole one.
            if not text.endswith(("\n", "\r")):
                message = (
                    f"{file}, line {line}: the file ends here without a line break; it may be cut off. "
                    "Restore the file; if it is complete, add the line break."
                )
                raise BrodenError(message)
            yield line, text.rstrip("\r\n")


def _check_characters(file: Path, line: int, text: str) -> None:
    if control := _CONTROL.search(text):
        message = (
            f"{file}, line {line}, character {control.start() + 1}: the control character {control[0]!r}. "
            "The file must be UTF-8 text; save it as that."
        )
        raise BrodenError(message)
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = (
            f"{file}, line {line}, character {error.start + 1}: byte 0x{ord(text[error.start]) - 0xDC00:02x} is no UTF-8. "
            "Save the file as UTF-8 text."
        )
        raise BrodenError(message) from None
