"""Tables of tuples and concepts that would not fit: the same counts, piece by piece."""

from __future__ import annotations

import resource

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.engine import counting, labels
from support import dense
from support.cases import assert_equal
from support.data import make_activations, make_data


@pytest.mark.filterwarnings("ignore:1 label numbers in the masks")
@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
@pytest.mark.parametrize(("tables", "counters"), [(1, 1 << 21), (1 << 18, 1), (1, 1), (40, 60)])
def test_counts_in_pieces_are_the_same(monkeypatch, semantics, tables, counters):
    monkeypatch.setattr(labels, "_DENSE", tables)
    monkeypatch.setattr(counting, "_COUNTERS", counters)
    rng = np.random.default_rng(0)
    activations, data = make_activations(rng, ["normal", "relu", "normal"], 40, (5, 6)), make_data(rng, 40, [(9, 8)])
    d = nd.dissect(
        dense.Playback(layer=activations),
        "layer",
        data,
        transform=dense.spell,
        progress=False,
        quantile=0.05,
        semantics=semantics,
        per_image=True,
    )
    assert_equal(d, dense.dissect(activations, data, 0.05, semantics))
    if semantics == "paper":
        np.testing.assert_array_equal(d.over(range(40)).intersection, d.intersection)
        np.testing.assert_array_equal(d.over(range(40)).activation, d.activation)


class Noise:
    """Masks in which nearly each pixel has another label."""

    categories = ("object",)
    image_size = (64, 64)

    def __init__(self, concepts):
        self.concepts = tuple(nd.Concept(k + 1, f"c{k}", "object") for k in range(concepts))

    def __len__(self):
        return 32

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        image = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        return nd.Sample(image, {"object": rng.integers(0, len(self.concepts) + 1, (1, 64, 64))})


def test_thousands_of_concepts_keep_to_the_memory():
    def peak(concepts):
        nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1)),
            "0",
            Noise(concepts),
            quantile=0.05,
            progress=False,
            memory_mb=16,
        )
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    few = peak(5)
    assert peak(5000) - few < 256  # MB; a dense table per image of the batch took gigabytes
