"""Everything that a gallery without a kernel needs, in one piece of JSON: numbers, maps, masks, images.

What a page holds is what a kernel would answer, bit for bit; only the images
are smaller, and WebP. The page's half is ``js/src/data/embedded.ts``.
"""

from __future__ import annotations

import base64
import io
import json
import math
import zlib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.display.dissection_table import data_sets_of, packed, table_of, wire_array
from nbdissect.display.gallery_state import starting_state
from nbdissect.display.replies import evidence, fitted, ranked
from nbdissect.display.thumbnails import carries, pixels_of, scene_names, scene_of
from nbdissect.samples import check_dataset
from nbdissect.text import plural, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbdissect.display.gallery_state import GalleryState
    from nbdissect.display.protocol import (
        DissectionTable,
        EmbeddedAlbum,
        EmbeddedDissection,
        EmbeddedGallery,
        WireArray,
    )
    from nbdissect.results.dissection import Dissection

VERSION = 2
TYPE = "image/webp"
# In a page: as large as 512 units with 10 images may be to stay below 8 MB. In a notebook: as a card shows them.
PAGE_SIDE, NOTEBOOK_SIDE = 160, 112
# Likewise: of how many of a unit's best concepts "Why this label?" can show the pixels.
PAGE_CONCEPTS, NOTEBOOK_CONCEPTS = 3, 1
# The encoder's effort: 3 % smaller than its usual 4 and hardly slower; 6 takes twice as long.
QUALITY, EFFORT = 66, 5
# Bytes of base64 for one byte.
_TEXT = 4 / 3


class UnreadableError(OSError):
    """An image that was to be embedded can't be read."""


