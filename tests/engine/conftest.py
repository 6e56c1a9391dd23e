"""What the engine's tests share."""

from __future__ import annotations

import warnings

import pytest

import nbdissect as nd
from nbdissect.engine import layer_accumulator
from nbdissect.engine.radix_select import RadixHistogram
from nbdissect.engine.spill import CellStore
from support import dense


@pytest.fixture
def scarce(monkeypatch):
    """Return what dissects with a budget of some bytes, which no user may ask for, and tells what it came to."""
    told = {"histograms": 0, "spilled": 0, "lost": 0}

    def dissect(activations, data, memory, bits=4, **options):
        from nbdissect import validation

        monkeypatch.setattr(validation, "parse_memory", lambda _: memory)
        monkeypatch.setattr(layer_accumulator, "_LEAST_BITS", bits)
        monkeypatch.setattr(layer_accumulator, "_MOST_BITS", bits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nd.dissect(
                dense.Playback(layer=activations), "layer", data=data, transform=dense.spell, progress=False, **options
            )

    start, spill, append = RadixHistogram.__init__, CellStore.spill, CellStore.append

    def note_histogram(self, *args, **kwargs):
        told["histograms"] += 1
        start(self, *args, **kwargs)

    def note_spill(self):
        told["spilled"] += 1
        spill(self)

    def note_lost(self, records, bound):
        told["lost"] += records is None
        append(self, records, bound)

    monkeypatch.setattr(RadixHistogram, "__init__", note_histogram)
    monkeypatch.setattr(CellStore, "spill", note_spill)
    monkeypatch.setattr(CellStore, "append", note_lost)
    dissect.told = told
    return dissect
