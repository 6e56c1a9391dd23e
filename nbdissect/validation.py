"""Checks the arguments of `dissect`: an error says what is wrong, what is allowed, and what to do."""

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
    """Refuse anything but a torch.nn.Module."""
    import torch

    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; a torch.nn.Module is needed.")


def parse_layer_names(model: torch.nn.Module, layer: Any) -> list[str]:
    """Return the layer names in `layer`, each once."""
    names = [layer] if isinstance(layer, str) or not isinstance(layer, Sequence) else list(layer)
    if not names:
        raise ValueError("layer is an empty list; give at least one dotted name. nd.layers(model) lists them.")
    for name in names:
        if not isinstance(name, str):
            known = next((known for known, module in model.named_modules() if module is name), None)
            hint = f" This one is {known!r}." if known else ""
            raise ValueError(f"layer is a {type(name).__name__}; a dotted name such as 'features.12' is needed.{hint}")
    return list(dict.fromkeys(names))


def check_semantics(semantics: Any) -> None:
    """Refuse anything but the name of one of the counting rules."""
    if semantics not in SEMANTICS:
        raise ValueError(f"semantics={semantics!r}; allowed are {' and '.join(map(repr, SEMANTICS))}.")


def parse_memory(memory_mb: Any) -> int:
    """Return a memory budget in bytes."""
    if isinstance(memory_mb, bool) or not isinstance(memory_mb, (int, float, np.number)) or not 16 <= memory_mb < 1e9:
        raise ValueError(
            f"memory_mb={memory_mb!r}; a number of megabytes is needed, at least 16: the memory that the run may hold beside model and batch."
        )
    return int(memory_mb * (1 << 20))


def check_executor(executor: Any, checkpoint: Any) -> None:
    """Refuse anything but an executor, and an executor together with a checkpoint."""
    if executor is None:
        return
    if not isinstance(executor, Executor):
        hint = " With Dask, pass client.get_executor()." if hasattr(executor, "get_executor") else ""
        raise ValueError(f"executor is a {type(executor).__name__}; a concurrent.futures.Executor is needed.{hint}")
    if checkpoint is not None:
        raise ValueError(
            "checkpoint= is for a run in this process; with executor= a lost shard is computed anew. Use one of the two."
        )


def copy_model(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a model, for a run in the background."""
    try:
        return deepcopy(model)
    except Exception as error:  # a model's own __deepcopy__ may raise anything
        raise ValueError(
            f"background=True runs a copy of the model, and copying it failed: {error} Use background=False."
        ) from error


def check_numbers(*, quantile: Any, top: Any, batch_size: Any, num_workers: Any) -> None:
    """Refuse numbers of the wrong type or out of range."""
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float, np.number)) or not 0 < quantile < 1:
        raise ValueError(
            f"quantile={quantile!r}; a number between 0 and 1 is needed, both excluded. The paper uses 0.005."
        )
    for name, value, least in (("top", top, 0), ("batch_size", batch_size, 1), ("num_workers", num_workers, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}; a whole number is needed, at least {least}.")


def select_images(data: ConceptData, semantics: Semantics) -> list[int]:
    """Return the indices of the images to dissect: all, or, as NetDissect-Lite does, those that carry a label."""
    if not len(data):
        raise ValueError("The data set is empty: len(data) is 0.")
    if semantics == "paper":
        return list(range(len(data)))
    labeled = [index for index in range(len(data)) if _carries_label(data[index])]
    if not labeled:
        raise ValueError(
            f"No image carries a label of {', '.join(data.categories)}; semantics='netdissect-lite' drops images without one."
        )
    return labeled


def read_concepts(data: ConceptData) -> tuple[Concept, ...]:
    """Return the concepts of a data set, ascending by number."""
    try:
        concepts = tuple(Concept(int(c.number), str(c.name), str(c.category)) for c in data.concepts)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"data.concepts must hold nd.Concept(number, name, category): {error}.") from error
    if not concepts:
        raise ValueError("The data set has no concepts: data.concepts is empty.")
    for concept in concepts:
        if concept.category not in data.categories:
            raise ValueError(
                f"Concept {concept.name!r} has category {concept.category!r}, which is not among data.categories ({', '.join(data.categories)})."
            )
    numbers = [concept.number for concept in concepts]
    if min(numbers) < 1 or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"Concept numbers must be at least 1 (0 means no concept), each once; got {sorted(numbers)[:5]}, …"
        )
    return tuple(sorted(concepts))


def _carries_label(sample: Any) -> bool:
    known = getattr(sample, "labelled", None)
    if known is not None:
        return bool(known)
    return any(map(len, sample.masks.values())) or any(any(numbers) for numbers in sample.whole.values())


def parse_thresholds(thresholds: Any, names: Sequence[str]) -> dict[str, NDArray[np.float32]] | None:
    """Return the thresholds given by the user, by layer, float32 [U] each; None where none were given."""
    if thresholds is None:
        return None
    if not isinstance(thresholds, Mapping):
        if len(names) > 1:
            raise ValueError(
                "thresholds for several layers must be a mapping of layer to an array of one number per unit."
            )
        thresholds = {names[0]: thresholds}
    arrays = {}
    for name in names:
        if name not in thresholds:
            raise ValueError(
                f"thresholds has no entry for layer {name!r}; it has {', '.join(map(str, thresholds)) or 'none'}."
            )
        try:
            array = np.array(thresholds[name], dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"thresholds of layer {name!r}: {error}; one finite number per unit is needed.") from error
        if array.ndim != 1 or not np.isfinite(array).all():
            what = f"shape {list(array.shape)}" if array.ndim != 1 else "a value that is NaN or infinite"
            raise ValueError(f"thresholds of layer {name!r}: {what}; one finite number per unit is needed.")
        arrays[name] = array
    return arrays
