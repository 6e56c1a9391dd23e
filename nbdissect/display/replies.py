"""What the kernel answers when the page asks: images, maps, masks of a concept, ranked concepts."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nbdissect.display.dissection_table import packed
from nbdissect.display.thumbnails import TYPE, Thumbnails
from nbdissect.results.upsampling import resize
from nbdissect.text import printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from numpy.typing import NDArray

    from nbdissect.display.protocol import ErrorReply, MapsReply, PicturesReply, RankedConcept, Reply, Strips
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.upsampling import ReceptiveField

    Answer = tuple[Reply, list[bytes]]

RANKED = 12
# Bounds the memory of one answer. The page asks for 32 units at once, and their images.
MOST_UNITS = 256
# Results over one data set share its thumbnails, and so do their galleries: kept as long as one of
# the results lives. By identity: thumbnails hold their data, whose id is nobody else's meanwhile.
_SHARED: weakref.WeakKeyDictionary[Dissection, Thumbnails] = weakref.WeakKeyDictionary()
# How sure labels are takes a second, and is asked unit by unit.
_EVIDENCE: weakref.WeakKeyDictionary[Dissection, list[str]] = weakref.WeakKeyDictionary()
_BY_DATA: weakref.WeakValueDictionary[int, Thumbnails] = weakref.WeakValueDictionary()


class RefusedError(ValueError):
    """A request that can't be met, with what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def answer(dissections: Mapping[str, Dissection], request: Mapping[str, Any]) -> Answer:
    """Return the reply to one request of the page and its buffers; never raises.

    An error becomes an `ErrorReply` with the id of the request: the page shows it where the answer
    would have stood.
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
    except Exception as error:
        return error_reply(request_id, error), []


def error_reply(request_id: str, error: Exception) -> ErrorReply:
    """Return what the page shows where an answer would have stood."""
    hint = error.hint if isinstance(error, RefusedError) else _hint(error)
    return {"kind": "error", "id": request_id, "error": _describe(error), "hint": hint}


_EXPLAINED = 60
_IN_A_CELL = "In a cell, d.explain(image, model=model) says more."
_RERUN = "Run the cell again to show the gallery anew."


def _describe(error: Exception) -> str:
    if isinstance(error, RefusedError) or (error.__cause__ is None and str(error).startswith("Image ")):
        return printable_lines(str(error))
    cause = error.__cause__ or error  # what the data set's own code raised says it best
    return printable_lines(f"{type(cause).__name__}: {cause}")


def _refuse_if_all(failed: list[Exception], wanted: int) -> None:
    """Raise the first of the errors where no image at all could be read: then the data set itself is gone."""
    if len(failed) == wanted > 1:
        raise failed[0]


def _about(index: int, error: Exception) -> str:
    text = _describe(error)
    return text if text.startswith("Image ") else f"Image {index}: {text}"


def _hint(error: Exception) -> str:
    if isinstance(error, OSError):
        return "Check that the data set still lies where it lay, then press Try again."
    return "This came from the data set or the result. Look at data[i] for one of these images in a cell, then press Try again."


def thumbnails_of(d: Dissection) -> Thumbnails:
    """Return the encoded images of a result's data set, shared by all results over it."""
    if d.data is None:
        raise RefusedError(
            "The images of this result are not at hand.",
            "A result that was read from a file holds no images: dissect the model again to see them.",
        )
    if d not in _SHARED:
        _SHARED[d] = _BY_DATA.get(id(d.data)) or Thumbnails(d.data)
        _BY_DATA[id(d.data)] = _SHARED[d]
    return _SHARED[d]


def strips(
    d: Dissection, key: str, photographs: str, units: list[int], sent: Container[int]
) -> tuple[Strips, list[bytes]]:
    """Return the maps of some units and their images but for those `sent` before, and the buffers, unasked.

    Raises
    ------
    RefusedError
        If the images are not at hand, or these are too many units for one message.
    """
    maps, map_buffers = _maps(d, {"units": units}, "")
    images = [int(image) for image in np.unique(d.top_images[units]) if image >= 0 and image not in sent]
    pictures, image_buffers = _images(d, {"images": images}, "")
    return {
        "kind": "strips",
        "key": key,
        "photographs": photographs,
        "maps": cast("MapsReply", maps),
        "pictures": cast("PicturesReply", pictures),
    }, [*map_buffers, *image_buffers]


