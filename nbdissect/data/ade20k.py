"""ADE20K's two releases: the scene parsing challenge's, and the full one with parts.

Format: B. Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017, the files' own descriptions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.data.entries import MaskFile
from nbdissect.data.label_maps import LabelMap, choose_decoding, stack_planes
from nbdissect.data.pictures import LabelsError, check_files, open_folder, read_values
from nbdissect.files import open_regular
from nbdissect.text import printable
from nbdissect.types import Concept

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

    Found = tuple[Path, Any, dict[str, tuple[int, ...]]]

_SPLITS = ("training", "validation")
_INFO, _SCENES = "objectInfo150.txt", "sceneCategories.txt"
_MOST_CLASSES = 1 << 16


def read_ade20k(root: str | os.PathLike[str], split: str | None) -> tuple[list[Found], tuple[Concept, ...]]:
    """Return the images, each with labels and whole-image numbers, and the concepts.

    Raises
    ------
    LabelsError, OSError
    """
    folder = open_folder(root, "from_ade20k")
    if split is not None and split not in _SPLITS:
        raise LabelsError(f"from_ade20k: split={split!r:.40}; allowed are None and {', '.join(map(repr, _SPLITS))}.")
    splits = _SPLITS if split is None else (split,)
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if (place / "annotations").is_dir() and (place / "images").is_dir():
            return _read_challenge(place, splits)
        if (place / "images" / "ADE").is_dir():
            return _read_full(place / "images" / "ADE", splits)
    raise LabelsError(
        f"from_ade20k: {folder} is neither release: there is no annotations/ beside images/, as in ADEChallengeData2016, and no images/ADE, "
        "as in ADE20K_2021_17_01. Give the folder that they are in. The release of 2016, with _atr.txt files, isn't read."
    )


# --- the challenge: index masks, 150 objects ---


def _read_challenge(folder: Path, splits: tuple[str, ...]) -> tuple[list[Found], tuple[Concept, ...]]:
    meaning = LabelMap(_read_objects(folder / _INFO), ignore=None)
    scenes = _read_scenes(folder / _SCENES) if (folder / _SCENES).exists() else {}
    first = len(meaning.concepts) + 1
    named = {name: first + k for k, name in enumerate(sorted(set(scenes.values())))}
    found: list[Found] = []
    for part in splits:
        for mask in sorted((folder / "annotations" / part).glob("*.png")):
            image = folder / "images" / part / f"{mask.stem}.jpg"
            scene = scenes.get(mask.stem)
            found.append((image, MaskFile(mask, meaning), {"scene": (named[scene],)} if scene else {}))
    if not found:
        raise LabelsError(
            f"from_ade20k: {folder / 'annotations'} holds no masks in {' or '.join(splits)}. Restore them."
        )
    check_files([image for image, _, _ in found], str(folder / "annotations"))
    return found, (*meaning.concepts, *(Concept(number, name, "scene") for name, number in named.items()))


def _read_objects(path: Path) -> dict[int, str]:
    """Return the objects' names by number; of several names of one, the first."""
    with open_regular(path) as file:
        lines = file.read().decode("utf-8", "replace").splitlines()
    names = {}
    for place, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) < 2 or not cells[0].strip().isdecimal() or not _first_name(cells[-1]):
            raise LabelsError(
                f"{path}, line {place}: {line!r:.80}; a number, and at the end a name, are needed, separated by tabs."
            )
        names[int(cells[0])] = _first_name(cells[-1])
    return names


