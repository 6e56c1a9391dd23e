"""The container of an archive: a zip file whose every member is named, measured and checked before it is read.

Nothing is unpacked to disk, nothing is executed, and a size that the file claims counts only
once it is compared with what is there. The format itself: docs/archive.md.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from nbdissect.files import expand, open_regular
from nbdissect.text import printable

if TYPE_CHECKING:
    from typing import BinaryIO

FORMAT = "nbdissect archive"
VERSION = 1
MANIFEST = "manifest.json"

# Deflate can't pack tighter than 1 : 1,032.
_MAX_RATIO = 1_040
# Scores need some copies of the counts: what a small file may unpack to fits into any memory with all of them.
# Counts of sparse labels pack to a fifth; where more would be saved, the writer doesn't pack.
_FREE_BYTES, _FREE_RATIO = 24 << 20, 6
# JSON takes up to 25 times its size as Python objects. An image takes 3 kB, and 300 bytes of the manifest.
_FREE_MANIFEST_BYTES, _MANIFEST_SHARE = 4 << 20, 4
_MAX_DIGITS = 17  # no number of a manifest has more
_CHUNK = 1 << 20
# A date in the members would make two archives of one result differ.
_DATE = (1980, 1, 1, 0, 0, 0)
# What Python's zip reader raises when a file is damaged.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)


class ArchiveError(ValueError):
    """An archive doesn't hold what the format says; names the file, the member, and what to do."""


