"""One call from a model to what its units detect."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, overload

from nbdissect import arguments
from nbdissect.display.progress import reporting
from nbdissect.settings import resolve_data

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    import torch
    from PIL.Image import Image

    from nbdissect.background import BackgroundRun
    from nbdissect.concepts.protocol import ConceptData
    from nbdissect.job import Progress
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.dissections import Dissections
    from nbdissect.results.scoring import Semantics


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
    memory_mb: float = ...,
    cache: str | os.PathLike[str] | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    executor: Executor | None = ...,
    progress: bool | Callable[[Progress], None] = ...,
    background: Literal[False] = ...,
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
    memory_mb: float = ...,
    cache: str | os.PathLike[str] | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    executor: Executor | None = ...,
    progress: bool | Callable[[Progress], None] = ...,
    background: Literal[False] = ...,
) -> Dissections: ...
@overload
def dissect(
    model: torch.nn.Module,
    layer: str | Sequence[str],
    data: ConceptData | str | None = None,
    *,
    background: Literal[True],
    **options: Any,
) -> BackgroundRun: ...
def dissect(  # type: ignore[misc]  # the overload for background=True doesn't list all parameters again
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
    memory_mb: float = 1024,
    cache: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool | Callable[[Progress], None] = True,
    background: bool = False,
) -> Dissection | Dissections | BackgroundRun:
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
    memory_mb : float
        Megabytes that the run may hold beside model and batch, in each process. What goes beyond
        lies in temporary files; the result is the same.
    checkpoint : path, optional
        A directory for the unfinished run: after an interrupt or a crash, the same call goes on from
        there, and gives exactly what it would have given without. Gone when the run is complete.
    executor : concurrent.futures.Executor, optional
        Whose workers share the run: a process pool, or Dask's ``client.get_executor()`` for many
        machines. The result is the same, count for count. See docs/cluster.md.
    progress : bool or callable
        Show a progress line, or call this with a ``Progress(stage, done, total, look)`` after every batch.
    background : bool
        Return at once, with a run that goes on in a thread: ``run.result()``, ``run.cancel()``. It
        works on a copy of the model as it is now.

    Returns
    -------
    Dissection, or a mapping of layer to Dissection
        After an interrupt (■, Ctrl+C) the result over the images seen until then: ``d.complete`` is
        False. The first interrupt ends the network's part after its batch and counts the labels of
        what was seen, a second ends that too.

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
    from nbdissect.engine.plan import Plan, Work
    from nbdissect.engine.stopping import Stop, interruptible
    from nbdissect.engine.threads import limited_threads
    from nbdissect.job import Job
    from nbdissect.origin import Origin
    from nbdissect.results.cache import Cache

    if not isinstance(model, torch.nn.Module):
        message = f"model is a {type(model).__name__}; a torch.nn.Module is needed."
        raise ValueError(message)
    names = arguments.layer_names(model, layer)
    find_layers(model, names)
    arguments.check_numbers(quantile=quantile, top=top, batch_size=batch_size, num_workers=num_workers)
    arguments.check_semantics(semantics)
    arguments.check_executor(executor, checkpoint)
    memory = arguments.memory_of(memory_mb)
    data = resolve_data(data)
    concepts = arguments.concepts_of(data)
    reader = LabelReader(concepts, data.categories, semantics, getattr(data, "concept_numbers", ()))
    where = arguments.choose_device(device, model_device(model))
    given = arguments.given_thresholds(thresholds, names)
    shelf = None if cache is None else Cache(cache)
    if background:
        model = arguments.copy_of(model)
    stop = Stop()
    with ExitStack() as held:
        held.enter_context(same_randomness(where))
        held.enter_context(limited_threads())
        plan = Plan(
            layers=names,
            images=arguments.images_of(data, semantics),
            quantile=float(quantile),
            semantics=semantics,
            top=top,
            batch_size=batch_size,
            num_workers=num_workers,
            device=where,
            given_thresholds=given,
            per_image=per_image,
            memory=memory,
        )
        prepared = arguments.choose_transform(transform, model, data)
        origin = Origin(model, data, concepts, plan, prepared)
        work = Work(model, origin.data, plan, prepared, reader, len(concepts), len(data.categories))
        job = Job(work, data, concepts, origin, shelf, checkpoint, executor)
        found = job.kept()
        if background:
            from nbdissect.background import BackgroundRun

            return BackgroundRun(job, stop, found, single=isinstance(layer, str))
        if found is None:
            title = f"{', '.join(names)} of {type(model).__name__}"
            held.enter_context(interruptible(stop))
            report = held.enter_context(reporting(progress, title))
            found = job.run(stop, report)
    return one_or_all(found, single=isinstance(layer, str))


def one_or_all(found: Dissections, *, single: bool) -> Dissection | Dissections:
    """Return the only one of some results, if one layer was asked for by name, or all."""
    return next(iter(found.values())) if single else found
