"""One image through the network of a result: which units fire on it, and where.

In: a result, an image, and its network. Out: an `Explanation`. It goes the ways of a run, whose hooks, batches,
layouts and upsampling it uses; an image of the data set is run in the very batch in which the run had it, since
networks round differently in batches of another size.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine.activations import OtherCallsError
from nbdissect.engine.config import RunConfig, RunInputs
from nbdissect.engine.devices import choose_device
from nbdissect.engine.model_lock import is_used_elsewhere, sole_use
from nbdissect.engine.model_state import check_runnable, model_device, preserve_rng_state
from nbdissect.engine.paper_preprocessing import recorded_caffe
from nbdissect.engine.preprocessing import Normalize, choose_transform, probe_fitting, recorded_transform
from nbdissect.engine.probe import probe_layers
from nbdissect.engine.threads import limited_threads
from nbdissect.engine.wrappers import find_layers, without_parallel
from nbdissect.provenance.model_digest import weights_digest
from nbdissect.results.archived_data import ArchivedData
from nbdissect.results.explanation import Explanation, scale_of
from nbdissect.runner.two_pass import TwoPassRun
from nbdissect.samples import check_dataset
from nbdissect.samples.images import read_image
from nbdissect.text import describe, describe_type, plural, printable
from nbdissect.types import Sample
from nbdissect.validation import check_model, parse_forward, parse_output

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable

    import torch
    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.provenance import Provenance


def _gone() -> None:
    return None


@dataclass(frozen=True)
class RunRecord:
    """How a run fed its network, so that it can be run once more; a copy or pickle of it is None.

    Attributes
    ----------
    inputs : RunInputs
        Those of the run, without the network.
    model : weakref
        The network as the user gave it.
    """

    inputs: RunInputs
    model: weakref.ref[torch.nn.Module]

    @classmethod
    def of(cls, inputs: RunInputs, model: weakref.ref[torch.nn.Module], data: Any) -> RunRecord:
        """Return the record of a run of `model` over `data`."""
        unwatched: Any = replace(inputs, model=None, data=check_dataset(data))  # type: ignore[arg-type]
        return cls(unwatched, model)

    def explain_now(self, d: Dissection, index: Any, top: int) -> Explanation:
        """Return which units fire on an image of the data set, for a page that asks: it never waits for another run.

        Raises
        ------
        NetworkBusyError
            While another thread runs the network.
        """
        own = self.model()
        if own is not None and is_used_elsewhere(own):
            raise NetworkBusyError("The network is at work in another cell. Ask again when that is done.")
        return d.explain(index, top=top)

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _gone, ()


class NetworkBusyError(ValueError):
    """Another thread runs the network."""


def explain(
    d: Dissection, image: Any, model: Any, top: int, *, transform: Any, forward: Any, output: Any, device: Any
) -> Explanation:
    """Return which units of a layer fire most on an image; see :meth:`nbdissect.Dissection.explain`."""
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
        raise ValueError(f"top={top!r:.40}; the number of units to explain is needed, at least 1.")
    _check_numbers(d)
    record: RunRecord | None = d.run
    own = record.model() if record is not None else None
    given = {"transform": transform, "forward": forward, "output": output, "device": device}
    named = next((name for name, value in given.items() if value is not None), None)
    if model is None:
        if own is None:
            raise ValueError(_describe_missing(d, record))
        if named is not None:
            raise ValueError(
                f"{named}= goes with model=: without it, the run's own network is fed as in the run. Leave {named}= out, or pass the network, too."
            )
    else:
        check_model(model)
    sample, index = _sample(d, image)
    network: torch.nn.Module = own if model is None else model  # type: ignore[assignment]
    with limited_threads(), sole_use(network):
        check_weights(d, network)
        if record is not None and network is own and named is None:
            inputs = replace(record.inputs, model=network)
        else:
            inputs = _inputs(d, network, sample, **given)
        with preserve_rng_state(inputs.config.device):
            maps = _maps(d, inputs, sample, index)
    return _explanation(d, maps, sample, index, int(top))


# --- what is asked ---


def _check_numbers(d: Dissection) -> None:
    if not np.isfinite(d.thresholds).all():
        raise ValueError(
            "This result was read from a table, which holds no thresholds: whether a unit fires can't be known. "
            "Dissect the network: nd.dissect(model, layer, data=…)."
        )
    if not d.top_activations.shape[1]:
        raise ValueError(
            "This result kept no strongest images (top=0), so that a unit's highest activation isn't known. Dissect with top=1 or more."
        )


def _describe_missing(d: Dissection, record: RunRecord | None) -> str:
    if d.provisional:
        return "The run still goes on: one image can be explained once it is done."
    why = (
        "This result came from a file or another session, without its network"
        if record is None
        else "The network that was dissected is gone"
    )
    return f"{why}. Pass it: d.explain(image, model=model), with the weights that were dissected ({d.model})."


def _sample(d: Dissection, image: Any) -> tuple[Any, int | None]:
    """Return the sample that is meant, and its index if it is one of the data set."""
    if isinstance(image, (int, np.integer)) and not isinstance(image, bool):
        if d.data is None or isinstance(d.data, ArchivedData):
            raise ValueError(
                f"Image {image} of the data set is not at hand, or only a small copy of it. Pass the image itself: "
                f"d.explain(data[{image}].image, model=model)."
            )
        if not 0 <= image < len(d.data):
            raise ValueError(
                f"There is no image {image} in this data set: its {len(d.data):,} images go from 0 to {len(d.data) - 1:,}."
            )
        return check_dataset(d.data)[int(image)], int(image)
    from PIL import Image

    if not isinstance(image, (str, os.PathLike, np.ndarray, Image.Image)):
        hint = " Of a sample, pass its .image." if hasattr(image, "image") else ""
        raise ValueError(
            f"image is {describe_type(image)}; a PIL image, a path, a uint8 array [height, width, 3], or the index of an "
            f"image of the data set is needed.{hint}"
        )
    picture = read_image(image, None)
    return Sample(picture, shape=(picture.height, picture.width)), None


def check_weights(d: Dissection, model: torch.nn.Module) -> None:
    """Refuse a network whose weights are not those that were dissected."""
    wanted = d.provenance.weights if d.provenance else ""
    if wanted and wanted not in (weights_digest(model), weights_digest(without_parallel(model))):
        raise ValueError(
            f"The weights of this {type(model).__name__} are not those that were dissected (trained further, cast, or another "
            "checkpoint): thresholds and labels are of other units. Load those weights, or dissect it again: nd.dissect(model, layer, data=…)."
        )


# --- how the network is fed ---


class _OneImage:
    """A data set of a single image."""

    checks_samples = True

    def __init__(self, sample: Any, like: Any) -> None:
        self._sample, self.image_size = sample, getattr(like, "image_size", None)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: int) -> Any:
        return self._sample


def _inputs(
    d: Dissection, model: torch.nn.Module, sample: Any, *, transform: Any, forward: Any, output: Any, device: Any
) -> RunInputs:
    """Return how a network that was passed is run on one image: as a run of its own would, checked against the record."""
    made, data = d.provenance, _OneImage(sample, d.data)
    check_said_again(made, forward=forward, output=output)
    check_runnable(model)
    find_layers(model, [d.layer])
    where = choose_device(device, model_device(model))
    config = RunConfig(
        layers=[d.layer],
        images=[0],
        quantile=d.quantile,
        semantics=d.semantics,
        top=1,
        batch_size=1,
        num_workers=0,
        device=where,
        output=parse_output(output, [d.layer]),
        forward=parse_forward(forward),
    )
    recorded = transform_on_record(made) if transform is None else None
    chosen = recorded or choose_transform(transform, model, data)  # type: ignore[arg-type]
    with preserve_rng_state(where):
        probe, chosen = probe_fitting(
            lambda one: probe_layers(
                model, config.layers, [(0, sample.image)], one, where, config.output, config.forward
            ),
            chosen,
            transform,
            model,
            data,
        )
    if transform is None and made and made.transform and describe(chosen) != made.transform:
        raise unknown_transform(made)
    return RunInputs(model, data, config, chosen, None, 0, 0, probe)  # type: ignore[arg-type]  # no label is read


def check_said_again(made: Provenance | None, **given: Any) -> None:
    """Refuse to leave out what a run was given as code: a record holds only its name."""
    for name, value in given.items():
        if made and value is None and (was := getattr(made, name)):
            raise ValueError(
                f"The run was given {name}= ({printable(was)}), which only its code can say again: pass {name}=, too."
            )


def unknown_transform(made: Provenance) -> ValueError:
    """Return the error for a transform that the record can't say again."""
    return ValueError(
        f"The run fed the network through transform={printable(made.transform)}, which only its code can say again: "
        "pass transform=, too."
    )


