"""One image and its labels, wherever they are, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nbdissect.data.label_maps import LabelMap, stack_planes
from nbdissect.data.pictures import LabelsError, is_path, mask_size, read_values
from nbdissect.samples.images import read_image
from nbdissect.text import describe_type, did_you_mean, plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.types import Concept


class Labels(Protocol):
    """What the pixels of one image mean, read when it is asked for."""

    def masks(self, where: str) -> dict[str, NDArray[Any]]:
        """Return the planes of each category; `where` begins error texts."""

    def shape(self, where: str) -> tuple[int, int] | None:
        """Return the height and width of the masks; None where the image says."""


@dataclass(frozen=True)
class Entry:
    """One image and where its labels are.

    Attributes
    ----------
    image : path, PIL image, or uint8 array [h, w, 3]
    labels : Labels, optional
    whole : mapping of category to concept numbers that hold for the whole image
    """

    image: Any
    labels: Labels | None = None
    whole: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LabeledSample:
    """One image and its labels, read each time they are asked for.

    Attributes
    ----------
    path : Path or None
        The image's file.
    """

    _entry: Entry
    _index: int

    @property
    def path(self) -> Path | None:
        """The image's file; None where it is none."""
        return Path(self._entry.image).expanduser() if is_path(self._entry.image) else None

    @property
    def image(self) -> Image:
        """The image, RGB, upright."""
        try:
            image = read_image(self._entry.image, self._index)
        except ValueError as error:
            raise LabelsError(str(error)) from error
        return image if image.mode == "RGB" else image.convert("RGB")

    @property
    def masks(self) -> dict[str, NDArray[Any]]:
        """Per category, its planes of concept numbers [planes, sh, sw]."""
        return {} if self._entry.labels is None else self._entry.labels.masks(self._where)

    @property
    def whole(self) -> Mapping[str, tuple[int, ...]]:
        """Per category, the numbers that hold for the whole image."""
        return self._entry.whole

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width of the masks; None where it is that of the image."""
        return None if self._entry.labels is None else self._entry.labels.shape(self._where)

    @property
    def _where(self) -> str:
        name = f" ({printable(self.path.name)})" if self.path else ""
        return f"Image {self._index}{name}"


@dataclass(frozen=True)
class MaskFile:
    """One mask whose values a map gives a meaning."""

    mask: Any
    meaning: LabelMap
    decode: Callable[[Any], Any] | None = None

    def masks(self, where: str) -> dict[str, NDArray[Any]]:
        """Return the planes of each category."""
        values = read_values(self.mask, where, colors=self.meaning.colors, decode=self.decode)
        return dict(self.meaning.masks(values, where))

    def shape(self, where: str) -> tuple[int, int]:
        """Return the mask's height and width."""
        return mask_size(self.mask, where)


@dataclass(frozen=True)
class NamedMasks:
    """Boolean arrays by name."""

    arrays: Mapping[str, Any]
    concepts: Mapping[str, Concept]

    def masks(self, where: str) -> dict[str, NDArray[Any]]:
        """Return the planes of each category."""
        parts: dict[str, list[tuple[int, NDArray[np.bool_]]]] = {}
        shape = None
        for name, array in self.arrays.items():
            if name not in self.concepts:
                raise LabelsError(
                    f"{where}: a mask is called {name!r:.80}, which is not among the {plural(len(self.concepts), 'name')} of names=."
                    f"{did_you_mean(str(name), self.concepts)} Add it, or leave the mask out."
                )
            pixels = _read_boolean(array, f"{where}, {name!r}")
            shape = shape or pixels.shape
            if pixels.shape != shape:
                raise LabelsError(
                    f"{where}, {name!r}: a mask of shape {list(pixels.shape)} beside one of {list(shape)}. All masks of one image share "
                    "one height and width."
                )
            concept = self.concepts[name]
            parts.setdefault(concept.category, []).append((concept.number, pixels))
        return {category: stack_planes(group, None, group[0][1].shape) for category, group in parts.items()}

    def shape(self, where: str) -> tuple[int, int] | None:  # noqa: ARG002 - what all labels take
        """Return the masks' height and width."""
        return next((np.shape(array)[:2] for array in self.arrays.values()), None)


def _read_boolean(array: Any, where: str) -> NDArray[np.bool_]:
    pixels = np.asarray(array)
    if pixels.dtype != bool and not (pixels.dtype.kind in "iu" and np.isin(pixels, (0, 1)).all()):
        raise LabelsError(
            f"{where}: its mask is {describe_type(array)} and dtype {pixels.dtype}; booleans are needed, such as mask > 127."
        )
    if pixels.ndim != 2 or not pixels.size:
        raise LabelsError(f"{where}: its mask has shape {list(pixels.shape)}; [height, width] is needed.")
    return pixels.astype(bool)
