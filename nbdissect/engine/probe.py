"""A look at a model with two or three images: what each layer returns, how it is read, what it wants to be fed.

The layer table and the run use the same probe, so that they agree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.activations import ModelOutOfMemoryError, recorded, run_model
from nbdissect.engine.batches import Batcher
from nbdissect.engine.layouts import Layout, Shape, Unreadable, picked, tensors_in
from nbdissect.engine.model_state import model_dtype, preserve_model_state, preserve_rng_state
from nbdissect.engine.other_tokens import object_to_tokens
from nbdissect.engine.pass_errors import describe_not_called
from nbdissect.engine.probe_checks import BLIND, same_but_rounded, same_for_all_images
from nbdissect.engine.reading import Evidence, refusal, which_part
from nbdissect.engine.token_order import in_image_order, told_prefixes
from nbdissect.engine.wrappers import find_layers
from nbdissect.notices import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from nbdissect.engine.activations import Forward
    from nbdissect.results.upsampling import ReceptiveField

_MOST_TENSORS = 16


@dataclass(frozen=True)
class LayerProbe:
    """What is known of one layer: the class of its module, and how its output is read."""

    name: str
    kind: str
    found: Layout | Unreadable


@dataclass(frozen=True)
class Probe:
    """What a few images have shown of a model.

    Attributes
    ----------
    fed : tuple of int
        Channels, height and width of an image as the network gets it.
    dtype : torch.dtype
        Of the batches that the model takes.
    channels_last : bool
        Whether batches may be laid out so, with the same results.
    layers : list of LayerProbe
        In the order in which they return.
    order : tuple of str
        The calls of the wanted layers in a pass.
    fields : mapping of layer to ReceptiveField
        Where their activations stand, if that was measured.
    """

    fed: tuple[int, ...]
    dtype: torch.dtype
    channels_last: bool
    layers: list[LayerProbe]
    order: tuple[str, ...] = ()
    fields: Mapping[str, ReceptiveField] = field(default_factory=dict)

    def batcher(self, transform: Callable[[Any], Any], device: torch.device) -> Batcher:
        """Return what makes batches as the model takes them."""
        return Batcher(transform, device, self.dtype, channels_last=self.channels_last)

    @property
    def layouts(self) -> dict[str, Layout]:
        """How every layer that can be read is read."""
        return {layer.name: layer.found for layer in self.layers if isinstance(layer.found, Layout)}


def probe_layers(
    model: nn.Module,
    names: Sequence[str],
    images: Sequence[tuple[int, Any]],
    transform: Callable[[Any], Any],
    device: torch.device,
    output: Mapping[str, Any] | None = None,
    forward: Forward | None = None,
) -> Probe:
    """Probe a model for layers that are to be dissected.

    Parameters
    ----------
    names : sequence of str
        Of layers; parts that only wrap may be left out.
    images : sequence of (int, image)
        One, two or three images, with their numbers.
    output : mapping of layer to index, key or function, optional
        Which part of a layer's output is meant.
    forward : callable, optional
        Calls the model with a batch.

    Raises
    ------
    ValueError
        If the model fails on the images, doesn't call a layer, or a layer can't be read.
    """
    probe = _Prober(model, images, transform, device, find_layers(model, names), output, forward).probe(keep=True)
    found = {layer.name: layer for layer in probe.layers}
    for name in names:
        if name not in found:
            raise ValueError(describe_not_called(name, model, forward))
        if isinstance(why := found[name].found, Unreadable):
            raise ValueError(refusal(name, why))
    return replace(probe, layers=[found[name] for name in names])


def probe_model(
    model: nn.Module,
    images: Sequence[tuple[int, Any]],
    transform: Callable[[Any], Any],
    device: torch.device,
    output: Mapping[str, Any] | Callable[[str], Any] | None = None,
    forward: Forward | None = None,
) -> Probe:
    """Probe all layers of a model; see :func:`probe_layers`."""
    modules = {name: module for name, module in model.named_modules() if name}
    return _Prober(model, images, transform, device, modules, output, forward).probe(keep=False)


@dataclass
class _Call:
    """One call of one module: the tensors that it returned, in short."""

    key: int
    tensors: list[tuple[Any, torch.dtype, tuple[int, ...]]]
    error: str = ""
    given: tuple[int, int] | None = None


class _Prober:
    """One probe.

    `modules` are the layers to read; all others are watched too, for the grids that they show.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Sequence[tuple[int, Any]],
        transform: Callable[[Any], Any],
        device: torch.device,
        modules: Mapping[str, nn.Module],
        output: Any,
        forward: Forward | None,
    ) -> None:
        self._model, self._device, self._modules, self._forward = model, device, modules, forward
        self._output = dict(output or {})
        self._images, self._transform = images, transform
        self._names = {id(module): name for name, module in model.named_modules()}
        self._by_id = {id(module): module for module in model.modules()}
        self._picks: dict[int, Any] = {
            id(modules[name]): pick for name, pick in self._output.items() if name in modules
        }
        self._first_dtype: torch.dtype | None = None
        self._wide: dict[int, list[tuple[Any, torch.dtype, tuple[int, ...]]]] | None = None

    def probe(self, *, keep: bool) -> Probe:
        with preserve_model_state(self._model, self._device), preserve_rng_state(self._device):
            loader = Batcher(self._transform, self._device, None)
            loaded = [loader.load(image, index) for index, image in self._images]
            numbers = [index for index, _ in self._images]
            # If they come out in different shapes, the run will say so, and of which image.
            alike = [k for k, item in enumerate(loaded) if item.shape == loaded[0].shape]
            loaded, numbers = [loaded[k] for k in alike], [numbers[k] for k in alike]
            for sizes in ((3, 2), (2, 1)):
                try:
                    return self._probe(loaded, numbers, sizes, keep=keep)
                except ModelOutOfMemoryError as error:
                    if sizes == (2, 1):
                        raise ValueError(str(error)) from error
        raise AssertionError

    def _probe(self, loaded: list[Any], numbers: list[int], sizes: tuple[int, int], *, keep: bool) -> Probe:
        def batch(count: int, dtype: torch.dtype, *, channels_last: bool) -> torch.Tensor:
            chosen = [k % len(loaded) for k in range(count)]
            batcher = Batcher(self._transform, self._device, dtype, channels_last=channels_last)
            return batcher.batch([loaded[k] for k in chosen], [numbers[k] for k in chosen])

        chosen = loaded[0].dtype if isinstance(loaded[0], torch.Tensor) else None
        calls, kept, dtype = self._larger(lambda dtype: batch(sizes[0], dtype, channels_last=False), chosen, keep=keep)
        channels_last = True
        try:
            again, other = self._run(batch(sizes[1], dtype, channels_last=True), keep=keep)
            channels_last = not keep or same_but_rounded(kept, other, sizes[1])
        except ValueError as error:
            logger.debug("channels_last batches are not for this model: %s", error)
            channels_last = False
            again, _ = self._run(batch(sizes[1], dtype, channels_last=False), keep=False)
        small = batch(sizes[1], dtype, channels_last=False)
        layers = self._without_other_tokens(self._read(calls, again, sizes, small), small)
        if self._forward is not None and keep:
            layers = self._without_blind(layers, kept, batch(sizes[0], dtype, channels_last=False))
        wanted = {id(module): name for name, module in self._modules.items()}
        order = tuple(wanted[call.key] for call in calls if call.key in wanted)
        return Probe(tuple(small.shape[1:]), dtype, channels_last, layers, order)

    def _without_blind(
        self, layers: list[LayerProbe], kept: Mapping[int, Any], images: torch.Tensor
    ) -> list[LayerProbe]:
        """Return the layers, without those that give the same for images that differ: they see something else."""
        count = len(images)
        if same_for_all_images([images], count):
            return layers
        blind = {key for key, tensors in kept.items() if same_for_all_images(tensors, count)}
        return [
            replace(layer, found=Unreadable(BLIND)) if id(self._modules[layer.name]) in blind else layer
            for layer in layers
        ]

    def _without_other_tokens(self, layers: list[LayerProbe], small: torch.Tensor) -> list[LayerProbe]:
        """Return the layers, without those whose tokens aren't what was read: where others stand, two images show."""
        real = {layer.name: self._names[id(self._modules[layer.name])] for layer in layers}
        found = {real[layer.name]: layer.found for layer in layers if isinstance(layer.found, Layout)}
        why = object_to_tokens(self._model, found, small, self._forward)
        return [replace(one, found=Unreadable(why[n])) if (n := real[one.name]) in why else one for one in layers]

    def _larger(
        self, batch: Callable[[torch.dtype], torch.Tensor], chosen: torch.dtype | None, *, keep: bool
    ) -> tuple[list[_Call], dict[int, Any], torch.dtype]:
        """Run the larger batch, in the dtype that the transform chose, or else in that of the first layer that computes."""
        first = chosen or model_dtype(self._model)
        found = error = None
        try:
            found = self._run(batch(first), keep=keep)
        except ValueError as failure:
            error = failure
        wanted = self._first_dtype
        if wanted is not None and wanted != first and (found is None or chosen is None):
            try:
                return (*self._run(batch(wanted), keep=keep), wanted)
            except ValueError as failure:
                error = error or failure
        if found is None:
            assert error is not None
            raise error
        return (*found, first)

    # --- one pass ---

    def _run(self, batch: torch.Tensor, *, keep: bool) -> tuple[list[_Call], dict[int, Any]]:
        """Run a batch and return all calls, and, if `keep`, what the wanted layers returned last."""
        calls: list[_Call] = []
        kept: dict[int, Any] = {}
        wanted = {id(module) for module in self._modules.values()} if keep else set()

        given: dict[int, tuple[int, int]] = {}

        def before(module: nn.Module, inputs: Any) -> None:
            if inputs and isinstance(inputs[0], torch.Tensor) and inputs[0].ndim == 4:
                given[id(module)] = (inputs[0].shape[2], inputs[0].shape[3])
            if self._first_dtype is None:
                own = next((p.dtype for p in module.parameters(recurse=False) if p.is_floating_point()), None)
                inside = any(next(child.parameters(), None) is not None for child in module.children())
                if own is not None and not inside:
                    self._first_dtype = own

        def after(module: nn.Module, output: Any) -> None:
            call = _Call(id(module), [], given=given.pop(id(module), None))
            calls.append(call)
            pick = self._picks.get(id(module))
            try:
                output = picked(output, pick)
            except Exception as error:  # a user's function, on whatever the module returned
                call.error = f"can't be read by output={pick!r}: {type(error).__name__}: {error}"
                return
            for part, tensor in tensors_in(output):
                if len(call.tensors) == _MOST_TENSORS:
                    break
                call.tensors.append((part, tensor.dtype, tuple(tensor.shape)))
            if id(module) in wanted:
                kept[id(module)] = [tensor.detach().clone() for _, tensor in tensors_in(output)]

        with recorded(self._model, before, after):
            run_model(self._model, batch, self._forward)
        return calls, kept

    def _wide_shapes(self, small: torch.Tensor) -> dict[int, list[tuple[Any, torch.dtype, tuple[int, ...]]]]:
        """What the layers return for images twice as wide: whichever are reached before the network refuses them."""
        if self._wide is None:
            self._wide = {}

            def after(module: nn.Module, output: Any) -> None:
                assert self._wide is not None
                try:
                    output = picked(output, self._picks.get(id(module)))
                except Exception:
                    return
                self._wide[id(module)] = [(part, t.dtype, tuple(t.shape)) for part, t in tensors_in(output)]

            wide = torch.nn.functional.interpolate(
                small.float(), (small.shape[2], 2 * small.shape[3]), mode="nearest"
            ).to(small.dtype)
            try:
                with recorded(self._model, lambda *_: None, after):
                    run_model(self._model, wide, self._forward)
            except (ValueError, ModelOutOfMemoryError) as error:
                logger.debug("the network takes no wider images: %s", error)
        return self._wide

    # --- reading ---

    def _read(
        self, calls: list[_Call], again: list[_Call], sizes: tuple[int, int], small: torch.Tensor
    ) -> list[LayerProbe]:
        counts, others = Counter(call.key for call in calls), Counter(call.key for call in again)
        number: Counter[int] = Counter()
        by_number: dict[tuple[int, int], _Call] = {}
        for call in again:
            by_number[call.key, number[call.key]] = call
            number[call.key] += 1
        result: dict[str, LayerProbe] = {}
        wanted: dict[int, list[str]] = {}
        for name, module in self._modules.items():
            wanted.setdefault(id(module), []).append(name)
        found = self._readings(calls, by_number, sizes, small, None)
        ambiguous = any(isinstance(layout, Unreadable) for key, layout in found.items() if key in wanted)
        if ambiguous:
            found = self._readings(calls, by_number, sizes, small, self._wide_shapes(small))
        for call in calls:
            for name in wanted.get(call.key, ()):
                layout = found[call.key]
                if counts[call.key] != others[call.key]:
                    layout = Unreadable(
                        f"is called {counts[call.key]} times for {sizes[0]} images and {others[call.key]} times for {sizes[1]}: which call would count?"
                    )
                if isinstance(layout, Layout):
                    layout = replace(layout, calls=counts[call.key])
                result.pop(name, None)  # the last call places it
                result[name] = LayerProbe(name, type(self._by_id.get(call.key)).__name__, layout)
        return list(result.values())

    def _readings(
        self,
        calls: list[_Call],
        again: Mapping[tuple[int, int], _Call],
        sizes: tuple[int, int],
        small: torch.Tensor,
        wide: Mapping[int, Any] | None,
    ) -> dict[int, Layout | Unreadable]:
        # A Linear or LayerNorm that works on positions: channels may stand last anywhere in this model.
        mixed = any(
            isinstance(self._by_id[call.key], (torch.nn.Linear, torch.nn.LayerNorm)) and len(shape) > 2
            for call in calls
            for _, _, shape in call.tensors
        )
        evidence = Evidence((int(small.shape[2]), int(small.shape[3])), mixed=mixed, widened=wide is not None)
        found: dict[int, Layout | Unreadable] = {}
        number: Counter[int] = Counter()
        for call in calls:
            k = number[call.key]
            number[call.key] += 1
            twin = again.get((call.key, k))
            found[call.key] = self._reading(call, twin, sizes, evidence, (wide or {}).get(call.key))
        return found

    def _reading(
        self,
        call: _Call,
        twin: _Call | None,
        sizes: tuple[int, int],
        evidence: Evidence,
        wide: Any,
    ) -> Layout | Unreadable:
        module = self._by_id[call.key]
        if call.error:
            return Unreadable(call.error)
        others = {part: shape for part, _, shape in twin.tensors} if twin else {}
        wider = {part: shape for part, _, shape in wide or ()}
        pick = self._picks.get(call.key)
        forced = callable(pick)
        readings = []
        for part, dtype, larger in call.tensors:
            if part not in others:
                continue
            shape = Shape(part, dtype, larger, others[part], wider.get(part))
            prefixes = told_prefixes(self._model, self._names[call.key])
            read = evidence.read(module, shape, sizes, forced=forced, prefixes=prefixes, given=call.given)
            if forced and isinstance(read, Layout):
                read = replace(read, function=pick)
            elif pick is not None and isinstance(read, Layout):
                read = replace(read, part=(pick, *read.part))
            readings.append((shape, read))
        if not readings:
            kinds = "no tensor" if not call.tensors else "other tensors for another number of images"
            return Unreadable(f"returns {kinds}")
        return in_image_order(self._model, self._names[call.key], which_part(module, readings))
