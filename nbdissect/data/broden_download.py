"""Broden from its own site, or another copy of its archive."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

from nbdissect.data.download import fetch
from nbdissect.data.unpacking import ArchiveError, unpack
from nbdissect.files import expand

if TYPE_CHECKING:
    import os
    from pathlib import Path

SIZES = (224, 227, 384)
_SITE = "http://netdissect.csail.mit.edu/data/broden1_{size}.zip"
# SHA-256 of the archives by size: none is known, since the site could not be reached while this was written.
_SHA256: dict[int, str] = {}
_BEGINS = b"PK\x03\x04"


def download(
    root: str | os.PathLike[str], size: int, *, url: str | None, sha256: str | None, keep_archive: bool, progress: bool
) -> Path:
    """Fetch and unpack Broden; return its directory. See :meth:`nbdissect.Broden.download`.

    Raises
    ------
    ValueError
        If there is no such size.
    OSError
    """
    if size not in SIZES:
        raise ValueError(f"size={size!r:.40}; Broden comes in the sizes {', '.join(map(str, SIZES))}.")
    folder = expand(root)
    target = folder / f"broden1_{size}"
    if (target / "index.csv").exists():
        return target
    if target.exists():
        raise FileExistsError(
            f"{target} is there already, without an index.csv. Remove it, or choose another directory."
        )
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"broden1_{size}.zip"
    fetched = not archive.exists()
    fetch(
        url or _SITE.format(size=size),
        archive,
        begins=_BEGINS,
        sha256=sha256 or (None if url else _SHA256.get(size)),
        progress=progress,
    )
    beside = folder / f".broden1_{size}.{uuid4().hex}.tmp"
    beside.mkdir()
    try:
        unpack(archive, beside)
        _find_index(archive, beside).rename(target)
    except ArchiveError:
        if fetched:  # not one that somebody put there
            archive.unlink()
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if not keep_archive:
        archive.unlink()
    return target


def _find_index(archive: Path, folder: Path) -> Path:
    """Return the directory that holds index.csv: the archive's own, or the only one in it."""
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if (place / "index.csv").is_file():
            return place
    raise ArchiveError(
        f"{archive} holds no index.csv, so that it is no Broden data set. Fetch another copy: nd.Broden.download(root, url=…)."
    )
