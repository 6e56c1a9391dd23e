"""What kind of file it is, told by its first bytes and never by its name; what is no checkpoint is named."""

from __future__ import annotations

import re
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Literal

from nbdissect.files import open_regular
from nbdissect.text import nearest, printable

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["torch", "script", "legacy", "safetensors", "index"]

_HEAD = 4096
_PICKLE = b"\x80"
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number of torch before 1.6, pickled
_ZIP = b"PK\x03\x04"
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|script|\?xml|!--)", re.IGNORECASE)
_POINTER = b"version https://git-lfs.github.com/spec/"
_SAFETENSORS_HEADER = 100_000_000  # what the format allows
_OTHERS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes them. Weights of TensorFlow have to be converted first",
    b"\x1f\x8b": "compressed by gzip. Unpack it first: gunzip, or tar -xzf",
    b"BZh": "compressed by bzip2. Unpack it first",
    b"\xfd7zXZ": "compressed by xz. Unpack it first",
    b"7z\xbc\xaf": "a 7z archive. Unpack it first",
    b"Rar!": "a RAR archive. Unpack it first",
    b"GGUF": "a GGUF file of a language model",
    b"\x93NUMPY": "one NumPy array, without the names of its tensors",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
# What Hugging Face calls the weights of a folder; the first that is there holds them all.
_OF_FOLDER = (
    "model.safetensors.index.json",
    "model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)


def kind_of(path: Path) -> Kind:
    """Return how to read a file.

    Raises
    ------
    ValueError
        If it is no checkpoint; the text says what it is.
    OSError
        If it is missing, or no regular file.
    """
    with _opened(path) as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
    name = printable(str(path))
    _refuse_strangers(head, name, size)
    if head.startswith(_ZIP):
        return _kind_of_zip(path, name, size)
    if head.startswith(_LEGACY):
        if tarfile.is_tarfile(path):  # torch would read it as one
            raise ValueError(f"{name} is a tar archive that pretends to be something else. Don't trust who made it.")
        return "legacy"
    if head.startswith(_PICKLE):
        raise ValueError(
            f"{name} is a bare pickle, not a file of torch.save: detectron2's model zoo and “pickle.dump” write such files. "
            "Reading one can run any code that is in it. If you trust who made it, read it with pickle.load in a session of "
            "your own, and save its tensors for this: torch.save({name: torch.as_tensor(array) for name, array in …}, path)."
        )
    if len(head) > 8 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= _SAFETENSORS_HEADER:
        return "safetensors"
    if head.lstrip()[:1] == b"{":
        return "index"
    if len(head) < len(_LEGACY) or not head.strip(b"\0"):
        raise ValueError(f"{name} ends too early: it has {size:,} bytes, too few for a checkpoint. Get it again.")
    raise ValueError(f"{name} is no checkpoint: it begins with {head[:8]!r}.{_allowed()}")


def _refuse_strangers(head: bytes, name: str, size: int) -> None:
    """Name what people have in place of a checkpoint, and what other programs write."""
    if not head:
        raise ValueError(f"{name} is empty (0 bytes): the download or the save that made it failed. Get it again.")
    if _PAGE.match(head):
        raise ValueError(
            f"{name} is a web page (HTML or XML), not a checkpoint: the address that was downloaded shows a page about the file, "
            "a login, or a warning. Take the address of the file itself: “Raw” on GitHub, “resolve” in place of “blob” on "
            "Hugging Face, gdown for Google Drive."
        )
    if head.startswith(_POINTER):
        real = re.search(rb"^size (\d{1,18})\s*$", head, re.MULTILINE)
        there = f" of {int(real[1]):,} bytes" if real else ""
        raise ValueError(
            f"{name} is a Git LFS pointer: a text of {size} bytes in place of the file{there}, which was never fetched. "
            "Run `git lfs install` and `git lfs pull` in its repository."
        )
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise ValueError(f"{name} is {what}.{_allowed()}")
    if head[257:262] == b"ustar":
        raise ValueError(f"{name} is a tar archive, in spite of “.pth.tar” files of torch being none. Unpack it first.")


def file_of_folder(folder: Path) -> Path:
    """Return the file that holds the weights of a folder, as Hugging Face names them.

    Raises
    ------
    OSError
        If there is none.
    """
    for name in _OF_FOLDER:
        if (folder / name).is_file():
            return folder / name
    endings = (".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".tar")
    there = sorted(file.name for file in folder.iterdir() if file.name.endswith(endings))
    hint = f"Give one of its files: {', '.join(map(repr, there[:5]))}." if there else "Give a file."
    raise IsADirectoryError(
        f"{printable(str(folder))} is a directory, and holds none of {', '.join(_OF_FOLDER[:2])}, …. {hint}"
    )


def _opened(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a binary file
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        near = [name for name in nearest(path.name, beside) if name[:3].lower() == path.name[:3].lower()]
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        if re.match(r"\w+:/", str(path)) and not path.parent.is_dir():
            hint = " Download it first, such as by torch.hub.download_url_to_file(address, 'weights.pth')."
        elif not path.parent.is_dir():
            hint = f" There is no directory {printable(str(path.parent))} either."
        raise FileNotFoundError(f"There is no file {printable(str(path))}.{hint}") from error


def _kind_of_zip(path: Path, name: str, size: int) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise ValueError(truncated(name, size)) from error
    inside = {entry.partition("/")[2] for entry in names}
    if "data.pkl" in inside:
        return "script" if "constants.pkl" in inside else "torch"
    if any(
        entry.startswith(("serialized_exported_program", "models/", "archive_format")) for entry in {*names, *inside}
    ):
        raise ValueError(
            f"{name} is a program of torch.export, not a checkpoint. "
            "torch.save(torch.export.load(path).state_dict(), “weights.pt”) makes one of it."
        )
    listed = ", ".join(map(repr, names[:3]))
    raise ValueError(f"{name} is a zip archive of other files ({listed}, …). Unpack it, and give the checkpoint in it.")


def truncated(name: str, size: int, wanted: int | None = None) -> str:
    """Return the text of the error for a file that isn't whole."""
    rest = f"{size:,} of {wanted:,} bytes are there" if wanted else f"its end is missing after {size:,} bytes"
    return f"{name} ends too early: {rest}. The download or the save that made it broke off. Get it again."


def _allowed() -> str:
    return " Files of torch.save, safetensors (also in shards, by their index), Lightning and TorchScript can be read."
