"""Everything that passes between the kernel and the page, by name and type.

The page's half is ``js/src/protocol.ts``; ``tests/display/test_protocol.py`` compares the two. Numbers of
a dissection travel once, in the widget's state, as arrays (`DissectionTable`).
Photographs, maps and masks never do: the page asks for them as its cards come into view, with a
message that carries an id, and the answer to it carries the same id, or an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict

from nbdissect.display.gallery_state import GalleryState


class LimitRow(TypedDict):
    """Why the size of a concept limits its IoU, in words."""

    concept: int
    coverage: float | None
    reason: str


class WireArray(TypedDict):
    """An array of numbers: their numpy dtype ("<f4"), their shape, and their bytes row by row, little-endian."""

    dtype: str
    shape: list[int]
    data: bytes


class DissectionTable(TypedDict):
    """One dissection without its images. U units, C concepts, G categories."""

    key: str
    photographs: str  # the same in results over one data set, which share their photographs
    data_set: str  # the same in results over one data set, as far as they tell
    layer: str
    model: str
    facts: str
    semantics: str
    quantile: float | None
    warning: str
    note: str
    provisional: str  # what it is over while it isn't complete, else ""
    explains: bool  # whether its network lives, to be run on one image
    categories: list[str]
    names: list[str]
    numbers: list[int]
    limits: list[LimitRow]
    field: list[float]  # first centers, steps and image size of the receptive fields; empty: half-pixel centers
    units: int
    top: int
    category_of: WireArray  # int32 [C]
    ceilings: WireArray  # float64 [C], the highest over the units
    best: WireArray  # int32 [U], column of the best concept, -1 = none
    best_iou: WireArray  # float64 [U]
    second: WireArray  # int32 [U]
    second_iou: WireArray  # float64 [U]
    champions: WireArray  # int32 [U, G], column of the best concept of each category
    champion_iou: WireArray  # float64 [U, G]
    leaders: WireArray  # int32 [C], the unit with the highest IoU
    leader_iou: WireArray  # float64 [C]
    thresholds: WireArray  # float32 [U]
    strongest: WireArray  # float32 [U], NaN = not known
    top_images: WireArray  # int32 [U, top], -1 = none
    silent: WireArray  # int32 [U], in how many of its top images, the last ones, a unit is silent


class Hello(TypedDict):
    """What a page says once it shows a gallery; nothing is answered."""

    kind: Literal["hello"]


class PicturesRequest(TypedDict):
    """Asks for photographs by their index in the data set."""

    kind: Literal["pictures"]
    id: str
    key: str
    images: list[int]


class PicturesReply(TypedDict):
    """One buffer per image: an encoded picture, empty where `problems` says why.

    `scenes` says where each was taken; empty where the data set doesn't.
    """

    kind: Literal["pictures"]
    id: str
    images: list[int]
    types: list[str]
    scenes: list[str]
    problems: list[str]


class PhotographRequest(TypedDict):
    """Asks for one photograph at its own resolution."""

    kind: Literal["photograph"]
    id: str
    key: str
    image: int


class PhotographReply(TypedDict):
    """One buffer: the encoded picture, as large as the data set has it."""

    kind: Literal["photograph"]
    id: str
    type: str


class MapsRequest(TypedDict):
    """Asks for the raw activation maps of some units in their strongest images."""

    kind: Literal["maps"]
    id: str
    key: str
    units: list[int]


class MapsReply(TypedDict):
    """Two buffers: float32 maps one after the other, `top` per unit, and the peak of each, NaN = not known.

    Sizes and mask grids are [height, width]. A map that was larger than its grid comes averaged: the
    peak is that of the map as it was recorded.

    `images` are those that the maps are of: a result may be replaced by a newer one at any time.
    `problems` says of each map why it isn't there; its size is then [0, 0].
    """

    kind: Literal["maps"]
    id: str
    units: list[int]
    images: list[int]
    sizes: list[list[int]]
    grids: list[list[int]]
    problems: list[str]


class LabelsRequest(TypedDict):
    """Asks where a concept (a column) is in the strongest images of a unit."""

    kind: Literal["labels"]
    id: str
    key: str
    unit: int
    concept: int


class LabelsReply(TypedDict):
    """One buffer: bytes 0 and 1 on the mask grids, image after image.

    `carries` says of each image whether it has labels of the concept's category: only those were
    counted. `problems` says why an image couldn't be read; its grid is then [0, 0].
    """

    kind: Literal["labels"]
    id: str
    grids: list[list[int]]
    carries: list[bool]
    problems: list[str]


class ExplainRequest(TypedDict):
    """Asks which units fire on an image: the network is run on it once more."""

    kind: Literal["explain"]
    id: str
    key: str
    image: int


class ExplainReply(TypedDict):
    """The units that fire, strongest first, at most 60 of the `firing` that do.

    One buffer: their float32 maps, each of `size`, for masks of `grid`, both [height, width]. A strength is
    "new" where a unit fires nowhere in the data set.
    """

    kind: Literal["explain"]
    id: str
    units: list[int]
    strengths: list[str]
    firing: int
    size: list[int]
    grid: list[int]


class UnitRequest(TypedDict):
    """Asks for the ranked concepts of a unit."""

    kind: Literal["unit"]
    id: str
    key: str
    unit: int


class RankedConcept(TypedDict):
    """The numbers from which one IoU follows; None where an imported file doesn't hold them."""

    concept: int
    iou: float
    intersection: float | None
    activation: float | None
    truth: float | None
    ceiling: float | None


