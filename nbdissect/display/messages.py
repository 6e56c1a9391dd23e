"""Everything that passes between the kernel and the page, by name and type.

The page's half is ``js/src/messages.ts``; ``tests/test_messages.py`` compares the two. Numbers of
a dissection travel once, in the widget's state, as little-endian arrays (`DissectionTable`).
Photographs, maps and masks never do: the page asks for them as its cards come into view, with a
message that carries an id, and the answer to it carries the same id, or an error.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class LimitRow(TypedDict):
    """Why the size of a concept limits its IoU, in words."""

    concept: int
    coverage: float | None
    reason: str


class DissectionTable(TypedDict):
    """One dissection without its images. U units, C concepts, G categories."""

    key: str
    layer: str
    model: str
    facts: str
    semantics: str
    quantile: float | None
    warning: str
    note: str
    categories: list[str]
    names: list[str]
    numbers: list[int]
    limits: list[LimitRow]
    units: int
    top: int
    category_of: bytes  # int32 [C]
    ceilings: bytes  # float64 [C], the highest over the units
    best: bytes  # int32 [U], column of the best concept, -1 = none
    best_iou: bytes  # float64 [U]
    second: bytes  # int32 [U]
    second_iou: bytes  # float64 [U]
    champions: bytes  # int32 [U, G], column of the best concept of each category
    champion_iou: bytes  # float64 [U, G]
    leaders: bytes  # int32 [C], the unit with the highest IoU
    leader_iou: bytes  # float64 [C]
    thresholds: bytes  # float32 [U]
    strongest: bytes  # float32 [U], NaN = not known
    top_images: bytes  # int32 [U, top], -1 = none


class PicturesRequest(TypedDict):
    """Asks for photographs by their index in the data set."""

    kind: Literal["pictures"]
    id: str
    key: str
    images: list[int]


class PicturesReply(TypedDict):
    """One buffer per image: an encoded picture, empty where `problems` says why."""

    kind: Literal["pictures"]
    id: str
    images: list[int]
    types: list[str]
    problems: list[str]


class MapsRequest(TypedDict):
    """Asks for the raw activation maps of some units in their strongest images."""

    kind: Literal["maps"]
    id: str
    key: str
    units: list[int]


class MapsReply(TypedDict):
    """One buffer: float32 maps one after the other, `top` per unit; sizes and mask grids as [height, width]."""

    kind: Literal["maps"]
    id: str
    units: list[int]
    sizes: list[list[int]]
    grids: list[list[int]]


class LabelsRequest(TypedDict):
    """Asks where a concept (a column) is in the strongest images of a unit."""

    kind: Literal["labels"]
    id: str
    key: str
    unit: int
    concept: int


class LabelsReply(TypedDict):
    """One buffer: bytes 0 and 1 on the mask grids, image after image."""

    kind: Literal["labels"]
    id: str
    grids: list[list[int]]


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
    """The ranked concepts of a unit, best first."""

    kind: Literal["unit"]
    id: str
    ranking: list[RankedConcept]


class ErrorReply(TypedDict):
    """What went wrong with the request of this id, and what to do."""

    kind: Literal["error"]
    id: str
    error: str
    hint: str


Request = PicturesRequest | MapsRequest | LabelsRequest | UnitRequest
Reply = PicturesReply | MapsReply | LabelsReply | UnitReply | ErrorReply
