"""Digests of what a network is and does: its weights, its code, and its outputs for a few images."""

from __future__ import annotations

import hashlib
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.activations import Capture
from nbdissect.engine.layouts import tensors_in
from nbdissect.engine.model_state import preserve_model_state
from nbdissect.engine.threads import limited_threads
from nbdissect.text import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbdissect.engine.activations import Forward
    from nbdissect.engine.batches import Batcher

_SIZE = 16
_DEPTH = 6


def weights_digest(model: torch.nn.Module) -> str:
    """Return a digest of all parameters and buffers: names, dtypes, shapes, values."""
    digest = hashlib.blake2b(digest_size=_SIZE)
    for tensors in (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)):
        for name, tensor in tensors:
            _add_tensor(digest, name, tensor)
    return f"blake2b:{digest.hexdigest()}"


def output_digest(
    model: torch.nn.Module,
    layers: Sequence[str],
    batcher: Batcher,
    images: Sequence[tuple[int, Any]],
    device: torch.device,
    forward: Forward | None = None,
) -> str:
    """Return a digest of what the transform and the layers return for a few images, pairs (index, image).

    On one thread: with another number of threads, convolutions round differently.

    Raises
    ------
    ValueError
        If the transform or the model fails on them.
    """
    numbers = [index for index, _ in images]
    with (
        limited_threads(1),
        preserve_model_state(model, device),
        Capture(model, layers, None, forward).hooked() as capture,
    ):
        batch = batcher.batch([batcher.load(image, index) for index, image in images], numbers)
        outputs = capture.run(batch, numbers[0])
    digest = hashlib.blake2b(digest_size=_SIZE)
    _add_tensor(digest, "batch", batch)
    for name in layers:
        for part, tensor in tensors_in(outputs[name]):
            _add_tensor(digest, f"{name}{''.join(map(str, part))}", tensor)
    return digest.hexdigest()


def code_digest(things: Iterable[Any]) -> str:
    """Return a digest of the Python code of functions, and of the classes of other objects, torch's own aside.

    It changes with any edit that changes what the code does, but not with comments, nor from run to run.
    """
    digest = hashlib.blake2b(digest_size=_SIZE)
    seen: set[int] = set()
    for thing in things:
        _add_code(digest, thing, seen, 0)
    return digest.hexdigest()


def _add_tensor(digest: hashlib.blake2b, name: str, tensor: Any) -> None:
    if not isinstance(tensor, torch.Tensor):
        digest.update(f"{name} {describe(tensor)}".encode())
        return
    digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
    try:
        plain = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    except (
        RuntimeError,
        TypeError,
        NotImplementedError,
        ValueError,
    ):  # quantized or sparse: their repr stands for their bytes
        digest.update(describe(tensor).encode())


def _add_code(digest: hashlib.blake2b, thing: Any, seen: set[int], depth: int) -> None:
    if id(thing) in seen or depth > _DEPTH:
        return
    seen.add(id(thing))
    thing = _unwrapped(digest, thing)
    if isinstance(thing, FunctionType):
        _add_function(digest, thing, seen, depth)
        return
    kind = thing if isinstance(thing, type) else type(thing)
    # An instance may have a forward of its own, set from outside.
    for value in () if isinstance(thing, type) else vars(thing).values() if hasattr(thing, "__dict__") else ():
        if isinstance(value, (FunctionType, MethodType)):
            _add_code(digest, value, seen, depth + 1)
    if id(kind) in seen and kind is not thing:
        return
    seen.add(id(kind))
    for base in kind.__mro__:
        if str(base.__module__).split(".")[0] in ("torch", "builtins", "abc", "typing"):
            continue
        digest.update(f"class {base.__module__}.{base.__qualname__}".encode())
        for name, value in sorted(vars(base).items()):
            if isinstance(value, (staticmethod, classmethod)):
                value = value.__func__  # noqa: PLW2901
            if isinstance(value, property):
                value = value.fget  # noqa: PLW2901
            if isinstance(value, FunctionType):
                digest.update(name.encode())
                _add_code(digest, value, seen, depth + 1)


def _unwrapped(digest: hashlib.blake2b, thing: Any) -> Any:
    """Return the function of a method or of a partial, whose arguments are digested."""
    while isinstance(thing, (MethodType, partial)):
        if isinstance(thing, partial):
            digest.update(describe((thing.args, thing.keywords)).encode())
        thing = thing.__func__ if isinstance(thing, MethodType) else thing.func
    return thing


def _add_function(digest: hashlib.blake2b, function: FunctionType, seen: set[int], depth: int) -> None:
    _add_bytecode(digest, function.__code__)
    digest.update(describe((function.__defaults__, function.__kwdefaults__)).encode())
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # still empty
            continue
        if isinstance(content, (FunctionType, MethodType)):
            _add_code(digest, content, seen, depth + 1)
        else:
            digest.update(describe(content).encode())
    for name in sorted(set(_names(function.__code__))):
        # Global numbers and functions that it uses, of the notebook or module that defines it.
        value = function.__globals__.get(name)
        if isinstance(value, (bool, int, float, str, tuple)):
            digest.update(f"{name} {describe(value)}".encode())
        elif isinstance(value, FunctionType) and not str(value.__module__).startswith(("torch", "numpy", "PIL")):
            _add_code(digest, value, seen, depth + 1)


def _names(code: CodeType) -> Iterable[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _add_bytecode(digest: hashlib.blake2b, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(" ".join(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add_bytecode(digest, constant)
        elif isinstance(constant, frozenset):  # whose order differs from process to process
            digest.update(" ".join(sorted(map(repr, constant))).encode())
        else:
            digest.update(repr(constant).encode())
