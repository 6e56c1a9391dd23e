"""Fetches a large file over a line that drops, and goes on where it ended."""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nbdissect.files import full_disk_named
from nbdissect.text import printable

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 5  # in a row that bring nothing
_PAUSE = 1.0  # seconds after the first of them, doubled after each
_CHUNK = 1 << 18
_MOST = 1 << 36  # bytes; Broden's largest archive has some thousand millions
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_MEGABYTE = 1_000_000
_LOCAL = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
}


class DownloadError(OSError):
    """A file that couldn't be fetched, or isn't what it should be."""


@dataclass
class _Partial:
    """What is known of a file of which a part is here.

    Attributes
    ----------
    url : str
    length : int
        Of the whole file, in bytes; -1 where the server doesn't say.
    version : str
        What the server calls this version of it (ETag or Last-Modified); "" where it doesn't say.
    """

    url: str
    length: int = -1
    version: str = ""


def fetch(url: str, target: Path, *, begins: bytes = b"", sha256: str | None = None, progress: bool = True) -> None:
    """Fetch a file; one that is there already is left as it is.

    What has come until an error or an interrupt stays beside `target`, as ``….part``, and the next call goes on
    from there, if the file on the server is still the same.

    Parameters
    ----------
    url : str
        http or https.
    target : Path
    begins : bytes
        The first bytes of any such file: a page that says "not found" has others.
    sha256 : str, optional
        What the whole file must have.
    progress : bool
        Whether to show how far it is, on the standard error stream.

    Raises
    ------
    DownloadError
        An OSError: the server doesn't answer, drops the line again and again, or sends something else.
    OSError
        If the disk is full.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise DownloadError(f"{printable(url)!r} can't be fetched; a URL of http or https is needed.")
    if target.exists():
        return
    part, notes = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    known = _read_notes(notes, url)
    if known.length < 0 and not known.version:
        part.unlink(missing_ok=True)  # nothing says what it is a part of
    failures, most, shown = 0, _size(part), _Line(target.name) if progress else None
    with full_disk_named(target):
        while True:
            try:
                if _fetch_some(known, part, notes, begins, shown):
                    break
                error: Exception = DownloadError("the line was cut")
            except (OSError, http.client.HTTPException, ValueError) as caught:
                if isinstance(caught, _FinalError) or _is_local(caught):
                    raise
                error = caught
            failures = 0 if _size(part) > most else failures + 1
            most = max(most, _size(part))  # what is fetched a second time brings nothing
            if failures >= _TRIES:
                raise DownloadError(_say_failure(url, error, part, known)) from error
            time.sleep(_PAUSE * 2 ** max(0, failures - 1) if failures else 0)
        if shown:
            shown.end()
        _check_whole(part, known, sha256)
        part.replace(target)
        notes.unlink(missing_ok=True)


class _FinalError(DownloadError):
    """An error that another try can't mend."""


def _read_notes(notes: Path, url: str) -> _Partial:
    try:
        known = _Partial(**json.loads(notes.read_text(encoding="utf-8")))
        if known.url == url and isinstance(known.length, int) and isinstance(known.version, str):
            return known
    except (OSError, ValueError, TypeError):
        pass  # as if nothing had been fetched
    return _Partial(url)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_local(error: Exception) -> bool:
    """Return whether the trouble is with the files here, which another try won't mend."""
    return isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.errno in _LOCAL


