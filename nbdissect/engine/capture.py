"""Running a model and catching what some of its layers return, leaving the model as it was."""

from __future__ import annotations

import difflib
import random
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _PassDone(BaseException):
    """Ends a forward pass once the last wanted layer has returned.

    No Exception, so that a model's own ``except Exception`` doesn't catch it.
    """


def find_layers(model: torch.nn.Module, names: Sequence[str]) -> dict[str, torch.nn.Module]:
    """Return the modules of these dotted names.

    Raises
    ------
    ValueError
        If there is no such layer; names the closest three.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        if name not in modules:
            raise ValueError(_unknown_layer(name, [known for known in modules if known], type(model).__name__))
        if not hookable(modules[name]):
            message = f"Layer {name!r} is a scripted module, into which one can't look. Dissect the model from which it was scripted."
            raise ValueError(message)
    return {name: modules[name] for name in names}


def _unknown_layer(name: str, known: Sequence[str], model: str) -> str:
    if not known:
        return (
            f"{model} has no layer {name!r}: it has no layers inside. Wrap it in torch.nn.Sequential to give it a name."
        )
    # difflib takes 9 of 10 for close; a student's layer4 for backbone.layer4 is closer than that.
    ends = [candidate for candidate in known if candidate.endswith(f".{name}")]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    nearest = list(dict.fromkeys([*ends, *close]))[:3]
    return f"{model} has no layer {name!r}. The closest are {', '.join(nearest)}. nd.layers(model) lists all."


def run_model(model: torch.nn.Module, batch: torch.Tensor) -> None:
    """Run a batch [B, channels, H, W] through a model.

    Raises
    ------
    ValueError
        If the model fails on it.
    """
    try:
        model(batch)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # a model may raise what it likes about its input: RuntimeError, AssertionError, …
        hint = "If it expects another input, pass transform=, a function from a PIL image to a tensor [channels, height, width]."
        if len(devices := model_devices(model)) > 1:
            hint = (
                f"Its parameters and buffers lie on {', '.join(map(str, devices))}, and the batch on {batch.device}: if its forward "
                "doesn't move what it computes from one to the next, move the model to one device with model.to()."
            )
        message = f"{type(model).__name__} failed on a batch of shape {list(batch.shape)}: {error}\n{hint}"
        raise ValueError(message) from error


def hookable(module: torch.nn.Module) -> bool:
    """Whether a module runs as Python, so that a hook can see what it returns."""
    return not isinstance(module, torch.jit.ScriptModule)


class Capture:
    """Runs batches through a model and returns what the wanted layers returned.

    The first batch runs to the end of the model, to learn in which order and how often the wanted
    layers are called; later ones stop at the last such call, and what lies behind is never
    computed. Of a layer that is called several times in a pass, the last call counts.
    """

    def __init__(self, model: torch.nn.Module, names: Sequence[str]) -> None:
        self._model = model
        self._modules = find_layers(model, names)
        self._outputs: dict[str, Any] = {}
        self._calls = 0
        self._last_call: int | None = None

    @contextmanager
    def hooked(self) -> Iterator[Capture]:
        """Hold the hooks on the model; they are gone afterwards, whatever happened."""
        handles: list[Any] = []
        try:
            for name, module in self._modules.items():
                handles.append(module.register_forward_hook(self._hook(name)))
            yield self
        finally:
            for handle in handles:
                handle.remove()
            self._outputs.clear()

    def _hook(self, name: str) -> Any:
        def keep(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            self._calls += 1
            if isinstance(output, torch.Tensor):
                output = output.detach()  # a model may turn gradients on inside
            if self._calls == self._last_call:
                self._outputs[name] = output
                raise _PassDone
            # What follows may write into the same memory (an in-place ReLU): keep the value as returned.
            self._outputs[name] = output.clone() if isinstance(output, torch.Tensor) else output

        return keep

    def run(self, batch: torch.Tensor) -> dict[str, Any]:
        """Run one batch [B, 3, H, W] and return each wanted layer's output.

        Raises
        ------
        ValueError
            If the model fails on such a batch, or never calls a wanted layer.
        """
        self._outputs.clear()
        self._calls = 0
        with suppress(_PassDone):
            run_model(self._model, batch)
        missing = [name for name in self._modules if name not in self._outputs]
        if missing:
            message = (
                f"Layer {missing[0]!r} was not called while {type(self._model).__name__} ran. "
                "A layer must be called as a module (not through a scripted or compiled copy) to be dissected."
            )
            raise ValueError(message)
        if self._last_call is None:
            self._last_call = self._calls
        outputs = dict(self._outputs)
        self._outputs.clear()
        return outputs


@contextmanager
def as_it_was(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Run the model in eval mode on `device`, without gradients, and give it back as it was.

    A model that somebody has spread over several devices stays where it is: `device` is then only
    where its batches are made and its maps are worked on.

    Restored, also after an error or an interrupt: train/eval mode of every module, device, grad mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    homes = model_devices(model)
    moved = len(homes) == 1 and homes[0] != device
    try:
        if moved:
            model.to(device)
        model.eval()
        # no_grad, not inference_mode: what a model caches on its first call must still serve its training later.
        with torch.no_grad():
            yield
    finally:
        # First by its own method, which some models override (merged weights come apart again there).
        model.train(modes[0][1])
        for module, training in modes:
            module.training = training
        if moved:
            model.to(homes[0])


@contextmanager
def same_randomness(device: torch.device) -> Iterator[None]:
    """Restore the state of all random generators: model, transform and data set may draw from them."""
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])


def model_device(model: torch.nn.Module) -> torch.device | None:
    """The device of the model's first parameter or buffer, where it expects its input; None where it has none."""
    return next(iter(model_devices(model)), None)


def model_devices(model: torch.nn.Module) -> list[torch.device]:
    """The devices on which the model's parameters and buffers lie, each once, in the model's order."""
    return list(dict.fromkeys(tensor.device for tensor in (*model.parameters(), *model.buffers())))


def model_dtype(model: torch.nn.Module) -> torch.dtype:
    """Dtype of the first floating-point parameter: what the model wants to be fed."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
