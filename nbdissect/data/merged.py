"""Several data sets as one."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.data.pictures import LabelsError
from nbdissect.data.resolve import resolve_data
from nbdissect.samples import Indexable, check_dataset, comes_with_package
from nbdissect.text import did_you_mean, plural, printable
from nbdissect.types import UNLABELED, Concept
from nbdissect.validation import read_concepts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nbdissect.types import ConceptData


def merge(*sources: Any, apart: Sequence[str] = ()) -> MergedDataset:
    """Return several data sets as one, their images one after the other.

    Concepts of one name and category are one, and are numbered anew. An image counts for the categories of
    which its source has labeled something in it, so that a texture, which COCO doesn't label, is not absent
    from COCO's images. Within a category, what one source has no word for does count as absent from its images,
    as in Broden: ``data.check()`` lists it, and `apart` avoids it.

    Parameters
    ----------
    *sources : data set or path
        Two or more, as :func:`nbdissect.dissect` takes them.
    apart : sequence of str
        Categories that stay one for each source, such as "object 1" and "object 2": then a concept is looked for
        only in the images of a source that has a word for it.

    Returns
    -------
    MergedDataset

    Raises
    ------
    ValueError
        If there are fewer than two, `apart` names no category, or one of them is no data set.
    OSError
        If a path leads nowhere.

    Examples
    --------
    >>> data = nd.merge(nd.LabeledImages.from_voc("VOCdevkit"), nd.LabeledImages.from_folders("dtd/images", category="texture"))
    """
    return MergedDataset(sources, apart)


class MergedDataset(Indexable):
    """The images of several data sets, with the labels of all.

    Attributes
    ----------
    sources : tuple of data set
    concepts : tuple of Concept
    categories : tuple of str
    image_size : (int, int) or None
        That of the sources, where all declare the same.
    drawings : bool
        Whether any of them holds drawings.
    vocabularies : tuple of frozenset of int
        The concepts that each source has a word for, by their numbers here.
    """

    def __init__(self, sources: Iterable[Any], apart: Sequence[str] = ()) -> None:
        self.sources: tuple[ConceptData, ...] = tuple(map(_resolve, sources))
        if len(self.sources) < 2:
            raise LabelsError(f"merge takes two or more data sets; got {plural(len(self.sources), 'data set')}.")
        apart = (apart,) if isinstance(apart, str) else tuple(apart)
        every = tuple(dict.fromkeys(category for source in self.sources for category in source.categories))
        for category in apart:
            if category not in every:
                raise LabelsError(
                    f"apart names the category {category!r}; the data sets have {printable(', '.join(every))}.{did_you_mean(str(category), every)}"
                )
        self._renamed = [
            {category: f"{category} {k}" if category in apart else category for category in source.categories}
            for k, source in enumerate(self.sources, 1)
        ]
        self.categories = tuple(dict.fromkeys(name for names in self._renamed for name in names.values()))
        numbers: dict[tuple[str, str, int], int] = {}
        self._tables = [
            _Renumbering(source, names, numbers) for source, names in zip(self.sources, self._renamed, strict=True)
        ]
        self.concepts = tuple(Concept(number, name, category) for (category, name, _), number in numbers.items())
        self.vocabularies = tuple(table.known for table in self._tables)
        self._checked = [check_dataset(source) for source in self.sources]
        self._ends = list(accumulate(map(len, self.sources)))
        sizes = {getattr(source, "image_size", None) for source in self.sources}
        self.image_size = sizes.pop() if len(sizes) == 1 else None
        self.drawings = any(getattr(source, "drawings", False) for source in self.sources)
        self.runs_user_code = not all(map(comes_with_package, self.sources))
        for name in ("credit", "licence"):
            if texts := [str(getattr(source, name)) for source in self.sources if getattr(source, name, None)]:
                setattr(self, name, "; ".join(dict.fromkeys(texts)))

    def __len__(self) -> int:
        return self._ends[-1]

    def source_of(self, index: int) -> tuple[int, int]:
        """Return the place of the source of an image among the sources, and the image's index in it."""
        source = bisect_right(self._ends, index)
        return source, index - (self._ends[source - 1] if source else 0)

    def _read(self, position: int, /) -> MergedSample:
        source, index = self.source_of(position)
        where = f"Image {index} of data set {source + 1} of {len(self.sources)}"
        return MergedSample(lambda: self._checked[source][index], self._tables[source], where)

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(source):,} of {type(source).__name__}" for source in self.sources)
        return f"<{len(self):,} images ({parts}), {plural(len(self.concepts), 'concept')} in {printable(', '.join(self.categories))}>"


