"""One call from a model to what its units detect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, overload

from nbdissect import validation
from nbdissect.data.resolve import resolve_data
from nbdissect.display.progress import reporter_of
from nbdissect.samples import check_dataset

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    import torch
    from PIL.Image import Image
    from typing_extensions import Unpack

    from nbdissect.display.progress import Reporter
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.dissections import Dissections
    from nbdissect.runner import BackgroundRun
    from nbdissect.types import ConceptData, Progress, Semantics, Study, Upsampling


class DissectOptions(TypedDict, total=False):
    """The keywords of :func:`dissect` beside `background`, for all that pass them on."""

    quantile: float
    top: int
    transform: Callable[[Image], torch.Tensor] | None
    batch_size: int
    device: torch.device | str | None
    num_workers: int
    semantics: Semantics
    thresholds: Any
    per_image: bool
    memory_mb: float
    cache: str | os.PathLike[str] | None
    checkpoint: str | os.PathLike[str] | None
    executor: Executor | None
    output: Any
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None
    upsample: Upsampling | None
    protocol: Study | None
    progress: bool | Callable[[Progress], None] | Reporter


Data: TypeAlias = "ConceptData | str | os.PathLike[str] | None"


@overload
def dissect(  # type: ignore[overload-overlap]  # a str is a sequence of str, and means one layer
    model: torch.nn.Module,
    layer: str,
    data: Data = None,
    *,
    background: Literal[False] = ...,
    **options: Unpack[DissectOptions],
) -> Dissection: ...
@overload
def dissect(
    model: torch.nn.Module,
    layer: Sequence[str],
    data: Data = None,
    *,
    background: Literal[False] = ...,
    **options: Unpack[DissectOptions],
) -> Dissections: ...
@overload
def dissect(
    model: torch.nn.Module,
    layer: str | Sequence[str],
    data: Data = None,
    *,
    background: Literal[True],
    **options: Unpack[DissectOptions],
) -> BackgroundRun: ...
def dissect(
    model: torch.nn.Module,
    layer: str | Sequence[str],
    data: Data = None,
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
    output: Any = None,
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None,
    upsample: Upsampling | None = None,
    protocol: Study | None = None,
    progress: bool | Callable[[Progress], None] | Reporter = True,
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
        Dotted names from ``model.named_modules()``; what only wraps a network (DataParallel,
        torch.compile, a module with a single child) may be left out of them. Several are dissected in
        one pass and come back as a mapping. A layer's activation is what the module returns at its last
        call in a pass: maps [N, units, h, w] or [N, h, w, units], tokens [N, T, units], or [N, units],
        taken as 1 × 1 maps. Which of these it is, is read from the shape of what the network is fed and
        from the grids of the convolutions and pools before, and never guessed: where two readings are
        possible, or none, an error names them. ``nd.layers(model)`` shows what was read.
    data : data set or path, optional
        The labeled images, an :class:`nbdissect.Broden` or anything with its members. By default
        ``nd.options.data``, else the directory in NBDISSECT_DATA, else the embedded drawings.
    quantile : float
        Share of a unit's activations, over all images and positions, that may lie above its threshold.
    top : int
        Number of strongest images to keep per unit.
    transform : callable, optional
        PIL image → float tensor [channels, height, width], whose dtype is kept; or an image processor
        of transformers. By default the model is asked for size, interpolation, mean and standard
        deviation (torchvision's ``weights``, timm's ``pretrained_cfg``, open_clip's
        ``preprocess_cfg``, ``config.image_size`` of transformers, also inside wrappers). What it doesn't
        say is the size that the data set declares, else 224 × 224, and ImageNet's mean and standard
        deviation; a detector that normalizes inside gets values in 0 … 1. The progress line and
        ``d.provenance.transform`` say what was used. It should show the whole image: masks are not
        cropped with it.
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
        To know the data, images and masks are read once before the run. The result then carries the
        provenance, date included, of the run that computed it.
    memory_mb : float
        Megabytes that the run may hold beside model and batch, in each process. What goes beyond
        lies in temporary files; the result is the same.
    checkpoint : path, optional
        A directory for the unfinished run: after an interrupt or a crash, the same call goes on from
        there, and gives exactly what it would have given without. What is damaged, or was made of other data, is an
        error. Gone when the run is complete.
    executor : concurrent.futures.Executor, optional
        Whose workers share the run: a process pool, or Dask's ``client.get_executor()`` for many
        machines. The result is the same, count for count, also if workers die. See docs/cluster.md.
    output : int, str or callable, or a mapping of layer to one of these, optional
        Which part of what the module returns is meant: an index, a key, or a function that makes of it
        [N, units, h, w], [N, T, units] or [N, units], such as ``lambda o: o[:, 5:]``.
    forward : callable, optional
        Calls the network with a batch, float [images, channels, height, width], where it takes other
        arguments than that (keywords, a dict, several inputs, video): ``lambda model, x:
        model(pixel_values=x)``. It must call the model that it is given. What it returns doesn't matter.
    upsample : {"bilinear", "receptive-field"}, optional
        How a map is brought to the size of a mask. "bilinear", the default: it covers the image evenly. "receptive-field",
        as in the paper's own program: each activation stands at the center of what it sees of the image, which is measured
        on the model; clamped outside. An error names the module after which that isn't known, such as attention.
        ``d.receptive_field`` and ``d.provenance.upsampling`` say what was used; see docs/what-the-numbers-mean.md.
    protocol : {"cvpr2017"}, optional
        Follow a published study in all that it settles. "cvpr2017", the paper: receptive fields, the paper's counting rules,
        0.5 %, and Caffe's preprocessing of images at their stored size, unless the network itself declares mean and standard
        deviation. An argument that says otherwise is an error. ``d.provenance.deviations`` lists what still differs.
    progress : bool, callable or Reporter
        Show a progress line; or call this with a ``Progress(stage, done, total, look)`` after every
        batch; or let this :class:`nbdissect.display.progress.Reporter` show the run.
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
    validation.check_model(model)
    # Only now: importing nbdissect loads no torch.
    from nbdissect.engine.config import RunConfig
    from nbdissect.engine.devices import choose_device
    from nbdissect.engine.model_lock import sole_use
    from nbdissect.engine.model_state import check_runnable, model_device, preserve_rng_state
    from nbdissect.engine.wrappers import find_layers
    from nbdissect.runner import BackgroundRun, prepare

    check_runnable(model)
    names = validation.parse_layer_names(model, layer)
    find_layers(model, names)
    validation.check_numbers(quantile=quantile, top=top, batch_size=batch_size, num_workers=num_workers)
    validation.check_semantics(semantics)
    validation.check_protocol(
        protocol, upsample=upsample, semantics=semantics, quantile=quantile, thresholds=thresholds, transform=transform
    )
    validation.check_executor(executor)
    data = resolve_data(data)
    concepts = validation.read_concepts(data)
    where = choose_device(device, model_device(model))
    with preserve_rng_state(where):
        images = validation.select_images(check_dataset(data), semantics)
    config = RunConfig(
        layers=names,
        images=images,
        quantile=float(quantile),
        semantics=semantics,
        top=int(top),
        batch_size=int(batch_size),
        num_workers=int(num_workers),
        device=where,
        given_thresholds=validation.parse_thresholds(thresholds, names),
        per_image=per_image,
        memory=validation.parse_memory(memory_mb),
        output=validation.parse_output(output, names),
        forward=validation.parse_forward(forward),
        upsample=validation.parse_upsample(upsample or ("receptive-field" if protocol else None)),
        protocol=protocol or "",
    )
    lent = model
    if background:
        with sole_use(model):  # a copy in the middle of another thread's run would carry its hooks
            model = validation.copy_model(model)
    job = prepare(
        model,
        data,
        concepts,
        config,
        transform=transform,
        cache=cache,
        checkpoint=checkpoint,
        executor=executor,
        lent=lent,
    )
    single = isinstance(layer, str)
    if background:
        return BackgroundRun(job, single=single)
    found = job.cached()
    if found is None:
        with reporter_of(progress).following(job.described_title) as report:
            found = job.run_here(report)
    return found.only if single else found
