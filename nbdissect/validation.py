"""Checks the arguments of `dissect`: an error says what is wrong, what is allowed, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import Executor
from copy import deepcopy
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.text import describe, describe_type
from nbdissect.types import SEMANTICS, STUDIES, TOTAL, UPSAMPLINGS, Concept, Semantics, Upsampling
from nbdissect.user_code import call_user_code

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from nbdissect.types import ConceptData


_NUMBERS = (int, float, np.integer, np.floating)
# Nobody means that nearly all activations lie above the threshold; many mean "above 99.5 % of them".
_ABSURD_SHARE = 0.9
_MOST = {"top": 10_000, "batch_size": 1 << 20, "num_workers": 1024}


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


def parse_upsample(upsample: Any) -> Upsampling:
    """Return how maps are brought to the size of masks; "bilinear" where nobody says."""
    if upsample is None:
        return "bilinear"
    if upsample not in UPSAMPLINGS:
        raise ValueError(f"upsample={upsample!r}; allowed are {' and '.join(map(repr, UPSAMPLINGS))}.")
    return upsample  # type: ignore[no-any-return]


def check_protocol(protocol: Any, **settings: Any) -> None:
    """Refuse an unknown protocol, and settings that say otherwise than it.

    Parameters
    ----------
    protocol : str or None
    **settings
        Those of ``dissect`` that a protocol sets, as they were given.
    """
    if protocol is None:
        return
    if protocol not in STUDIES:
        raise ValueError(f"protocol={protocol!r}; allowed are None and {' and '.join(map(repr, STUDIES))}.")
    for name, (same, what) in _CVPR2017.items():
        given = settings[name]
        if given is not None and given not in same if same else given is not None:
            said = f"{name}={given!r}" if same else f"{name}="
            raise ValueError(
                f"protocol={protocol!r} and {said} contradict each other: the protocol {what}. Leave one of them out. "
                "Without protocol=, its other parts are upsample='receptive-field', semantics='paper' and quantile=0.005."
            )


# What the paper's protocol sets: the values that agree with it (none: it leaves no choice), and what it says.
_CVPR2017: dict[str, tuple[tuple[Any, ...], str]] = {
    "upsample": (("receptive-field",), "sets upsample='receptive-field'"),
    "semantics": (("paper",), "counts by semantics='paper'"),
    "quantile": ((0.005,), "sets quantile=0.005"),
    "thresholds": ((), "computes the thresholds from the activations"),
    "transform": ((), "feeds images as the paper's program does, or as the network itself declares"),
}


def parse_memory(memory_mb: Any) -> int:
    """Return a memory budget in bytes."""
    if isinstance(memory_mb, bool) or not isinstance(memory_mb, _NUMBERS) or not 16 <= memory_mb < 1e9:
        raise ValueError(
            f"memory_mb={memory_mb!r}; a number of megabytes is needed, at least 16: the memory that the run may hold beside model and batch."
        )
    return int(memory_mb * (1 << 20))


def check_executor(executor: Any) -> None:
    """Refuse anything but an executor."""
    if executor is not None and not isinstance(executor, Executor):
        hint = " With Dask, pass client.get_executor()." if hasattr(executor, "get_executor") else ""
        raise ValueError(f"executor is a {type(executor).__name__}; a concurrent.futures.Executor is needed.{hint}")


def parse_output(output: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """Return which part of a layer's output is meant, by layer; None where nobody says."""
    if output is None:
        return None
    if not isinstance(output, Mapping):
        output = dict.fromkeys(names, output)
    for name, pick in output.items():
        if name not in names:
            raise ValueError(f"output= names layer {name!r}; dissected are {', '.join(map(repr, names))}.")
        if isinstance(pick, bool) or not (isinstance(pick, (int, str)) or callable(pick)):
            raise ValueError(
                f"output={pick!r} for layer {name!r}; an index, a key, or a function of what the module returns is needed."
            )
    return dict(output)


def parse_forward(forward: Any) -> Any:
    """Return a function of the model and a batch, checked as far as that needs no call; None where nobody gives one."""
    if forward is None:
        return None
    example = "such as forward=lambda model, x: model(pixel_values=x)"
    if not callable(forward):
        raise ValueError(
            f"forward is {describe_type(forward)}; a function of the model and a batch is needed, {example}."
        )
    try:
        signature(forward).bind(None, None)
    except ValueError:  # of a builtin, which doesn't say
        return forward
    except TypeError as error:
        raise ValueError(
            f"forward={describe(forward)} can't be called with the model and a batch ({error}). A function of both is needed, {example}."
        ) from error
    return forward


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
    if isinstance(quantile, bool) or not isinstance(quantile, _NUMBERS) or not 0 < quantile < 1:
        raise ValueError(
            f"quantile={quantile!r}; a number between 0 and 1 is needed, both excluded. The paper uses 0.005."
        )
    if quantile >= _ABSURD_SHARE:
        raise ValueError(
            f"quantile={quantile!r} is the share of activations above the threshold, here {100 * quantile:.4g} %. "
            f"For the strongest {100 * (1 - quantile):.4g} %, give quantile={1 - quantile:.4g}; the paper uses 0.005."
        )
    for name, value, least in (("top", top, 0), ("batch_size", batch_size, 1), ("num_workers", num_workers, 0)):
        if not _is_whole_number(value) or value < least:
            raise ValueError(f"{name}={value!r}; a whole number is needed, at least {least}.")
        if value > _MOST[name]:
            raise ValueError(f"{name}={value!r}; at most {_MOST[name]:,} is allowed.")


