"""The files of a data set: which of them may be opened, and what is said of one that may not."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

# No photograph or mask of a probe set comes near; a sparse file of terabytes must not fill the memory.
_MOST_BYTES = 1 << 28
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class BrodenError(ValueError):
    """A file of the data set doesn't hold what the format says; names file, line and column."""


class Files:
    """The regular files inside a data set's directory; nothing else is opened.

    The directory itself and its ``images`` may be links, as people make them who keep pictures on
    another disk. Any other link that leads out of these two is refused.

    Parameters
    ----------
    root : Path
    follow_links : bool
        Whether to open what lies behind such links after all.
    """

    def __init__(self, root: Path, *, follow_links: bool) -> None:
        self.root = root
        self.images = root / "images"
        self._homes = None if follow_links else tuple(_real(home) for home in (self.root, self.images))
        self._inside: set[Path] = set()

    def check(self, path: Path) -> int:
        """Return the size of a file that may be opened, in bytes.

        Raises
        ------
        BrodenError
            If it lies outside, or is no regular file: reading a pipe would wait forever.
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
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "a device")
            message = f"{path} is {kind}; a regular file is needed. Put the file there, or drop what names it."
            raise BrodenError(message)
        return found.st_size

    def open(self, path: Path) -> BinaryIO:
        """Return a file opened for reading; raises as :meth:`check`."""
        self.check(path)
        try:
            return path.open("rb")
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self, path: Path) -> bytes:
        """Return the content of an image file; raises as :meth:`check`, and if it is absurdly large."""
        size = self.check(path)
        if size > _MOST_BYTES:
            message = f"{path} has {size:,} bytes; an image or mask has at most {_MOST_BYTES:,}. Save it smaller, or compressed."
            raise BrodenError(message)
        try:
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error

    def listing(self, folder: Path) -> dict[str, os.DirEntry[str]]:
        """Return what a folder holds, by name; nothing where there is no such folder."""
        self._check_inside(folder)
        try:
            with os.scandir(folder) as entries:
                return {entry.name: entry for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise _unreadable(folder, error) from error

    def _check_inside(self, path: Path) -> None:
        if self._homes is not None and not (real := _real(path)).startswith(self._homes):
            message = (
                f"{path}: a link that leaves the data set's directory, to {real.rstrip(os.sep)}. "
                "Put the file itself there; or, if you trust the link, nd.Broden(path, follow_links=True)."
            )
            raise BrodenError(message)


def shown(text: str) -> str:
    """Return a text as an error message quotes it: on one line, and not by the megabyte."""
    return repr(text) if len(text) <= 80 else f"{text[:60]!r}… ({len(text):,} characters)"


def _real(path: Path) -> str:
    """Where a path leads, with a separator at the end, so that /data/broden does not hold /data/broden2."""
    real = os.path.realpath(path)
    return real if real.endswith(os.sep) else real + os.sep


def _unreadable(path: Path, error: OSError) -> OSError:
    """The same error with a text that names the file, whatever the system said."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(f"{path} is missing. Restore it, or drop what names it.")
    return type(error)(f"{path} can't be read: {error.strerror or error}. Check the file and who may read it.")