def _resolve(source: Any) -> ConceptData:
    if source is None:
        raise LabelsError("merge takes data sets or paths; got None.")
    return resolve_data(source)


class _Renumbering:
    """From one source's numbers and categories to those of all.

    Parameters
    ----------
    source : data set
    names : mapping of category to category
    numbers : dict of (category, name, how many of the name came before in its source) to number
        Those given until now; grows.

    Attributes
    ----------
    known : frozenset of int
    """

    def __init__(self, source: ConceptData, names: Mapping[str, str], numbers: dict[tuple[str, str, int], int]) -> None:
        self.names = names
        table = {0: 0, UNLABELED: UNLABELED}
        # Labels that are no concept of the categories that were chosen: skipped, as they would be alone.
        table |= dict.fromkeys(map(int, getattr(source, "concept_numbers", ())), 0)
        seen: dict[tuple[str, str, int], int] = {}
        for concept in read_concepts(source):
            times = sum(key[:2] == (names[concept.category], concept.name) for key in seen)
            key = names[concept.category], concept.name, times  # two of one name in one source stay two
            table[concept.number] = seen[key] = numbers.setdefault(key, len(numbers) + 1)
        self.known = frozenset(seen.values())
        self._keys = np.array(sorted(table), dtype=np.int64)
        self._values = np.array([table[int(key)] for key in self._keys], dtype=np.int32)

    def planes(self, planes: NDArray[Any], where: str) -> NDArray[np.int32]:
        """Return planes with the numbers of all.

        Raises
        ------
        LabelsError
            If one is no label of the source.
        """
        found, place = np.unique(np.asarray(planes), return_inverse=True)
        at = np.minimum(np.searchsorted(self._keys, found), len(self._keys) - 1)
        strange = self._keys[at] != found
        if strange.any():
            raise LabelsError(
                f"{where}: label number {found[strange][0]} is not among its data set's {len(self._keys) - 2:,} labels. "
                "Every number in a mask must be a label, or 0 for none."
            )
        renumbered: NDArray[np.int32] = self._values[at][place.reshape(np.shape(planes))]
        return renumbered


class MergedSample:
    """A sample of one of the sources, with the numbers and categories of all."""

    def __init__(self, read: Callable[[], Any], table: _Renumbering, where: str) -> None:
        self._where = where
        self._table = table
        self._sample = self._tell(read)

    @property
    def image(self) -> Any:
        """The image."""
        return self._tell(lambda: self._sample.image)

    @property
    def masks(self) -> dict[str, NDArray[np.int32]]:
        """Per category, its planes of concept numbers [planes, sh, sw]."""
        return self._renumber(self._tell(lambda: self._sample.masks))

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        """Per category, the numbers that hold for the whole image."""
        whole = {
            category: np.array(numbers, np.int64)
            for category, numbers in self._tell(lambda: self._sample.whole).items()
        }
        return {category: tuple(numbers.tolist()) for category, numbers in self._renumber(whole).items()}

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the masks."""
        return self._tell(lambda: self._sample.shape)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._sample, name)

    def _renumber(self, planes: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.int32]]:
        names = self._table.names
        return {
            names[category]: self._tell(lambda: self._table.planes(held, f"Category {category!r}"))  # noqa: B023 - called at once
            for category, held in planes.items()
            if category in names
        }

    def _tell(self, read: Callable[[], Any]) -> Any:
        """Return what is read; an error names the source, since its own text counts the source's images."""
        try:
            return read()
        except OSError as error:
            raise type(error)(f"{self._where}: {error}") from error
        except ValueError as error:
            raise LabelsError(f"{self._where}: {error}") from error
