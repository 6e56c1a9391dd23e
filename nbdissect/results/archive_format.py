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
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from typing import BinaryIO

FORMAT = "nbdissect archive"
VERSION = 1
MANIFEST = "manifest.json"

MAX_BYTES = 4 << 30
"""How much an archive may unpack to, unless the caller allows more."""

_MAX_MANIFEST_BYTES = 64 << 20
# Deflate can't pack tighter than 1 : 1,032. Counts of dead units come near that, a whole archive of some size doesn't.
_MAX_RATIO = 1_040
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 250
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
    max_bytes : int
        How much all members together may unpack to.

    Attributes
    ----------
    manifest : dict
        The content of ``manifest.json``, of a format and version that this program knows.

    Raises
    ------
    ArchiveError
    OSError
        If the file can't be opened.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> None:
        self.path = Path(path)
        self._file = self.path.open("rb")
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._zip = self._open_zip()
            self._members = self._measure(max_bytes)
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise
        self._unread = set(self._members) - {MANIFEST}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def fail(self, what: str, *, member: str = "", hint: str = "") -> NoReturn:
        """Raise the ArchiveError that says `what` is wrong with this file, or with one of its members."""
        where = f"{self.path}, member {member!r}" if member else str(self.path)
        raise ArchiveError(f"{where}: {what}. {hint or 'The file is damaged: save it again, or take another copy.'}")

    def read(self, member: str, size: int | None = None) -> bytes:
        """Return the bytes of a member, which must be `size` if that is known.

        Raises
        ------
        ArchiveError
            If it is missing, of another size, or damaged.
        """
        info = self._members.get(member)
        if info is None:
            self.fail("is missing", member=member)
        if size is not None and info.file_size != size:
            self.fail(f"{info.file_size:,} bytes; {size:,} are needed", member=member)
        try:
            with self._zip.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except _DAMAGE as error:
            self.fail(f"can't be read ({error})", member=member)
        if len(content) != info.file_size:
            self.fail(f"{len(content):,} bytes where {info.file_size:,} are announced", member=member)
        if member != MANIFEST:
            self._unread.discard(member)
        return content

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

    def _measure(self, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
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
        if packed > self._size:
            self.fail(f"its members overlap: together they have {packed:,} bytes, the file has {self._size:,}")
        # Whoever allows more than usual has looked at the file.
        bomb = max_bytes <= MAX_BYTES and total > _BOMB_BYTES and total > _BOMB_RATIO * self._size
        if total > max_bytes or bomb:
            self.fail(
                f"unpacks to {total:,} bytes from {self._size:,}",
                hint=f"At most {max_bytes:,} are allowed, and beyond {_BOMB_BYTES:,} at most {_BOMB_RATIO} times the file: "
                f"if you trust it, use nd.load(path, max_bytes=…) with more than {MAX_BYTES:,}.",
            )
        return members

    def _read_manifest(self) -> dict[str, Any]:
        if MANIFEST not in self._members:
            hint = "It is another zip file, no nbdissect archive; those are written by d.save(path)."
            self.fail("is missing", member=MANIFEST, hint=hint)
        if self._members[MANIFEST].file_size > _MAX_MANIFEST_BYTES:
            size = self._members[MANIFEST].file_size
            self.fail(f"{size:,} bytes; at most {_MAX_MANIFEST_BYTES:,} are allowed", member=MANIFEST)
        try:
            manifest = json.loads(
                self.read(MANIFEST).decode("utf-8"),
                parse_constant=_refuse_constant,
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


def inside(name: str) -> bool:
    """Whether a member's name stays inside the archive on every system."""
    path = PurePosixPath(name)
    return bool(name) and not (
        path.is_absolute() or ".." in path.parts or name.endswith("/") or any(sign in name for sign in "\\:\0")
    )


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


class Writer:
    """The members of an archive, on their way into a file; a context manager.

    The same members in the same order give the same bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        # While the file is still open; left to the garbage collector it would complain about a closed one.
        self._zip.close()

    def add(self, member: str, content: bytes, *, pack: bool = True) -> None:
        """Write one member; `pack` it unless it is packed already, as images are."""
        info = zipfile.ZipInfo(member, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, content)

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, the last member."""
        self.add(MANIFEST, json.dumps(manifest, allow_nan=False, separators=(",", ":")).encode("utf-8"))
