"""What the kernel answers when the page asks: pictures, maps, masks of a concept, ranked concepts."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.display.pictures import TYPE, Pictures
from nbdissect.display.table import packed
from nbdissect.results.upsampling import resize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbdissect.display.messages import RankedConcept, Reply
    from nbdissect.results.dissection import Dissection

    Answer = tuple[Reply, list[bytes]]

RANKED = 12
# Two galleries of one result share their pictures.
_SHARED: weakref.WeakKeyDictionary[Dissection, Pictures] = weakref.WeakKeyDictionary()


class RefusedError(ValueError):
    """A request that can't be met, with what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def answer(dissections: Mapping[str, Dissection], request: Mapping[str, Any]) -> Answer:
    """Return the reply to one request of the page and its buffers; never raises.

    Whatever goes wrong becomes an `ErrorReply` with the id of the request, so that the page can
    say so where the answer would have stood.
    """
    request_id = str(request.get("id", ""))
    try:
        kind = request.get("kind")
        if kind not in _HANDLERS:
            raise RefusedError(f"The page asked for {kind!r}, which this version doesn't know.", _RERUN)
        key = str(request.get("key"))
        if key not in dissections:
            raise RefusedError(
                f"There is no dissection {key!r} in this gallery: {', '.join(map(repr, dissections))}.", _RERUN
            )
        return _HANDLERS[kind](dissections[key], request, request_id)
    except RefusedError as refusal:
        return {"kind": "error", "id": request_id, "error": str(refusal), "hint": refusal.hint}, []
    except Exception as error:
        return {"kind": "error", "id": request_id, "error": _told(error), "hint": _hint(error)}, []


_RERUN = "Run the cell again to show the gallery anew."


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, RefusedError) else f"{type(error).__name__}: {error}"


def _hint(error: Exception) -> str:
    if isinstance(error, OSError):
        return "Check that the data set still lies where it lay, then press Try again."
    return "This came from the data set or the result. Look at data[i] for one of these images in a cell, then press Try again."


def pictures_of(d: Dissection) -> Pictures:
    """Return the encoded pictures of a result's data set, shared by all its galleries."""
    if d.data is None:
        message = "The photographs of this result are not at hand."
        raise RefusedError(
            message, "A result that was read from a file holds no photographs: dissect the model again to see them."
        )
    if d not in _SHARED:
        _SHARED[d] = Pictures(d.data)
    return _SHARED[d]


def _pictures(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    store, images = pictures_of(d), [int(index) for index in request["images"]]
    buffers, problems = [], []
    for index in images:
        try:
            if not 0 <= index < len(d.data):
                raise RefusedError(f"There is no image {index} in this data set of {len(d.data):,}.")
            buffers.append(store.encoded(index))
            problems.append("")
        except Exception as error:
            buffers.append(b"")
            problems.append(f"Image {index}: {_told(error)}")
    types = [TYPE if buffer else "" for buffer in buffers]
    return {"kind": "pictures", "id": request_id, "images": images, "types": types, "problems": problems}, buffers


def _maps(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    units = [_unit(d, unit) for unit in request["units"]]
    store = pictures_of(d) if d.data is not None else None
    sizes: list[list[int]] = []
    grids: list[list[int]] = []
    maps: list[bytes] = []
    for unit in units:
        for rank, index in enumerate(d.top_images[unit]):
            if index < 0:
                sizes.append([0, 0])
                grids.append([0, 0])
                continue
            values = d.top_maps[unit, rank]
            grid = store.grid(int(index)) if store else (values.shape[0] * 8, values.shape[1] * 8)
            if values.shape[0] > grid[0] or values.shape[1] > grid[1]:
                values = resize(values, grid)
            sizes.append(list(values.shape))
            grids.append(list(grid))
            maps.append(packed(values, np.float32))
    return {"kind": "maps", "id": request_id, "units": units, "sizes": sizes, "grids": grids}, [b"".join(maps)]


def _labels(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    unit, column = _unit(d, request["unit"]), int(request["concept"])
    if not 0 <= column < len(d.concepts):
        raise RefusedError(f"There is no concept {column} in this result of {len(d.concepts):,}.", _RERUN)
    store, grids, masks = pictures_of(d), [], []
    for index in d.top_images[unit]:
        if index < 0:
            grids.append([0, 0])
            continue
        mask = store.where(int(index), d.concepts[column].number, d.categories)
        grids.append(list(mask.shape))
        masks.append(mask.tobytes())
    return {"kind": "labels", "id": request_id, "grids": grids}, [b"".join(masks)]


def _ranking(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    unit = _unit(d, request["unit"])
    column = {concept: c for c, concept in enumerate(d.concepts)}
    ranking: list[RankedConcept] = [
        {
            "concept": column[match.concept],
            "iou": match.iou,
            "intersection": _known(match.intersection),
            "activation": _known(match.activation),
            "truth": _known(match.truth),
            "ceiling": _known(float(d.ceiling[unit, column[match.concept]])),
        }
        for match in d.units[unit].ranking(RANKED)
        if match.iou > 0
    ]
    return {"kind": "unit", "id": request_id, "ranking": ranking}, []


def _unit(d: Dissection, unit: Any) -> int:
    if not isinstance(unit, int) or not 0 <= unit < len(d.thresholds):
        raise RefusedError(f"There is no unit {unit!r} in {d.layer}, which has {len(d.thresholds):,}.", _RERUN)
    return unit


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


_HANDLERS: dict[str, Callable[[Dissection, Mapping[str, Any], str], Answer]] = {
    "pictures": _pictures,
    "maps": _maps,
    "labels": _labels,
    "unit": _ranking,
}
