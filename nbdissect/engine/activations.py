"""Running a model and catching what some of its layers return, by hooks that are gone afterwards."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.pass_errors import describe_failure
from nbdissect.engine.wrappers import find_layers, without_parallel
from nbdissect.user_code import UserCodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Forward = Callable[[torch.nn.Module, torch.Tensor], Any]
    """Calls a model with a batch."""


class ModelOutOfMemoryError(Exception):
    """A batch takes more memory than there is."""


class OtherCallsError(ValueError):
    """Some images make the network call its layers otherwise than the first did."""


class _PassDone(BaseException):
    """Ends a forward pass once the last wanted layer has returned.

    No Exception, so that a model's own ``except Exception`` doesn't catch it.
    """


def run_model(model: torch.nn.Module, batch: torch.Tensor, forward: Forward | None = None) -> None:
    """Run a batch [B, channels, H, W] through a model.

    Parameters
    ----------
    model, batch
    forward : callable, optional
        Calls the model with a batch, where it takes other arguments than that.

    Raises
    ------
    ValueError
        If the model fails on it.
    ModelOutOfMemoryError
        If memory runs out.
    """
    try:
        inner = without_parallel(model)
        inner(batch) if forward is None else forward(inner, batch)
    except Exception as error:  # a model may raise what it likes about its input: RuntimeError, AssertionError, …
        if is_out_of_memory(error):
            raise ModelOutOfMemoryError(str(error).splitlines()[0] if str(error) else "MemoryError") from error
        raise UserCodeError(describe_failure(model, batch, error, forward)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    if isinstance(error, UserCodeError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)


@contextmanager
def recorded(
    model: torch.nn.Module,
    before: Callable[[torch.nn.Module, Any], None],
    after: Callable[[torch.nn.Module, Any], None],
) -> Iterator[None]:
    """Call `before` with every module of a model and its inputs, and `after` with it and its output, while a pass runs."""
    handles: list[Any] = []
    try:
        for module in model.modules():
            if hookable(module):
                handles.append(module.register_forward_pre_hook(before))
                handles.append(module.register_forward_hook(lambda m, _inputs, output: after(m, output)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def hookable(module: torch.nn.Module) -> bool:
    """Whether a module runs as Python, so that a hook can see what it returns."""
    return not isinstance(module, torch.jit.ScriptModule)


class Capture:
    """Runs batches through a model and returns what the wanted layers returned.

    A pass stops at the last call of a wanted layer, if that is known from a probe; what lies behind is then
    never computed. Of a layer that is called several times in a pass, the last call counts.

    Parameters
    ----------
    model, names
    order : sequence of str, optional
        The calls of the wanted layers in a whole pass, the same for all images. None: they may differ, and
        every pass goes to the end.
    forward : callable, optional
        See :func:`run_model`.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        names: Sequence[str],
        order: Sequence[str] | None,
        forward: Forward | None = None,
    ) -> None:
        self._model, self._forward = model, forward
        self._modules = find_layers(model, names)
        # By module: one that is wanted under two names is called once for both.
        self._order = None if order is None else [id(self._modules[name]) for name in order]
        self._outputs: dict[int, Any] = {}
        self._calls: list[int] | None = None  # None: no pass of this capture is under way
        self._whole = False

    @contextmanager
    def hooked(self) -> Iterator[Capture]:
        """Hold the hooks on the model; they are gone afterwards, whatever happened."""
        handles: list[Any] = []
        try:
            for module in {id(module): module for module in self._modules.values()}.values():
                handles.append(module.register_forward_hook(self._keep))
            yield self
        finally:
            for handle in handles:
                handle.remove()
            self._outputs.clear()

    def _keep(self, module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        if self._calls is None:
            return
        self._calls.append(id(module))
        if self._whole:
            return
        last = self._order is not None and len(self._calls) == len(self._order)
        # What follows may write into the same memory (an in-place ReLU): keep the value as returned.
        self._outputs[id(module)] = _kept(output, copy=not last)
        if last:
            raise _PassDone

    def run(self, batch: torch.Tensor, first: int) -> dict[str, Any]:
        """Run one batch [B, 3, H, W] whose first image has number `first`, and return each wanted layer's output.

        Raises
        ------
        ValueError
            If the model fails on such a batch, or doesn't call a wanted layer.
        OtherCallsError
            If it calls them otherwise than `order` says.
        """
        try:
            self._compare(self._pass(batch, whole=False), first)
            return {name: self._outputs[id(module)] for name, module in self._modules.items()}
        finally:
            self._outputs.clear()

    def check(self, batch: torch.Tensor, first: int) -> None:
        """Run a few images to the end of the model, to see that it calls the wanted layers as often as it did.

        Raises
        ------
        OtherCallsError
            If it doesn't.
        """
        self._compare(self._pass(batch, whole=True), first)

    def _pass(self, batch: torch.Tensor, *, whole: bool) -> list[int]:
        self._calls, self._whole = [], whole
        try:
            with suppress(_PassDone):
                run_model(self._model, batch, self._forward)
            return self._calls
        finally:
            self._calls = None

    def _compare(self, calls: list[int], first: int) -> None:
        if self._order is None:
            missing = next((name for name, module in self._modules.items() if id(module) not in calls), None)
            if missing is None:
                return
            raise ValueError(f"Layer {missing!r} was not called for images from {first} on. Every image must reach it.")
        if calls == self._order:
            return
        name = {id(module): name for name, module in self._modules.items()}
        odd = next((key for key in name if calls.count(key) != self._order.count(key)), next(iter(name)))
        found, expected = (f"{n} {'time' if n == 1 else 'times'}" for n in (calls.count(odd), self._order.count(odd)))
        raise OtherCallsError(
            f"Layer {name[odd]!r} was called {found} for images from {first} on, and {expected} for the first images. "
            "The last call of a pass counts, so the pass can't stop early in this network: "
            "run it in this process, without executor= and checkpoint=."
        )


def _kept(output: Any, *, copy: bool) -> Any:  # noqa: PLR0911 - one for each kind of container
    """An output with all its tensors detached (a model may turn gradients on inside), and copied where that is asked for."""
    if isinstance(output, torch.Tensor):
        output = output.detach()
        return output.clone() if copy else output
    if not copy:
        return output
    if isinstance(output, dict):
        kept = {key: _kept(value, copy=copy) for key, value in output.items()}
        try:  # with its attributes, where it has some
            return type(output)(**kept) if is_dataclass(output) else type(output)(kept)
        except TypeError:
            return kept
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(_kept(value, copy=copy) for value in output))
    if isinstance(output, (tuple, list)):
        return type(output)(_kept(value, copy=copy) for value in output)
    return output
