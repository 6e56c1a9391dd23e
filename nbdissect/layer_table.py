"""The layers of a model that can be dissected, stage by stage: one image shows what they return, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbdissect.data.resolve import resolve_data
from nbdissect.layer_line import CodeLine, python_line
from nbdissect.layer_list import Layers
from nbdissect.layer_stages import Layer
from nbdissect.samples import check_dataset
from nbdissect.text import plural
from nbdissect.validation import check_model, check_protocol, parse_forward, parse_output

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from PIL.Image import Image

    from nbdissect.engine.pass_times import PassTimes
    from nbdissect.engine.probe import Probe
    from nbdissect.types import Study


def layers(
    model: torch.nn.Module,
    data: Any = None,
    *,
    transform: Callable[[Image], torch.Tensor] | None = None,
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None,
    output: Any = None,
    device: torch.device | str | None = None,
) -> Layers:
    """Return the layers of a model that can be dissected, by running one image through it.

    The image is shown three and two times, to find the axis that counts the images; where two readings
    are possible, also twice as wide, to find the width; then some times more, to measure what the layers cost.

    Parameters
    ----------
    model : torch.nn.Module
        Given back as it was.
    data, transform, forward, device
        As in :func:`nbdissect.dissect`.
    output : int, str or callable, or a mapping of layer to one of these, optional
        As in :func:`nbdissect.dissect`. One value is tried on the layers that can't be read without it.

    Returns
    -------
    Layers
        A sequence of :class:`Layer`, in the order in which they return; ``.recommended`` are up to three of
        them to begin with. A layer that the image doesn't reach is not in it.

    Raises
    ------
    ValueError
        If the model fails on the image, or can't be run from Python.
    """
    from nbdissect.display.session import session

    options = {"data": data, "transform": transform, "forward": forward, "output": output, "device": device}
    line = python_line(session.namespace, model, options)
    return list_layers(model, line=line, **options)


def list_layers(
    model: torch.nn.Module,
    data: Any,
    *,
    transform: Callable[[Image], torch.Tensor] | None,
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None,
    output: Any = None,
    device: torch.device | str | None,
    line: CodeLine,
    protocol: Study | None = None,
) -> Layers:
    """Return the layers of a model, as :func:`layers`, fed as a protocol wants it, with the line that dissects one."""
    check_model(model)
    check_protocol(protocol, upsample=None, semantics="paper", quantile=0.005, thresholds=None, transform=transform)
    from nbdissect.engine.devices import choose_device
    from nbdissect.engine.layouts import Layout
    from nbdissect.engine.model_state import check_runnable, model_device, preserve_rng_state
    from nbdissect.engine.paper_preprocessing import paper_transform
    from nbdissect.engine.pass_times import time_passes
    from nbdissect.engine.preprocessing import Normalize, choose_transform, probe_fitting
    from nbdissect.engine.probe import probe_model

    check_runnable(model)
    forward = parse_forward(forward)
    data = resolve_data(data)
    where = choose_device(device, model_device(model))
    with preserve_rng_state(where):
        if protocol:
            transform = paper_transform(model, data)
        chosen = choose_transform(transform, model, data)
        checked = check_dataset(data)
        image = checked[0].image
    names = [name for name, _ in model.named_modules() if name]
    picks = parse_output(output, names) if isinstance(output, Mapping) else None
    probe, chosen = probe_fitting(
        lambda chosen: probe_model(model, [(0, image)], chosen, where, picks, forward),
        chosen,
        transform,
        model,
        checked,
    )
    if output is not None and picks is None:
        unread = [layer.name for layer in probe.layers if not isinstance(layer.found, Layout)]
        probe = probe_model(model, [(0, image)], chosen, where, parse_output(output, unread), forward)
    times = time_passes(model, probe, image, chosen, where, forward)
    how = f" ({chosen.described})" if isinstance(chosen, Normalize) else ""
    fed = (
        f"the first of {plural(len(checked), 'image')} of {type(data).__name__}{_size_of(image)}, "
        f"fed as {' × '.join(map(str, probe.fed))}{how}"
    )
    return Layers(
        type(model).__name__,
        _rows(model, probe, times),
        fed,
        images=len(checked),
        seconds=times.seconds,
        measured=times.images,
        device=str(where),
        line=line,
    )


def _size_of(image: Any) -> str:
    width, height = getattr(image, "size", (0, 0))
    return f", {height} × {width} px" if width else ""


def _rows(model: torch.nn.Module, probe: Probe, times: PassTimes) -> list[Layer]:
    from nbdissect.engine.layouts import Layout

    modules = dict(model.named_modules())
    rows = []
    for layer in probe.layers:
        found = layer.found
        read: dict[str, Any] = (
            {"reason": found.reason}
            if not isinstance(found, Layout)
            else {"units": found.units, "size": found.grid, "reading": found.reading}
        )
        parameters = sum(p.numel() for p in modules[layer.name].parameters())
        share = times.share.get(layer.name)
        rows.append(Layer(layer.name, layer.kind, **read, share=share, parameters=parameters))
    return rows
