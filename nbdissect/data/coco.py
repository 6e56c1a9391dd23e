"""Annotations in COCO's format, which FiftyOne, CVAT and Label Studio export as well.

Format: T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, the data format's documentation.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.data.coco_masks import decode_region
from nbdissect.data.label_maps import make_concepts, stack_planes
from nbdissect.data.pictures import LabelsError, check_files, open_folder
from nbdissect.files import open_regular
from nbdissect.text import describe_type, plural, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nbdissect.types import Concept

_LISTS = ("images", "annotations", "categories")
_MOST_SIDE = 1 << 15


@dataclass(frozen=True)
class Region:
    """One annotation: what is where.

    Attributes
    ----------
    id : int
    concept : Concept
    segmentation : run-length code or polygons; None where only a box is known
    box : sequence of float
        x, y, width, height.
    crowd : bool
        Whether it stands for many things that were not told apart, and the rest around them.
    """

    id: Any
    concept: Concept
    segmentation: Any
    box: Any
    crowd: bool

    def pixels(self, shape: tuple[int, int], where: str) -> NDArray[np.bool_]:
        """Return its pixels, bool [h, w]."""
        try:
            return self._box(shape) if self.segmentation is None else decode_region(self.segmentation, shape)
        except ValueError as error:
            raise LabelsError(
                f"{where}, annotation {self.id!r:.40}: {error}. Correct the annotation, or remove it."
            ) from error

    def _box(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        if not isinstance(self.box, list) or len(self.box) != 4 or not all(map(_is_number, self.box)):
            raise ValueError(f"it has no segmentation, and its bbox is {self.box!r:.60}")
        x, y, width, height = self.box
        pixels = np.zeros(shape, dtype=bool)
        pixels[
            max(0, math.floor(y)) : max(0, math.ceil(y + height)), max(0, math.floor(x)) : max(0, math.ceil(x + width))
        ] = True
        return pixels


@dataclass(frozen=True)
class Regions:
    """The annotations of one image."""

    regions: tuple[Region, ...]
    size: tuple[int, int]

    def masks(self, where: str) -> dict[str, NDArray[Any]]:
        """Return the planes of each category; crowds, and boxes of what has no outline, are of unknown meaning."""
        grouped: dict[str, list[Region]] = defaultdict(list)
        for region in self.regions:
            grouped[region.concept.category].append(region)
        return {category: self._planes(regions, where) for category, regions in grouped.items()}

    def shape(self, where: str) -> tuple[int, int]:  # noqa: ARG002 - what all labels take
        """Return the image's height and width."""
        return self.size

    def _planes(self, regions: Sequence[Region], where: str) -> NDArray[np.int32]:
        parts, unlabeled = [], np.zeros(self.size, dtype=bool)
        for region in regions:
            pixels = region.pixels(self.size, where)
            if region.crowd or region.segmentation is None:
                unlabeled |= pixels
            else:
                parts.append((region.concept.number, pixels))
        return stack_planes(parts, unlabeled, self.size)


def read_coco(
    images: str | os.PathLike[str], source: Any, category: str | Mapping[str, str]
) -> tuple[list[tuple[Path, Regions]], tuple[Concept, ...]]:
    """Return the images with their regions, and the concepts.

    Parameters
    ----------
    images : path
        The folder that the files' names start from.
    source : path or dict
        The JSON file, or what it holds.
    category : str, or mapping of name to category

    Raises
    ------
    LabelsError
    OSError
    """
    folder = open_folder(images, "from_coco, images")
    name, content = _load(source)
    names = _read_names(content["categories"], name)
    concepts, numbers = make_concepts(names.values(), category)
    meaning = {key: concepts[numbers[label] - 1] for key, label in names.items()}
    listed = _read_images(content["images"], name, folder)
    regions: dict[Any, list[Region]] = {image: [] for image in listed}
    for annotation in content["annotations"]:
        image, region = _read_region(annotation, meaning, name)
        if image not in regions:
            raise LabelsError(
                f"{name}: annotation {region.id!r:.40} is of image {image!r:.40}, which is not among its {plural(len(listed), 'image')}. "
                "Remove it, or add the image."
            )
        regions[image].append(region)
    every = [region for those in regions.values() for region in those]
    if every and all(region.segmentation is None for region in every):
        raise LabelsError(
            f"{name}: none of its {plural(len(every), 'annotation')} has a segmentation. Boxes don't say which pixels a thing covers; "
            "polygons or run-length codes are needed."
        )
    return [(path, Regions(tuple(regions[image]), size)) for image, (path, size) in listed.items()], concepts


