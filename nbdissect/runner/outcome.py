"""What a run found: numbers, of which `Job` makes the `Dissections` that users see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.counting import Tallies


@dataclass
class LayerOutcome:
    """One layer's part of a RunOutcome, its counts aside: thresholds and strongest images.

    Attributes
    ----------
    thresholds : float32 [U]
    top_images : int64 [U, top]
    top_activations : float32 [U, top]
    top_maps : float32 [U, top, h, w]
    silent : int64 [U]
    """

    thresholds: NDArray[np.float32]
    top_images: NDArray[np.int64]
    top_activations: NDArray[np.float32]
    top_maps: NDArray[np.float32]
    silent: NDArray[np.int64]


@dataclass
class RunOutcome:
    """All that a run found, wherever it ran and however far it came.

    Attributes
    ----------
    layers : dict of layer to LayerOutcome
    tallies : Tallies
        The pixels of all layers, counted over `counted` images.
    seen, counted : int
        Images that the network saw, and whose labels were counted.
    """

    layers: dict[str, LayerOutcome]
    tallies: Tallies
    seen: int
    counted: int
