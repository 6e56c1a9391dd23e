"""Files that are read only if they are regular ones, and that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_FREE_SPACE = "Free some space, or choose another path."
_FULL = {errno.ENOSPC: "the disk is full", errno.EFBIG: "the file may not grow further"}
if hasattr(errno, "EDQUOT"):
    _FULL[errno.EDQUOT] = "the disk quota is used up"


def expand(path: str | os.PathLike[str]) -> Path:
    """Return a path whose ``~`` is the home directory.

    Raises
    ------
    OSError
        If nobody has the name after the ``~``.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise FileNotFoundError(f"{os.fspath(path)}: there is no such user. Write the directory out.") from error


def check_readable(path: Path) -> None:
    """Refuse what isn't a regular file: reading a pipe would wait forever.

    Raises
    ------
    OSError
    """
    _check_regular(path, path.stat())


def open_regular(path: str | os.PathLike[str], *, write: bool = False) -> BinaryIO:
    """Return a regular file opened for reading, or to be written to where it is.

    Raises
    ------
    OSError
        If it is missing or something else: reading a pipe would wait forever, reading a device may never end.
    """
    path = expand(path)
    # Without O_NONBLOCK, opening a pipe waits for somebody at its other end.
    flags = (os.O_RDWR if write else os.O_RDONLY) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(path, "r+b" if write else "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115 - pathlib's takes no opener; the caller closes it
    try:
        _check_regular(path, os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, remedy: str = _FREE_SPACE) -> Iterator[BinaryIO]:
    """Yield a new file that replaces `path` once it is complete and on the disk.

    A kill or a full disk at any moment leaves the old file, or none. The new file has the old one's mode.

    Parameters
    ----------
    path
    remedy : str
        What the error says to do about a full disk.

    Raises
    ------
    OSError
        If something else than a regular file is there, or the file can't be written.
    """
    target = Path(os.path.realpath(expand(path)))  # through a link, to the file that it means
    try:
        there = target.stat()
    except FileNotFoundError:
        there = None
    if there is not None:
        _check_regular(target, there)
    beside = target.with_name(f".{target.name[:100]}.{uuid4().hex}.tmp")
    try:
        with full_disk_named(target, remedy), beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if there is not None:
            beside.chmod(stat.S_IMODE(there.st_mode))
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_directory(target.parent)


@contextmanager
def full_disk_named(path: str | os.PathLike[str], remedy: str = _FREE_SPACE) -> Iterator[None]:
    """Let an error that says no more than "No space left on device" say where that is, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL or str(path) in str(error):
            raise
        raise OSError(error.errno, f"{path} can't be written: {_FULL[error.errno]}. {remedy}") from error


def sync_directory(directory: Path) -> None:
    """Let the names in a directory survive a power cut; some systems can't open directories, and need not."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_regular(path: Path, there: os.stat_result) -> None:
    if not stat.S_ISREG(there.st_mode):
        kind = _KINDS.get(stat.S_IFMT(there.st_mode), "no regular file")
        error = IsADirectoryError if stat.S_ISDIR(there.st_mode) else OSError
        raise error(f"{path} is {kind}; a regular file is needed. Choose another path.")