class Reader:
    """The members of an archive, checked; a context manager.

    Parameters
    ----------
    path : path
    max_bytes : int, optional
        How much all members together may unpack to; by default what no memory minds, and a multiple of the file.

    Attributes
    ----------
    size : int
        Of the file, in bytes.
    manifest : dict
        The content of ``manifest.json``, of a format and version that this program knows.

    Raises
    ------
    ArchiveError
    OSError
        If the file can't be opened, or is no regular file.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | None = None) -> None:
        self.path = expand(path)
        self._file = open_regular(path)
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self._zip = self._open_zip()
            self._members = self._measure(max_bytes)
            self._unread = set(self._members)
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def fail(self, what: str, *, member: str = "", hint: str = "") -> NoReturn:
        """Raise the ArchiveError that says `what` is wrong with this file, or with one of its members."""
        path = printable(str(self.path))
        where = f"{path}, member {member!r}" if member else path
        raise ArchiveError(f"{where}: {what}. {hint or 'The file is damaged: save it again, or take another copy.'}")

    def read(self, member: str) -> bytes:
        """Return the bytes of a member, which can be read once.

        Raises
        ------
        ArchiveError
            If it is missing or damaged, or was read before.
        """
        return bytes(self.read_exactly(member, self._info(member).file_size))

    def read_exactly(self, member: str, size: int) -> bytearray:
        """Return the `size` bytes that a member must have; raises as :meth:`read`, before any memory is taken."""
        info = self._info(member)
        if info.file_size != size:
            self.fail(f"{info.file_size:,} bytes; {size:,} are needed", member=member)
        self._unread.discard(member)
        content, filled = bytearray(size), 0
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):  # to its end, where the checksum is compared
                    filled += len(chunk)
                    if filled <= size:
                        content[filled - len(chunk) : filled] = chunk
        except _DAMAGE as error:
            self.fail(f"can't be read ({error})", member=member)
        if filled != size:
            self.fail(f"{filled:,} bytes where {size:,} are announced", member=member)
        return content

    def _info(self, member: str) -> zipfile.ZipInfo:
        if member not in self._members:
            self.fail("is missing", member=member)
        if member not in self._unread:
            self.fail("the manifest names it twice", member=member)
        return self._members[member]

    def finish(self) -> None:
        """Refuse members that nothing in the manifest names."""
        if self._unread:
            self.fail("the manifest doesn't name it", member=min(self._unread))

    def _open_zip(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._file)
        except _DAMAGE as error:
            hint = "It is no nbdissect archive, or was cut off: save it again with d.save(path), or take another copy."
            self.fail(f"can't be opened as a zip file ({error})", hint=hint)

    def _measure(self, max_bytes: int | None) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        total = packed = 0
        for info in self._zip.infolist():
            name = info.orig_filename
            if not inside(name):
                self.fail(
                    "its name leaves the archive",
                    member=name,
                    hint="No program of ours writes such a file: don't use it.",
                )
            if name in members:
                self.fail("stands in the file twice", member=name)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 0x41:
                self.fail("is encrypted, or packed in another way than deflate", member=name)
            if info.file_size > _MAX_RATIO * max(info.compress_size, 1):
                self.fail(
                    f"{info.compress_size:,} bytes that claim to unpack to {info.file_size:,}, more than deflate can do",
                    member=name,
                )
            total, packed = total + info.file_size, packed + info.compress_size
            members[name] = info
        if packed > self.size:
            self.fail(f"its members overlap: together they have {packed:,} bytes, the file has {self.size:,}")
        allowed = most_unpacked(self.size) if max_bytes is None else max_bytes
        if total > allowed:
            self.fail(
                f"unpacks to {total:,} bytes from {self.size:,}; at most {allowed:,} are allowed",
                hint=f"If you trust it, use nd.load(path, max_bytes={total}).",
            )
        return members

    def _read_manifest(self) -> dict[str, Any]:
        if MANIFEST not in self._members:
            hint = "It is another zip file, no nbdissect archive; those are written by d.save(path)."
            self.fail("is missing", member=MANIFEST, hint=hint)
        size, allowed = self._members[MANIFEST].file_size, most_manifest(self.size)
        if size > allowed:
            self.fail(f"{size:,} bytes; at most {allowed:,} are allowed in a file of {self.size:,}", member=MANIFEST)
        try:
            manifest = json.loads(
                self.read(MANIFEST).decode("utf-8"),
                parse_constant=_refuse_constant,
                parse_int=_read_int,
                object_pairs_hook=_refuse_duplicates,
            )
        except RecursionError:
            self.fail("nested too deeply", member=MANIFEST)
        except ArchiveError:
            raise
        except ValueError as error:
            self.fail(f"no JSON ({error})", member=MANIFEST)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            self.fail(f"'format' is not {FORMAT!r}", member=MANIFEST)
        version = manifest.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self.fail(f"'version' is {version!r:.40}; a whole number from 1 on is needed", member=MANIFEST)
        if version > VERSION:
            self.fail(
                f"format version {version}; this nbdissect reads up to {VERSION}",
                member=MANIFEST,
                hint="Install a newer one: pip install --upgrade nbdissect.",
            )
        return manifest


def most_unpacked(size: int) -> int:
    """Return how many bytes all members of a file of `size` bytes may have together."""
    return _FREE_BYTES + _FREE_RATIO * size


def most_manifest(size: int) -> int:
    """Return how many bytes the manifest of a file of `size` bytes may have."""
    return _FREE_MANIFEST_BYTES + size // _MANIFEST_SHARE


def inside(name: str) -> bool:
    """Whether a member's name stays inside the archive on every system."""
    path = PurePosixPath(name)
    return bool(name) and not (
        path.is_absolute() or ".." in path.parts or name.endswith("/") or any(sign in name for sign in "\\:\0")
    )


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _read_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


class Writer:
    """The members of an archive, on their way into a file; a context manager.

    The same members in the same order give the same bytes. All of them together stay below what a
    :class:`Reader` unpacks from such a file: what would pack tighter is stored as it is.

    Attributes
    ----------
    packed : int
        Bytes that the members take by now.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._unpacked = 0
        self.packed = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        # While the file is still open; left to the garbage collector it would complain about a closed one.
        self._zip.close()

    def add(self, member: str, content: bytes, *, pack: bool = True) -> None:
        """Write one member; `pack` it unless it is packed already, as images are."""
        self._unpacked += len(content)
        if self._unpacked > most_unpacked(self.packed):  # so it depends on how tightly this one packs
            pack = pack and self._unpacked <= most_unpacked(self.packed + len(zlib.compress(content)))
        info = zipfile.ZipInfo(member, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, content)
        self.packed += info.compress_size

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, the last member.

        Raises
        ------
        ValueError
            If it is larger than a reader takes beside such members.
        """
        content = json.dumps(manifest, allow_nan=False, separators=(",", ":")).encode("utf-8")
        if len(content) > (most := most_manifest(self.packed)):
            raise ValueError(
                f"names and numbers of images take {len(content):,} bytes; at most {most:,} are read again"
            )
        self.add(MANIFEST, content)
