"""What checkpoints hold beside tensors, read without the classes that it was made of.

People save a validation accuracy as a NumPy number, their arguments as a Namespace, a path, a configuration.
None of it is needed here, so none of these classes is ever made: a placeholder takes whatever the pickle gives
it and keeps nothing. A class that is not in the list is refused.
"""

from __future__ import annotations

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from typing import Any

import torch


class ForeignClassError(Exception):
    """A pickle names classes or functions that would have to run: their full names are its arguments."""


class Inert:
    """Stands for an object of somebody's class, and holds nothing of it."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Inert:
        """Take any arguments."""
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        """Take any state."""


def empty_dict(*_args: Any) -> OrderedDict[Any, Any]:
    """Stands for a defaultdict, whose entries follow."""
    return OrderedDict()


def empty_list(*_args: Any) -> list[Any]:
    """Stands for a deque, whose entries follow."""
    return []


_DICTS = {
    "easydict.EasyDict",
    "yacs.config.CfgNode",
    "fvcore.common.config.CfgNode",
    "detectron2.config.config.CfgNode",
    "addict.addict.Dict",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
    "ml_collections.config_dict.config_dict.ConfigDict",
}
_INERT = re.compile(
    r"numpy\._?core\.(?:multiarray\.(?:scalar|_reconstruct)|numeric\._frombuffer)"
    r"|numpy\.(?:ndarray|dtype|bool_?|str_|bytes_|u?int\d+|float\d+|complex\d+|dtypes\.\w+|random\._pickle\.\w+)"
    r"|argparse\.Namespace"
    r"|types\.SimpleNamespace"
    r"|pathlib(?:\._local)?\.(?:Pure)?(?:Posix|Windows)?Path"
    r"|datetime\.(?:datetime|date|time|timedelta|timezone)"
    r"|builtins\.(?:dict|list|tuple|int|float|str|bool|bytes|frozenset|slice|range)"
    r"|typing\.(?:Any|Dict|List|Union|Optional)"
    r"|functools\.partial"
    r"|torch\.optim(?:\.\w+)+"
    r"|omegaconf(?:\.\w+)+"
    r"|mmengine\.logging\.history_buffer\.HistoryBuffer"
)


def full_name(module: str, name: str) -> str:
    """Return the dotted name of what a pickle names; torch writes names of Python 2, such as ``__builtin__.list``."""
    if (module, name) in NAME_MAPPING:
        return ".".join(NAME_MAPPING[module, name])
    return f"{IMPORT_MAPPING.get(module, module)}.{name}"


def stand_in(name: str) -> Any:
    """Return what a pickle gets in place of a class or function, such as ``argparse.Namespace``; None: it is refused."""
    if name in _DICTS:
        return OrderedDict
    if name == "collections.defaultdict":
        return empty_dict
    if name == "collections.deque":
        return empty_list
    return Inert if _INERT.fullmatch(name) else None


# The machinery of tensors, which torch's reader checks itself.
_TORCHS_OWN = re.compile(
    r"torch\._utils\._rebuild\w+|torch\._tensor\._rebuild_from_type_v2|torch\.serialization\._get_layout"
    r"|torch\.nn\.parameter\.Parameter|torch\.(?:Size|device|Tensor)"
    r"|torch(?:\.cuda|\.storage)?\.\w*Storage|torch(?:\.cuda)?\.\w+Tensor"
    r"|collections\.(?:OrderedDict|Counter)|_codecs\.encode|builtins\.(?:set|bytearray|complex)"
)


def is_torchs_own(name: str) -> bool:
    """Whether a name belongs to what tensors are made of."""
    if _TORCHS_OWN.fullmatch(name):
        return True
    module, _, last = name.rpartition(".")
    return module == "torch" and isinstance(getattr(torch, last, None), (torch.dtype, torch.layout, torch.qscheme))
