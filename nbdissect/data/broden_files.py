"""Opens the files of a data set, if they are regular files inside its directory."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from nbdissect.text import printable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

# No image or mask of a data set comes near; a sparse file of terabytes must not fill the memory.
_MAX_BYTES = 1 << 28
_MOST_NOTE = 1000  # bytes
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class BrodenError(ValueError):
    """A file of the data set breaks the format; the text names file, line and column."""


class DatasetFiles:
    """Opens the regular files inside a data set's directory, and nothing else.

    The directory itself and its ``images`` may be links, since people keep images on another
    disk. Any other link that leads out of these two is refused.

    Parameters
    ----------
    root : Path
    follow_links : bool
        Whether to open files behind such links all the same.
    """

    def __init__(self, root: Path, *, follow_links: bool) -> None:
        self.root = root
        self.images = root / "images"
        self._allowed_roots = None if follow_links else tuple(_real(root) for root in (self.root, self.images))
        self._inside: set[Path] = set()

    def check(self, path: Path) -> int:
        """Return the size of a file in bytes, if it may be opened.

        Raises
        ------
        BrodenError
            If it lies outside, or isn't a regular file: reading a pipe would wait forever.
        OSError
            If it is missing or can't be read.
        """
        if path.parent not in self._inside:  # following a folder's links once is enough
            self._check_inside(path.parent)
            self._inside.add(path.parent)
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                self._check_inside(path)
                found = path.stat()
        except OSError as error:
            raise _read_error(path, error) from error
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "a device")
            raise BrodenError(
                f"{path} is {kind}; a regular file is needed. Put the file there, or remove the entry that names it."
            )
        return found.st_size

    def open(self, path: Path) -> BinaryIO:
        """Return a file opened for reading; raises as :meth:`check`."""
        self.check(path)
        try:
            return path.open("rb")
        except OSError as error:
            raise _read_error(path, error) from error

    def read(self, path: Path) -> bytes:
        """Return the content of an image file; raises as :meth:`check`, and where the file is absurdly large."""
        size = self.check(path)
        if size > _MAX_BYTES:
            raise BrodenError(
                f"{path} has {size:,} bytes; an image or mask has at most {_MAX_BYTES:,}. Save it smaller, or compressed."
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise _read_error(path, error) from error

    def read_note(self, name: str) -> str:
        """Return the first line of a text file in the data set's directory, as far as it can be shown; "" where there is none."""
        try:
            with self.open(self.root / name) as file:
                lines = file.read(_MOST_NOTE).decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        return printable(lines[0]) if lines else ""

    def list_folder(self, folder: Path) -> dict[str, os.DirEntry[str]]:
        """Return the entries of a folder, by name; an empty dict where there is no such folder."""
        self._check_inside(folder)
        try:
            with os.scandir(folder) as entries:
                return {entry.name: entry for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise _read_error(folder, error) from error

    def _check_inside(self, path: Path) -> None:
        if self._allowed_roots is not None and not (real := _real(path)).startswith(self._allowed_roots):
            raise BrodenError(
                f"{path}: a link that leaves the data set's directory, to {real.rstrip(os.sep)}. "
                "Put the file itself there; or, if you trust the link, nd.Broden(path, follow_links=True)."
            )


def quote(text: str) -> str:
    """Return a text in quotes for an error message: on one line, shortened where it is long."""
    return repr(text) if len(text) <= 80 else f"{text[:60]!r}… ({len(text):,} characters)"


def _real(path: Path) -> str:
    """Return where a path leads, with a separator at the end, so that /data/broden doesn't contain /data/broden2."""
    real = os.path.realpath(path)
    return real if real.endswith(os.sep) else real + os.sep


def _read_error(path: Path, error: OSError) -> OSError:
    """Return the same kind of error with a text that names the file."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(f"{path} is missing. Restore it, or remove the entry that names it.")
    return type(error)(f"{path} can't be read: {error.strerror or error}. Check the file and who may read it.")
