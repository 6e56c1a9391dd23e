"""Everything that passes between the kernel and the page of ``data.browse()``.

The page's half is ``js/src/browse/protocol.ts``; ``tests/display/test_protocol.py`` compares the two.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class LabelCounts(TypedDict):
    """What is known of each concept, in their order: images that hold it, its share of all pixels, the highest IoU."""

    counted: int  # images that were counted
    told: bool  # whether the numbers are those of the data set's own tables
    images: list[int]
    shares: list[float]
    ceilings: list[float]


class DataTable(TypedDict):
    """A data set without its images. C concepts."""

    title: str
    images: int
    categories: list[str]
    names: list[str]
    category_of: list[int]
    quantile: float
    min_iou: float
    counts: LabelCounts


class ImageRequest(TypedDict):
    """Asks for an image and its labels."""

    kind: Literal["image"]
    id: str
    index: int


class ImageReply(TypedDict):
    """Two buffers: the encoded image, and uint16 planes [planes, height, width], one after the other.

    A plane holds 0 where there is no concept, 65,535 where nobody knows, else 1 + a place in `concepts`, which holds
    places in the list of all concepts. `whole` are those of the whole image. `shares` are of the image's pixels.
    """

    kind: Literal["image"]
    id: str
    index: int
    type: str
    grid: list[int]
    planes: list[str]  # the category of each
    concepts: list[int]
    shares: list[float]
    whole: list[int]


class FindRequest(TypedDict):
    """Asks for the next image from `start` on, in steps of 1 or −1, that holds a concept."""

    kind: Literal["find"]
    id: str
    concept: int
    start: int
    step: int


class FindReply(TypedDict):
    """`found` is −1 where none was found yet: then one goes on at `next`, which is outside once all was looked at."""

    kind: Literal["find"]
    id: str
    found: int
    next: int


class CountRequest(TypedDict):
    """Asks to count some more images."""

    kind: Literal["count"]
    id: str


class CountReply(TypedDict):
    """The counts then."""

    kind: Literal["count"]
    id: str
    counts: LabelCounts


class FailedReply(TypedDict):
    """What went wrong with the request of this id."""

    kind: Literal["error"]
    id: str
    error: str


DataRequest = ImageRequest | FindRequest | CountRequest
DataReply = ImageReply | FindReply | CountReply | FailedReply
