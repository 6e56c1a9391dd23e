"""Pictures and labels of any origin as a data set: folders, lists, COCO, Pascal VOC, ADE20K, other libraries' data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbdissect.data.entries import Entry, LabeledSample, MaskFile, NamedMasks
from nbdissect.data.label_maps import LabelMap, choose_decoding, default_ignored, make_concepts, read_names
from nbdissect.data.pairing import pair_up
from nbdissect.data.pictures import LabelsError, list_pictures, open_folder
from nbdissect.samples import Indexable
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from nbdissect.types import Concept


class LabeledImages(Indexable):
    """Pictures of your own with their masks.

    Parameters
    ----------
    images : folder, or list of paths, PIL images or uint8 arrays [h, w, 3]
        Of a folder, all pictures in it and below it.
    masks : folder, or list of paths, PIL images or arrays, or of dicts; or a function from path to path
        Files are paired with the images by their names without the ending, `cat/1.jpg` with `cat/1.png`; what is
        no file is paired by its place. Index PNG, palette PNG, RGB by the keys of `names`, or for each image a
        dict of name to bool array [h, w].
    names : mapping of value to name, or sequence of names
        Values of the masks, ``{3: "cat"}``, or colors, ``{(128, 0, 0): "cat"}``; a sequence is by index from 0 on.
        Numbering is ours: concepts get numbers from 1 on. The name None says that a value is no concept, as is 0
        where it has no name.
    category : str, or mapping of name to category
    ignore : value or color, list of these, or None
        Pixels of which it isn't known what they show: they count for nothing. By default 255, where that is no name.
    decode : "ade20k" or callable, optional
        How a mask's pixels are read: as colors of ADE20K, or by a function from an array [h, w] or [h, w, channels]
        to whole numbers [h, w].

    Attributes
    ----------
    concepts : tuple of Concept
    categories : tuple of str

    Raises
    ------
    LabelsError
        A ValueError: files without partner, names that can't be read; when a sample is read, a value that is
        neither named nor ignored.
    OSError
        If a folder or file is missing.

    Examples
    --------
    >>> data = nd.LabeledImages("photos", "masks", {1: "cat", 2: "dog"})
    """

    concepts: tuple[Concept, ...]
    categories: tuple[str, ...]
    runs_user_code = False

    def __init__(
        self,
        images: Any,
        masks: Any,
        names: Any,
        *,
        category: str | Mapping[str, str] = "object",
        ignore: Any = 255,
        decode: str | Callable[[Any], Any] | None = None,
    ) -> None:
        pairs = pair_up(images, masks)
        decoding = choose_decoding(decode)
        self.runs_user_code = callable(decode)
        if isinstance(pairs[0][1], Mapping):
            concepts, numbers = make_concepts((name for name in read_names(names).values() if name), category)
            by_name = {name: concepts[number - 1] for name, number in numbers.items()}
            entries = [Entry(image, NamedMasks(mask, by_name)) for image, mask in pairs]
        else:
            meaning = LabelMap(names, category=category, ignore=default_ignored(ignore, names))
            concepts = meaning.concepts
            entries = [Entry(image, MaskFile(mask, meaning, decoding)) for image, mask in pairs]
        self._fill(entries, concepts, "pictures with masks")

    def _fill(self, entries: Sequence[Entry], concepts: Iterable[Concept], title: str) -> None:
        self._entries = tuple(entries)
        self.concepts = tuple(concepts)
        self.categories = tuple(dict.fromkeys(concept.category for concept in self.concepts))
        self._title = title

    @classmethod
    def _of(cls, entries: Sequence[Entry], concepts: Iterable[Concept], title: str) -> LabeledImages:
        made = cls.__new__(cls)
        made._fill(entries, concepts, title)  # noqa: SLF001 - its own
        return made

    @classmethod
    def from_folders(cls, root: str | os.PathLike[str], *, category: str = "scene") -> LabeledImages:
        """Return the pictures of folders whose names are their labels: ``root/beach/1.jpg``.

        Each label holds for the whole image. So are DTD and most data sets for classification laid out.

        Parameters
        ----------
        root : path
        category : str

        Raises
        ------
        LabelsError
            If there are no folders, a folder without a picture, or pictures beside the folders.
        OSError
        """
        folder = open_folder(root, "from_folders")
        labels = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not labels:
            raise LabelsError(
                f"from_folders: {folder} holds no folders; one for each label is needed, with its pictures."
            )
        if beside := [path for path in _pictures_in(folder) if path.parent == folder]:
            raise LabelsError(
                f"from_folders: {plural(len(beside), 'picture')} in {folder} without a label, such as {printable(beside[0].name)}. "
                "Put each into the folder of its label, or elsewhere."
            )
        concepts, numbers = make_concepts((path.name for path in labels), category)
        entries = [
            Entry(picture, whole={category: (numbers[path.name],)})
            for path in labels
            for picture in list_pictures(path, "from_folders")
        ]
        return cls._of(entries, concepts, f"pictures in folders of {printable(str(folder))}")

    @classmethod
    def from_coco(
        cls, images: str | os.PathLike[str], json: Any, *, category: str | Mapping[str, str] = "object"
    ) -> LabeledImages:
        """Return the images of an annotation file in COCO's format: polygons and run-length codes.

        FiftyOne, CVAT and Label Studio export it as well. Regions become the very pixels that COCO's own programs
        make of them. A crowd (`iscrowd`), and the box of what has no outline, are pixels of which it isn't known
        what they show; they count for nothing in their category.

        Parameters
        ----------
        images : path
            The folder of the images.
        json : path, or dict
            The annotations, such as ``instances_val2017.json``.
        category : str, or mapping of name to category

        Raises
        ------
        LabelsError
            If the file isn't that, or contradicts itself.
        OSError
            If it, or an image that it names, is missing.
        """
        from nbdissect.data.coco import read_coco

        found, concepts = read_coco(images, json, category)
        title = f"COCO annotations for {printable(str(images))}"
        return cls._of([Entry(path, regions) for path, regions in found], concepts, title)

    @classmethod
    def from_voc(cls, root: str | os.PathLike[str], *, split: str | None = None) -> LabeledImages:
        """Return the segmented images of Pascal VOC, 20 kinds of objects.

        The border around objects, 255 in the masks, is of unknown meaning and counts for nothing.

        Parameters
        ----------
        root : path
            ``VOC2012``, ``VOCdevkit``, or the folder that holds it.
        split : str, optional
            The list in ``ImageSets/Segmentation``: "train", "val", or "trainval"; by default all that have a mask.

        Raises
        ------
        LabelsError, OSError
        """
        from nbdissect.data.voc import read_voc

        pairs, meaning = read_voc(root, split)
        return cls._of([Entry(image, MaskFile(mask, meaning)) for image, mask in pairs], meaning.concepts, "Pascal VOC")

    @classmethod
    def from_ade20k(cls, root: str | os.PathLike[str], *, split: str | None = None) -> LabeledImages:
        """Return ADE20K, either release: the 150 objects of the scene parsing challenge, or all of them, with their parts.

        The scene of each image is a label of the whole image. Objects and scenes bear the first of their names.

        Parameters
        ----------
        root : path
            ``ADEChallengeData2016``, ``ADE20K_2021_17_01``, or the folder that holds it.
        split : {"training", "validation"}, optional
            Both by default.

        Raises
        ------
        LabelsError, OSError
        """
        from nbdissect.data.ade20k import read_ade20k

        found, concepts = read_ade20k(root, split)
        return cls._of([Entry(*item) for item in found], concepts, "ADE20K")

    @classmethod
    def wrap(
        cls,
        dataset: Any,
        sample: Callable[[Any], Any] | None = None,
        *,
        names: Any = None,
        concepts: Sequence[Concept] | None = None,
        category: str | Mapping[str, str] = "object",
        ignore: Any = 255,
    ) -> Indexable:
        """Return a data set of torchvision or Hugging Face as one with labels.

        A class number labels the whole image; a second picture is its mask. Names are read from
        ``.classes``, from the ``ClassLabel`` of the features, and are known for Pascal VOC and COCO.

        Parameters
        ----------
        dataset : data set
            Anything with ``len(dataset)`` and ``dataset[i]``. Leave out its transforms: pictures are needed.
        sample : callable, optional
            From ``dataset[i]`` to an :class:`nbdissect.Sample`, for all other data sets; needs `concepts`.
        names : mapping of value to name, or sequence of names, optional
            What class numbers, or the values of masks, mean; as in the class itself. A class number below 0 is
            one that isn't known.
        concepts : sequence of Concept, optional
            Those whose numbers `sample` uses.
        category : str, or mapping of name to category
        ignore : value or color, list of these, or None
            As in the class itself.

        Returns
        -------
        data set
            Read from `dataset` each time; with slices and ``sample``.

        Raises
        ------
        LabelsError
            If nothing says what the labels mean.

        Examples
        --------
        >>> data = nd.LabeledImages.wrap(torchvision.datasets.OxfordIIITPet("pets"))
        >>> data = nd.LabeledImages.wrap(dataset, lambda row: nd.Sample(row["image"], {"object": row["mask"][None]}), concepts=concepts)
        """
        from nbdissect.data.wrapped import wrap_dataset

        if (
            hasattr(dataset, "coco") and hasattr(dataset, "root") and sample is names is None
        ):  # torchvision's CocoDetection
            return cls.from_coco(dataset.root, dataset.coco.dataset, category=category)
        return wrap_dataset(dataset, sample, names=names, concepts=concepts, category=category, ignore=ignore)

    def __len__(self) -> int:
        return len(self._entries)

    def _read(self, position: int, /) -> Any:
        return LabeledSample(self._entries[position], position)

    def __repr__(self) -> str:
        return (
            f"<LabeledImages: {plural(len(self), 'image')}, {plural(len(self.concepts), 'concept')} in "
            f"{printable(', '.join(self.categories))}; {self._title}>"
        )


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return list_pictures(folder, "from_folders")
    except LabelsError:
        return []
