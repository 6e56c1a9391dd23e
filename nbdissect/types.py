"""The types that all packages share: concepts, samples, data sets, counting rules, the progress of a run.

Imports nothing of the package, and at run time neither torch nor Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Semantics = Literal["paper", "netdissect-lite"]
"""The counting rules: the paper's, or those of the program NetDissect-Lite."""
SEMANTICS: tuple[Semantics, ...] = get_args(Semantics)


Upsampling = Literal["bilinear", "receptive-field"]
"""How a map is brought to the size of a mask: covering the image evenly, or standing where its activations look."""
UPSAMPLINGS: tuple[Upsampling, ...] = get_args(Upsampling)

Study = Literal["cvpr2017"]
"""A published study whose protocol a run may follow: Bau, Zhou, Khosla, Oliva, Torralba, CVPR 2017."""
STUDIES: tuple[Study, ...] = get_args(Study)

TOTAL = "all"
"""What summaries call the total over all categories, so that no category may be called so."""


UNLABELED = -(1 << 15)
"""What masks hold where nobody knows what a pixel shows, see :class:`Sample`: the least that two bytes can hold.

Not -1 and not 255, which stand for many things in other people's masks: those remain an error."""

BRODEN_LIKE = "Broden-like"
"""How the credit of a set begins that :func:`nbdissect.write_broden` wrote: it has Broden's format, not its images."""


class Concept(NamedTuple):
    """A labeled concept: a number in the masks, its name, and its category.

    A concept *is* its number: names repeat (Broden holds a material *glass* and a
    part *glass*), numbers do not.
    """

    number: int
    name: str
    category: str


@dataclass(frozen=True)
class Sample:
    """One image and what its pixels mean.

    Attributes
    ----------
    image : PIL.Image.Image, path, or uint8 array, shape [h, w, 3]
        A photograph or drawing, of 8 bits per channel. Its EXIF orientation is applied when it is read.
    masks : mapping of str to int array, shape [planes, sh, sw]
        Per category, one or more planes of concept numbers; 0 means "no concept", and
        :data:`UNLABELED` "not known": such a pixel is left out of all that is counted for the category, neither a concept's
        nor "not a concept's". All planes of a sample, over all categories, have the same height and
        width, in the aspect of the image.
    whole : mapping of str to sequence of int
        Per category, concept numbers that hold for the whole image (a scene, a texture).
    shape : (sh, sw), optional
        Height and width of the masks. By default those of the first plane, or of the image where
        the sample has no masks.
    """

    image: Image | str | os.PathLike[str] | NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    whole: Mapping[str, Sequence[int]] = field(default_factory=dict)
    shape: tuple[int, int] | None = None


@runtime_checkable
class ConceptData(Protocol):
    """A densely labeled data set, as :func:`nbdissect.dissect` reads it.

    Any object with these members will do; it need not inherit from this class. ``data[i]`` may
    return any object with the attributes of :class:`Sample`, and several threads may call it at
    once. The attributes may be computed when they are read: the engine reads ``image`` in one
    pass, ``masks`` and ``whole`` in another. Both must be the same each time.

    Optional members: ``image_size``, the (height, width) to which images are resized by the
    default transform (otherwise 224 × 224, unless the model says); ``drawings = True`` where the images
    aren't photographs; ``concept_numbers``, all numbers that masks may hold, also those of
    categories that weren't chosen (they are skipped, with one warning); ``digest()``, a text
    that changes with any image or label (without it, images and labels are digested while they
    are read); ``credit`` and ``licence``, texts that results keep. A sample may have ``labelled``:
    whether it carries any label at all, where that is known without reading its masks.
    """

    @property
    def concepts(self) -> Sequence[Concept]:
        """The concepts, ascending by number."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order in which they are listed and in which ties are broken."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class Estimate(NamedTuple):
    """What a whole run will take, about.

    Attributes
    ----------
    seconds : float
        From its beginning to its end.
    bytes : int
        Of memory, beside the network and its batches.
    """

    seconds: float
    bytes: int


def _return_none() -> None:
    return None


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` images in a stage ("network" or "labels").

    Attributes
    ----------
    look : callable
        Returns a provisional result, :class:`nbdissect.Dissections`, or None where there is none
        yet. Each call counts the labels of some more images, which takes a moment.
    estimate : Estimate or None
        What the whole run will take: from the second batch on, while the network runs in this process.
    """

    stage: str
    done: int
    total: int
    look: Callable[[], Any] = _return_none
    estimate: Estimate | None = None
