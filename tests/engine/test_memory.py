"""Runs in little memory: histograms, cells in files, batches that are seen again. Same results, count for count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nbdissect as nd
from nbdissect.engine.radix_select import RadixHistogram, RadixSelect, keys_of, value_of
from support import dense
from support.cases import assert_equal
from support.data import KINDS, make_activations, make_data

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("bits", [3, 7, 16])
@pytest.mark.parametrize("memory", [1 << 10, 40_000, 200_000])
@pytest.mark.parametrize("batch_size", [3, 32])
def test_any_budget_gives_the_same_counts(scarce, bits, memory, batch_size):
    rng = np.random.default_rng(memory + bits)
    activations = make_activations(rng, KINDS, 90, (7, 7))
    data = make_data(rng, 90, [(12, 16), (9, 9)])
    for quantile in (0.01, 0.3):
        d = scarce(activations, data, memory, bits, quantile=quantile, batch_size=batch_size)
        assert_equal(d, dense.dissect(activations, data, quantile))


def test_the_paths_of_little_memory_are_really_taken(scarce):
    rng = np.random.default_rng(0)
    activations = make_activations(rng, ["normal"] * 4, 200, (7, 7))
    data = make_data(rng, 200, [(9, 9)])
    expected = dense.dissect(activations, data, 0.02)
    assert_equal(scarce(activations, data, 1 << 30, quantile=0.02, batch_size=4), expected)
    assert not any(scarce.told.values())
    assert_equal(scarce(activations, data, 20_000, quantile=0.02, batch_size=4), expected)
    assert all(scarce.told.values()), scarce.told


def test_maps_larger_than_their_masks_are_searched_in_the_maps(scarce):
    """Their cells are those of a smaller map, so they don't hold the activations among which the threshold lies."""
    rng = np.random.default_rng(3)
    activations = make_activations(rng, KINDS, 60, (16, 16))
    data = make_data(rng, 60, [(9, 9), (20, 20)])
    options = {"quantile": 0.02, "batch_size": 7}
    wanted, d = scarce(activations, data, 1 << 30, **options), scarce(activations, data, 100_000, **options)
    assert scarce.told["histograms"] == 1
    assert d.differences(wanted) == []
    np.testing.assert_array_equal(d.thresholds, dense.dissect(activations, data, 0.02)[0])


def test_netdissect_lites_threshold_lies_between_two_values(scarce):
    rng = np.random.default_rng(4)
    activations = make_activations(rng, KINDS, 90, (7, 7))
    data = make_data(rng, 90, [(9, 9)])
    options = {"quantile": 0.05, "semantics": "netdissect-lite", "batch_size": 8}
    wanted, d = scarce(activations, data, 1 << 30, **options), scarce(activations, data, 1 << 10, **options)
    assert scarce.told["histograms"] == 1
    assert d.differences(wanted) == []


@given(st.lists(floats, min_size=2, max_size=40))
def test_keys_order_as_the_numbers_and_lead_back_to_them(values):
    values = np.array(values, np.float32)
    keys = keys_of(torch.from_numpy(values)).numpy()
    assert keys.min() >= 0
    assert keys.max() < 1 << 32
    np.testing.assert_array_equal(keys[:, None] < keys, values[:, None] < values)
    np.testing.assert_array_equal(value_of(keys), values)


@settings(deadline=None)
@given(st.lists(floats | st.sampled_from([0.0, -0.0, 6.0, 1.5]), min_size=1, max_size=60), st.data())
def test_a_search_finds_the_value_at_its_rank(values, data):
    values = np.array(values, np.float32)
    bits = data.draw(st.sampled_from([3, 5, 16]))
    count = data.draw(st.integers(1, len(values)))
    rank = data.draw(st.integers(1, count))
    histogram = RadixHistogram(1, count, torch.device("cpu"), bits, most=len(values))
    for part in np.array_split(values, 3):
        if len(part):
            histogram.merge([torch.from_numpy(part)[:, None, None, None]])
    ordered = np.sort(values)[::-1]
    assert histogram.bound.item() <= ordered[count - 1]
    search = RadixSelect(histogram, rank)
    while not search.done:
        above = values[values > histogram.bound.item()]  # all that a run keeps
        search.update(above, np.zeros(len(above), np.int64))
        search.narrow()
    assert search.values()[0] == ordered[rank - 1]


@pytest.mark.parametrize("memory_mb", [0, -1, 15, float("nan"), float("inf"), "many", True, None])
def test_budgets_that_are_none(memory_mb):
    rng = np.random.default_rng(0)
    data = make_data(rng, 4, [(4, 4)])
    activations = make_activations(rng, ["normal"], 4, (4, 4))
    with pytest.raises(ValueError, match=r"memory_mb=.*; a number of megabytes is needed, at least 16"):
        nd.dissect(dense.Playback(layer=activations), "layer", data=data, transform=dense.spell, memory_mb=memory_mb)