def transform_on_record(made: Provenance | None) -> Normalize | None:
    """Return the transform of a record, where the package chose it."""
    return (recorded_transform(made.transform) or recorded_caffe(made.transform)) if made else None


# --- one pass ---


def _maps(d: Dissection, inputs: RunInputs, sample: Any, index: int | None) -> NDArray[np.float32]:
    """Return the layer's maps of the image, float32 [h, w, U]."""
    batch = next((k for k, images in enumerate(inputs.config.batches) if index in images), None)
    of_the_run = getattr(inputs.data, "original", inputs.data) is d.data  # and not put in the place of it later
    if index is None or batch is None or not of_the_run:
        batch, place = 0, 0
        alone = replace(inputs.config, images=[0], batch_size=1)
        inputs = replace(inputs, config=alone, data=_OneImage(sample, inputs.data))
    else:
        place = list(inputs.config.batches[batch]).index(index)
    this = TwoPassRun(inputs)
    try:
        found = this.maps(batch, d.layer)
    except OtherCallsError:
        this.start_again()
        found = this.maps(batch, d.layer)
    maps: NDArray[np.float32] = found[place].float().cpu().numpy()
    _check_maps(d, maps)
    return maps


def _check_maps(d: Dissection, maps: NDArray[np.float32]) -> None:
    height, width, units = maps.shape
    if units != len(d.thresholds):
        raise ValueError(
            f"Layer {d.layer!r} of this network has {plural(units, 'unit')}; {len(d.thresholds):,} were dissected. Pass that network."
        )
    if (height, width) != d.top_maps.shape[2:]:
        was = " × ".join(map(str, d.top_maps.shape[2:]))
        raise ValueError(
            f"Layer {d.layer!r} gives maps of {height} × {width} for this image, and gave {was} in the run: its thresholds are of those. "
            "Resize the image as in the run (transform=)."
        )
    if not np.isfinite(maps).all():
        raise ValueError(
            f"Layer {d.layer!r} gave NaN or infinite activations for this image. Check the normalization (transform=); "
            "half precision overflows beyond 65,504: try model.float()."
        )


def _explanation(d: Dissection, maps: NDArray[np.float32], sample: Any, index: int | None, top: int) -> Explanation:
    peaks = maps.max(axis=(0, 1))
    fires = peaks > d.thresholds
    strengths = (peaks.astype(np.float64) - d.thresholds) / scale_of(d)
    order = np.lexsort((np.arange(len(peaks)), *_keys(strengths, fires)))[:top]
    image: Image = sample.image
    return Explanation(
        units=order.astype(np.int64),
        strengths=strengths[order],
        maps=np.ascontiguousarray(maps[:, :, order].transpose(2, 0, 1)),
        image=image,
        index=index,
        shape=tuple(sample.shape),
        firing=int(fires.sum()),
        scores=d,
    )


def _keys(strengths: NDArray[np.float64], fires: NDArray[np.bool_]) -> tuple[NDArray[Any], ...]:
    """Return what units are ordered by, the last of it first: who fires, who has a scale, how strongly."""
    known = ~np.isnan(strengths)
    return -np.where(known, strengths, 0), ~known, ~fires