class UnitReply(TypedDict):
    """The ranked concepts of a unit, best first, and how sure its label is; "" where that isn't known."""

    kind: Literal["unit"]
    id: str
    ranking: list[RankedConcept]
    evidence: str


class ExportRequest(TypedDict):
    """Asks for a page of some units, by address."""

    kind: Literal["export"]
    id: str
    key: str
    units: list[str]


class ExportReply(TypedDict):
    """One buffer: the page. `name` is what its file may be called."""

    kind: Literal["export"]
    id: str
    name: str


class ErrorReply(TypedDict):
    """What went wrong with the request of this id, and what to do."""

    kind: Literal["error"]
    id: str
    error: str
    hint: str


class Strips(TypedDict):
    """Pictures and maps that nobody asked for: those of `maps.units`, and the photographs not sent like this before."""

    kind: Literal["strips"]
    key: str
    photographs: str
    maps: MapsReply  # the first two buffers
    pictures: PicturesReply  # the others


class EmbeddedPart(TypedDict):
    """A named array whose bytes lie elsewhere: those of all parts, one after the other."""

    name: str
    dtype: str
    shape: list[int]


class EmbeddedAlbum(TypedDict):
    """The photographs of one data set that a page carries. Text is base64; `bytes` are their lengths.

    Each begins at a multiple of three bytes, that is of four letters, so that it can be decoded alone.
    """

    type: str
    images: list[int]
    scenes: list[str]
    bytes: list[int]
    text: str


class EmbeddedDissection(TypedDict):
    """One dissection of a page without a kernel: a table whose arrays, and more, are packed. Texts are base64 of zlib.

    E units have pictures and maps; P pairs of an image and a concept (a column) have their pixels.

    The parts of `numbers` are the table's arrays, then ``ranked_counts`` int32 [U] (how many concepts
    each unit ranks), ``ranked`` int32 (their columns) and ``ranked_values`` float64 [·, 5] (IoU,
    intersection, activation, truth, ceiling; NaN = not known), ``mapped`` int32 [E] (units), ``sizes``
    and ``grids`` int32 [E, top, 2], ``peaks`` float32 [E, top], ``pairs`` int32 [P, 4] (image, column,
    height, width) and ``carried`` int32 [P] (1 where the image has labels of the concept's category).
    """

    table: DissectionTable
    album: int
    parts: list[EmbeddedPart]
    numbers: str
    maps: str  # float32, as in MapsReply
    masks: str  # one bit per pixel, highest first; each pair begins at a byte
    evidence: list[str]  # how sure the label of each unit is; empty where that isn't known


@dataclass
class WidgetState(GalleryState):
    """All that the widget and its page share: what people can set, the numbers, and what the page is drawn with."""

    # Not `_css`, which goes into the page's head: the gallery lives in a shadow root.
    _style: str = ""
    _tables: list[DissectionTable] = field(default_factory=list)
    _several: bool = False
    # What the user's namespace calls what is shown, and each dissection of it; "" where it has no name.
    _whole: str = ""
    _names: list[str] = field(default_factory=list)
    # The id of an element of the page that stands in for the gallery, and is hidden while it is shown.
    stands_for: str = ""


class EmbeddedGallery(TypedDict):
    """Everything that a page without a kernel carries."""

    version: int
    style: str
    several: bool
    state: GalleryState
    remark: str
    dissections: list[EmbeddedDissection]
    albums: list[EmbeddedAlbum]


Request = (
    PicturesRequest | PhotographRequest | MapsRequest | LabelsRequest | ExplainRequest | UnitRequest | ExportRequest
)
Reply = PicturesReply | PhotographReply | MapsReply | LabelsReply | ExplainReply | UnitReply | ExportReply | ErrorReply
