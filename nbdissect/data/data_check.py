"""A look at a data set before it is dissected: what can't be read, and what no unit could ever be labeled with."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.markup import NO_MATH, name_html
from nbdissect.samples import check_dataset, check_repeatable
from nbdissect.text import plural, printable
from nbdissect.types import UNLABELED
from nbdissect.validation import check_numbers, read_categories, read_concepts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nbdissect.types import Concept

_FEW = 20  # images: a label that fewer carry owes much to chance
_SHOWN = 10  # findings of one kind in the printed table
_SUFFIX = re.compile(r"-[a-z]$")  # of Broden's colors and scenes

_KINDS = {
    "broken": "can't be used; a run would end there",
    "changing": "differ when they are read again",
    "missing": "categories that no image carries, or that no one declared",
    "empty": "concepts without a pixel",
    "unreachable": "concepts so large that no unit's IoU can pass the cut",
    "rare": f"concepts in fewer than {_FEW} images, whose labels owe much to chance",
    "colliding": "names that several concepts bear",
    "partial": "concepts that some of the merged data sets have no word for: they count as absent there",
    "double": "files that are listed twice, and count twice",
}


@dataclass
class _Counts:
    """What is counted over the images that can be read."""

    images: int = 0
    pixels: int = 0
    truth: Counter[int] = field(default_factory=Counter)  # pixels of each concept
    carriers: Counter[int] = field(default_factory=Counter)  # images of each concept
    of_category: Counter[str] = field(default_factory=Counter)  # images that carry it
    unlabeled: Counter[str] = field(default_factory=Counter)  # pixels of unknown meaning
    undeclared: Counter[str] = field(default_factory=Counter)  # images with masks of no category
    bare: int = 0  # images that carry nothing


class DataCheck:
    """What was found in a data set; prints as a table.

    Attributes
    ----------
    rows : list of dict
        Each with ``kind``, ``what`` and ``detail``: kinds are {kinds}.
    images : int
        That could be read.
    pixels : int
        Of their masks.
    concepts : list of dict
        Each with ``number``, ``name``, ``category``, ``images``, ``pixels`` and ``ceiling``, the highest IoU that a
        unit can reach with it.
    categories : list of dict
        Each with ``name``, ``concepts``, ``images`` and ``unlabeled``, the pixels of unknown meaning.
    """

    def __init__(
        self,
        title: str,
        rows: list[dict[str, str]],
        counts: _Counts,
        concepts: list[dict[str, Any]],
        categories: list[dict[str, Any]],
    ) -> None:
        self._title = title
        self.rows = rows
        self.images, self.pixels = counts.images, counts.pixels
        self.concepts, self.categories = concepts, categories

    def __len__(self) -> int:
        return len(self.rows)

    def _groups(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        for kind, meaning in _KINDS.items():
            if group := [row for row in self.rows if row["kind"] == kind]:
                yield f"{kind}: {len(group):,} {meaning}", group

    @property
    def _head(self) -> str:
        found = plural(len(self.rows), "finding") if self.rows else "nothing to complain of"
        return f"{self._title}: {plural(self.images, 'image')} read, {found}"

    def __repr__(self) -> str:
        wide = max([8, *(len(printable(row["name"])) for row in self.categories)])
        lines = [printable(self._head), f"{'category':<{wide}}  {'concepts':>8}  {'images':>8}  unknown pixels"]
        lines += [
            f"{printable(row['name']):<{wide}}  {row['concepts']:>8,}  {row['images']:>8,}  {row['unlabeled']:,}"
            for row in self.categories
        ]
        for head, group in self._groups():
            lines += ["", head, *(f"  {printable(row['what'])}: {printable(row['detail'])}" for row in group[:_SHOWN])]
            if len(group) > _SHOWN:
                lines.append(f"  … and {len(group) - _SHOWN:,} more: .rows has all")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:{};padding:.2em .8em">{}</td>'
        head = "".join(
            cell.format(side, name).replace("td", "th")
            for side, name in (
                ("left", "category"),
                ("right", "concepts"),
                ("right", "images"),
                ("right", "unknown pixels"),
            )
        )
        table = "".join(
            f"<tr>{cell.format('left', name_html(row['name']))}"
            f"{''.join(cell.format('right', format(row[key], ',')) for key in ('concepts', 'images', 'unlabeled'))}</tr>"
            for row in self.categories
        )
        groups = "".join(
            f"<details><summary>{name_html(title)}</summary><ul>"
            + "".join(
                f"<li><strong>{name_html(row['what'])}</strong>: {name_html(row['detail'])}</li>" for row in group
            )
            + "</ul></details>"
            for title, group in self._groups()
        )
        return (
            f'<div class="{NO_MATH}"><p><strong>{name_html(self._head)}</strong></p>'
            f"<table><thead><tr>{head}</tr></thead><tbody>{table}</tbody></table>{groups}</div>"
        )


DataCheck.__doc__ = str(DataCheck.__doc__).format(kinds=", ".join(_KINDS))


def check_data(data: Any, quantile: float = 0.005, min_iou: float = 0.04) -> DataCheck:
    """Read a whole data set, and say what a dissection of it would stumble on; see ``data.check()``.

    Raises
    ------
    ValueError
        If the concepts or categories themselves can't be used.
    """
    check_numbers(quantile=quantile, top=1, batch_size=1, num_workers=0)
    if isinstance(min_iou, bool) or not isinstance(min_iou, (int, float)) or not 0 <= min_iou < 1:
        raise ValueError(f"min_iou={min_iou!r:.40}; a number from 0 to 1 is needed, 1 excluded. The paper uses 0.04.")
    concepts, categories = read_concepts(data), read_categories(data)
    rows: list[dict[str, str]] = []
    counts = _read_all(data, concepts, categories, rows)
    try:
        check_repeatable(data, sorted({0, len(data) // 2, len(data) - 1}) if len(data) else ())
    except (ValueError, OSError) as error:
        if "read again" in str(error):  # all else was found before
            rows.append(_row("changing", "data[i]", str(error)))
    listed = [_describe(concept, counts, quantile) for concept in concepts]
    rows += _of_categories(concepts, categories, counts)
    rows += _of_concepts(listed, counts, min_iou)
    rows += _colliding(concepts)
    rows += _partial(data, concepts)
    order = list(_KINDS)
    rows.sort(key=lambda row: order.index(row["kind"]))
    of_category = Counter(concept.category for concept in concepts)
    table = [
        {
            "name": name,
            "concepts": of_category[name],
            "images": counts.of_category[name],
            "unlabeled": counts.unlabeled[name],
        }
        for name in categories
    ]
    return DataCheck(repr(data) if len(repr(data)) <= 200 else type(data).__name__, rows, counts, listed, table)


def _row(kind: str, what: str, detail: str) -> dict[str, str]:
    return {"kind": kind, "what": what, "detail": detail}


def _read_all(
    data: Any, concepts: tuple[Concept, ...], categories: tuple[str, ...], rows: list[dict[str, str]]
) -> _Counts:
    """Count what every image holds; those that can't be read become rows."""
    counts, checked = _Counts(), check_dataset(data)
    category_of = {concept.number: concept.category for concept in concepts}
    others = {0, UNLABELED, *map(int, getattr(data, "concept_numbers", ()))}
    places: dict[str, list[int]] = defaultdict(list)
    for index in range(len(checked)):
        try:
            sample = checked[index]
            _ = sample.image
            found = areas_of(sample, index, category_of, others, categories)
        except (ValueError, OSError) as error:
            rows.append(_row("broken", f"image {index}", str(error)))
            continue
        if (path := getattr(sample, "path", None)) is not None:
            places[str(path)].append(index)
        _add(counts, found, category_of, categories)
    for path, indices in places.items():
        if len(indices) > 1:
            rows.append(_row("double", path, f"images {', '.join(map(str, indices[:5]))}"))
    return counts


