"""Some images of a data set, as a data set of their own: ``data[:100]``, ``data.sample(100)``."""

from __future__ import annotations

import operator
import random
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbdissect.data.data_check import DataCheck
    from nbdissect.display.data_browser import DataBrowser


class Indexable:
    """A data set that counts from the end, takes slices, draws samples, and looks itself through; one that inherits reads single images."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _read(self, position: int, /) -> Any:
        """Return the sample at a position from 0 to len - 1."""

    @overload
    def __getitem__(self, index: int, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> Subset: ...

    def __getitem__(self, index: int | slice, /) -> Any:
        """Return one image with its labels; of a slice, such as ``data[:100]``, a data set of those images.

        Raises
        ------
        IndexError
            Beyond the last image.
        """
        if isinstance(index, slice):
            return Subset(self, range(*index.indices(len(self))))
        try:
            position = operator.index(index)
        except TypeError:
            raise TypeError(f"data[{index!r:.80}]: a whole number or a slice such as data[:100] is needed.") from None
        position = position + len(self) if position < 0 else position
        if not 0 <= position < len(self):
            raise IndexError(f"The data set has {len(self):,} images, 0 to {len(self) - 1:,}; got {index}.")
        return self._read(position)

    def sample(self, n: int, seed: int = 0) -> Subset:
        """Return a data set of `n` of these images, drawn at random without repetition, in their order.

        Parameters
        ----------
        n : int
        seed : int
            The same seed draws the same images.

        Raises
        ------
        ValueError
            If there are fewer images.
        """
        if not 0 < n <= len(self):
            raise ValueError(f"sample({n!r}): the data set has {len(self):,} images; give a number from 1 to that.")
        return Subset(self, sorted(random.Random(seed).sample(range(len(self)), n)))  # noqa: S311 - no secret

    def check(self, quantile: float = 0.005, min_iou: float = 0.04) -> DataCheck:
        """Read all images and labels, and return a table of what a dissection would stumble on.

        Files that can't be read; concepts without a pixel, in fewer than 20 images, or so large that no unit
        can pass the cut; names that several concepts bear; categories that no image carries. Of a large data set, look
        at some images first: ``data.sample(1000).check()``.

        Parameters
        ----------
        quantile, min_iou : float
            As the dissection will use them.

        Returns
        -------
        DataCheck
            Prints as a table; ``.rows``, ``.concepts`` and ``.categories`` are lists of dicts.

        Raises
        ------
        ValueError
            If the concepts or categories themselves can't be used.
        """
        from nbdissect.data.data_check import check_data

        return check_data(self, quantile, min_iou)

    def browse(self, *, first: int = 200, quantile: float = 0.005, min_iou: float = 0.04) -> DataBrowser:
        """Return a widget to look through the images and their labels, concept by concept; see :class:`DataBrowser`.

        It reads images when they are looked at, and counts the labels of the first ones only: it says of how many.
        Of a whole Broden it shows what the data set's own tables say.

        Parameters
        ----------
        first : int
            How many images to count the labels of before anything is shown; the widget counts more when asked.
        quantile, min_iou : float
            As a dissection will use them: with these, concepts that cover too much are out of reach.

        Raises
        ------
        ValueError
            If an argument makes no sense, or the concepts can't be used.

        Examples
        --------
        >>> data.browse()  # doctest: +SKIP
        """
        from nbdissect.display.data_browser import DataBrowser

        return DataBrowser(self, first=first, quantile=quantile, min_iou=min_iou)


def comes_with_package(data: Any) -> bool:
    """Return whether a data set, or what it is a part of, is one of the package's own, such as Broden, and runs nobody else's code."""
    while isinstance(data, Subset):
        data = data.data
    return (
        not getattr(data, "runs_user_code", False)
        and type(data).__module__.partition(".")[0] == __name__.partition(".")[0]
    )


class Subset(Indexable):
    """Some images of a data set, read from it when they are asked for; all else is as in the data set.

    It has no ``digest()`` of its own: its images and labels are digested while they are read.

    Parameters
    ----------
    data : data set
    indices : iterable of int

    Attributes
    ----------
    data : data set
    indices : tuple of int
        Where its images are in the data set.
    """

    def __init__(self, data: Any, indices: Iterable[int]) -> None:
        self.data = data
        self.indices = tuple(map(operator.index, indices))

    def __len__(self) -> int:
        return len(self.indices)

    def _read(self, position: int, /) -> Any:
        return self.data[self.indices[position]]

    def __getattr__(self, name: str) -> Any:
        # `data` is missing while this object is unpickled; the digest is that of other images.
        if name in {"data", "digest"}:
            raise AttributeError(name)
        return getattr(self.data, name)

    def __repr__(self) -> str:
        return f"<{len(self):,} of {len(self.data):,} images of {self.data!r}>"