def select_images(data: ConceptData, semantics: Semantics) -> list[int]:
    """Return the indices of the images to dissect: all, or, as NetDissect-Lite does, those that carry a label."""
    if not call_user_code(lambda: len(data), "len(data)"):
        raise ValueError("The data set is empty: len(data) is 0.")
    if semantics == "paper":
        return list(range(len(data)))
    labeled = [index for index in range(len(data)) if _carries_label(data[index])]
    if not labeled:
        raise ValueError(
            f"No image carries a label of {', '.join(data.categories)}; semantics='netdissect-lite' drops images without one."
        )
    return labeled


def read_categories(data: ConceptData) -> tuple[str, ...]:
    """Return the categories of a data set."""
    given = call_user_code(lambda: data.categories, "data.categories")
    if isinstance(given, str):
        raise ValueError(f"data.categories is the text {given!r}; a tuple is needed: ({given!r},), with the comma.")
    if not isinstance(given, Iterable) or isinstance(given, (Mapping, Set)):  # a set has another order in each session
        raise ValueError(
            f"data.categories is {describe_type(given)}; a tuple of names is needed, such as ('object', 'part')."
        )
    categories = tuple(given)
    for name in categories:
        if not isinstance(name, str) or not name:
            raise ValueError(f"data.categories holds {name!r:.80}; names are needed, such as 'object'.")
    if TOTAL in categories:
        raise ValueError(f"A category called {TOTAL!r}: summaries use the name for the total. Call it something else.")
    if len(set(categories)) < len(categories):
        raise ValueError(f"data.categories holds a name twice: {', '.join(categories)}. Each is needed once.")
    return categories


def read_concepts(data: ConceptData) -> tuple[Concept, ...]:
    """Return the concepts of a data set, ascending by number."""
    categories = read_categories(data)
    concepts = tuple(_read_concept(c) for c in call_user_code(lambda: tuple(data.concepts), "data.concepts"))
    if not concepts:
        raise ValueError("The data set has no concepts: data.concepts is empty.")
    for concept in concepts:
        if concept.category not in categories:
            raise ValueError(
                f"Concept {concept.name!r} has category {concept.category!r}, which is not among data.categories ({', '.join(categories)})."
            )
    numbers = [concept.number for concept in concepts]
    if min(numbers) < 1 or max(numbers) >= 1 << 63 or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"Concept numbers must be at least 1 (0 means no concept), of at most 63 bits, each once; got {sorted(numbers)[:5]}, …"
        )
    return tuple(sorted(concepts))


def _read_concept(concept: Any) -> Concept:
    number: Any
    number, name, category = (getattr(concept, field, None) for field in Concept._fields)
    if not _is_whole_number(number) or not isinstance(name, str) or not isinstance(category, str):
        raise ValueError(
            f"data.concepts must hold nd.Concept(number, name, category), a whole number and two texts; got {concept!r:.80}."
        )
    if not name:
        raise ValueError(
            f"Concept {number} of category {category!r} has an empty name; units would be labeled with nothing. Name it."
        )
    return Concept(int(number), name, category)


def _is_whole_number(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


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
            given = np.asarray(thresholds[name])
        except Exception as error:  # tensors on a GPU or with gradients, ragged lists
            raise ValueError(f"thresholds of layer {name!r}: {error}; one finite number per unit is needed.") from error
        if given.dtype.kind not in "iuf" or isinstance(thresholds[name], np.ma.MaskedArray):
            raise ValueError(
                f"thresholds of layer {name!r}: {describe_type(thresholds[name])} and dtype {given.dtype}; one finite number per unit is needed."
            )
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused
            array = given.astype(np.float32)
        if array.ndim != 1 or not np.isfinite(array).all():
            what = f"shape {list(array.shape)}" if array.ndim != 1 else "a value that is NaN or infinite"
            raise ValueError(f"thresholds of layer {name!r}: {what}; one finite number per unit is needed.")
        arrays[name] = array
    return arrays
