"""Data sets of other libraries: what their items hold, and what their labels mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nbdissect.data.entries import Entry, LabeledSample, MaskFile
from nbdissect.data.label_maps import LabelMap, default_ignored, make_concepts, read_names
from nbdissect.data.pictures import LabelsError
from nbdissect.samples import Indexable
from nbdissect.text import describe_type, plural, printable
from nbdissect.validation import read_concepts

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.types import Concept

_HINT = 'Or say what a row means: nd.LabeledImages.wrap(dataset, lambda row: nd.Sample(…), concepts=[nd.Concept(1, "cat", "object")]).'


# In the name of a column of pictures: it holds masks.
_MASK_WORDS = ("mask", "label", "annotation", "segment", "target")


class Reader(Protocol):
    """What makes a sample of an item."""

    concepts: tuple[Concept, ...]

    def read(self, row: Any, index: int) -> Any:
        """Return the sample."""


class WrappedDataset(Indexable):
    """The items of somebody else's data set as samples.

    Attributes
    ----------
    dataset : data set
    concepts : tuple of Concept
    categories : tuple of str
    """

    runs_user_code = True

    def __init__(self, dataset: Any, reader: Reader) -> None:
        self.dataset = dataset
        self._reader = reader
        self.concepts = reader.concepts
        self.categories = tuple(dict.fromkeys(concept.category for concept in reader.concepts))

    def __len__(self) -> int:
        return len(self.dataset)

    def _read(self, position: int, /) -> Any:
        return self._reader.read(self.dataset[position], position)

    def __repr__(self) -> str:
        return (
            f"<{type(self.dataset).__name__} as labeled images: {plural(len(self), 'image')}, {plural(len(self.concepts), 'concept')} in "
            f"{printable(', '.join(self.categories))}>"
        )


class OwnSamples:
    """Calls the function that a user gave."""

    def __init__(self, make: Callable[[Any], Any], concepts: tuple[Concept, ...]) -> None:
        self._make = make
        self.concepts = concepts

    def read(self, row: Any, index: int) -> Any:  # noqa: ARG002 - what all readers take
        """Return what the function makes of the row."""
        return self._make(row)


class Classes:
    """Items with an image and a class number, which holds for the whole image.

    Parameters
    ----------
    image, label : key or index of an item
    """

    def __init__(self, image: Any, label: Any, names: Any, category: str | Mapping[str, str]) -> None:
        self._image, self._label = image, label
        self._named = read_names(names)
        self.concepts, self._numbers = make_concepts((name for name in self._named.values() if name), category)

    def read(self, row: Any, index: int) -> LabeledSample:
        """Return the sample; a class below 0, or None, is not known."""
        label = row[self._label]
        label = label.item() if hasattr(label, "item") else label
        whole: dict[str, tuple[int, ...]] = {}
        if label is not None and not (isinstance(label, int) and label < 0):
            if label not in self._named:
                raise LabelsError(
                    f"Image {index}: its class is {label!r:.40}, which has no name; there are {plural(len(self._named), 'name')}. Add it to names=."
                )
            if name := self._named[label]:
                concept = self.concepts[self._numbers[name] - 1]
                whole = {concept.category: (concept.number,)}
        return LabeledSample(Entry(row[self._image], whole=whole), index)


class Masks:
    """Items with an image and a mask."""

    def __init__(self, image: Any, mask: Any, names: Any, category: str | Mapping[str, str], ignore: Any) -> None:
        self._image, self._mask = image, mask
        self._meaning = LabelMap(names, category=category, ignore=default_ignored(ignore, names))
        self.concepts = self._meaning.concepts

    def read(self, row: Any, index: int) -> LabeledSample:
        """Return the sample."""
        mask = row[self._mask]
        if hasattr(mask, "getbands"):
            mask.load()  # what was opened only would keep its file open
        return LabeledSample(Entry(row[self._image], MaskFile(mask, self._meaning)), index)


def wrap_dataset(
    dataset: Any,
    sample: Callable[[Any], Any] | None,
    *,
    names: Any,
    concepts: Sequence[Concept] | None,
    category: str | Mapping[str, str],
    ignore: Any = 255,
) -> Indexable:
    """Return a data set as labeled images; see :meth:`nbdissect.LabeledImages.wrap`.

    Raises
    ------
    LabelsError
    """
    missing = [name for name in ("__len__", "__getitem__") if not hasattr(type(dataset), name)]
    if missing:
        hint = " Of a stream, list(stream.take(1000)) makes a list." if hasattr(dataset, "__iter__") else ""
        raise LabelsError(
            f"dataset is {describe_type(dataset)} without {missing[0]}; len(dataset) and dataset[i] are needed.{hint}"
        )
    if not len(dataset):
        raise LabelsError("dataset is empty; at least one image is needed.")
    if sample is not None or concepts is not None:
        return WrappedDataset(dataset, _own(sample, concepts))
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        return WrappedDataset(dataset, _of_features(features, names, category, ignore))
    return WrappedDataset(dataset, _of_pairs(dataset, names, category, ignore))


def _own(sample: Any, concepts: Any) -> OwnSamples:
    if not callable(sample) or concepts is None:
        lacks = (
            "concepts=, those whose numbers the samples use"
            if callable(sample)
            else "sample, a function from a row to nd.Sample"
        )
        raise LabelsError(f"wrap needs {lacks}. {_HINT}")
    from types import SimpleNamespace

    listed = tuple(concepts)
    categories = tuple(dict.fromkeys(getattr(concept, "category", None) for concept in listed))
    return OwnSamples(sample, read_concepts(SimpleNamespace(concepts=listed, categories=categories)))


def _of_features(features: Mapping[str, Any], names: Any, category: str | Mapping[str, str], ignore: Any) -> Reader:
    """Return the reader for a data set of Hugging Face's library, which describes its columns."""
    kinds: dict[str, list[str]] = {}
    for column, feature in features.items():
        kinds.setdefault(type(feature).__name__, []).append(column)
    images, labels = kinds.get("Image", []), kinds.get("ClassLabel", [])
    listed = ", ".join(f"{printable(column)} ({type(feature).__name__})" for column, feature in features.items())
    if len(images) == 1 and len(labels) == 1:  # of more labels, nobody says which is meant
        return Classes(images[0], labels[0], names or features[labels[0]].names, category)
    if len(images) == 2 and (names is not None or not labels):
        if names is None:
            raise LabelsError(
                f"The columns are {listed}: two pictures, so an image and its mask, but nothing says what the mask's values mean. "
                'Give names={1: "cat"}.'
            )
        image, mask = sorted(images, key=lambda column: any(word in column.lower() for word in _MASK_WORDS))
        return Masks(image, mask, names, category, ignore)
    raise LabelsError(
        f"The columns are {listed}; one Image and one ClassLabel, or two Image columns, can be read. Choose with dataset.select_columns([…]). {_HINT}"
    )


