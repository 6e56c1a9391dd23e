"""What to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nbdissect.engine.labels import LabelReader
    from nbdissect.types import Semantics

MEMORY = 1 << 30
"""Bytes that a run may hold beside model and batch, where nobody says otherwise."""


@dataclass(frozen=True)
class RunConfig:
    """What to run, already checked.

    Attributes
    ----------
    images : list of int
        Ascending indices into the data set.
    given_thresholds : mapping of layer to float32 [U], or None
    memory : int
        Bytes that thresholds, top images and surviving cells may take; what goes beyond lies in a file.
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

    @property
    def batches(self) -> list[Sequence[int]]:
        """The images, batch by batch. Convolutions round differently in batches of another size: every shard keeps to these."""
        return [self.images[k : k + self.batch_size] for k in range(0, len(self.images), self.batch_size)]


@dataclass(frozen=True)
class RunInputs:
    """All that a run needs, wherever it runs.

    Attributes
    ----------
    transform : callable
        PIL image → tensor [channels, height, width].
    concepts, categories : int
        Their numbers, C and G.
    """

    model: torch.nn.Module
    data: Any
    config: RunConfig
    transform: Callable[[Any], Any]
    labels: LabelReader
    concepts: int
    categories: int
