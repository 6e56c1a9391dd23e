"""Unpacks an archive that somebody else made: into its own directory, with nothing but plain files, and not without end."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nbdissect.files import full_disk_named
from nbdissect.text import printable

if TYPE_CHECKING:
    from pathlib import Path

_MOST_FILES = 2_000_000
_SPARE = 1 << 30  # bytes that an archive may unpack to whatever its size
_MOST_TIMES = 10  # its size beyond that; Broden's hardly shrink
_MOST_NAME = 1000
_CHUNK = 1 << 20
# What the names of directories on some system can't be, or mean something else there.
_STRANGE = frozenset('\\:*?"<>|')


class ArchiveError(OSError):
    """An archive that is damaged, or that does what no archive of pictures does."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file into an empty folder; every file is compared with its checksum.

    Parameters
    ----------
    archive, folder : Path

    Raises
    ------
    ArchiveError
        An OSError: it is damaged; or a name leaves the folder, is a link, stands there twice, is encrypted, or
        all of it would be absurdly large.
    OSError
        If the disk is full.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [(member, _check_member(archive, member)) for member in opened.infolist() if not member.is_dir()]
            _check_all(archive, members)
            for member, path in members:
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                with full_disk_named(place), opened.open(member) as packed, place.open("xb") as file:
                    shutil.copyfileobj(packed, file, _CHUNK)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveError(f"{archive} is damaged ({error}). Fetch it again.") from error
    except ArchiveError:
        raise
    except Exception as error:  # the decoders have errors of their own
        if isinstance(error, OSError):
            raise
        raise ArchiveError(f"{archive} is damaged ({type(error).__name__}: {error}). Fetch it again.") from error


def _check_member(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of a file in an archive, if it stays inside and is a plain file."""
    name, path = member.orig_filename, PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    problem = ""
    if (
        path.is_absolute()
        or ".." in path.parts
        or not path.parts
        or not _STRANGE.isdisjoint(name)
        or len(name) > _MOST_NAME
    ):
        problem = "a path that leaves the folder, or that not every system can write"
    elif any(ord(sign) < 32 for sign in name):
        problem = "a control character"
    elif kind not in (0, stat.S_IFREG):
        problem = "a link or a device"
    elif member.flag_bits & 1:
        problem = "encrypted"
    if problem:
        raise ArchiveError(
            f"{archive} holds {printable(name)[:200]!r}: {problem}. An archive of pictures has no such thing; nothing was unpacked."
        )
    return path


def _check_all(archive: Path, members: list[tuple[zipfile.ZipInfo, PurePosixPath]]) -> None:
    seen: set[str] = set()
    for _, path in members:
        key = str(path).casefold()
        if key in seen:
            raise ArchiveError(f"{archive} holds {printable(str(path))!r} twice. Nothing was unpacked.")
        seen.add(key)
    size, packed = sum(member.file_size for member, _ in members), archive.stat().st_size
    if size > _SPARE + _MOST_TIMES * packed or len(members) > _MOST_FILES:
        raise ArchiveError(
            f"{archive} has {packed:,} bytes and would unpack to {len(members):,} files of {size:,} bytes together. That is no archive of pictures; "
            "nothing was unpacked."
        )
    free = shutil.disk_usage(archive.parent).free
    if size > free:
        raise OSError(
            f"{archive} unpacks to {size // 1_000_000:,} MB; {archive.parent} has {free // 1_000_000:,} MB of free space. Free some, and call it again."
        )
