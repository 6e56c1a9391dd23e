"""The layout of Pascal VOC's segmentation.

Format: M. Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010, the development kit's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.data.label_maps import LabelMap
from nbdissect.data.pictures import LabelsError, check_files, open_folder
from nbdissect.text import did_you_mean

if TYPE_CHECKING:
    import os
    from pathlib import Path

_OBJECTS = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable"),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
NAMES = {0: None, **dict(enumerate(_OBJECTS, 1))}
"""What a pixel's value means: 0 is background, 255 (not here) the border, and what is too difficult."""

_IMAGES, _MASKS = "JPEGImages", "SegmentationClass"


def read_voc(root: str | os.PathLike[str], split: str | None) -> tuple[list[tuple[Path, Path]], LabelMap]:
    """Return the images with their masks, and what a mask's values mean.

    Raises
    ------
    LabelsError, OSError
    """
    folder = _find(open_folder(root, "from_voc"))
    if split is None:
        stems = sorted(path.stem for path in (folder / _MASKS).glob("*.png") if not path.name.startswith("."))
        named_by = str(folder / _MASKS)
    else:
        stems, named_by = _read_split(folder / "ImageSets" / "Segmentation", split)
    if not stems:
        raise LabelsError(f"{named_by} lists no images; at least one is needed.")
    pairs = [(folder / _IMAGES / f"{stem}.jpg", folder / _MASKS / f"{stem}.png") for stem in stems]
    check_files([path for pair in pairs for path in pair], named_by)
    return pairs, LabelMap(NAMES)


def _find(root: Path) -> Path:
    places = [
        root,
        *sorted(root.glob("VOC20*")),
        *sorted(root.glob("VOCdevkit/VOC20*")),
        *sorted(root.glob("*/VOCdevkit/VOC20*")),
    ]
    found = [place for place in places if (place / _MASKS).is_dir() and (place / _IMAGES).is_dir()]
    if not found:
        raise LabelsError(
            f"from_voc: {root} holds no folder with {_IMAGES} and {_MASKS}, as VOCdevkit/VOC2012 is one. Give the folder that they are in."
        )
    if len(found) > 1:
        raise LabelsError(
            f"from_voc: {root} holds {', '.join(str(place.relative_to(root)) for place in found)}, which share images. Give one of them."
        )
    return found[0]


def _read_split(folder: Path, split: str) -> tuple[list[str], str]:
    lists = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    if split not in lists:
        raise LabelsError(
            f"from_voc: split={split!r:.40}; {folder} has {', '.join(map(repr, lists)) or 'no lists'}.{did_you_mean(str(split), lists)}"
        )
    stems = lists[split].read_text(encoding="utf-8").split()
    for stem in stems:
        if "/" in stem or "\\" in stem or stem.startswith("."):
            raise LabelsError(f"{lists[split]} lists {stem!r}; names of images are needed, without folder or ending.")
    return stems, str(lists[split])
