"""A model is borrowed: it comes back as it was, and its devices decide where it runs."""

from __future__ import annotations

import random
import sys
import threading
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nbdissect.engine.model_lock import sole_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def preserve_model_state(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Run the model in eval mode on `device`, without gradients or autocast, and give it back as it was.

    A model that somebody has spread over several devices stays where it is: `device` is then only
    where its batches are made and its maps are worked on. Another thread that wants the same model
    waits. What torch.compile has compiled runs as it was written: hooks would be compiled into it.

    Restored, also after an error or an interrupt: train/eval mode of every module, device, grad mode.

    Raises
    ------
    ValueError
        If the model can't be run from Python, or holds no values.
    """
    with sole_use(model), ExitStack() as stack:
        check_runnable(model)
        modes = [(module, module.training) for module in model.modules()]
        homes = model_devices(model)
        moved = len(homes) == 1 and homes[0] != device
        try:
            if moved:
                model.to(device)
            model.eval()
            for kind in {"cpu", device.type} & {"cpu", "cuda", "mps", "xpu"}:
                stack.enter_context(torch.autocast(kind, enabled=False))
            stack.enter_context(_eager())
            # no_grad, not inference_mode: what a model caches on its first call must still serve its training later.
            stack.enter_context(torch.no_grad())
            yield
        finally:
            # First by its own method, which some models override (merged weights come apart again there).
            model.train(modes[0][1])
            for module, training in modes:
                module.training = training
            if moved:
                model.to(homes[0])


def check_runnable(model: torch.nn.Module) -> None:
    """Refuse a model into which hooks can't see, or that holds no values.

    Raises
    ------
    ValueError
    """
    kind = type(model).__name__
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            f"{kind} is scripted or traced (TorchScript): hooks can't see what its layers return. "
            "Dissect the model from which it was made."
        )
    # The module of an exported program has a graph in place of layers, and refuses train() and eval().
    if isinstance(model, torch.fx.GraphModule) and getattr(model.eval, "__func__", None) is not torch.nn.Module.eval:
        raise ValueError(
            f"{kind} comes from torch.export: its layers were dissolved into one graph. "
            "Dissect the model from which it was exported."
        )
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
        raise ValueError(
            f"Weights of {kind} are on the meta device and hold no values. "
            "Make it with model.to_empty(device='cpu') and load its weights first."
        )


class _Shared:
    """Process-wide state that several threads may change at once: the first saves it, the last restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._undo: Callable[[], None] = lambda: None

    @contextmanager
    def held(self, change: Callable[[], Callable[[], None]]) -> Iterator[None]:
        with self._lock:
            if not self._count:
                self._undo = change()
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if not self._count:
                    self._undo()


_stance = _Shared()
_rng = threading.RLock()
_saved: dict[str, Any] = {}


def _eager() -> Any:
    """Run eagerly what is compiled; older torch compiles hooks into the graph: slow, but the same values."""

    def change() -> Callable[[], None]:
        stance = torch.compiler.set_stance("force_eager")
        return lambda: stance.__exit__(None, None, None)

    # Where nobody has compiled anything, this would only load the compiler.
    possible = "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance")
    return _stance.held(change) if possible else nullcontext()


@contextmanager
def preserve_rng_state(device: torch.device) -> Iterator[None]:
    """Restore the state of all random generators: model, transform and data set may draw from them.

    Of runs that overlap in several threads, each restores what was there before the first of them.
    """
    key = str(device)
    with _rng:
        if not _saved.get("count"):
            _saved.clear()
            _saved["cpu state"] = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
        if device.type == "cuda" and key not in _saved:
            _saved[key] = torch.cuda.get_rng_state(device)
        _saved["count"] = _saved.get("count", 0) + 1
    try:
        yield
    finally:
        with _rng:
            _saved["count"] -= 1
            state, numpy_state, python_state = _saved["cpu state"]
            torch.set_rng_state(state)
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
            if key in _saved:
                torch.cuda.set_rng_state(_saved[key], device)


def model_device(model: torch.nn.Module) -> torch.device | None:
    """The device of the model's first parameter or buffer, where it expects its input; None where it has none."""
    return next(iter(model_devices(model)), None)


def model_devices(model: torch.nn.Module) -> list[torch.device]:
    """The devices on which the model's parameters and buffers lie, each once, in the model's order."""
    return list(dict.fromkeys(tensor.device for tensor in (*model.parameters(), *model.buffers())))


def model_dtype(model: torch.nn.Module) -> torch.dtype:
    """Dtype of the first floating-point parameter."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
