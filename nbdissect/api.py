"""One call from a model to what its units detect."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from nbdissect.results.concept import Concept
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.results.per_image import PerImage
from nbdissect.results.scoring import SEMANTICS, Semantics
from nbdissect.settings import resolve_data

if TYPE_CHECKING:
    import os

    import torch
    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.concepts.protocol import ConceptData
    from nbdissect.engine.passes import LayerResult, Plan, Progress, Result


@overload
def dissect(  # type: ignore[overload-overlap]  # a str is a sequence of str, and means one layer
    model: torch.nn.Module,
    layer: str,
    data: ConceptData | str | None = None,
    *,
    quantile: float = ...,
    top: int = ...,
    transform: Callable[[Image], torch.Tensor] | None = ...,
    batch_size: int = ...,
    device: torch.device | str | None = ...,
    num_workers: int = ...,
    semantics: Semantics = ...,
    thresholds: Any = ...,
    per_image: bool = ...,
    cache: str | os.PathLike[str] | None = ...,
    progress: bool | Callable[[Progress], None] = ...,
) -> Dissection: ...
@overload
def dissect(
    model: torch.nn.Module,
    layer: Sequence[str],
    data: ConceptData | str | None = None,
    *,
    quantile: float = ...,
    top: int = ...,
    transform: Callable[[Image], torch.Tensor] | None = ...,
    batch_size: int = ...,
    device: torch.device | str | None = ...,
    num_workers: int = ...,
    semantics: Semantics = ...,
    thresholds: Any = ...,
    per_image: bool = ...,
    cache: str | os.PathLike[str] | None = ...,
    progress: bool | Callable[[Progress], None] = ...,
) -> Dissections: ...
def dissect(
    model: torch.nn.Module,
    layer: str | Sequence[str],
    data: ConceptData | str | None = None,
    *,
    quantile: float = 0.005,
    top: int = 10,
    transform: Callable[[Image], torch.Tensor] | None = None,
    batch_size: int = 32,
    device: torch.device | str | None = None,
    num_workers: int = 0,
    semantics: Semantics = "paper",
    thresholds: Any = None,
    per_image: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[Progress], None] = True,
) -> Dissection | Dissections:
    """Return what each unit of a layer detects: its best concept, IoU, threshold and strongest images.

    The network runs once over the data set, up to the deepest layer asked for. Thresholds and
    counts are exact.

    Parameters
    ----------
    model : torch.nn.Module
        Run in eval mode, and given back as it was, also after an error or an interrupt.
    layer : str or sequence of str
        Dotted names from ``model.named_modules()``. Several are dissected in one pass and come
        back as a mapping. A layer's activation is what the module returns: [N, units, h, w],
        [N, units], or tokens [N, T, units] of a square grid of patches. (Maps that keep their
        channels last, [N, h, w, units], can't be told from these: wrap such a layer.)
    data : data set or path, optional
        The labelled images, an :class:`nbdissect.Broden` or anything with its members. By default
        ``nd.options.data``, else the directory in NBDISSECT_DATA, else the embedded drawings.
    quantile : float
        Share of a unit's activations, over all images and positions, that may lie above its threshold.
    top : int
        Number of strongest images to keep per unit.
    transform : callable, optional
        PIL image → float tensor [channels, height, width]. By default the image is resized to what
        the model's own weights ask for (``model.weights`` of torchvision, ``model.pretrained_cfg``
        of timm) or else to the data set's image size, and gets their or ImageNet's normalisation.
        It should show the whole image: masks are not cropped with it.
    batch_size : int
    device : device or str, optional
        Where to run: by default where the model is; "auto" takes a GPU if there is one.
    num_workers : int
        Threads that read images and masks ahead; 0 reads them in between.
    semantics : {"paper", "netdissect-lite"}
        Counting rules of the paper, or those of the program NetDissect-Lite, whose IoU are higher.
    thresholds : float array [units], or a mapping of layer to such arrays, optional
        Use these instead of computing them.
    per_image : bool
        Keep sparse counts per image, from which ``d.over(images)`` scores any subset.
    cache : path, optional
        A directory in which results are kept, and found again as long as nothing has changed:
        weights, code of the model, what it gives for three images, data, transform, settings.
        To know the data, images and masks are read before the run. The result then carries the
        provenance, date included, of the run that computed it.
    progress : bool or callable
        Show a progress line, or call this with a ``Progress(stage, done, total)`` after every batch.

    Returns
    -------
    Dissection, or a mapping of layer to Dissection

    Raises
    ------
    ValueError
        For anything in the arguments, the data or the activations that can't be right.
    OSError
        If a file can't be read.

    Examples
    --------
    >>> model, data = nd.demo()
    >>> d = nd.dissect(model, "conv5", data=data)
    >>> d.units[0].label, d.units[0].iou
    """
    # Only now: importing nbdissect loads no torch.
    import torch

    from nbdissect.engine.capture import find_layers, model_device, same_randomness
    from nbdissect.engine.labels import LabelReader
    from nbdissect.engine.passes import Plan, run
    from nbdissect.engine.threads import limited_threads
    from nbdissect.origin import Origin
    from nbdissect.results.cache import Cache

    if not isinstance(model, torch.nn.Module):
        message = f"model is a {type(model).__name__}; a torch.nn.Module is needed."
        raise ValueError(message)
    names = _layer_names(model, layer)
    find_layers(model, names)
    _check_numbers(quantile=quantile, top=top, batch_size=batch_size, num_workers=num_workers)
    if semantics not in SEMANTICS:
        message = f"semantics={semantics!r}; allowed are {' and '.join(map(repr, SEMANTICS))}."
        raise ValueError(message)
    data = resolve_data(data)
    concepts = _concepts(data)
    reader = LabelReader(concepts, data.categories, semantics, getattr(data, "concept_numbers", ()))
    where = choose_device(device, model_device(model))
    given = _given_thresholds(thresholds, names)
    shelf = None if cache is None else Cache(cache)
    with same_randomness(where), limited_threads():
        plan = Plan(
            layers=names,
            images=_images(data, semantics),
            quantile=float(quantile),
            semantics=semantics,
            top=top,
            batch_size=batch_size,
            num_workers=num_workers,
            device=where,
            given_thresholds=given,
            per_image=per_image,
        )
        prepared = choose_transform(transform, model, data)
        origin = Origin(model, data, concepts, plan, prepared)
        key = origin.key() if shelf is not None else ""
        kept = shelf.find(key, names) if shelf is not None else None
        if kept is not None:
            return _answer({name: replace(d, data=data) for name, d in kept.items()}, layer)
        with _reporting(progress, names, type(model).__name__) as report:
            result = run(
                model,
                origin.data,
                plan,
                prepared,
                reader,
                concepts=len(concepts),
                categories=len(data.categories),
                report=report,
            )
        records = {name: origin.provenance(name) for name in names}
    if reader.skipped:
        numbers = ", ".join(map(str, sorted(reader.skipped)[:5]))
        warnings.warn(
            f"{len(reader.skipped)} label numbers in the masks are no concept of the chosen categories "
            f"({', '.join(data.categories)}) and were not counted: {numbers}{', …' if len(reader.skipped) > 5 else ''}.",
            stacklevel=2,
        )
    if reader.strange_categories:
        warnings.warn(
            f"Masks of {', '.join(sorted(reader.strange_categories))} were not counted: data.categories holds {', '.join(data.categories)}.",
            stacklevel=2,
        )
    found = {
        name: replace(
            _dissection(name, model, data, concepts, plan, result, result.layers[name]),
            provenance=records[name],
        )
        for name in names
    }
    if shelf is not None:
        shelf.keep(key, Dissections(found))
    return _answer(found, layer)


def _answer(found: dict[str, Dissection], layer: str | Sequence[str]) -> Dissection | Dissections:
    return next(iter(found.values())) if isinstance(layer, str) else Dissections(found)


def _layer_names(model: torch.nn.Module, layer: Any) -> list[str]:
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


def _check_numbers(*, quantile: Any, top: Any, batch_size: Any, num_workers: Any) -> None:
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float, np.number)) or not 0 < quantile < 1:
        message = f"quantile={quantile!r}; a number between 0 and 1 is needed, both excluded. The paper uses 0.005."
        raise ValueError(message)
    for name, value, least in (("top", top, 0), ("batch_size", batch_size, 1), ("num_workers", num_workers, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            message = f"{name}={value!r}; a whole number from {least} on is needed."
            raise ValueError(message)


def _images(data: ConceptData, semantics: Semantics) -> list[int]:
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


def _concepts(data: ConceptData) -> tuple[Concept, ...]:
    """The concepts of a data set, ascending by number, checked."""
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


def choose_transform(transform: Any, model: torch.nn.Module, data: ConceptData) -> Callable[[Image], torch.Tensor]:
    """Return the transform given, after a look for crops, or else the default for this model and data."""
    from nbdissect.engine.inputs import default_transform, warn_of_crop

    if transform is None:
        size = getattr(data, "image_size", None)
        return default_transform(model, size or data[0].image.size[::-1])
    if not callable(transform):
        message = f"transform is a {type(transform).__name__}; a function from a PIL image to a tensor is needed."
        raise ValueError(message)
    warn_of_crop(transform)
    return transform  # type: ignore[no-any-return]


def choose_device(wanted: Any, home: torch.device | None) -> torch.device:
    """Return the device that `wanted` names: None where the model is, "auto" a GPU if there is one."""
    import torch

    if wanted is None:
        return home or torch.device("cpu")
    if wanted == "auto":
        if home is not None and home.type != "cpu":
            return home
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    try:
        device = torch.device(wanted)
        torch.ones(1, device=device).add(1).cpu()  # "meta" makes tensors too, but holds no values
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        message = f"device={wanted!r} can't be used here: {str(error).splitlines()[0]} Allowed are 'auto', 'cpu', and a GPU that torch sees."
        raise ValueError(message) from error
    return device


def _given_thresholds(thresholds: Any, names: Sequence[str]) -> dict[str, NDArray[np.float32]] | None:
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


def _reporting(progress: Any, names: Sequence[str], model: str) -> Any:
    from nbdissect.display.progress import reporting

    return reporting(progress, f"{', '.join(names)} of {model}")


def _dissection(
    name: str,
    model: torch.nn.Module,
    data: ConceptData,
    concepts: tuple[Concept, ...],
    plan: Plan,
    result: Result,
    found: LayerResult,
) -> Dissection:
    return Dissection(
        layer=name,
        model=type(model).__name__,
        semantics=plan.semantics,
        quantile=plan.quantile,
        categories=tuple(data.categories),
        concepts=concepts,
        thresholds=found.thresholds,
        intersection=found.counts.intersection,
        truth=result.truth.copy(),
        activation=found.counts.activation,
        top_images=found.top_images,
        top_activations=found.top_activations,
        top_maps=found.top_maps,
        images=len(plan.images),
        pixels=result.pixels,
        per_image=_per_image(result, found, len(data.categories)) if plan.per_image else None,
        drawings=getattr(data, "drawings", False) and not _made_for_drawings(model),
        data=data,
        thresholds_given=plan.given_thresholds is not None,
    )


def _made_for_drawings(model: torch.nn.Module) -> bool:
    from nbdissect.models.demo import DemoNetwork

    return isinstance(model, DemoNetwork)


def _per_image(result: Result, found: LayerResult, categories: int) -> PerImage:
    counts = found.counts

    def stack(rows: list[Any], width: int, dtype: type = np.int64) -> Any:
        return np.concatenate(rows) if rows else np.empty((0, width), dtype)

    return PerImage(
        intersection=stack(counts.intersection_rows, 4),
        area=stack(counts.area_rows, 3),
        area_categories=stack(counts.area_category_rows, categories, bool),
        truth=stack(result.truth_rows, 3),
        pixels=np.array(result.pixel_rows, dtype=np.int64).reshape(-1, 2),
    )
