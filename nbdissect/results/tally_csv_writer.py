"""Results into the table of the original programs, ``tally.csv``."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.files import atomic_write
from nbdissect.results import scores
from nbdissect.results.layer_scores import DRAWINGS
from nbdissect.results.units import Units

if TYPE_CHECKING:
    import os

    from nbdissect.results.layer_scores import LayerScores

FIELDS = ("label", "truth", "activation", "intersect", "iou")
"""What stands in the table for the best concept of each category."""
NOTE = "note"
"""The column that says what the images were; only where they were drawings."""


def write_csv(d: LayerScores, path: str | os.PathLike[str]) -> None:
    """Write `d` in the originals' columns; see :meth:`nbdissect.Dissection.to_csv`."""
    winners = scores.best_by_category(d.iou, d.category_of, len(d.categories))
    header = ["unit", "category", "label", "score"]
    header += [f"{category}-{field}" for category in d.categories for field in FIELDS]
    header += [NOTE] if d.drawings else []
    units = Units(d)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    for u in np.argsort(-d.best_iou, kind="stable"):
        unit = units[int(u)]
        row = [unit.index + 1, unit.category or "", unit.label or "", unit.iou]
        for g, c in enumerate(winners[u]):
            if c < 0:
                row += ["", 0, d.activation[u, g], 0, 0.0]
            else:
                concept = d.concepts[c]
                row += [concept.name, d.truth[c], d.activation[u, g], d.intersection[u, c], d.iou[u, c]]
        writer.writerow([*row, DRAWINGS] if d.drawings else row)
    with atomic_write(path) as file:
        file.write(text.getvalue().encode("utf-8"))