@dataclass(frozen=True)
class GallerySnapshot:
    """A gallery to embed, and what of it was left out.

    Attributes
    ----------
    gallery : EmbeddedGallery
    units, embedded : int
        Units there are, and those whose images or maps are in it.
    images : int
        Distinct images in it.
    chosen : bool
        Whether somebody chose the units whose images are in it.
    """

    gallery: EmbeddedGallery
    units: int
    embedded: int
    images: int
    chosen: bool = False

    def json(self) -> str:
        """Return JSON that may stand inside a script element: it ends none, and begins no comment."""
        text = json.dumps(self.gallery, ensure_ascii=True, allow_nan=False, default=asdict, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def describe(self, where: str) -> str:
        """Return what `where` ("This page") holds."""
        units = f"the numbers of all {plural(self.units, 'unit')}"
        if not self.embedded:
            return f"{where} holds {units}, and no images."
        images = f"{plural(self.images, 'image')} and " if self.images else ""
        best = "selected" if self.chosen else "best"
        which = "all of them" if self.embedded == self.units else f"the {best} {self.embedded:,} of them"
        without = "" if self.images else ", and no images"
        return f"{where} holds {units}, with {images}the activation maps of {which}{without}."


def embed(
    dissections: Mapping[str, Dissection],
    min_iou: float,
    *,
    several: bool,
    style: str,
    state: GalleryState | None = None,
    images: bool = True,
    maps: bool = True,
    side: int = PAGE_SIDE,
    concepts: int = PAGE_CONCEPTS,
    budget: float = math.inf,
    units: Mapping[str, list[int]] | None = None,
) -> GallerySnapshot:
    """Return the gallery of some dissections, with as many units' images and maps as fit.

    Parameters
    ----------
    dissections : mapping of str to Dissection
    min_iou : float
        The cut that the gallery begins with.
    several : bool
        Whether units are named by address.
    style : str
        The gallery's style sheet.
    state : GalleryState, optional
        What the gallery begins with, instead of the cut alone.
    images : bool
        Whether images, and with them the masks of concepts, go in.
    maps : bool
        Whether activation maps go in; without them there are numbers only.
    side : int
        Longer side of the images, at most.
    concepts : int
        Of how many concepts of each unit, best first, the masks go in.
    budget : float
        Bytes of JSON. Numbers of all units always go in; then the best units' images while there is room.
    units : mapping of str to list of int, optional
        The units, by name of the dissection, whose images may go in; by default all.

    Raises
    ------
    UnreadableError
        If the data set can't give an image that is to go in.
    """
    sheets: dict[int, _ImageSheet] = {}
    parts: list[_PackedDissection] = []
    for key, d in dissections.items():
        sheet = None
        if images and maps and d.data is not None and d.top_images.shape[1]:
            sheet = sheets.setdefault(id(d.data), _ImageSheet(d.data, side))
        parts.append(_PackedDissection(key, d, sheet, concepts))
    spent = float(len(style) + sum(part.size_of_numbers() for part in parts))
    for _, at, unit in sorted(
        (-iou, at, unit)
        for at, part in enumerate(parts)
        for iou, unit in part.candidates(maps=maps)
        if units is None or unit in units.get(part.key, ())
    ):
        cost = parts[at].cost(unit)
        if spent + cost > budget:
            break
        parts[at].take(unit)
        spent += cost
    used = list(sheets.values())
    data_sets = data_sets_of(dissections)
    gallery: EmbeddedGallery = {
        "version": VERSION,
        "style": style,
        "several": several,
        "state": state or starting_state(dissections, min_iou),
        "remark": "",
        "dissections": [
            part.message(used.index(part.sheet) if part.sheet else -1, data_sets[part.key], images=images)
            for part in parts
        ],
        "albums": [sheet.message() for sheet in used],
    }
    return GallerySnapshot(
        gallery,
        units=sum(len(part.d.thresholds) for part in parts),
        embedded=sum(len(part.taken) for part in parts),
        images=sum(len(sheet.taken) for sheet in used),
        chosen=units is not None,
    )


@dataclass
class _SheetImage:
    """An image as it goes into the page, and where the best concepts of its units are."""

    file: bytes
    grid: tuple[int, int]
    scene: str
    masks: dict[int, bytes]  # number of the concept → bits
    carried: frozenset[int]  # those of these concepts whose category has labels here


@dataclass
class _ImageSheet:
    """The images of one data set, each read and encoded once, and only if it goes in."""

    data: Any
    side: int
    taken: dict[int, _SheetImage] = field(default_factory=dict)
    _read: dict[int, _SheetImage] = field(default_factory=dict)
    _expected: dict[int, set[tuple[int, tuple[str, ...], frozenset[int]]]] = field(default_factory=dict)

    @cached_property
    def _scene_names(self) -> dict[tuple[str, int], str]:
        return scene_names(self.data)

    def expect(self, d: Dissection, explained: list[list[int]]) -> None:
        """Note which concepts (columns, per unit) will be asked for in which image, so that each image is read once."""
        families = [frozenset(c.number for c in d.concepts if c.category == category) for category in d.categories]
        for unit, columns in enumerate(explained):
            for column in columns:
                wanted = (d.concepts[column].number, d.categories, families[d.category_of[column]])
                for image in d.top_images[unit]:
                    self._expected.setdefault(int(image), set()).add(wanted)

    def image(self, index: int) -> _SheetImage:
        """Return an image; it goes in once it is among those taken."""
        if index not in self._read:
            try:
                sample = check_dataset(self.data)[index]
                small = sample.image.convert("RGB")
                grid = sample.shape
                # A data set may decode its masks whenever they are read: once is enough.
                planes = {category: np.asarray(mask) for category, mask in sample.masks.items()}
                decoded = SimpleNamespace(shape=grid, masks=planes, whole=sample.whole)
                scene = scene_of(decoded, self._scene_names)
                expected = self._expected.get(index, ())
                masks = {
                    number: np.packbits(pixels_of(decoded, number, categories)).tobytes()
                    for number, categories, _ in expected
                }
                carried = frozenset(
                    number for number, categories, family in expected if carries(decoded, family, categories)
                )
            except Exception as error:
                cause = error.__cause__ or error  # what the data set's own code raised says it best
                raise UnreadableError(
                    printable_lines(f"Image {index} of the data set can't be read: {type(cause).__name__}: {cause}")
                ) from error
            small.thumbnail((self.side, self.side))
            file = io.BytesIO()
            small.save(file, "WEBP", quality=QUALITY, method=EFFORT)
            self._read[index] = _SheetImage(file.getvalue(), grid, scene, masks, carried)
        return self._read[index]

    def message(self) -> EmbeddedAlbum:
        padded = (one.file + b"\0" * (-len(one.file) % 3) for one in self.taken.values())
        return {
            "type": TYPE,
            "images": list(self.taken),
            "scenes": [one.scene for one in self.taken.values()],
            "bytes": [len(one.file) for one in self.taken.values()],
            "text": base64.b64encode(b"".join(padded)).decode("ascii"),
        }


class _PackedDissection:
    """One dissection on its way into the page."""

    def __init__(self, key: str, d: Dissection, sheet: _ImageSheet | None, concepts: int) -> None:
        self.key, self.d, self.sheet = key, d, sheet
        self.taken: list[int] = []
        self._masks: dict[tuple[int, int], bytes] = {}  # image, column → bits
        self._rankings = [ranked(d, unit) for unit in range(len(d.thresholds))]
        self._explained = [
            list(dict.fromkeys([int(best), *(row["concept"] for row in ranking)]))[:concepts] if best >= 0 else []
            for best, ranking in zip(d.best_concepts, self._rankings, strict=True)
        ]
        if sheet:
            sheet.expect(d, self._explained)

    def candidates(self, *, maps: bool) -> Iterator[tuple[float, int]]:
        """The units that have something to embed, with their IoU."""
        if maps and self.d.top_images.shape[1]:
            yield from ((float(iou), unit) for unit, iou in enumerate(self.d.best_iou))

    def size_of_numbers(self) -> float:
        return len(json.dumps(self.message(-1, self.key, images=False)))

    def cost(self, unit: int) -> float:
        """Bytes of JSON that a unit adds; maps are deflated alone here, and smaller together."""
        cost = _TEXT * len(zlib.compress(b"".join(self._maps(unit)), 1))
        if self.sheet:
            new = {image for image in self._images(unit) if image not in self.sheet.taken}
            cost += sum(_TEXT * len(self.sheet.image(image).file) + 14 for image in new)
            masks = [mask for pair, mask in self._masks_of(unit).items() if pair not in self._masks]
            cost += _TEXT * len(zlib.compress(b"".join(masks), 1)) + 16 * len(masks)
        return cost

    def take(self, unit: int) -> None:
        self.taken.append(unit)
        if self.sheet:
            self.sheet.taken |= {image: self.sheet.image(image) for image in self._images(unit)}
            self._masks |= self._masks_of(unit)

    def _images(self, unit: int) -> list[int]:
        return [int(image) for image in self.d.top_images[unit] if image >= 0]

    def _masks_of(self, unit: int) -> dict[tuple[int, int], bytes]:
        if not self.sheet:
            return {}
        return {
            (image, column): self.sheet.image(image).masks[self.d.concepts[column].number]
            for column in self._explained[unit]
            for image in self._images(unit)
        }

    def _fitted(self, unit: int) -> Iterator[tuple[Any, tuple[int, int]]]:
        """The unit's maps with the grids of their masks, one per rank."""
        for rank, image in enumerate(self.d.top_images[unit]):
            if image < 0:
                yield np.zeros((0, 0), dtype=np.float32), (0, 0)
                continue
            values = self.d.top_maps[unit, rank]
            # Without the data the grid isn't known: then as `replies` shows such maps.
            grid = self.sheet.image(int(image)).grid if self.sheet else (8 * values.shape[0], 8 * values.shape[1])
            yield fitted(values, grid, self.d.receptive_field), grid

    def _maps(self, unit: int) -> list[bytes]:
        return [packed(values, np.float32) for values, _ in self._fitted(unit)]

    def message(self, sheet: int, data_set: str, *, images: bool) -> EmbeddedDissection:
        table = table_of(self.d, self.key, data_set=data_set)
        table["explains"] = False  # nobody there could run the network
        self._leave_out(table, images=images)
        if sheet >= 0:
            table["photographs"] = f"album {sheet}"
        # `dict`: of the table's own type one can't take fields away.
        plain: dict[str, Any] = dict(table)
        parts: dict[str, Any] = {name: value for name, value in plain.items() if isinstance(value, dict)}
        parts |= self._ranked() | self._geometry()
        for name in parts:
            plain.pop(name, None)
        maps = b"".join(each for unit in self.taken for each in self._maps(unit))
        return {
            "table": plain,  # type: ignore[typeddict-item] # its arrays are in `numbers`
            "album": sheet,
            "parts": [{"name": name, "dtype": part["dtype"], "shape": part["shape"]} for name, part in parts.items()],
            "numbers": _deflated(b"".join(part["data"] for part in parts.values())),
            "maps": _deflated(maps),
            "masks": _deflated(b"".join(self._masks.values())),
            "evidence": evidence(self.d),
        }

    def _leave_out(self, table: DissectionTable, *, images: bool) -> None:
        """Make the table name only those images that are in the page."""
        if not self.taken:
            table["top"], table["top_images"] = 0, wire_array(self.d.top_images[:, :0], np.int32)
            table["note"] = table["note"] or "The images were left out: there are numbers only."
            return
        there = np.full_like(self.d.top_images, -1)
        there[self.taken] = self.d.top_images[self.taken]
        table["top_images"] = wire_array(there, np.int32)
        if not images:
            table["note"] = "The images were left out: there are numbers and activation maps only."

    def _ranked(self) -> dict[str, WireArray]:
        names = ("iou", "intersection", "activation", "truth", "ceiling")
        rows = [row for ranking in self._rankings for row in ranking]
        values = [[math.nan if row[name] is None else row[name] for name in names] for row in rows]  # type: ignore[literal-required]
        return {
            "ranked_counts": wire_array(np.array([len(ranking) for ranking in self._rankings]), np.int32),
            "ranked": wire_array(np.array([row["concept"] for row in rows]), np.int32),
            "ranked_values": wire_array(np.array(values).reshape(-1, len(names)), np.float64),
        }

    def _geometry(self) -> dict[str, WireArray]:
        fits = [fit for unit in self.taken for fit in self._fitted(unit)]
        held = [(self.sheet.image(image), image, column) for image, column in self._masks] if self.sheet else []
        pairs = [(image, column, *shown.grid) for shown, image, column in held]
        shape = (len(self.taken), self.d.top_images.shape[1], 2)
        carried = [self.d.concepts[column].number in shown.carried for shown, _, column in held]
        return {
            "mapped": wire_array(np.array(self.taken), np.int32),
            "sizes": wire_array(np.array([values.shape for values, _ in fits]).reshape(shape), np.int32),
            "grids": wire_array(np.array([grid for _, grid in fits]).reshape(shape), np.int32),
            "peaks": wire_array(self.d.top_activations[self.taken], np.float32),
            "pairs": wire_array(np.array(pairs).reshape(-1, 4), np.int32),
            "carried": wire_array(np.array(carried), np.int32),
        }


def _deflated(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")
