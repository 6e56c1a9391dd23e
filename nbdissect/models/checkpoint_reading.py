"""What a checkpoint's file holds, whoever wrote it; and what is said of a file that can't be read."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbdissect.models.archives import check_sums
from nbdissect.models.file_kinds import file_of_folder, kind_of
from nbdissect.models.inert import ForeignClassError
from nbdissect.models.safetensors_files import read_safetensors, read_shards
from nbdissect.models.script_archives import read_script
from nbdissect.models.torch_files import OlderTorchError, read_torch
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_lock = threading.RLock()
"""The list of classes that torch allows, and what is warned of, are one for the whole process."""


def read_checkpoint(path: Path, *, shard: bool = False) -> tuple[Path, Any]:
    """Return the file that was read, and what it holds: dicts, lists, tensors, and placeholders for the rest.

    Parameters
    ----------
    path
        Of a file, or of a folder as Hugging Face makes them.
    shard : bool
        Whether an index has named it.

    Raises
    ------
    ValueError
        If it is no checkpoint, or damaged, or reading it would run code.
    OSError
        If it is missing.
    """
    if path.is_dir():
        path = file_of_folder(path)
    kind = kind_of(path)
    if kind == "safetensors":
        return path, read_safetensors(path)
    if kind == "index":
        if shard:
            raise ValueError(f"{printable(str(path))} is an index, and an index names it as a shard.")
        return path, read_shards(path, lambda part: read_checkpoint(part, shard=True)[1])
    with _named(path):
        if kind == "script":
            check_sums(path)
            return path, read_script(path)
        return path, read_torch(path, archive=kind == "torch")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    name = printable(str(path))
    try:
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older torch warns of its own storages, pickletools of odd escapes
            yield
    except OSError:
        raise
    except ForeignClassError as error:
        raise ValueError(_refusal(name, error.args)) from error
    except OlderTorchError as error:
        raise ValueError(f"{name} {error}") from error
    except Exception as error:  # torch, pickle and zipfile raise what they like at damaged bytes
        said = str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__
        raise ValueError(f"{name} is damaged or cut off: {printable(said)}. Get it again.") from error


def _refusal(name: str, strangers: tuple[str, ...]) -> str:
    if any(full.startswith("torch.nn.modules.") for full in strangers):
        own = [full for full in strangers if not full.startswith("torch.")] or strangers
        return (
            f"{name} holds a whole model, an object of the class {printable(own[0])}, and not its weights alone: reading it would "
            "run code out of the file, so it was not read. Ask for a file of torch.save(model.state_dict(), path). If you trust who "
            "made it, make that one yourself, in a session of its own: "
            "torch.save(torch.load(path, weights_only=False).state_dict(), 'weights.pt')."
        )
    what = ", ".join(map(printable, strangers[:3]))
    more = f" and {plural(len(strangers) - 3, 'other')}" if len(strangers) > 3 else ""
    return (
        f"{name} needs {what}{more}: reading it would run code out of the file, so it was not read. Ask for a safetensors file, or "
        "one of torch.save(model.state_dict(), path). If you trust who made it, make that one yourself, in a session of its own: "
        "torch.save(torch.load(path, weights_only=False)['state_dict'], 'weights.pt')."
    )
