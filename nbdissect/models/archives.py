"""The records of torch's zip archives, compared with their checksums, which torch itself doesn't do."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20
_MOST_UNPACKED = 1 << 30  # torch itself doesn't compress


def check_sums(path: Path) -> None:
    """Compare every record of an archive with its checksum.

    Raises
    ------
    zipfile.BadZipFile
        If one differs.
    """
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.CRC:
                with archive.open(entry) as record:
                    while record.read(_CHUNK):
                        pass


def pickle_of(archive: zipfile.ZipFile) -> str:
    """Return the name of the record that holds the pickle, such as ``archive/data.pkl``."""
    return next(name for name in archive.namelist() if name.partition("/")[2] == "data.pkl")


def read_record(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a record's bytes, compared with its checksum.

    Raises
    ------
    EOFError
        If it would unpack to more.
    """
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED and entry.file_size > _MOST_UNPACKED:
        raise EOFError(f"the record {name} would unpack to {entry.file_size:,} bytes")
    if not getattr(entry, "CRC", 0):
        # torch.serialization.set_crc32_options(False) writes none: then there is nothing to compare with.
        with suppress(AttributeError):
            del entry.CRC
    return archive.read(entry)
