"""Weights in a TorchScript archive, without its code: its pickle is read with a short list of what it may name."""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.models.archives import pickle_of, read_record
from nbdissect.models.inert import ForeignClassError, full_name, stand_in

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 256 << 20  # bytes of a pickle, beside which the tensors lie
_DEPTH = 64
_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}


class ScriptObject:
    """A module of a TorchScript archive: its attributes, without its code."""

    def __init__(self, *_args: Any) -> None:
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        """Keep the attributes."""
        self.state = state


def read_script(path: Path) -> dict[str, torch.Tensor]:
    """Return the parameters, buffers and other tensors of a TorchScript archive, by their dotted names.

    Raises
    ------
    ForeignClassError
        If it names what no TorchScript archive of plain tensors does.
    """
    tensors: dict[str, torch.Tensor] = {}

    def walk(thing: Any, name: str, depth: int) -> None:
        if isinstance(thing, torch.Tensor):
            tensors[name] = thing
        elif isinstance(thing, ScriptObject) and isinstance(thing.state, dict) and depth < _DEPTH:
            for key, value in thing.state.items():
                walk(value, f"{name}.{key}" if name else str(key), depth + 1)

    walk(read_pickled(path), "", 0)
    return tensors


def read_pickled(path: Path) -> Any:
    """Return what the pickle of a torch or TorchScript archive holds.

    Raises
    ------
    ForeignClassError
        If it names something else than tensors and what is known to be inert.
    """
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(pickle_of(archive)).file_size
        if size > _MOST:
            raise EOFError(f"its pickle has {size:,} bytes; {_MOST:,} is the most that is read.")
        return _Reader(archive).load()


class _Reader(pickle.Unpickler):
    """Makes tensors, dicts, lists, numbers and texts; whatever else a pickle names is a placeholder, or refused."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        name = pickle_of(archive)
        content = read_record(archive, name)
        _check_memo(content)
        super().__init__(io.BytesIO(content))
        self._archive, self._root = archive, name.partition("/")[0]
        self._storages: dict[str, torch.Tensor] = {}
        self._functions = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
            "torch._utils._rebuild_parameter": _rebuild_parameter,
            "torch.jit._pickle.restore_type_tag": _first,
            "torch.jit._pickle.build_intlist": _first,
            "torch.jit._pickle.build_doublelist": _first,
            "torch.jit._pickle.build_boollist": _first,
            "torch.jit._pickle.build_tensorlist": _first,
            "_codecs.encode": str.encode,
            "torch.Size": tuple,
            "torch.device": str,
        }

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for; nothing is imported."""
        full = full_name(module, name)
        if full in self._functions:
            return self._functions[full]
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if module.startswith("__torch__"):
            return ScriptObject
        if module == "torch" and isinstance(dtype := getattr(torch, name, None), torch.dtype):
            return dtype
        if (found := stand_in(full)) is not None:
            return found
        raise ForeignClassError(full)

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """Return a storage, as a tensor of one axis."""
        kind, dtype, key, _place, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(count, int):
            raise pickle.UnpicklingError(f"a reference of kind {kind!r}")
        if key not in self._storages:
            content = bytearray(read_record(self._archive, f"{self._root}/data/{key}"))
            size = torch.empty(0, dtype=dtype).element_size()
            if len(content) < count * size:
                raise EOFError(f"the storage {key} has {len(content):,} bytes in place of {count * size:,}")
            made = torch.frombuffer(content, dtype=dtype, count=count) if count else torch.empty(0, dtype=dtype)
            self._storages[key] = made
        return self._storages[key]


def _check_memo(content: bytes) -> None:
    """Refuse a pickle that numbers its objects beyond its own length: memory is taken up to the highest number.

    https://github.com/python/cpython/issues/115952
    """
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise EOFError(f"its pickle numbers an object {argument:,}")


def _rebuild_tensor(storage: Any, offset: int, size: Any, stride: Any, *_rest: Any) -> torch.Tensor:
    if not isinstance(storage, torch.Tensor):
        raise TypeError("a tensor without a storage")
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)  # which refuses what lies beyond it


def _rebuild_parameter(data: Any, *_rest: Any) -> Any:
    return data


def _first(value: Any, *_rest: Any) -> Any:
    return value
