"""What `dissect` was given, checked: an error says what is wrong, what is allowed, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.types import SEMANTICS, Concept, Semantics

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from nbdissect.types import ConceptData


def check_model(model: Any) -> None:
    """Refuse what is no network."""
    import torch

    if not isinstance(model, torch.nn.Module):
        message = f"model is a {type(model).__name__}; a torch.nn.Module is needed."
        raise ValueError(message)


def layer_names(model: torch.nn.Module, layer: Any) -> list[str]:
    """Return the names that `layer` gives, each once."""
    names = [layer] if isinstance(layer, str) or not isinstance(layer, Sequence) else list(layer)
    if not names:
        message = "layer is an empty list; give at least one dotted name. nd.layers(model) lists them."
        raise ValueError(message)
    for name in names:
        if not isinstance(name, str):
            known = next((known for known, module in model.named_modules() if module is name), None)
            hint = f" This one is {known!r}." if known else ""
            message = f"layer is a {type(name).__name__}; a dotted name such as 'features.12' is needed.{hint}"
            raise ValueError(message)
    return list(dict.fromkeys(names))


def check_semantics(semantics: Any) -> None:
    """Refuse rules that don't exist."""
    if semantics not in SEMANTICS:
        message = f"semantics={semantics!r}; allowed are {' and '.join(map(repr, SEMANTICS))}."
        raise ValueError(message)


def memory_of(memory_mb: Any) -> int:
    """Return a budget in MB as bytes."""
    if isinstance(memory_mb, bool) or not isinstance(memory_mb, (int, float, np.number)) or not 16 <= memory_mb < 1e9:
        message = f"memory_mb={memory_mb!r}; a number of megabytes from 16 on is needed, for what the run keeps beside model and batch."
        raise ValueError(message)
    return int(memory_mb * (1 << 20))


def check_executor(executor: Any, checkpoint: Any) -> None:
    """Refuse what is no executor, or can't be had together with one."""
    if executor is None:
        return
    if not isinstance(executor, Executor):
        hint = " With Dask, pass client.get_executor()." if hasattr(executor, "get_executor") else ""
        message = f"executor is a {type(executor).__name__}; a concurrent.futures.Executor is needed.{hint}"
        raise ValueError(message)
    if checkpoint is not None:
        message = "checkpoint= is for a run in this process; with executor= a shard that is lost is computed anew. Take one of the two."
        raise ValueError(message)


def copy_of(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a model, for a run that goes on while others use it."""
    try:
        return deepcopy(model)
    except Exception as error:  # a model's own __deepcopy__, or tensors that are no leaves
        message = f"background=True works on a copy of the model, which can't be made: {error} Use background=False."
        raise ValueError(message) from error


def check_numbers(*, quantile: Any, top: Any, batch_size: Any, num_workers: Any) -> None:
    """Refuse what is no number of its kind."""
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float, np.number)) or not 0 < quantile < 1:
        message = f"quantile={quantile!r}; a number between 0 and 1 is needed, both excluded. The paper uses 0.005."
        raise ValueError(message)
    for name, value, least in (("top", top, 0), ("batch_size", batch_size, 1), ("num_workers", num_workers, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            message = f"{name}={value!r}; a whole number from {least} on is needed."
            raise ValueError(message)


def images_of(data: ConceptData, semantics: Semantics) -> list[int]:
    """Return which images are dissected: all, or, as NetDissect-Lite does, those that carry a label."""
    if not len(data):
        message = "The data set is empty: len(data) is 0."
        raise ValueError(message)
    if semantics == "paper":
        return list(range(len(data)))
    labelled = [index for index in range(len(data)) if _labelled(data[index])]
    if not labelled:
        message = f"No image carries a label of {', '.join(data.categories)}; NetDissect-Lite's semantics drops images without one."
        raise ValueError(message)
    return labelled


def concepts_of(data: ConceptData) -> tuple[Concept, ...]:
    """Return the concepts of a data set, ascending by number."""
    try:
        concepts = tuple(Concept(int(c.number), str(c.name), str(c.category)) for c in data.concepts)
    except (AttributeError, TypeError, ValueError) as error:
        message = f"data.concepts must hold nd.Concept(number, name, category): {error}."
        raise ValueError(message) from error
    if not concepts:
        message = "The data set has no concepts: data.concepts is empty."
        raise ValueError(message)
    for concept in concepts:
        if concept.category not in data.categories:
            message = f"Concepts of category {concept.category!r}, which is not among data.categories ({', '.join(data.categories)})."
            raise ValueError(message)
    numbers = [concept.number for concept in concepts]
    if min(numbers) < 1 or len(set(numbers)) < len(numbers):
        message = f"Concept numbers must be from 1 on (0 means nothing), each once; got {sorted(numbers)[:5]}, …"
        raise ValueError(message)
    return tuple(sorted(concepts))


def _labelled(sample: Any) -> bool:
    known = getattr(sample, "labelled", None)
    if known is not None:
        return bool(known)
    return any(map(len, sample.masks.values())) or any(any(numbers) for numbers in sample.whole.values())


def given_thresholds(thresholds: Any, names: Sequence[str]) -> dict[str, NDArray[np.float32]] | None:
    """Return thresholds that came from outside, by layer, float32 [U] each."""
    if thresholds is None:
        return None
    if not isinstance(thresholds, Mapping):
        if len(names) > 1:
            message = "thresholds for several layers must be a mapping of layer to an array of one number per unit."
            raise ValueError(message)
        thresholds = {names[0]: thresholds}
    arrays = {}
    for name in names:
        if name not in thresholds:
            message = f"thresholds has no entry for layer {name!r}; it has {', '.join(map(str, thresholds)) or 'none'}."
            raise ValueError(message)
        try:
            array = np.array(thresholds[name], dtype=np.float32)
        except (TypeError, ValueError) as error:
            message = f"thresholds of layer {name!r}: {error}; one finite number per unit is needed."
            raise ValueError(message) from error
        if array.ndim != 1 or not np.isfinite(array).all():
            what = f"shape {list(array.shape)}" if array.ndim != 1 else "a value that is NaN or infinite"
            message = f"thresholds of layer {name!r}: {what}; one finite number per unit is needed."
            raise ValueError(message)
        arrays[name] = array
    return arrays
