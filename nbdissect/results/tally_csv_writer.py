"""Results into the table of the original programs, ``tally.csv``."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.files import atomic_write
from nbdissect.notices import warn
from nbdissect.results import scores
from nbdissect.results.layer_scores import DRAWINGS
from nbdissect.results.units import Units
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from nbdissect.results.layer_scores import LayerScores

FIELDS = ("label", "truth", "activation", "intersect", "iou")
"""What stands in the table for the best concept of each category."""
NOTE = "note"
"""The column that says what the images were; only where they were drawings."""
# What begins a formula, also in the full width of East Asian keyboards.
_FORMULA, _BLANKS = tuple("=+-@＝＋－＠"), tuple("\t\r\n")


def write_csv(d: LayerScores, path: str | os.PathLike[str], *, safe: bool = False) -> None:
    """Write `d` in the originals' columns; see :meth:`nbdissect.Dissection.to_csv`."""
    name = _inert if safe else str
    text = io.StringIO()
    # Quotes keep a name in one cell also where cells are cut at semicolons.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC if safe else csv.QUOTE_MINIMAL)
    header = [f"{category}-{field}" for category in d.categories for field in FIELDS]
    writer.writerow(map(name, ["unit", "category", "label", "score", *header, *([NOTE] if d.drawings else [])]))
    winners = scores.best_by_category(d.iou, d.category_of, len(d.categories))
    if not safe:
        _warn_of_formulas([*d.categories, *(d.concepts[c].name for c in np.unique(winners) if c >= 0)])
    units = Units(d)
    for u in np.argsort(-d.best_iou, kind="stable"):
        unit = units[int(u)]
        row = [unit.index + 1, name(unit.category or ""), name(unit.label or ""), unit.iou]
        for g, c in enumerate(winners[u]):
            area = d.activation[u, g].item()
            if c < 0:
                row += ["", 0, area, 0, 0.0]
            else:
                counts = d.truth[c].item(), area, d.intersection[u, c].item(), d.iou[u, c].item()
                row += [name(d.concepts[c].name), *counts]
        writer.writerow([*row, DRAWINGS] if d.drawings else row)
    with atomic_write(path) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))  # half surrogates, which UTF-8 can't say


def _warn_of_formulas(names: Iterable[str]) -> None:
    if formulas := [name for name in names if _is_formula(name)]:
        warn(
            f"{plural(len(formulas), 'name')} in this table would be run as a formula by a spreadsheet, such as {formulas[0]!r:.60}. "
            "For a spreadsheet, write the table with to_csv(path, safe=True)."
        )


def _is_formula(name: str) -> bool:
    return name[:1] in _BLANKS or name.lstrip()[:1] in _FORMULA


def _inert(name: str) -> str:
    """Return a name that a spreadsheet shows and does not run."""
    return f"'{printable(name)}" if _is_formula(name) else printable(name)
