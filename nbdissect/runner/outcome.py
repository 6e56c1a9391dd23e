"""What a run found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbdissect.engine.counting import Tallies


@dataclass
class LayerOutcome:
    """What was found for one layer."""

    thresholds: NDArray[np.float32]
    top_images: NDArray[np.int64]
    top_activations: NDArray[np.float32]
    top_maps: NDArray[np.float32]


@dataclass
class RunOutcome:
    """What was found for all layers, with the counts.

    Attributes
    ----------
    layers : dict of layer to LayerOutcome
    tallies : Tallies
        Of `counted` images.
    seen, counted : int
        Images that the network saw, and whose labels were counted.
    """

    layers: dict[str, LayerOutcome]
    tallies: Tallies
    seen: int
    counted: int