def _load(source: Any) -> tuple[str, dict[str, Any]]:
    """Return what errors call the annotations, and the annotations."""
    name = "The annotations"
    if not isinstance(source, dict):
        with open_regular(source) as file:
            name = printable(str(file.name))
            try:
                source = json.load(file)
            except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, nested without end
                raise LabelsError(f"{name} is no JSON file: {error}. It may be cut off; restore it.") from error
    if not isinstance(source, dict) or not all(isinstance(source.get(key), list) for key in _LISTS):
        held = (
            f"the keys {', '.join(map(repr, list(source)[:8]))}" if isinstance(source, dict) else describe_type(source)
        )
        raise LabelsError(
            f"{name}: COCO's format has lists called {', '.join(_LISTS)}; this holds {printable(held)}. "
            "Files of results or captions label no pixels."
        )
    for key in _LISTS:
        if not all(isinstance(row, dict) for row in source[key]):
            raise LabelsError(f"{name}: {key} holds something else than objects.")
    if not source["images"]:
        raise LabelsError(f"{name} lists no images; at least one is needed.")
    return name, source


def _read_names(rows: list[dict[str, Any]], name: str) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for row in rows:
        key, label = row.get("id"), row.get("name")
        if not _is_key(key) or not isinstance(label, str) or not label or key in names:
            raise LabelsError(f"{name}: a category is {row!r:.100}; an id of its own and a name are needed.")
        names[key] = label
    if not names:
        raise LabelsError(f"{name} lists no categories; at least one is needed.")
    return names


def _read_images(rows: list[dict[str, Any]], name: str, folder: Path) -> dict[Any, tuple[Path, tuple[int, int]]]:
    found: dict[Any, tuple[Path, tuple[int, int]]] = {}
    for row in rows:
        key, file = row.get("id"), row.get("file_name")
        height: Any = row.get("height")
        width: Any = row.get("width")
        if not _is_key(key) or not isinstance(file, str) or not file or not _is_side(height) or not _is_side(width):
            raise LabelsError(f"{name}: an image is {row!r:.120}; id, file_name, height and width are needed.")
        if key in found:
            raise LabelsError(f"{name}: two images have the id {key!r:.40}. Correct one of them.")
        found[key] = _find_file(folder, file), (int(height), int(width))
    paths = [path for path, _ in found.values()]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise LabelsError(
            f"{name}: {printable(twice.name)} is listed twice; it would count twice. Remove one of the two."
        )
    check_files(paths, name)
    return found


def _find_file(folder: Path, name: str) -> Path:
    """Return where a file is: in the folder, by its whole name or, as some programs write paths of their own, by the last part."""
    path = PurePosixPath(name.replace("\\", "/"))
    inside = not path.is_absolute() and ".." not in path.parts and ":" not in name
    whole = folder / path
    return whole if inside and (whole.is_file() or not (folder / path.name).is_file()) else folder / path.name


def _read_region(row: dict[str, Any], meaning: dict[Any, Concept], name: str) -> tuple[Any, Region]:
    key, image, crowd = row.get("category_id"), row.get("image_id"), row.get("iscrowd", 0)
    if not _is_key(key) or key not in meaning:
        raise LabelsError(
            f"{name}: annotation {row.get('id')!r:.40} is of category {key!r:.40}, which is not among its categories. Correct it, or add the category."
        )
    if not _is_key(image) or crowd not in (0, 1):
        raise LabelsError(
            f"{name}: annotation {row.get('id')!r:.40} has image_id {image!r:.40} and iscrowd {crowd!r:.40}; a number, and 0 or 1, are needed."
        )
    return image, Region(row.get("id"), meaning[key], row.get("segmentation") or None, row.get("bbox"), bool(crowd))


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= _MOST_SIDE


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
