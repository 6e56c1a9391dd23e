"""Tensors of safetensors files, whole or in shards with an index."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from nbdissect.files import open_regular
from nbdissect.models.file_kinds import truncated
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

_INDEX = 64 << 20  # bytes; the largest known have some hundred kilobytes


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of one file, by name.

    Raises
    ------
    ValueError
        If it is cut off or damaged.
    """
    _check_whole(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{printable(str(path))} is damaged: {error}. Get it again.") from error


def read_shards(path: Path, read: Callable[[Path], Any]) -> dict[str, torch.Tensor]:
    """Return the tensors that an index names, from the files beside it.

    Parameters
    ----------
    path : path
        Of the index, such as ``model.safetensors.index.json``.
    read : callable
        Path of a shard → its tensors by name.

    Raises
    ------
    ValueError
        If the index, or a shard, isn't what it should be.
    OSError
        If shards are missing.
    """
    name = printable(str(path))
    places = _weight_map(path, name)
    shards = sorted(set(places.values()))
    missing = [shard for shard in shards if not (path.parent / shard).exists()]
    if missing:
        raise FileNotFoundError(
            f"{name} names {plural(len(shards), 'shard')}, and {len(missing)} of them are not beside it: "
            f"{', '.join(map(printable, missing[:5]))}{', …' if len(missing) > 5 else ''}. Download them into the same directory."
        )
    tensors: dict[str, Any] = {}
    for shard in shards:
        content = read(path.parent / shard)
        for key in (key for key, place in places.items() if place == shard):
            if not isinstance(content, dict) or key not in content:
                raise ValueError(
                    f"{name} says that {printable(shard)} holds {key!r}, which isn't there: index and shards are of "
                    "different models or versions. Download them together."
                )
            tensors[key] = content[key]
    return tensors


def _check_whole(path: Path) -> None:
    """Compare a file's length with what its header says."""
    name = printable(str(path))
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        (length,) = struct.unpack("<Q", file.read(8))
        if 8 + length > size:
            raise ValueError(truncated(name, size, 8 + length))
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
            wanted = 8 + length + max(ends, default=0)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise ValueError(f"{name} is damaged: its header can't be read ({error}). Get it again.") from error
    if size < wanted:
        raise ValueError(truncated(name, size, wanted))


def _weight_map(path: Path, name: str) -> dict[str, str]:
    with open_regular(path) as file:
        text = file.read(_INDEX)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} looks like JSON, and isn't whole: {error}. Get it again.") from error
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise ValueError(
            f"{name} is JSON without a “weight_map”, so no index of shards: a configuration holds no weights. "
            "Give the checkpoint beside it, such as model.safetensors or model.safetensors.index.json."
        )
    for shard in places.values():
        # A shard lies beside its index: nothing else on this machine is read because a file says so.
        if not isinstance(shard, str) or not shard or "/" in shard or "\\" in shard or shard in (".", "..", path.name):
            raise ValueError(
                f"{name} names the shard {str(shard)!r}; the bare name of a file beside the index is needed."
            )
    return places