@dataclass
class Found:
    """What one image holds."""

    areas: dict[int, int]
    pixels: int
    unlabeled: dict[str, int]
    present: set[str]


def areas_of(
    sample: Any, index: int, category_of: dict[int, str], others: set[int], categories: tuple[str, ...]
) -> Found:
    """Return the pixels of each concept in a sample, those of unknown meaning left out."""
    masks, whole, shape = sample.masks, sample.whole, sample.shape
    unknown = {
        name: (np.asarray(planes) == UNLABELED).any(axis=0) for name, planes in masks.items() if name in categories
    }
    held: dict[int, NDArray[np.bool_]] = {}
    for name in categories:
        planes = np.asarray(masks.get(name, np.zeros((0, *shape), np.int64)))
        for number in [*np.unique(planes).tolist(), *whole.get(name, ())]:
            if number not in category_of:
                if number not in others:
                    raise ValueError(
                        f"Image {index}, category {name!r}: label number {number} is not among the data set's labels. "
                        "Every number in a mask must be a label, or 0 for none."
                    )
                continue
            pixels = np.full(shape, number in whole.get(name, ())) | (planes == number).any(axis=0)
            held[number] = held[number] | pixels if number in held else pixels
    areas = {}
    for number, pixels in held.items():
        missing = unknown.get(category_of[number])
        areas[number] = int((pixels if missing is None else pixels & ~missing).sum())
    return Found(
        areas, shape[0] * shape[1], {name: int(where.sum()) for name, where in unknown.items()}, {*masks, *whole}
    )


