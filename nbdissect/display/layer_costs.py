"""What dissecting a layer costs, in words: the part of the network that runs, and what is kept of the maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.text import plural

if TYPE_CHECKING:
    from nbdissect.layer_list import Layers
    from nbdissect.layer_stages import Layer

# Measured at quantile 0.005 on photographs, over maps of 13 × 13, 27 × 27 and 55 × 55: 0.30 to 0.32 bytes of
# cells per activation, and two floats for each that could be above the threshold.
BYTES_PER_ACTIVATION = 0.35
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def cost(table: Layers, layer: Layer) -> str:
    """Return the cost of dissecting a layer: "54 % run, 12 MB kept"; "" where it can't be."""
    if not layer.units:
        return ""
    run = "" if layer.share is None else f"{max(1, round(100 * layer.share))} % run, "
    kept = BYTES_PER_ACTIVATION * layer.units * layer.size[0] * layer.size[1] * table.images
    return f"{run}{_bytes(kept)} kept"


def costs_explained(table: Layers) -> str:
    """Return what the costs mean, and how they were found."""
    images = plural(table.images, "image")
    how = "CPU time of one thread" if table.device == "cpu" else f"on {table.device}"
    run = (
        "Run: the part of the network that computes for this layer. "
        f"All of it takes {_seconds(table.seconds * table.images)} for {images} ({how}, measured on one); images to read "
        "and labels to count come on top. "
    )
    return (
        f"{run if table.seconds else ''}Kept: estimated memory for the maps of {images}, at quantile 0.005; what "
        "memory_mb doesn't hold goes to a temporary file."
    )


def _bytes(size: float) -> str:
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.2g} {name}" if size < 100 * unit else f"{size / unit:,.0f} {name}"
    return f"{size:.0f} bytes"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
