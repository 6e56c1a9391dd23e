"""What a run computes, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nbdissect.engine.labels import LabelReader
    from nbdissect.engine.probe import Probe
    from nbdissect.types import Semantics, Study, Upsampling

MEMORY = 1 << 30
"""Bytes that a run may hold beside model and batch, unless the caller sets another budget."""


@dataclass(frozen=True)
class RunConfig:
    """The settings of a run, checked: plain values, without model or data.

    Attributes
    ----------
    images : list of int
        Ascending indices into the data set.
    given_thresholds : mapping of layer to float32 [U], or None
    memory : int
        Bytes for thresholds, top images and surviving cells; what goes beyond lies in a file.
    output : mapping of layer to index, key or function, or None
        Which part of what a layer's module returns is meant.
    upsample : {"bilinear", "receptive-field"}
    protocol : {"", "cvpr2017"}
        The study whose protocol the run follows.
    forward : callable or None
        Calls the model with a batch, where it takes other arguments than that.
    """

    layers: Sequence[str]
    images: Sequence[int]
    quantile: float
    semantics: Semantics
    top: int
    batch_size: int
    num_workers: int
    device: torch.device
    given_thresholds: Mapping[str, NDArray[np.float32]] | None = None
    per_image: bool = False
    memory: int = MEMORY
    output: Mapping[str, Any] | None = None
    upsample: Upsampling = "bilinear"
    protocol: Study | Literal[""] = ""
    forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None

    @property
    def batches(self) -> list[Sequence[int]]:
        """The images, batch by batch. Shards keep to these: convolutions round differently in batches of another size."""
        return [self.images[k : k + self.batch_size] for k in range(0, len(self.images), self.batch_size)]

    @property
    def probes(self) -> list[int]:
        """The first, the middle and the last image, on which is checked before a run what can be checked on a few."""
        return sorted({self.images[0], self.images[len(self.images) // 2], self.images[-1]})


@dataclass(frozen=True)
class RunInputs:
    """A RunConfig with the model, the data and the transform to which it applies; this is what workers are sent.

    Attributes
    ----------
    transform : callable
        PIL image → tensor [channels, height, width].
    concepts, categories : int
        How many there are, C and G.
    probe : Probe
        How the model takes its batches, and how its layers' outputs are read.
    """

    model: torch.nn.Module
    data: Any
    config: RunConfig
    transform: Callable[[Any], Any]
    labels: LabelReader
    concepts: int
    categories: int
    probe: Probe
