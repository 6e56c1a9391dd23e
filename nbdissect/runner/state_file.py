"""Arrays and JSON in one file that appears whole or not at all, and is believed only if its digest is right.

A line that names the format, the manifest's length, the manifest (JSON), the arrays one after the other, and a
digest of all that. No pickle.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.files import atomic_write, open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC = b"nbdissect run\n"
_LENGTH = 8
_DIGEST = 16
_KINDS = "biuf"
_CHUNK = 1 << 20


class DamagedFileError(ValueError):
    """A file whose content is not what was written."""


def write_state(path: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, remedy: str) -> None:
    """Write a manifest, as JSON takes it, and arrays of numbers; `remedy` is what an error says about a full disk."""
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    specs = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    head = json.dumps({"manifest": manifest, "arrays": specs}).encode()
    digest = hashlib.blake2b(digest_size=_DIGEST)
    with atomic_write(path, remedy=remedy) as file:
        parts: list[bytes | memoryview] = [_MAGIC, len(head).to_bytes(_LENGTH, "little"), head]
        for part in (*parts, *map(_bytes_of, arrays.values())):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the manifest and the arrays that :func:`write_state` wrote.

    Raises
    ------
    DamagedFileError
        If anything in the file has changed.
    OSError
        If it can't be read, or is no regular file.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2) - _DIGEST
        file.seek(0)
        if size < len(_MAGIC) + _LENGTH or file.read(len(_MAGIC)) != _MAGIC:
            raise DamagedFileError(f"{path} is damaged: it doesn't begin as such a file does.")
        file.seek(0)
        digest = hashlib.blake2b(digest_size=_DIGEST)
        for first in range(0, size, _CHUNK):
            digest.update(file.read(min(_CHUNK, size - first)))
        if file.read() != digest.digest():
            raise DamagedFileError(f"{path} is damaged: its content doesn't fit its digest.")
        # From here on everything is as it was written.
        file.seek(len(_MAGIC))
        head = json.loads(file.read(int.from_bytes(file.read(_LENGTH), "little")))
        arrays = {}
        for name, dtype, shape in head["arrays"]:
            assert np.dtype(dtype).kind in _KINDS
            arrays[name] = np.empty(shape, dtype)
            if arrays[name].size:
                file.readinto(_bytes_of(arrays[name]))  # type: ignore[attr-defined]
        return head["manifest"], arrays


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
