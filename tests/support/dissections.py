"""Small dissections made by hand, for tests of what is displayed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

import nbdissect as nd
from nbdissect.results.dissection import Dissection
from nbdissect.results.fields import array_values
from nbdissect.results.per_image import PerImage
from nbdissect.results.provenance import Provenance
from nbdissect.types import Concept, Sample

HOSTILE = (
    '<img src=x onerror="window.hacked=1">',
    "</style><script>window.hacked=1</script>",
    "pneumono" * 38,
    "自行车的前轮和后轮以及车把",
    "عجلة السيارة الأمامية",
    "a\u202egnp.exe",
)
# What would end a script, a comment or a line of JavaScript, for pages that carry their data.
NASTY = (
    *HOSTILE,
    "</script><script>window.hacked=1</script>",
    "<!--<script>",
    "a\u2028b\u2029c",
    "]]>&lt;",
    "half \ud800 pair",
)


class Squares:
    """A data set of small drawings: a bright square on a dark ground, labelled by its place."""

    drawings = False

    def __init__(self, concepts: tuple[Concept, ...], images: int = 24, side: int = 48, grid: int = 24) -> None:
        self.concepts = concepts
        self.categories = tuple(dict.fromkeys(concept.category for concept in concepts))
        self.images, self.side, self.grid = images, side, grid
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> Sample:
        self.read.append(index)
        pixels = np.full((self.side, self.side, 3), (30, 40 + 5 * (index % 20), 60), dtype=np.uint8)
        top = (index * 5) % (self.side // 2)
        pixels[top : top + 14, top : top + 14] = (220, 180, 40)
        concept = self.concepts[index % len(self.concepts)]
        mask = np.zeros((1, self.grid, self.grid), dtype=np.int64)
        scale = self.grid / self.side
        mask[:, int(top * scale) : int((top + 14) * scale), int(top * scale) : int((top + 14) * scale)] = concept.number
        return Sample(Image.fromarray(pixels), {concept.category: mask}, {}, (self.grid, self.grid))


def dissection(
    units: int = 40, names: tuple[str, ...] = (), *, layer: str = "layer4", top: int = 10, seed: int = 0, **more: Any
) -> Dissection:
    """Return a made-up result whose numbers agree with each other, over `Squares`."""
    rng = np.random.default_rng(seed)
    names = names or ("car", "wheel", "red-c", "sky", "dots", "wood")
    categories = ("object", "part", "color", "scene", "texture", "material")
    concepts = tuple(Concept(3 * at + 1, name, categories[at % 6]) for at, name in enumerate(names))
    data = more.pop("data", None) or Squares(concepts)
    used = tuple(dict.fromkeys(concept.category for concept in concepts))
    truth = rng.integers(2_000, 40_000, len(concepts))
    truth[-1] = 500_000
    activation = rng.integers(3_000, 9_000, (units, len(used)))
    intersection = (rng.random((units, len(concepts))) ** 6 * np.minimum(truth, 3_000)).astype(np.int64)
    intersection[units - 1] = 0
    maps = rng.normal(size=(units, top, 7, 7)).astype(np.float32)
    order = np.argsort(-maps.max(axis=(2, 3)), axis=1)
    maps = np.take_along_axis(maps, order[:, :, None, None], axis=1)
    images = np.argsort(rng.random((units, max(top, len(data)))), axis=1)[:, :top]
    return Dissection(
        layer=layer,
        model="Handmade",
        semantics="paper",
        quantile=0.005,
        categories=used,
        concepts=concepts,
        thresholds=np.full(units, 1.25, dtype=np.float32),
        intersection=intersection,
        truth=truth,
        activation=activation,
        top_images=images % len(data),
        top_activations=maps.max(axis=(2, 3)),
        top_maps=maps,
        images=len(data),
        pixels=len(data) * 24 * 24 * 100,
        data=data,
        **more,
    )


def dissection_of(table: dict[str, Any]) -> Dissection:
    """Return the result that a table of ``data/filter_cases.json`` describes."""
    iou = np.array(table["iou"], dtype=np.float64)
    concepts = tuple(Concept(*concept) for concept in table["concepts"])
    strongest = np.array([np.nan if value is None else value for value in table["strongest"]], dtype=np.float32)
    base = dissection(len(iou), layer=table["key"], top=1)
    return replace(
        base,
        semantics=table["semantics"],
        categories=tuple(table["categories"]),
        concepts=concepts,
        intersection=np.zeros(iou.shape, dtype=np.int64),
        truth=np.ones(len(concepts), dtype=np.int64),
        activation=np.ones((len(iou), len(table["categories"])), dtype=np.int64),
        top_activations=strongest[:, None],
        stored_iou=iou,
    )


def decoded(array: dict[str, Any]) -> np.ndarray:
    """Return an array that carries its dtype and shape, as the page reads it."""
    return np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"])


def counts_of_images(rng, images, units, pixels):
    """Counts per image that can be, and their sums: three concepts, each in a category of its own, as keywords of a result."""
    carries = rng.random((images, 3)) < 0.6
    area = rng.integers(0, 40, (images, units)) * (rng.random((images, units)) < 0.5)
    truth = rng.integers(1, pixels, (images, 3)) * carries
    shared = (rng.random((images, units, 3)) ** 2 * np.minimum(area[:, :, None], truth[:, None, :])).astype(np.int64)
    image, unit = np.nonzero(area)
    rows = PerImage(
        intersection=np.column_stack([*np.nonzero(shared), shared[shared > 0]]),
        area=np.column_stack([image, unit, area[image, unit]]),
        area_categories=carries[image],
        truth=np.column_stack([*np.nonzero(truth), truth[truth > 0]]),
        pixels=np.column_stack([np.arange(images), np.full(images, pixels)]),
    )
    sums = {"intersection": shared.sum(0), "truth": truth.sum(0), "activation": area.T @ carries.astype(np.int64)}
    return {**sums, "per_image": rows, "images": images, "pixels": images * pixels}


def photographs(units=6, **more):
    """A result whose images are larger than an archive keeps, with several layers of masks, whole-image labels and gaps."""
    concepts = (nd.Concept(2, "car", "object"), nd.Concept(300, "wheel", "part"), nd.Concept(70_000, "street", "scene"))

    class Photographs(Squares):
        def __getitem__(self, index):
            rng = np.random.default_rng(index)
            pixels = np.kron(rng.integers(0, 256, (5, 6, 3)), np.ones((50, 50, 1))).astype(np.uint8)
            masks = {"object": rng.choice([0, 2, 9], (2, 20, 24)), "part": rng.choice([0, 300], (1, 20, 24))}
            return nd.Sample(Image.fromarray(pixels), masks if index % 3 else {}, {"scene": (70_000, 0)}, (20, 24))

    d = dissection(units, ("car", "wheel", "street"), top=4, data=Photographs(concepts), **more)
    rng = np.random.default_rng(1)
    images, maxima = d.top_images.copy(), d.top_activations.copy()
    images[0, 2:], maxima[0, 2:] = -1, np.nan
    counts = counts_of_images(rng, 24, units, 480)
    return replace(
        d,
        categories=("object", "part", "scene"),
        concepts=concepts,
        top_images=images,
        top_activations=maxima,
        drawings=True,
        provenance=Provenance(
            nbdissect="0.1",
            layer=d.layer,
            quantile=0.005,
            categories=("object", "part", "scene"),
            weights="blake2b:12",
            date="2020-01-01",
        ),
        **counts,
    )


def assert_same(a, b):
    mine, theirs = array_values(a), array_values(b)
    assert list(mine) == list(theirs)
    for name, values in mine.items():
        assert values.dtype == theirs[name].dtype, name
        np.testing.assert_array_equal(values, theirs[name])
    for name in (
        "layer",
        "model",
        "semantics",
        "categories",
        "concepts",
        "images",
        "pixels",
        "drawings",
        "thresholds_given",
        "provenance",
        "warning",
    ):
        assert getattr(a, name) == getattr(b, name), name
    assert a == b
    assert a.differences(b) == []


class Gone(Squares):
    def __getitem__(self, index):
        message = f"images/{index}.jpg"
        raise FileNotFoundError(message)
