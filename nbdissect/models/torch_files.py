"""What a file of torch.save holds, read with ``weights_only=True`` and never otherwise."""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from nbdissect.files import open_regular
from nbdissect.models.archives import check_sums, pickle_of, read_record
from nbdissect.models.inert import ForeignClassError, full_name, is_torchs_own, stand_in
from nbdissect.models.script_archives import read_pickled

if TYPE_CHECKING:
    from pathlib import Path

_LEGACY_PARTS = 5  # magic number, protocol, system, content, names of the storages
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "BINUNICODE8")


class OlderTorchError(Exception):
    """A file that the installed torch can't read safely; the text goes on after its name."""


def read_torch(path: Path, *, archive: bool) -> Any:
    """Return what a file of torch.save holds: dicts, lists, numbers, tensors, and placeholders for the rest.

    Parameters
    ----------
    path
    archive : bool
        Whether it is a zip archive, as torch writes since 1.6.

    Raises
    ------
    ForeignClassError
        If reading it would run code.
    OlderTorchError
        If a newer torch is needed.
    RuntimeError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError and others
        If it is cut off or damaged, as torch and Python say it.
    """
    if archive:
        check_sums(path)
    names = sorted(globals_of(path, archive=archive))
    if foreign := [name for name in names if stand_in(name) is None and not is_torchs_own(name)]:
        raise ForeignClassError(*foreign)
    allowed: list[Any] = [(found, name) for name in names if (found := stand_in(name)) is not None]
    if allowed and not _can_allow():
        if archive:  # older torch: the same restrictions, by a reader of our own
            return read_pickled(path)
        raise OlderTorchError(
            f"has the format before torch 1.6, and holds {allowed[0][1]} beside its tensors: torch 2.6 or newer reads it, and "
            f"{torch.__version__} is installed. pip install -U torch, or torch.save its weights alone."
        )
    with torch.serialization.safe_globals(allowed) if allowed else nullcontext():
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=archive or None)


def globals_of(path: Path, *, archive: bool) -> set[str]:
    """Return the full names of all classes and functions that a file's pickles name, without running anything."""
    if not archive:
        with open_regular(path) as file:
            return {name for _ in range(_LEGACY_PARTS) for name in _globals(file)}
    with zipfile.ZipFile(path) as content:
        return _globals(io.BytesIO(read_record(content, pickle_of(content))))


def _globals(file: BinaryIO) -> set[str]:
    """Names in one pickle; the file then stands behind it."""
    names: set[str] = set()
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            names.add(full_name(module, name))
        elif opcode.name == "STACK_GLOBAL":
            names.add(full_name(*["", *texts][-2:]))
        elif opcode.name in _STRINGS:
            texts = [*texts[-1:], str(argument)]
    return names


def _can_allow() -> bool:
    """Whether torch lets other classes stand for those that a file names: since 2.6."""
    version = re.match(r"(\d+)\.(\d+)", torch.__version__)
    return version is not None and (int(version[1]), int(version[2])) >= (2, 6)
