"""One image of a Broden directory: its line in index.csv, and what the line names, read from disk when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.data.broden_images import ExpectedFile, read_image, read_mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from nbdissect.data.broden_files import DatasetFiles


@dataclass(frozen=True)
class ImageEntry:
    """One image of index.csv."""

    line: int
    image: str
    size: tuple[int, int]
    shape: tuple[int, int]
    split: str
    parts: dict[str, tuple[str | int, ...]]  # per category, the paths and numbers of its cell, in order

    @property
    def files(self) -> list[tuple[str, str]]:
        """The image and mask files, each with the column that names it."""
        masks = [(column, part) for column, parts in self.parts.items() for part in parts if isinstance(part, str)]
        return [("image", self.image), *masks]


@dataclass(frozen=True)
class BrodenSample:
    """One image and its labels, read from disk each time they are asked for."""

    _files: DatasetFiles
    _entry: ImageEntry
    _is_label: NDArray[np.bool_]

    @property
    def path(self) -> Path:
        """The image's file."""
        return self._files.images / self._entry.image

    @property
    def split(self) -> str:
        """The part of the data set that index.csv puts the image in, such as "train"."""
        return self._entry.split

    @property
    def image(self) -> Image.Image:
        """The image, RGB, as it is stored: an EXIF orientation isn't applied, since masks belong to the stored pixels."""
        return read_image(self._files, self._expected(self._entry.image, self._entry.size))

    @property
    def masks(self) -> dict[str, NDArray[np.int32]]:
        """Per category with a mask, its planes of label numbers, int32 [planes, sh, sw]."""
        return {
            category: np.stack([self._read_plane(part) for part in parts])
            for category, parts in self._entry.parts.items()
            if any(isinstance(part, str) for part in parts)
        }

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        """Per category without a mask, the numbers that hold for the whole image."""
        return {
            category: tuple(part for part in parts if isinstance(part, int))
            for category, parts in self._entry.parts.items()
            if all(isinstance(part, int) for part in parts)
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the masks."""
        return self._entry.shape

    @property
    def labelled(self) -> bool:
        """Whether any category has a mask or a number other than 0."""
        return any(part != 0 for parts in self._entry.parts.values() for part in parts)

    def _read_plane(self, part: str | int) -> NDArray[np.int32]:
        if isinstance(part, int):  # a number beside a mask fills a plane
            return np.full(self._entry.shape, part, dtype=np.int32)
        return read_mask(self._files, self._expected(part, self._entry.shape), self._is_label)

    def _expected(self, name: str, size: tuple[int, int]) -> ExpectedFile:
        return ExpectedFile(self._files.images / name, size, self._entry.line)