def _read_scenes(path: Path) -> dict[str, str]:
    with open_regular(path) as file:
        rows = [line.split() for line in file.read().decode("utf-8", "replace").splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def _first_name(names: str) -> str:
    return names.replace(";", ",").split(",")[0].strip()


# --- the full release: colored masks of objects and of parts, a JSON file for each image ---


@dataclass(frozen=True)
class ObjectsAndParts:
    """The masks of one image of the full release.

    Attributes
    ----------
    masks_of : mapping of category to paths
        ``*_seg.png`` of objects; ``*_parts_1.png`` and further, of parts and parts of parts.
    numbers : mapping of category to mapping of class to concept number
        Shared by all images.
    named : set of int
        The classes that the image's own JSON file names.
    """

    masks_of: dict[str, tuple[Path, ...]]
    numbers: dict[str, dict[int, int]]
    named: frozenset[int]

    def masks(self, where: str) -> dict[str, NDArray[Any]]:
        """Return the planes of each category."""
        decode = choose_decoding("ade20k")
        planes: dict[str, NDArray[Any]] = {}
        for category, paths in self.masks_of.items():
            parts: list[tuple[int, NDArray[np.bool_]]] = []
            for path in paths:
                classes = read_values(path, f"{where}, {printable(path.name)}", colors=False, decode=decode)
                held = np.unique(classes[classes > 0]).tolist()
                # Were classes counted otherwise than here, every image would be labeled with other things.
                strange = [value for value in held if value not in self.named or value not in self.numbers[category]]
                if strange and (len(strange) > len(held) / 2 or any(v not in self.numbers[category] for v in strange)):
                    raise LabelsError(
                        f"{where}: {printable(path.name)} holds the class {strange[0]}, which its JSON file doesn't name. Restore the files."
                    )
                parts += [(self.numbers[category][value], classes == value) for value in held]
                shape = classes.shape
            planes[category] = stack_planes(parts, None, (shape[0], shape[1]))
        return planes

    def shape(self, where: str) -> tuple[int, int] | None:  # noqa: ARG002 - what all labels take
        """Return None: the masks are as large as the image."""
        return None


def _read_full(folder: Path, splits: tuple[str, ...]) -> tuple[list[Found], tuple[Concept, ...]]:
    images = sorted(path for part in splits for path in (folder / part).rglob("ADE_*.jpg"))
    if not images:
        raise LabelsError(
            f"from_ade20k: {folder} holds no images called ADE_….jpg in {' or '.join(splits)}. Restore them."
        )
    names: dict[str, dict[int, str]] = {"object": {}, "part": {}}
    described = {image: _read_description(image.with_suffix(".json"), names) for image in images}
    concepts: list[Concept] = []
    numbers: dict[str, dict[int, int]] = {"object": {}, "part": {}}
    for category, classes in names.items():
        by_name: dict[str, int] = {}
        for value, name in sorted(classes.items()):
            if name not in by_name:
                by_name[name] = len(concepts) + 1
                concepts.append(Concept(by_name[name], name, category))
            numbers[category][value] = by_name[name]
    named = {}
    for name in sorted({scene for scene, _ in described.values()}):
        named[name] = len(concepts) + 1
        concepts.append(Concept(named[name], name, "scene"))
    found = [_full_entry(image, numbers, named[scene], classes) for image, (scene, classes) in described.items()]
    return found, tuple(concepts)


def _full_entry(image: Path, numbers: dict[str, dict[int, int]], scene: int, named: frozenset[int]) -> Found:
    objects = image.with_name(f"{image.stem}_seg.png")
    if not objects.is_file():
        raise FileNotFoundError(f"from_ade20k: {objects}, the mask of {image.name}, is missing. Restore it.")
    parts = sorted(image.parent.glob(f"{image.stem}_parts_*.png"))
    masks = {"object": (objects,), **({"part": tuple(parts)} if parts else {})}
    return image, ObjectsAndParts(masks, numbers, named), {"scene": (scene,)}


def _read_description(path: Path, names: dict[str, dict[int, str]]) -> tuple[str, frozenset[int]]:
    """Add the classes that an image's JSON file names to `names`, and return its scene and these classes."""
    classes = set()
    try:
        with open_regular(path) as file:
            annotation = json.loads(file.read().decode("utf-8", "replace"))["annotation"]
        for row in annotation["object"]:
            value, name = int(row["name_ndx"]), _first_name(row["name"])
            if 0 < value < _MOST_CLASSES and name:
                classes.add(value)
                level = int(row.get("parts", {}).get("part_level", 0))
                names["part" if level else "object"].setdefault(value, name)
        scene = annotation["scene"][-1] if isinstance(annotation["scene"], list) else annotation["scene"]
        return str(scene).strip("/") or "unknown", frozenset(classes)
    except OSError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise LabelsError(
            f"{path}: its annotation can't be read ({type(error).__name__}: {error}); objects with name, name_ndx and parts, and a scene, are needed. Restore it."
        ) from error
