"""Result files of the original programs (``tally.csv``, ``<layer>-result.csv``), read."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.notices import warn
from nbdissect.results import scores
from nbdissect.results.dissection import Dissection
from nbdissect.results.layer_scores import DRAWINGS
from nbdissect.results.tally_csv_writer import FIELDS, NOTE
from nbdissect.types import Concept

if TYPE_CHECKING:
    import os

    from nbdissect.types import Semantics

# Scores are stored as decimals; a difference beyond this is a different number.
_TOLERANCE = 1e-6


@dataclass
class _Cell:
    """What a file says about one unit and one category."""

    unit: int
    category: str
    label: str
    truth: float
    activation: float
    intersect: float
    iou: float


def read_csv(
    path: str | os.PathLike[str],
    *,
    layer: str | None = None,
    model: str = "imported",
    semantics: Semantics = "paper",
) -> Dissection:
    """Return a result file of Network Dissection, NetDissect-Lite or nbdissect as a :class:`Dissection`.

    Such a file holds, for each unit, the best concept of each category: entries of the full
    matrices that it doesn't hold are NaN. Thresholds and images are not in it. Columns may stand
    in any order; units count from 1; a blank label is a concept without a name. IoU that does not
    follow from the counts beside it is kept as it stands, with a warning.

    Parameters
    ----------
    path : path
    layer : str, optional
        Name for the layer; the file's own name by default.
    model : str
        Name for the network.
    semantics : {"paper", "netdissect-lite"}
        Which program counted: NetDissect-Lite's detectors include those at the cut.

    Raises
    ------
    ValueError
        If a column is missing or stands there twice, or a cell is no number or one that can't be, or units are not 1, 2, 3, …, each once.
    OSError
        If the file can't be read.
    """
    path = Path(path)
    header, rows = _read_rows(path)
    categories = tuple(name.removesuffix("-label") for name in header if name.endswith("-label"))
    wanted = ["unit", *(f"{category}-{field}" for category in categories for field in FIELDS)]
    missing = [name for name in wanted if name not in header]
    if missing or not categories:
        raise ValueError(
            f"{path}: no column {missing[0] if missing else '<category>-label'!r}; found "
            f"{', '.join(header[:8]) or 'an empty file'}. A result file has the columns unit,category,label,score and, "
            f"for each category, {', '.join(f'<category>-{field}' for field in FIELDS)}."
        )
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise ValueError(
            f"{path}: two columns are called {twice!r}; which one counts is not known. Rename or remove one."
        )
    cells = [_cell(path, line, row, category) for line, row in enumerate(rows, 2) for category in categories]
    if sorted({cell.unit for cell in cells}) != list(range(len(rows))):
        raise ValueError(f"{path}: {len(rows)} rows, but the units are not 1 to {len(rows)}, each once.")
    labels = {cells[k * len(categories)].unit: (row.get("category"), row.get("label")) for k, row in enumerate(rows)}
    return _assemble(
        cells,
        labels,
        categories,
        layer=layer or path.stem,
        model=model,
        semantics=semantics,
        drawings=any(row.get(NOTE) == DRAWINGS for row in rows),
    )


def _read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}. A result file is UTF-8 text, comma separated.") from error


def _cell(path: Path, line: int, row: dict[str, str], category: str) -> _Cell:
    def number(column: str) -> float:
        text = row[column]
        try:
            value = float(text)
        except (TypeError, ValueError):
            raise ValueError(f"{path}, line {line}, column {column!r}: {text!r} is not a number.") from None
        if value < 0 or math.isinf(value):
            raise ValueError(
                f"{path}, line {line}, column {column!r}: {text!r}; pixels and IoU are finite, and 0 at least."
            )
        return value

    unit = number("unit")
    if not unit.is_integer() or unit < 1:
        raise ValueError(f"{path}, line {line}, column 'unit': {row['unit']!r}; units count 1, 2, 3, …")
    truth, activation, intersect, iou = (number(f"{category}-{field}") for field in FIELDS[1:])
    return _Cell(int(unit) - 1, category, row[f"{category}-label"] or "", truth, activation, intersect, iou)


def _assemble(
    cells: list[_Cell],
    labels: dict[int, tuple[str | None, str | None]],
    categories: tuple[str, ...],
    *,
    layer: str,
    model: str,
    semantics: Semantics,
    drawings: bool,
) -> Dissection:
    units = len(labels)
    # A category in which the unit shares no pixel with any concept has neither label nor truth.
    named = [cell for cell in cells if cell.label or cell.truth]
    names = sorted({(categories.index(cell.category), cell.label) for cell in named})
    column = {name: c for c, name in enumerate(names)}
    concepts = tuple(Concept(c + 1, label, categories[g]) for (g, label), c in column.items())
    intersection = np.full((units, len(concepts)), np.nan)
    stored_iou = np.full((units, len(concepts)), np.nan)
    truth = np.full(len(concepts), np.nan)
    activation = np.full((units, len(categories)), np.nan)
    doubtful = 0
    for cell in cells:
        activation[cell.unit, categories.index(cell.category)] = cell.activation
    for cell in named:
        c = column[categories.index(cell.category), cell.label]
        intersection[cell.unit, c], stored_iou[cell.unit, c] = cell.intersect, cell.iou
        doubtful += bool(truth[c] != cell.truth and not np.isnan(truth[c]))
        truth[c] = cell.truth
        union = cell.truth + cell.activation - cell.intersect
        doubtful += bool(abs(cell.iou - (cell.intersect / union if union else 0.0)) > _TOLERANCE)
    if doubtful:
        warn(
            f"{layer}: {doubtful:,} entries whose IoU or concept area does not agree with the other numbers "
            "of the file; the IoU is kept as it stands."
        )
    category_of = np.array([categories.index(concept.category) for concept in concepts], dtype=np.int64)
    best = scores.best(stored_iou, category_of, len(categories), semantics)
    for unit, (category, label) in labels.items():
        # Where two concepts tie, the file's own label says which one won.
        named_best = column.get((categories.index(category), label or "")) if category in categories else None
        if named_best is not None and stored_iou[unit, named_best] == np.nanmax(stored_iou[unit]):
            best[unit] = named_best
    return Dissection(
        layer=layer,
        model=model,
        semantics=semantics,
        quantile=float("nan"),
        categories=categories,
        concepts=concepts,
        thresholds=np.full(units, np.nan, dtype=np.float32),
        intersection=intersection,
        truth=truth,
        activation=activation,
        top_images=np.full((units, 0), -1, dtype=np.int64),
        top_activations=np.zeros((units, 0), dtype=np.float32),
        top_maps=np.zeros((units, 0, 1, 1), dtype=np.float32),
        drawings=drawings,
        stored_iou=stored_iou,
        stored_best=best,
    )
