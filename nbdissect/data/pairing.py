"""Which image goes with which mask: files by their names, all else by place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbdissect.data.pictures import LabelsError, is_path, list_pictures, listed, open_folder
from nbdissect.text import describe_type, plural


def pair_up(images: Any, masks: Any) -> list[tuple[Any, Any]]:
    """Return images with their masks: files by name, all else by place."""
    if callable(masks):
        paths = list_pictures(open_folder(images, "images"), "images") if is_path(images) else list(images)
        return _some([(path, masks(path)) for path in paths])
    images, masks = (
        files if is_path(files) else _as_list(files, what) for files, what in ((images, "images"), (masks, "masks"))
    )
    if all(is_path(files) or all(map(is_path, files)) for files in (images, masks)):
        return _some(_pair_by_stem(images, masks))
    for files, what, other in ((images, "images", "masks"), (masks, "masks", "images")):
        if is_path(files):
            raise LabelsError(
                f"{what} is a folder, and {other} is a list of what are no files: nothing says which belong together. Give {what} as a list, too."
            )
    if len(images) != len(masks):
        raise LabelsError(
            f"There are {plural(len(images), 'image')} and {plural(len(masks), 'mask')}; one mask for each image is needed."
        )
    if len({isinstance(mask, Mapping) for mask in masks}) > 1:
        raise LabelsError("Some masks are dicts of arrays, others are not; all must be of one kind.")
    return _some(list(zip(images, masks, strict=True)))


def _some(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    if not pairs:
        raise LabelsError("There are no images; at least one is needed.")
    return pairs


def _as_list(files: Any, what: str) -> list[Any]:
    if isinstance(files, (Mapping, bytes)) or not hasattr(files, "__iter__"):
        raise LabelsError(f"{what} is {describe_type(files)}; a folder or a list is needed.")
    return list(files)


def _pair_by_stem(images: Any, masks: Any) -> list[tuple[Path, Path]]:
    """Return images with the masks of the same stem, in the order of the images.

    The stem of a file in a folder is its path below the folder, of a file in a list its name, without the ending.

    Parameters
    ----------
    images, masks : folder, or list of paths

    Raises
    ------
    LabelsError
        If a file is without its partner, or two have one stem.
    OSError
        If there is no such folder.
    """
    pictures, labels = _by_stem(images, "images"), _by_stem(masks, "masks")
    alone = [stem for stem in pictures if stem not in labels], [stem for stem in labels if stem not in pictures]
    if any(alone):
        sides = [
            f"{plural(len(stems), noun)} without {other}: {listed(stems)}"
            for stems, noun, other in zip(alone, ("image", "mask"), ("a mask", "an image"), strict=True)
            if stems
        ]
        raise LabelsError(
            f"Images and masks are paired by their names without the ending. There {'is' if sum(map(len, alone)) == 1 else 'are'} "
            f"{'; '.join(sides)}. Give lists of those that belong together, or masks=a function from an image's path to its mask's."
        )
    return [(path, labels[stem]) for stem, path in pictures.items()]


def _by_stem(files: Any, what: str) -> dict[str, Path]:
    if is_path(files):
        folder = open_folder(files, what)
        paths = list_pictures(folder, what)
        stems = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    else:
        paths = [Path(path).expanduser() for path in files]
        stems = [path.stem for path in paths]
    together: dict[str, list[Path]] = defaultdict(list)
    for stem, path in zip(stems, paths, strict=True):
        together[stem].append(path)
    for stem, those in together.items():
        if len(those) > 1:
            raise LabelsError(
                f"{what}: {plural(len(those), 'file')} are called {stem!r} but for their endings or folders: "
                f"{listed(those)}. Leave out all but one, or rename them."
            )
    return {stem: those[0] for stem, those in together.items()}