def _fetch_some(known: _Partial, part: Path, notes: Path, begins: bytes, shown: _Line | None) -> bool:
    """Fetch what is missing, as far as the line holds; return whether the file is complete."""
    have = _size(part)
    if known.length >= 0 and have == known.length:
        return True
    headers = {"User-Agent": "nbdissect", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.version:
            headers["If-Range"] = known.version
    request = urllib.request.Request(known.url, headers=headers)  # noqa: S310 - http or https, checked
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 - likewise
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # what is here is longer than the file there
            part.unlink()
            known.length, known.version = -1, ""
            return False
        if error.code < 500 and error.code not in (408, 429):
            raise _FinalError(
                f"{printable(known.url)}: the server answers {error.code} {printable(str(error.reason))}. {_ELSEWHERE}"
            ) from error
        raise
    with closing(response):
        start = _where_it_starts(response, have, known)
        notes.write_text(json.dumps(asdict(known)), encoding="utf-8")
        return _copy(response, part, start, known.length, begins, shown)


def _where_it_starts(response: Any, have: int, known: _Partial) -> int:
    """Return the place of the first byte of an answer, and note what it says of the whole file."""
    version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    if response.status == 206:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != have or known.length not in (-1, int(found[3])):
            known.length, known.version = -1, ""
            raise DownloadError(
                f"the server sent another part than was asked for ({printable(response.headers.get('Content-Range', ''))})"
            )
        known.length = int(found[3])
        return have
    length = response.headers.get("Content-Length", "")
    known.length = int(length) if length.isascii() and length.isdecimal() else -1
    known.version = version if not version.startswith("W/") else ""  # a weak one may stand for other bytes
    if known.length > _MOST:
        raise _FinalError(
            f"{printable(known.url)}: the server says that it has {known.length:,} bytes; at most {_MOST:,} are fetched."
        )
    return 0


def _copy(response: Any, part: Path, start: int, length: int, begins: bytes, shown: _Line | None) -> bool:
    """Append an answer to the part that is here; return whether the file is complete then."""
    if length >= 0 and shutil.disk_usage(part.parent).free < length - start:
        raise _FinalError(
            f"{part.parent} has {shutil.disk_usage(part.parent).free // _MEGABYTE:,} MB of free space; {(length - start) // _MEGABYTE:,} MB are needed. "
            "Free some, or choose another directory."
        )
    at = start
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        while chunk := response.read1(_CHUNK):  # what has come is kept, whatever comes next
            if not at and not chunk.startswith(begins[: len(chunk)]):
                file.close()
                part.unlink()
                raise _FinalError(
                    f"{printable(response.url)} isn't the file, it begins with {chunk[:20]!r}: a page, perhaps, that says that it is gone. {_ELSEWHERE}"
                )
            file.write(chunk)
            at += len(chunk)
            if at > _MOST:
                raise _FinalError(f"{printable(response.url)} doesn't end: more than {_MOST:,} bytes came.")
            if shown:
                shown.show(at, length)
    return at == length or (length < 0 and at > start)


def _check_whole(part: Path, known: _Partial, sha256: str | None) -> None:
    if sha256 is None:
        return
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != sha256.lower():
        part.unlink()
        raise DownloadError(
            f"{printable(known.url)}: what came has the SHA-256 {digest.hexdigest()}, not {sha256}. It was removed. {_ELSEWHERE}"
        )


_ELSEWHERE = (
    "Any other copy of the archive will do: nd.Broden.download(root, url=…); or of the directory: nd.Broden(path). Without Broden: nd.demo() has "
    "drawings, nd.LabeledImages reads pictures of your own."
)


def _say_failure(url: str, error: Exception, part: Path, known: _Partial) -> str:
    reason = printable(str(getattr(error, "reason", error)) or type(error).__name__)
    have = _size(part)
    kept = ""
    if have:
        of = f" of {known.length:,}" if known.length >= 0 else ""
        kept = f" {have:,}{of} bytes are kept in {part}, and the same call goes on from there."
    return f"{printable(url)} can't be fetched: {reason}, {_TRIES} times in a row.{kept} {_ELSEWHERE}"


class _Line:
    """How far it is, in one line of the standard error stream."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0

    def show(self, at: int, length: int) -> None:
        """Show it, a few times a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        of = f" of {length / _MEGABYTE:,.0f}" if length >= 0 else ""
        sys.stderr.write(f"\r{self._name}: {at / _MEGABYTE:,.0f}{of} MB")
        sys.stderr.flush()

    def end(self) -> None:
        """End the line, if there is one."""
        if self._next:
            sys.stderr.write("\n")
