"""Small data sets, labels and activations made by chance."""

from __future__ import annotations

import numpy as np

import nbdissect as nd
from nbdissect.types import UNLABELED, Concept
from support import dense

KINDS = ("normal", "relu", "dead", "tied", "saturated", "negative", "constant", "large")


def make_activations(rng, kinds, images, size):
    units = []
    for kind in kinds:
        a = rng.normal(size=(images, *size)).astype(np.float32)
        units.append(
            {
                "normal": a,
                "relu": np.maximum(a - 1, 0),
                "dead": a * 0,
                "tied": np.round(a),
                "saturated": np.minimum(a, 0.5),
                "negative": -np.abs(a) - 1,
                "constant": np.full_like(a, 1.7),
                "large": a * 1e30,
            }[kind]
        )
    return np.stack(units, axis=1)


def make_data(rng, images, shapes, unlabeled=0.0):
    """Labels in two categories with several layers, whole-image labels, empty images, names in both categories.

    unlabeled: the share of planes in which some pixels are of unknown meaning.
    """
    concepts = [Concept(n, f"c{n}", "ab"[n % 2] if n < 6 else "s") for n in (1, 2, 3, 5, 7, 9)]
    samples = []
    for _ in range(images):
        shape = shapes[rng.integers(len(shapes))]
        masks, whole = {}, {}
        for category, numbers in (("a", [0, 2, 3]), ("b", [0, 1, 3, 5, 11])):
            layers = rng.integers(0, 3)
            if layers:
                masks[category] = rng.choice(numbers, size=(layers, *shape)).astype(
                    np.int32 if unlabeled else np.uint16
                )
                for plane in masks[category]:
                    if unlabeled and rng.random() < unlabeled:
                        plane[rng.random(shape) < rng.choice([0.1, 0.9, 1])] = UNLABELED
        if rng.random() < 0.5:
            whole["s"] = tuple(rng.choice([0, 7, 9], size=rng.integers(1, 3)).tolist())
        if rng.random() < 0.2:
            whole["b"] = (1,)
        samples.append((masks, whole, shape))
    return dense.Data(concepts, ("a", "b", "s"), samples, concept_numbers=(11,))


class Photos:
    """Random pictures with whole-image labels."""

    concepts = (nd.Concept(1, "thing", "object"),)
    categories = ("object",)

    def __init__(self, images=6, size=(8, 8)):
        self.images, self.size = images, size
        self.image_size = size

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        from PIL import Image

        pixels = np.random.default_rng(index).integers(0, 256, (*self.size, 3), dtype=np.uint8)
        return nd.Sample(Image.fromarray(pixels), {}, {"object": (1,)})


class Angry(Photos):
    def __init__(self, error, where):
        super().__init__(8)  # images
        self.error, self.where, self.reads = error, where, 0

    def __getitem__(self, index):
        self.reads += 1
        if self.reads > self.where:
            raise self.error
        return super().__getitem__(index)
