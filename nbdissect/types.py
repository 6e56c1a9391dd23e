"""The types that all rooms share: concepts, labeled samples and data sets, counting rules, how far a run is.

Needs nothing of the package, and neither torch nor Pillow when it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Semantics = Literal["paper", "netdissect-lite"]
"""Whose counting rules: the paper's, or those of the program NetDissect-Lite."""
SEMANTICS: tuple[Semantics, ...] = get_args(Semantics)


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
    image : PIL.Image.Image
        The photograph or drawing, RGB.
    masks : mapping of str to int array, shape [planes, sh, sw]
        Per category, one or more planes of concept numbers; 0 means "nothing". Planes of one
        sample, over all categories, share one height and width.
    whole : mapping of str to sequence of int
        Per category, concept numbers that hold for the whole image (a scene, a texture).
    shape : (sh, sw), optional
        Height and width of the masks. Needed only where a sample has no mask at all; otherwise
        it is read off the masks, and off the image where neither is there.
    """

    image: Image
    masks: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    whole: Mapping[str, Sequence[int]] = field(default_factory=dict)
    shape: tuple[int, int] | None = None


@runtime_checkable
class ConceptData(Protocol):
    """A densely labelled data set, as :func:`nbdissect.dissect` reads it.

    Any object with these members will do; it need not inherit from anything. ``data[i]`` may
    return any object with the attributes of :class:`Sample` (they may be computed when read:
    the engine asks for ``image`` in one pass and for ``masks`` and ``whole`` in another), and
    may be called from several threads at once.

    Optional members: ``image_size``, the (height, width) to which images are resized by the
    default transform (otherwise that of the first image); ``drawings = True`` where the images
    are no photographs; ``concept_numbers``, all numbers that may stand in a mask though they are
    no concept of the chosen categories (they are skipped, with one warning); ``digest()``, a text
    that changes with any image or label (otherwise they are digested while they are read);
    ``credit`` and ``licence``, texts for the record that results keep. A sample may have
    ``labelled``, whether it carries any label at all, where that is known without its masks.
    """

    @property
    def concepts(self) -> Sequence[Concept]:
        """The concepts, ascending by number."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order in which they are listed and ties are broken."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def _nothing_yet() -> None:
    return None


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` images in a stage ("network" or "labels").

    Attributes
    ----------
    look : callable
        Returns what can be told by now, as provisional :class:`nbdissect.Dissections`; None where
        that is nothing yet. Each call counts the labels of some more images, which takes a moment.
    """

    stage: str
    done: int
    total: int
    look: Callable[[], Any] = _nothing_yet