def _of_pairs(dataset: Any, names: Any, category: str | Mapping[str, str], ignore: Any) -> Reader:
    """Return the reader for a data set of pairs, as torchvision's are."""
    row = dataset[0]
    if not isinstance(row, (tuple, list)) or len(row) != 2:
        raise LabelsError(
            f"dataset[0] is {_describe_row(row)}; an image and its class, or an image and its mask, can be read. {_HINT}"
        )
    _, label = row
    is_picture = hasattr(label, "getbands")
    if is_picture:
        label.load()  # what was opened only would keep its file open
    is_mask = is_picture or getattr(label, "ndim", 0) >= 2
    if not is_mask and not (hasattr(label, "item") and getattr(label, "ndim", 1) == 0) and not isinstance(label, int):
        raise LabelsError(
            f"dataset[0] is {_describe_row(row)}; an image and its class, or an image and its mask, can be read. {_HINT}"
        )
    if names is None:
        names, ignore = _known_masks(dataset, ignore) if is_mask else (_known_classes(dataset), ignore)
    if names is None:
        raise LabelsError(
            f"{type(dataset).__name__} doesn't say what its {'masks' if is_mask else 'class numbers'} mean. "
            'Give names=["cat", "dog"], or names={1: "cat"}.'
        )
    return Masks(0, 1, names, category, ignore) if is_mask else Classes(0, 1, names, category)


def _known_classes(dataset: Any) -> list[str] | None:
    """Return the names of classes that a data set tells, or the one of which it is a part."""
    while dataset is not None:
        if (classes := getattr(dataset, "classes", None)) is not None:
            return [one if isinstance(one, str) else ", ".join(map(str, one)) for one in classes]
        dataset = getattr(dataset, "dataset", None)  # torch's Subset
    return None


def _known_masks(dataset: Any, ignore: Any) -> tuple[Any, Any]:
    """Return what a data set tells of its masks' values, and which of them are ignored."""
    while dataset is not None:
        classes = getattr(dataset, "classes", None)
        if classes and all(hasattr(one, "id") and hasattr(one, "ignore_in_eval") for one in classes):  # Cityscapes
            known = {one.id: one.name for one in classes if not one.ignore_in_eval}
            return known, [255, *(one.id for one in classes if one.ignore_in_eval and one.id >= 0)]
        # Where there are classes of whole images as well, they aren't what the masks hold: Oxford's pets.
        if classes and not hasattr(dataset, "class_to_idx"):
            return list(classes), ignore
        if type(dataset).__name__ == "VOCSegmentation":
            from nbdissect.data.voc import NAMES

            return NAMES, ignore
        dataset = getattr(dataset, "dataset", None)
    return None, ignore


def _describe_row(row: Any) -> str:
    if isinstance(row, (tuple, list)):
        return f"{len(row)} values: {', '.join(map(describe_type, row[:4]))}"
    if isinstance(row, Mapping):
        return f"a mapping of {', '.join(map(repr, list(row)[:6]))}"
    return describe_type(row)
