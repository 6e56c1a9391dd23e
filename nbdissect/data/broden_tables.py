"""Reads CSV tables strictly: an error names file, line and column."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbdissect.data.broden_files import BrodenError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import NoReturn

    from nbdissect.data.broden_files import DatasetFiles

# A line is one image or one label. Broden's longest have some thousand characters.
_MAX_LINE = 1 << 20
# UTF-16 is full of NULs; the other control characters have no place in a name or on a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class TableRow:
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

    def reject(self, column: str, needed: str, found: str | None = None) -> NoReturn:
        """Raise an error that names the cell, its content (or `found`, a part of it), and what is needed."""
        found = self.cells[column] if found is None else found
        raise BrodenError(f"{self.file}, line {self.line}, column {column!r}: {quote(found)}; {needed}")

    def read_integer(self, column: str, *, least: int = 0, part: str | None = None) -> int:
        """Return a cell, or the part of it given, as a whole number, at least `least`."""
        text = self.cells[column] if part is None else part
        # isdecimal alone accepts digits of other scripts; 9 digits keep absurd numbers out.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= least):
            self.reject(column, f"a whole number from {least} on is needed, of at most 9 digits.", text)
        return int(text)

    def read_number(self, column: str) -> float:
        """Return a cell as a number, 0 or more."""
        text = self.cells[column]
        try:
            # float() accepts digits of other scripts, underscores and blanks, which mean another file or damage.
            value = float(text) if text.isascii() and text.strip() == text and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            self.reject(column, "a number is needed, 0 or more.")
        return value


def read_table(files: DatasetFiles, name: str, columns: Sequence[str]) -> Iterator[TableRow]:
    """Yield the rows of a CSV file, each with the columns given.

    The file is UTF-8, with or without a byte order mark, with any kind of line break. Columns may
    come in any order, with others beside them; blank lines are skipped. A quote that isn't closed
    on its line is an error: it would swallow the lines after it, and the images they name.

    Raises
    ------
    BrodenError
    OSError
    """
    file = files.root / name
    header: list[str] = []
    positions: list[int] = []
    for line, text in _read_lines(files, file):
        try:
            cells = next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            raise BrodenError(
                f"{file}, line {line}: {error}. Cells are separated by commas; quotes are closed on the same line."
            ) from error
        if not cells:
            continue
        if not header:
            header = cells
            positions = [_find_column(file, line, header, column) for column in columns]
        elif len(cells) != len(header):
            raise BrodenError(
                f"{file}, line {line}: not as many cells ({len(cells):,}) as the header has columns ({len(header):,}). "
                "Correct or remove the line."
            )
        else:
            yield TableRow(
                file, line, {column: cells[position] for column, position in zip(columns, positions, strict=True)}
            )
    if not header:
        raise BrodenError(
            f"{file} is an empty file; a header with the columns {', '.join(columns)} is needed. Restore the file."
        )


def _find_column(file: Path, line: int, header: list[str], column: str) -> int:
    """Return the position of a column that stands in the header exactly once."""
    if header.count(column) == 1:
        return header.index(column)
    found = ", ".join(quote(name)[1:-1] if name.isprintable() else quote(name) for name in header[:20])
    more = f", and {len(header) - 20:,} more" if len(header) > 20 else ""
    problem = "two or more columns" if column in header else "no column"
    raise BrodenError(
        f"{file}, line {line}: {problem} {column!r}; found {found}{more}. One is needed, separated by commas."
    )


def _read_lines(files: DatasetFiles, file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers, without line breaks."""
    try:
        raw = files.open(file)
    except FileNotFoundError:  # most often the wrong directory was given
        raise FileNotFoundError(
            f"{file} is missing. A Broden data set holds index.csv, label.csv, category.csv and one c_<category>.csv per category."
        ) from None
    # surrogateescape, so that an error names the very line of a byte that isn't UTF-8, not a block of 8 kB.
    with raw, io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="") as stream:
        line = 0
        while text := stream.readline(_MAX_LINE + 1):
            line += 1
            if len(text) > _MAX_LINE:
                raise BrodenError(
                    f"{file}, line {line}: longer than {_MAX_LINE:,} characters; a line holds one image or one label. Restore the file."
                )
            _check_characters(file, line, text)
            # Half a number is still a number: without this check, half a file could pass for a whole one.
            if not text.endswith(("\n", "\r")):
                raise BrodenError(
                    f"{file}, line {line}: the file ends here without a line break; it may be cut off. "
                    "Restore the file; if it is complete, add the line break."
                )
            yield line, text.rstrip("\r\n")


def _check_characters(file: Path, line: int, text: str) -> None:
    """Refuse control characters, and bytes that aren't UTF-8."""
    if control := _CONTROL.search(text):
        raise BrodenError(
            f"{file}, line {line}, character {control.start() + 1}: the control character {control[0]!r}. "
            "The file must be UTF-8 text; save it as that."
        )
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BrodenError(
            f"{file}, line {line}, character {error.start + 1}: byte 0x{ord(text[error.start]) - 0xDC00:02x} isn't UTF-8. "
            "Save the file as UTF-8 text."
        ) from None
