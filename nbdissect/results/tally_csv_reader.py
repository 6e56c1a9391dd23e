"""Result files of the original programs (``tally.csv``, ``<layer>-result.csv``), read."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.files import expand, open_regular
from nbdissect.notices import warn
from nbdissect.results import scores
from nbdissect.results.consistency import problem
from nbdissect.results.dissection import Dissection
from nbdissect.results.fields import TOTAL
from nbdissect.results.layer_scores import DRAWINGS
from nbdissect.results.tally_csv_writer import FIELDS, NOTE
from nbdissect.text import printable
from nbdissect.types import Concept

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

    from nbdissect.types import Semantics

# Scores are stored as decimals; a difference beyond this is a different number.
_TOLERANCE = 1e-6
# Each of a row's labels may be another concept, and the matrices hold every unit with every concept: 8 bytes each.
_MOST_ENTRIES = 1 << 23


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
    matrices that it doesn't hold are NaN, and so is the area of a concept for which its rows disagree.
    Thresholds and images are not in it. Columns may stand in any order; units count from 1; a blank
    label is a concept without a name. IoU that does not follow from the counts beside it is kept as
    it stands, with a warning.

    Parameters
    ----------
    path : path
    layer : str, optional
        Name for the layer; the file's own name by default.
    model : str
        Name for the network.
    semantics : {"paper", "netdissect-lite"}
        Which program counted: NetDissect-Lite's detectors include those at the cut, and its IoU may pass 1.

    Raises
    ------
    ValueError
        If a column is missing or stands there twice, a cell is no number or one that can't be, or units
        are not 1, 2, 3, …, each once.
    OSError
        If the file can't be read, or is no regular file.
    """
    path = expand(path)
    header, rows = _read_rows(path)
    categories = _categories(path, header)
    for line, row in enumerate(rows, 2):
        if None in row:  # where DictReader puts what is left
            raise ValueError(
                f"{path}, line {line}: more cells than the {len(header)} columns. Put quotes around names with commas."
            )
    cells = [_cell(path, line, row, category) for line, row in enumerate(rows, 2) for category in categories]
    if sorted({cell.unit for cell in cells}) != list(range(len(rows))):
        raise ValueError(f"{path}: {len(rows)} rows, but the units are not 1 to {len(rows)}, each once.")
    labels = {cells[k * len(categories)].unit: (row.get("category"), row.get("label")) for k, row in enumerate(rows)}
    table = _table(path, cells, len(rows), categories)
    d = Dissection(
        layer=layer or path.stem,
        model=model,
        semantics=semantics,
        quantile=math.nan,
        categories=categories,
        concepts=table.concepts,
        thresholds=np.full(len(rows), np.nan, dtype=np.float32),
        intersection=table.intersection,
        truth=table.truth,
        activation=table.activation,
        top_images=np.full((len(rows), 0), -1, dtype=np.int64),
        top_activations=np.zeros((len(rows), 0), dtype=np.float32),
        top_maps=np.zeros((len(rows), 0, 1, 1), dtype=np.float32),
        drawings=any(row.get(NOTE) == DRAWINGS for row in rows),
        stored_iou=table.iou,
        stored_best=_best(table, labels, categories, semantics),
    )
    if wrong := problem(d):
        raise ValueError(f"{path}: {wrong}. No program of ours or of the originals' authors writes such a file.")
    if table.doubtful:
        warn(
            f"{printable(d.layer)}: {table.doubtful:,} entries whose IoU or concept area does not agree with the other numbers "
            "of the file; the IoU is kept as it stands."
        )
    return d


def _read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}. A result file is UTF-8 text, comma separated.") from error


def _categories(path: Path, header: list[str]) -> tuple[str, ...]:
    categories = tuple(name.removesuffix("-label") for name in header if name.endswith("-label"))
    there = set(header)
    wanted = ["unit", *(f"{category}-{field}" for category in categories for field in FIELDS)]
    missing = [name for name in wanted if name not in there]
    if missing or not categories:
        raise ValueError(
            f"{path}: no column {missing[0] if missing else '<category>-label'!r}; found "
            f"{', '.join(map(printable, header[:8])) or 'an empty file'}. A result file has the columns "
            f"unit,category,label,score and, for each category, {', '.join(f'<category>-{field}' for field in FIELDS)}."
        )
    if len(there) < len(header):
        twice = next(name for name, times in Counter(header).items() if times > 1)
        raise ValueError(
            f"{path}: two columns are called {twice!r}; which one counts is not known. Rename or remove one."
        )
    if TOTAL in categories:
        raise ValueError(
            f"{path}: a category is called {TOTAL!r}, the name of the total over all categories. Rename its columns."
        )
    return categories