def _images(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    store, images = thumbnails_of(d), [int(index) for index in request["images"]]
    if len(images) > MOST_UNITS * max(1, d.top_images.shape[1]):
        raise RefusedError(f"The page asked for {len(images):,} images at once, more than it can show.", _RERUN)
    buffers, problems, scenes = [], [], []
    failed: list[Exception] = []
    for index in images:
        try:
            if not 0 <= index < len(d.data):
                raise RefusedError(f"There is no image {index} in this data set of {len(d.data):,}.")
            buffers.append(store.encoded(index))
            scenes.append(store.scene(index))
            problems.append("")
        except Exception as error:
            failed.append(error)
            buffers.append(b"")
            scenes.append("")
            problems.append(_about(index, error))
    _refuse_if_all(failed, len(images))
    return {
        "kind": "pictures",
        "id": request_id,
        "images": images,
        "types": [TYPE if buffer else "" for buffer in buffers],
        "scenes": scenes,
        "problems": problems,
    }, buffers


def _photograph(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    store = thumbnails_of(d)
    index = _image(d, request["image"])
    return {"kind": "photograph", "id": request_id, "type": TYPE}, [store.full(index)]


def _maps(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    units = [_unit(d, unit) for unit in request["units"]]
    if len(units) > MOST_UNITS:
        raise RefusedError(
            f"The page asked for the maps of {len(units):,} units: at most {MOST_UNITS} at once.", _RERUN
        )
    store = thumbnails_of(d) if d.data is not None else None
    sizes: list[list[int]] = []
    grids: list[list[int]] = []
    problems: list[str] = []
    maps: list[bytes] = []
    failed: list[Exception] = []
    for unit in units:
        for rank, index in enumerate(d.top_images[unit]):
            values, grid, problem = np.zeros((0, 0), dtype=np.float32), (0, 0), ""
            if index >= 0:
                raw = d.top_maps[unit, rank]
                try:
                    grid = store.grid(int(index)) if store else (raw.shape[0] * 8, raw.shape[1] * 8)
                    values = fitted(raw, grid, d.receptive_field)
                except Exception as error:  # of one image: the others can still be shown
                    failed.append(error)
                    grid, problem = (0, 0), _about(index, error)
            sizes.append(list(values.shape))
            grids.append(list(grid))
            problems.append(problem)
            maps.append(packed(values, np.float32))
    _refuse_if_all(failed, int((d.top_images[units] >= 0).sum()))
    return {
        "kind": "maps",
        "id": request_id,
        "units": units,
        "images": d.top_images[units].ravel().tolist(),
        "sizes": sizes,
        "grids": grids,
        "problems": problems,
    }, [b"".join(maps), packed(d.top_activations[units], np.float32)]


def fitted(
    values: NDArray[np.float32], grid: tuple[int, int], field: ReceptiveField | None = None
) -> NDArray[np.float32]:
    """Return a map as the page can stretch it: one that is larger than the mask grid is brought to it here.

    So is, with a receptive field, one of the same size: the page takes that for a map which needs no stretching.
    """
    (height, width), least = values.shape, 0 if field is None else 1
    return resize(values, grid, field) if height + least > grid[0] or width + least > grid[1] else values


def _labels(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    unit, column = _unit(d, request["unit"]), int(request["concept"])
    if not 0 <= column < len(d.concepts):
        raise RefusedError(f"There is no concept {column} in this result of {len(d.concepts):,}.", _RERUN)
    store, number, category = thumbnails_of(d), d.concepts[column].number, d.concepts[column].category
    # As the engine has it: an image carries a category where any concept of it has a pixel.
    numbers = frozenset(other.number for other in d.concepts if other.category == category)
    grids: list[list[int]] = []
    carries: list[bool] = []
    problems: list[str] = []
    masks: list[bytes] = []
    failed: list[Exception] = []
    for index in d.top_images[unit]:
        mask, carried, problem = np.zeros((0, 0), dtype=np.uint8), False, ""
        if index >= 0:
            try:
                mask, carried = store.labels(int(index), number, d.categories, numbers)
            except Exception as error:
                failed.append(error)
                problem = _about(index, error)
        grids.append(list(mask.shape))
        carries.append(carried)
        problems.append(problem)
        masks.append(mask.tobytes())
    _refuse_if_all(failed, int((d.top_images[unit] >= 0).sum()))
    return {
        "kind": "labels",
        "id": request_id,
        "grids": grids,
        "carries": carries,
        "problems": problems,
    }, [b"".join(masks)]


def _explain(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    index = _image(d, request["image"])
    if d.run is None:
        raise RefusedError("The network of this result is not at hand.", _IN_A_CELL)
    try:
        e = d.run.explain_now(d, index, _EXPLAINED)
    except (ValueError, OSError) as error:
        raise RefusedError(str(error), _IN_A_CELL) from error
    count = int(e.fires.sum())  # those that don't fire stand last
    maps = [fitted(one, e.shape, d.receptive_field) for one in e.maps[:count]]
    return {
        "kind": "explain",
        "id": request_id,
        "units": e.units[:count].tolist(),
        "strengths": ["new" if math.isnan(strength) else f"{strength:.2f}" for strength in e.strengths[:count]],
        "firing": e.firing,
        "size": list(maps[0].shape) if maps else [0, 0],
        "grid": list(e.shape),
    }, [b"".join(packed(one, np.float32) for one in maps)]


def _ranking(d: Dissection, request: Mapping[str, Any], request_id: str) -> Answer:
    unit = _unit(d, request["unit"])
    known = evidence(d)
    return {
        "kind": "unit",
        "id": request_id,
        "ranking": ranked(d, unit),
        "evidence": known[unit] if known else "",
    }, []


def evidence(d: Dissection) -> list[str]:
    """Return how sure the label of each unit is, in words; empty where that isn't known."""
    if d.per_image is None or d.provisional:
        return []
    if d not in _EVIDENCE:
        sure = d.confidence()
        _EVIDENCE[d] = [sure.describe(unit) for unit in range(len(d.thresholds))]
    return _EVIDENCE[d]


def ranked(d: Dissection, unit: int) -> list[RankedConcept]:
    """Return a unit's best concepts with the numbers from which their IoU follow, at most `RANKED`."""
    column = {concept: c for c, concept in enumerate(d.concepts)}
    return [
        {
            "concept": column[match.concept],
            "iou": match.iou,
            "intersection": _known(match.intersection),
            "activation": _known(match.activation),
            "truth": _known(match.truth),
            # An imported file may hold areas that contradict each other: no bound follows from those.
            "ceiling": None
            if match.activation < match.intersection
            else _known(float(d.ceiling[unit, column[match.concept]])),
        }
        for match in d.units[unit].ranking(RANKED)
        if match.iou > 0
    ]


def _image(d: Dissection, index: Any) -> int:
    if type(index) is not int or not 0 <= index < len(d.data):
        raise RefusedError(f"There is no image {index!r} in this data set of {len(d.data):,}.", _RERUN)
    return index


def _unit(d: Dissection, unit: Any) -> int:
    if type(unit) is not int or not 0 <= unit < len(d.thresholds):
        raise RefusedError(f"There is no unit {unit!r} in {d.layer}, which has {len(d.thresholds):,}.", _RERUN)
    return unit


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


_HANDLERS: dict[str, Callable[[Dissection, Mapping[str, Any], str], Answer]] = {
    "pictures": _images,
    "photograph": _photograph,
    "maps": _maps,
    "labels": _labels,
    "explain": _explain,
    "unit": _ranking,
}
