"""Running a model and catching what some of its layers return, by hooks that are gone afterwards."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.model_state import model_devices
from nbdissect.text import nearest

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
            raise ValueError(
                f"Layer {name!r} is a scripted module: hooks can't see what it returns. Dissect the model from which it was scripted."
            )
    return {name: modules[name] for name in names}


def _unknown_layer(name: str, known: Sequence[str], model: str) -> str:
    if not known:
        return (
            f"{model} has no layer {name!r}: it has no layers inside. Wrap it in torch.nn.Sequential to give it a name."
        )
    return (
        f"{model} has no layer {name!r}. The closest are {', '.join(nearest(name, known))}. nd.layers(model) lists all."
    )


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
        raise ValueError(
            f"{type(model).__name__} failed on a batch of shape {list(batch.shape)}: {error}\n{hint}"
        ) from error


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
            raise ValueError(
                f"Layer {missing[0]!r} was not called while {type(self._model).__name__} ran. "
                "A layer must be called as a module (not through a scripted or compiled copy) to be dissected."
            )
        if self._last_call is None:
            self._last_call = self._calls
        outputs = dict(self._outputs)
        self._outputs.clear()
        return outputs