def _add(counts: _Counts, found: Found, category_of: dict[int, str], categories: tuple[str, ...]) -> None:
    counts.images += 1
    counts.pixels += found.pixels
    there = [number for number, area in found.areas.items() if area]
    counts.truth.update(found.areas)
    counts.carriers.update(there)
    counts.of_category.update({category_of[number] for number in there})
    counts.unlabeled.update(found.unlabeled)
    counts.undeclared.update(map(str, found.present - set(categories)))
    counts.bare += not there


def _describe(concept: Concept, counts: _Counts, quantile: float) -> dict[str, Any]:
    """Return a concept with what was counted of it, and the highest IoU that a unit can reach.

    A unit's masks cover at most a share `quantile` of all pixels: of a concept that is larger, no more than that can be
    covered. They may cover less of a smaller one's images, and be equal to it.
    """
    truth, most = counts.truth[concept.number], quantile * counts.pixels
    ceiling = 0.0 if not truth else min(1.0, most / truth)
    return {**concept._asdict(), "images": counts.carriers[concept.number], "pixels": truth, "ceiling": ceiling}


def _of_categories(
    concepts: tuple[Concept, ...], categories: tuple[str, ...], counts: _Counts
) -> Iterator[dict[str, str]]:
    for name in categories:
        if not any(concept.category == name for concept in concepts):
            yield _row("missing", name, "no concept is of this category")
        elif not counts.of_category[name]:
            yield _row("missing", name, "no image carries a concept of this category")
    for name, images in counts.undeclared.items():
        yield _row(
            "missing",
            name,
            f"{plural(images, 'image')} with labels of a category that is not among data.categories; they aren't counted",
        )
    if counts.bare:
        yield _row(
            "missing",
            "no category at all",
            f"{plural(counts.bare, 'image')} without a label; they count for thresholds alone",
        )


def _of_concepts(listed: list[dict[str, Any]], counts: _Counts, min_iou: float) -> Iterator[dict[str, str]]:
    for concept in listed:
        what = f"{concept['name']} ({concept['category']}, {concept['number']})"
        if not concept["images"]:
            yield _row("empty", what, "in no image")
        elif concept["images"] < _FEW:
            yield _row("rare", what, f"in {plural(concept['images'], 'image')}")
        if concept["pixels"] and concept["ceiling"] <= min_iou:
            share = concept["pixels"] / counts.pixels
            yield _row(
                "unreachable",
                what,
                f"{100 * share:.3g} % of all pixels, so that IoU is at most {concept['ceiling']:.3g}",
            )


def _colliding(concepts: tuple[Concept, ...]) -> Iterator[dict[str, str]]:
    by_name: dict[str, list[Concept]] = defaultdict(list)
    for concept in concepts:
        by_name[_SUFFIX.sub("", concept.name).casefold()].append(concept)
    for name, those in by_name.items():
        if len(those) > 1:
            yield _row("colliding", name, ", ".join(f"{c.name} ({c.category}, {c.number})" for c in those))


def _partial(data: Any, concepts: tuple[Concept, ...]) -> Iterator[dict[str, str]]:
    vocabularies = getattr(data, "vocabularies", None)
    if vocabularies is None:
        return
    category_of = {concept.number: concept.category for concept in concepts}
    of_source = [{category_of[number] for number in known if number in category_of} for known in vocabularies]
    for concept in concepts:
        without = [
            str(k)
            for k, (known, labeled) in enumerate(zip(vocabularies, of_source, strict=True), 1)
            if concept.number not in known and concept.category in labeled
        ]
        if without:
            yield _row(
                "partial",
                f"{concept.name} ({concept.category}, {concept.number})",
                f"not in data set {', '.join(without)}, which labels other things of the category; nd.merge(…, apart=) keeps them apart",
            )
