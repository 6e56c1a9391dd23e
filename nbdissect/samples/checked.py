"""Checks every sample where it comes in, so that a bad one is an error that names its image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.samples.images import read_image
from nbdissect.text import describe_type, printable
from nbdissect.user_code import UserCodeError, call_user_code

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_HOW_TO = "Return nd.Sample(image, masks, whole)"
_MAX_NUMBER = (1 << 63) - 1  # numbers are counted as int64
# What other data sets return as an item.
_OTHER_ITEMS = (tuple, list, Mapping, str, bytes, int, float, type(None), np.ndarray, np.generic)


def check_dataset(data: Any) -> Any:
    """Return a data set that looks like `data` and checks its samples; one that says it does so comes back as it is."""
    return data if getattr(type(data), "checks_samples", False) else CheckedDataset(data)


class CheckedDataset:
    """A data set that looks like another and checks its samples when they are read.

    Parameters
    ----------
    data : data set

    Attributes
    ----------
    original : data set
    """

    checks_samples = True

    def __init__(self, data: Any) -> None:
        self.original = data

    def __len__(self) -> int:
        return len(self.original)

    def __getitem__(self, index: int) -> CheckedSample:
        """Return sample `index`; its parts are checked when they are read from it.

        Raises
        ------
        ValueError, OSError
            If it isn't a sample, or the data set's own code fails.
        """
        try:
            sample = call_user_code(lambda: self.original[index], f"Image {index}: data[{index}]")
        except UserCodeError as error:
            if isinstance(error.__cause__, IndexError) and 0 <= index < len(self):
                raise UserCodeError(f"{error} len(data) is {len(self):,}, more than there are.") from error.__cause__
            raise
        return CheckedSample(sample, index)

    def __getattr__(self, name: str) -> Any:
        if name == "original":  # while this object is unpickled
            raise AttributeError(name)
        return getattr(self.original, name)


class CheckedSample:
    """A sample that looks like another and checks its parts when they are read.

    Parameters
    ----------
    sample : Sample, or anything with its attributes
    index : int
        Its number in the data set, for error texts.
    """

    def __init__(self, sample: Any, index: int) -> None:
        # A named tuple with an image is a sample.
        if isinstance(sample, _OTHER_ITEMS) and not hasattr(type(sample), "image"):
            raise ValueError(f"Image {index}: data[{index}] is {describe_type(sample)}, not a sample. {_HOW_TO}.")
        self._sample = sample
        self._index = index
        self._size: tuple[int, int] | None = None
        self._shape: tuple[int, int] | None = None

    @property
    def image(self) -> Image:
        """The image: decoded, upright, of 8 bits per channel; grayscale, palette and others keep their mode."""
        image = read_image(self._read("image"), self._index)
        self._size = (image.height, image.width)
        self._check_aspect()
        return image

    @property
    def masks(self) -> dict[str, NDArray[Any]]:
        """Per category that has planes, their concept numbers: whole numbers [planes, sh, sw], all of one sh × sw."""
        masks = self._read("masks")
        if not isinstance(masks, Mapping):
            raise ValueError(
                f"Image {self._index}: .masks of its sample must map categories to arrays [planes, height, width]; got {describe_type(masks)}."
            )
        shape = self._declared_shape()
        checked = {}
        for category, stack in masks.items():
            planes = self._check_planes(stack, category)
            if not len(planes):
                continue
            shape = shape or planes.shape[1:]
            if planes.shape[1:] != shape:
                raise ValueError(self._different_sizes(category, planes.shape[1:], shape))
            checked[category] = planes
        return checked

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        """Per category, the concept numbers that hold for the whole image."""
        whole = self._read("whole")
        if not isinstance(whole, Mapping) or not all(map(_is_list, whole.values())):
            raise ValueError(
                f"Image {self._index}: .whole of its sample must map categories to sequences of label numbers; got {whole!r:.80}."
            )
        return {
            category: tuple(self._check_number(n, category) for n in numbers) for category, numbers in whole.items()
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the masks: the sample's own `shape`, else those of its masks, else the image's."""
        if self._shape is None:
            shape = self._declared_shape() or next((planes.shape[1:] for planes in self.masks.values()), None)
            if shape is None and self._size is None:
                self._size = self.image.size[::-1]
            self._shape = shape or self._size
            self._check_aspect()
        return self._shape  # type: ignore[return-value]  # the image has a size

    def __getattr__(self, name: str) -> Any:
        if name == "_sample":  # while this object is unpickled
            raise AttributeError(name)
        return getattr(self._sample, name)

    def _read(self, name: str) -> Any:
        sample = self._sample
        try:
            return call_user_code(lambda: getattr(sample, name), f"Image {self._index}: .{name} of its sample")
        except UserCodeError as error:
            cause = error.__cause__
            if isinstance(cause, AttributeError) and cause.obj is sample and cause.name == name:
                raise ValueError(
                    f"Image {self._index}: data[{self._index}] is {describe_type(sample)} without .{name}. {_HOW_TO}."
                ) from None
            raise

    def _declared_shape(self) -> tuple[int, int] | None:
        shape = getattr(self._sample, "shape", None)
        if shape is None:
            return None
        sides = tuple(shape) if _is_list(shape) else ()
        if len(sides) != 2 or not all(_is_whole_number(side) and side > 0 for side in sides):
            raise ValueError(
                f"Image {self._index}: .shape of its sample is {shape!r:.80}; the height and width of its masks are needed, or None."
            )
        return int(sides[0]), int(sides[1])

    def _check_planes(self, stack: Any, category: str) -> NDArray[Any]:
        """Return a category's mask as an array [planes, height, width] of whole numbers."""
        if any(
            isinstance(part, np.ma.MaskedArray) for part in (stack if isinstance(stack, (list, tuple)) else [stack])
        ):
            raise ValueError(
                f"{self._where(category)}: its mask is a masked array. Fill in what is masked out: mask.filled(0), where 0 means no concept."
            )
        if not _is_list(stack):
            raise ValueError(
                f"{self._where(category)}: its mask is {describe_type(stack)}; an array of whole numbers [planes, height, width] is "
                "needed. np.asarray(mask)[None] makes one of a single plane."
            )
        if isinstance(stack, (list, tuple)):
            sizes = [tuple(np.shape(plane)) for plane in stack]
            if odd := next((size for size in sizes if size != sizes[0]), None):
                raise ValueError(self._different_sizes(category, odd, sizes[0]))
        try:
            if isinstance(stack, (list, tuple)) and len(stack):  # numpy 1.24 stacks no list of tensors by itself
                stack = np.stack([np.asarray(plane) for plane in stack])
            planes = np.asarray(stack)
        except Exception as error:  # tensors on a GPU or with gradients, somebody's __array__
            raise ValueError(
                f"{self._where(category)}: its mask is {describe_type(stack)}, which numpy can't read: {error}"
            ) from error
        if not len(planes):
            return planes
        if planes.dtype == bool:
            raise ValueError(
                f"{self._where(category)}: its mask holds booleans, which don't say which concept is meant. "
                "Give concept numbers, one plane for each: np.where(mask, number, 0)."
            )
        if planes.ndim != 3 or planes.dtype.kind not in "iu":
            hint = "; a single plane takes mask[None]" if planes.ndim == 2 else ""
            raise ValueError(
                f"{self._where(category)}: its mask is {describe_type(planes)} and dtype {planes.dtype}. "
                f"masks[category] must be whole numbers of shape [planes, height, width]{hint}."
            )
        if not planes.size:
            raise ValueError(
                f"{self._where(category)}: its mask has shape {list(planes.shape)}, without a pixel. "
                "Leave the category out of the masks of an image that has none."
            )
        if planes.dtype != np.uint64:
            return planes
        if int(planes.max()) > _MAX_NUMBER:
            raise ValueError(f"{self._where(category)}: its mask holds {planes.max()}, too large for a concept number.")
        return planes.astype(np.int64)

    def _check_number(self, number: Any, category: str) -> int:
        if type(number) is not int and hasattr(number, "item") and getattr(number, "ndim", 0) == 0:
            number = number.item()  # a number of numpy or torch
        if not _is_whole_number(number) or not 0 <= number <= _MAX_NUMBER:
            raise ValueError(
                f"{self._where(category)}: {number!r:.80} in .whole of its sample; whole numbers are needed, those of the concepts."
            )
        return int(number)

    def _check_aspect(self) -> None:
        """Refuse masks of another aspect than the image: stretched over it, they would be counted in the wrong places.

        Sizes are whole numbers, so that either may be up to a pixel away from the exact aspect.
        """
        if self._size is None or self._shape is None:
            return
        (height, width), (rows, columns) = self._size, self._shape
        wide_enough = (height - 1) * (columns - 1) <= (rows + 1) * (width + 1)
        high_enough = (rows - 1) * (width - 1) <= (height + 1) * (columns + 1)
        if wide_enough and high_enough:
            return
        hint = " Its masks look transposed, or its EXIF orientation is applied to one of the two only."
        raise ValueError(
            f"Image {self._index}: its masks are {rows} × {columns} (height × width), the image is {height} × {width}. They must show the "
            f"same section, so in the same aspect; crop, pad and turn both alike.{hint if rows * height == columns * width else ''}"
        )

    def _different_sizes(self, category: str, odd: Sequence[int], shape: Sequence[int]) -> str:
        return (
            f"{self._where(category)}: a mask of shape {list(odd)} in a sample whose masks are {list(shape)}. "
            "All masks of one image share one height and width."
        )

    def _where(self, category: Any) -> str:
        return f"Image {self._index}, category {printable(str(category))!r}"


def _is_list(value: Any) -> bool:
    return (
        isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, Mapping, np.ma.MaskedArray))
        and getattr(value, "ndim", 1) > 0
    )


def _is_whole_number(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)  # numpy's bool isn't Integral
