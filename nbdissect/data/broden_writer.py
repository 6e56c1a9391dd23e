"""Writes any labeled images as a directory in the Broden format, which the original programs read as well.

Format: D. Bau, B. Zhou et al., "Network Dissection", CVPR 2017, the data set's own files.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from PIL import Image

from nbdissect._version import __version__
from nbdissect.data.broden import FIXED_COLUMNS, ORIGIN, Broden, BrodenSample
from nbdissect.data.broden_arguments import check_categories, check_concepts, parse_quality, parse_size, parse_splits
from nbdissect.data.pictures import LabelsError
from nbdissect.data.resolve import resolve_data
from nbdissect.files import expand, full_disk_named
from nbdissect.notices import warn
from nbdissect.samples import Subset, check_dataset
from nbdissect.samples.images import stores_16_bits
from nbdissect.text import plural, printable
from nbdissect.types import BRODEN_LIKE, UNLABELED, Concept
from nbdissect.validation import read_categories, read_concepts

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_IN_A_FOLDER = 1000
_LONGEST = 300  # letters of a description
_SPLITS = {"train": 0.7, "val": 0.3}
_ORIENTATION = 0x0112  # tag of EXIF
_COPIED = {"JPEG": ".jpg", "PNG": ".png"}


def write_broden(
    data: Any,
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    quality: int | None = None,
    splits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Broden:
    """Write labeled images as a directory in the Broden format, with its statistics, and return it opened.

    Results on it say that it is "Broden-like", and what it was made of. Concepts keep their numbers. Images that are JPEG or PNG files are copied as they are; all others are stored
    as PNG, so that nothing is lost. Pixels of unknown meaning can't be told in the format: they are written
    as 0, "none", with a warning.

    Parameters
    ----------
    data : data set or path
    path : path
        A directory that is not there yet, or empty. It appears when it is complete.
    size : int or (height, width), optional
        Resize all images to it, whole, and masks to half of it, as in Broden's own; NetDissect-Lite needs images of
        one size. By default sizes stay as they are.
    quality : int, optional
        Store what isn't copied as JPEG of this quality, 1 to 95.
    splits : mapping of name to share, optional
        Draws the split of each image. By default the data set's own, else 70 % "train" and 30 % "val".
    seed : int
        The same seed draws the same splits.

    Returns
    -------
    Broden

    Raises
    ------
    ValueError
        If something is there already, a name or number can't stand in the format, or a sample can't be used.
    OSError
        If the disk is full, or the directory can't be written.

    Examples
    --------
    >>> nd.write_broden(nd.merge(voc, textures), "my_broden", size=224)
    """
    target = expand(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise LabelsError(
            f"write_broden: {target} is there already. Choose a directory that is not there yet, or an empty one."
        )
    data = resolve_data(data)
    writer = _Writer(data, parse_size(size), parse_quality(quality), parse_splits(splits), random.Random(seed))  # noqa: S311 - no secret
    beside = target.with_name(f".{target.name[:100]}.{uuid4().hex}.tmp")
    try:
        with full_disk_named(target):
            beside.mkdir(parents=True)
            writer.write(beside)
        if target.exists():
            target.rmdir()
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if writer.unlabeled:
        warn(
            f"write_broden: the Broden format has no sign for pixels of unknown meaning; {plural(writer.unlabeled, 'pixel')} of masks were "
            'written as 0, "none", and will count as that.'
        )
    return Broden(target)


class _Writer:
    """Writes the files of the images, one by one, and counts what the tables say.

    Attributes
    ----------
    unlabeled : int
        Pixels of unknown meaning.
    """

    def __init__(
        self,
        data: Any,
        size: tuple[int, int] | None,
        quality: int | None,
        splits: Mapping[str, float] | None,
        dice: random.Random,
    ) -> None:
        self._data = check_dataset(data)
        self._concepts = read_concepts(data)
        self._categories = check_categories(read_categories(data))
        check_concepts(self._concepts)
        self._size, self._quality, self._splits, self._dice = size, quality, splits, dice
        self._numbers = np.array([concept.number for concept in self._concepts], dtype=np.int64)
        self._others = frozenset(map(int, getattr(data, "concept_numbers", ())))
        # Per category and number: in how many images, and the sum of the shares of their pixels.
        self._counts: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0, 0.0])
        self._images_with: dict[str, int] = dict.fromkeys(self._categories, 0)
        self.unlabeled = 0

    def write(self, root: Path) -> None:
        """Write everything into an empty directory."""
        rows = [self._write_image(root / "images", index) for index in range(len(self._data))]
        if not rows:
            raise LabelsError("write_broden: the data set has no images; at least one is needed.")
        listed = self._list_concepts()
        kept = [k for k, category in enumerate(self._categories) if listed[category]]  # a table without a line is none
        fixed = len(FIXED_COLUMNS)
        header = [*FIXED_COLUMNS, *(self._categories[k] for k in kept)]
        _write_table(root / "index.csv", header, [[*row[:fixed], *(row[fixed + k] for k in kept)] for row in rows])
        (root / ORIGIN).write_text(f"{self._origin()}\n", encoding="utf-8")
        self._write_tables(root, {self._categories[k]: listed[self._categories[k]] for k in kept})

    def _origin(self) -> str:
        """Return what results say of the set: that it is no Broden, unless it was."""
        data = getattr(self._data, "original", self._data)
        credit = str(getattr(data, "credit", "") or "")
        if credit.startswith(BRODEN_LIKE):
            return credit
        made_of = f"{plural(len(data), 'image')} of {_kind_of(data)}"
        return f"{BRODEN_LIKE}, written by nbdissect {__version__} of {made_of}" + (
            f"; {printable(credit)[:_LONGEST]}" if credit else ""
        )

    # --- one image ---

    def _write_image(self, images: Path, index: int) -> list[Any]:
        """Write an image and its masks; return its row of index.csv."""
        sample = self._data[index]
        folder = f"{index // _IN_A_FOLDER:03d}"
        (images / folder).mkdir(parents=True, exist_ok=True)
        stem = f"{folder}/{index:06d}"
        content, suffix, size = self._encode(sample)
        (images / f"{stem}{suffix}").write_bytes(content)
        shape: tuple[int, int] = sample.shape if self._size is None else (self._size[0] // 2, self._size[1] // 2)
        masks, whole = sample.masks, sample.whole
        cells = []
        for category in self._categories:
            planes = self._planes(masks.get(category, ()), shape, index, category)
            numbers = self._known(np.array(whole.get(category, ()), dtype=np.int64), index, category).tolist()
            self._count(category, planes, numbers)
            names = [f"{stem}_{category}_{k}.png" for k in range(1, len(planes) + 1)]
            for name, plane in zip(names, planes, strict=True):
                _save_plane(images / name, plane)
            cells.append(";".join([*names, *map(str, numbers)]))
        return [f"{stem}{suffix}", self._split(sample), *size, *shape, *cells]

    def _encode(self, sample: Any) -> tuple[bytes, str, tuple[int, int]]:
        """Return an image as the content of a file, its ending, and its height and width."""
        if self._size is None and (content := _copied(sample)) is not None:
            return content
        image = sample.image.convert("RGB")
        if self._size is not None:
            image = image.resize(self._size[::-1], Image.Resampling.BILINEAR)
        image.info.clear()
        file = io.BytesIO()
        if self._quality is None:
            image.save(file, "PNG")
        else:
            image.save(file, "JPEG", quality=self._quality)
        return file.getvalue(), ".png" if self._quality is None else ".jpg", (image.height, image.width)

    def _planes(self, planes: Any, shape: tuple[int, int], index: int, category: str) -> list[NDArray[np.int64]]:
        kept = []
        for plane in np.asarray(planes):
            if plane.shape != shape:
                rows, columns = (
                    ((np.arange(n) + 0.5) * m / n).astype(np.int64) for n, m in zip(shape, plane.shape, strict=True)
                )
                plane = plane[rows[:, None], columns]  # noqa: PLW2901 - the same, smaller
            self.unlabeled += int((plane == UNLABELED).sum())
            kept.append(self._known(plane.astype(np.int64), index, category))
        return kept

    def _known(self, numbers: NDArray[np.int64], index: int, category: str) -> NDArray[np.int64]:
        """Return concept numbers, with 0 for what is a label, but no concept."""
        found, place = np.unique(numbers, return_inverse=True)
        is_concept = np.isin(found, self._numbers)
        for number in found[~is_concept].tolist():
            if number not in (0, UNLABELED) and number not in self._others:
                raise LabelsError(
                    f"Image {index}, category {category!r}: label number {number} is not among the data set's "
                    f"{len(self._numbers):,} concepts. Every number in a mask must be one, or 0 for none."
                )
        kept: NDArray[np.int64] = np.where(is_concept, found, 0)[place.reshape(numbers.shape)]
        return kept

    def _count(self, category: str, planes: Sequence[NDArray[np.int64]], whole: Iterable[int]) -> None:
        areas = dict.fromkeys((number for number in whole if number), 1.0)
        stack = np.stack(planes) if planes else np.zeros((0, 1, 1), np.int64)
        for number in np.unique(stack[stack > 0]).tolist():
            areas.setdefault(number, float((stack == number).any(axis=0).mean()))
        for number, share in areas.items():
            counts = self._counts[category, number]
            counts[0] += 1
            counts[1] += share
        self._images_with[category] += bool(areas)

    def _split(self, sample: Any) -> str:
        own = getattr(sample, "split", None)
        if self._splits is None and isinstance(own, str) and own:
            return own
        splits = self._splits or _SPLITS
        return self._dice.choices(list(splits), weights=list(splits.values()))[0]

    # --- the tables ---

    def _write_tables(self, root: Path, listed: Mapping[str, list[tuple[Concept, int, float]]]) -> None:
        of_label: dict[int, list[tuple[str, int, float]]] = defaultdict(list)
        rows = []
        for category, concepts in listed.items():
            entries = sorted(concepts, key=lambda entry: (-entry[1], -entry[2], entry[0].number))
            _write_table(
                root / f"c_{category}.csv",
                ["code", "number", "name", "frequency", "coverage"],
                [(k, c.number, c.name, images, f"{share:.6f}") for k, (c, images, share) in enumerate(entries, 1)],
            )
            numbers = [concept.number for concept, _, _ in entries]
            rows.append((category, min(numbers), max(numbers), len(numbers), self._images_with[category]))
            for concept, images, share in entries:
                of_label[concept.number].append((category, images, share))
        _write_table(root / "category.csv", ["name", "first", "last", "count", "frequency"], rows)
        _write_table(
            root / "label.csv",
            ["number", "name", "category", "frequency", "coverage", "syns"],
            [
                (
                    concept.number,
                    concept.name,
                    ";".join(f"{category}({images})" for category, images, _ in of_label[concept.number]),
                    sum(images for _, images, _ in of_label[concept.number]),
                    f"{sum(share for _, _, share in of_label[concept.number]):.6f}",
                    "",
                )
                for concept in self._concepts
            ],
        )

    def _list_concepts(self) -> dict[str, list[tuple[Concept, int, float]]]:
        """Return the concepts of each category's table, with images and coverage.

        A concept belongs to the category in which its coverage is largest, of equal ones the later one; where that would
        be another than it has, the other table leaves it out.
        """
        listed: dict[str, list[tuple[Concept, int, float]]] = {category: [] for category in self._categories}
        place = {category: k for k, category in enumerate(self._categories)}
        for concept in self._concepts:
            own = round(self._counts.get((concept.category, concept.number), (0, 0.0))[1], 6), place[concept.category]
            for category in self._categories:
                images, share = self._counts.get((category, concept.number), (0, 0.0))
                if category == concept.category or (images and (round(share, 6), place[category]) < own):
                    listed[category].append((concept, int(images), share))
        return listed


def _kind_of(data: Any) -> str:
    """Return what sort of data set it is, without the directories of the machine at hand."""
    if isinstance(data, Subset):
        return _kind_of(data.data)
    sources = getattr(data, "sources", None)
    return type(data).__name__ if sources is None else " and ".join(dict.fromkeys(map(_kind_of, sources)))


def _copied(sample: Any) -> tuple[bytes, str, tuple[int, int]] | None:
    """Return the file of an image as it is, if reading it again gives the same pixels; else None."""
    path = getattr(sample, "path", None)
    if path is None:
        return None
    image = sample.image  # decoded, and checked, whatever is done with it
    content = Path(path).read_bytes()
    with Image.open(io.BytesIO(content)) as stored:
        plain = stored.format in _COPIED and stored.mode in ("RGB", "L") and not stores_16_bits(stored)
        turned = not _is_broden(sample) and stored.getexif().get(_ORIENTATION, 1) != 1
        if not plain or turned or stored.size != image.size:
            return None
        return content, _COPIED[str(stored.format)], (stored.height, stored.width)


def _is_broden(sample: Any) -> bool:
    """Return whether it is an image whose orientation isn't applied, below what checks or renumbers it."""
    while not isinstance(sample, BrodenSample):
        sample = getattr(sample, "__dict__", {}).get("_sample")
        if sample is None:
            return False
    return True


def _save_plane(path: Path, plane: NDArray[np.int64]) -> None:
    colors = np.stack([plane % 256, plane // 256, np.zeros_like(plane)], axis=-1).astype(np.uint8)
    Image.fromarray(colors).save(path, "PNG")


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