def _cell(path: Path, line: int, row: dict[str, str], category: str) -> _Cell:
    def number(column: str) -> float:
        text = row[column]
        try:
            value = float(text)
        except (TypeError, ValueError):
            raise ValueError(f"{path}, line {line}, column {column!r}: {text!r:.60} is not a number.") from None
        if not 0 <= value < math.inf:
            raise ValueError(
                f"{path}, line {line}, column {column!r}: {text!r:.60}; pixels and IoU are finite, and 0 at least."
            )
        return value

    unit = number("unit")
    if not unit.is_integer() or unit < 1:
        raise ValueError(f"{path}, line {line}, column 'unit': {row['unit']!r:.60}; units count 1, 2, 3, …")
    truth, activation, intersect, iou = (number(f"{category}-{field}") for field in FIELDS[1:])
    return _Cell(int(unit) - 1, category, row[f"{category}-label"] or "", truth, activation, intersect, iou)


@dataclass
class _Table:
    """The matrices of a file: NaN where it says nothing."""

    concepts: tuple[Concept, ...]
    column: dict[tuple[int, str], int]  # of each concept, by place of its category and name
    intersection: NDArray[np.float64]
    truth: NDArray[np.float64]
    activation: NDArray[np.float64]
    iou: NDArray[np.float64]
    doubtful: int = 0


def _table(path: Path, cells: list[_Cell], units: int, categories: tuple[str, ...]) -> _Table:
    place = {category: g for g, category in enumerate(categories)}
    # A category in which the unit shares no pixel with any concept has neither label nor truth.
    named = [cell for cell in cells if cell.label or cell.truth]
    names = sorted({(place[cell.category], cell.label) for cell in named})
    if units * max(len(names), len(categories)) > _MOST_ENTRIES:
        raise ValueError(
            f"{path}: {units:,} units with {len(names):,} labels in {len(categories):,} categories; at most {_MOST_ENTRIES:,} pairs of them are read."
        )
    shape = (units, len(names))
    table = _Table(
        concepts=tuple(Concept(c, label, categories[g]) for c, (g, label) in enumerate(names, 1)),
        column={name: c for c, name in enumerate(names)},
        intersection=np.full(shape, np.nan),
        truth=np.full(len(names), np.nan),
        activation=np.full((units, len(categories)), np.nan),
        iou=np.full(shape, np.nan),
    )
    for cell in cells:
        table.activation[cell.unit, place[cell.category]] = cell.activation
    areas: dict[int, float] = {}
    disputed = set()
    for cell in named:
        c = table.column[place[cell.category], cell.label]
        table.intersection[cell.unit, c], table.iou[cell.unit, c] = cell.intersect, cell.iou
        agrees = areas.setdefault(c, cell.truth) == cell.truth
        union = cell.truth + cell.activation - cell.intersect
        if not agrees:
            disputed.add(c)
        table.doubtful += (not agrees) + (abs(cell.iou - (cell.intersect / union if union else 0.0)) > _TOLERANCE)
    for c, area in areas.items():
        table.truth[c] = np.nan if c in disputed else area
    return table


def _best(
    table: _Table, labels: dict[int, tuple[str | None, str | None]], categories: tuple[str, ...], semantics: Semantics
) -> NDArray[np.int64]:
    """Return the column of each unit's best concept, int64 [U]; where two tie, the file's own label says which one won."""
    place = {category: g for g, category in enumerate(categories)}
    category_of = np.array([place[concept.category] for concept in table.concepts], dtype=np.int64)
    best = scores.best(table.iou, category_of, len(categories), semantics)
    highest = np.fmax.reduce(table.iou, axis=1, initial=0.0)
    for unit, (category, label) in labels.items():
        named = table.column.get((place.get(category or "", -1), label or ""))
        if named is not None and table.iou[unit, named] == highest[unit] > 0:
            best[unit] = named
    return best
