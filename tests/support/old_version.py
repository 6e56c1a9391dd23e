"""What version 1e0ba07 wrote, and the call that wrote it.

``tests/data/1e0ba07`` holds an archive, an unfinished checkpoint and a cache. Each was made by
``nd.dissect(model, "conv", data=data, **OPTIONS)`` of that version with the model and data of
:func:`model_and_data`; the checkpoint by a run that an error ended after its fourth batch.
"""

from __future__ import annotations

import numpy as np

import nbdissect as nd
from support import dense
from support.paths import TESTS

ARCHIVE = TESTS / "data" / "1e0ba07" / "dissection.nbd"
CHECKPOINT = TESTS / "data" / "1e0ba07" / "checkpoint"
CACHE = TESTS / "data" / "1e0ba07" / "cache"
OPTIONS = {
    "quantile": 0.05,
    "top": 3,
    "batch_size": 4,
    "transform": dense.spell,
    "per_image": True,
    "progress": False,
}


def model_and_data():
    """Return the model and the data set."""
    rng = np.random.default_rng(7)
    concepts = [nd.Concept(n, f"thing {n}", "object" if n < 5 else "part") for n in range(1, 8)]
    samples = []
    for _ in range(24):
        objects = rng.integers(0, 5, (1, 8, 8))
        parts = np.where(rng.random((2, 8, 8)) < 0.3, rng.integers(5, 8, (2, 8, 8)), 0)
        samples.append(({"object": objects, "part": parts}, {}, None))
    model = dense.Playback(conv=rng.integers(-9, 10, (24, 6, 4, 4)).astype(np.float32))
    return model, dense.Data(concepts, ("object", "part"), samples)


def dissect(**options):
    """Dissect them as that version did."""
    model, data = model_and_data()
    return nd.dissect(model, "conv", data=data, **{**OPTIONS, **options})
