"""Arguments that would be read as something else than was meant are refused, with what to give instead."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from nbdissect import validation


def numbers(**options):
    validation.check_numbers(**{"quantile": 0.005, "top": 10, "batch_size": 32, "num_workers": 0, **options})


@pytest.mark.parametrize(
    ("quantile", "meant"),
    [(0.995, "0.005"), (0.99, "0.01"), (0.95, "0.05"), (0.9, "0.1"), (np.float32(0.995), "0.005")],
)
def test_a_quantile_from_the_other_end(quantile, meant):
    with pytest.raises(
        ValueError,
        match=rf"is the share of activations above the threshold, here 9\d\.?5? %\. .*give quantile={meant};",
    ):
        numbers(quantile=quantile)


@pytest.mark.parametrize(
    "quantile",
    [
        0,
        1,
        99.5,
        -0.5,
        True,
        "0.005",
        None,
        np.nan,
        np.inf,
        1j,
        np.array(0.005),
        torch.tensor(0.005),
        [0.005],
        Fraction(1, 200),
    ],
)
def test_quantiles_that_are_none(quantile):
    with pytest.raises(ValueError, match=r"quantile=.*; a number between 0 and 1 is needed"):
        numbers(quantile=quantile)


@pytest.mark.parametrize("quantile", [1e-9, 0.005, 0.7, np.float32(0.01), np.float64(0.01)])
def test_quantiles(quantile):
    numbers(quantile=quantile)


@pytest.mark.parametrize("name", ["top", "batch_size", "num_workers"])
def test_whole_numbers_of_any_type(name):
    for value in (3, np.int64(3), np.uint8(3)):
        numbers(**{name: value})
    for value in (3.0, "3", True, None, np.float32(3), np.True_, [3], -1):
        with pytest.raises(ValueError, match=rf"{name}=.*; a whole number is needed, at least"):
            numbers(**{name: value})
    for value in (2**21, 10**9, 2**70):
        with pytest.raises(ValueError, match=rf"{name}={value}; at most [\d,]+ is allowed"):
            numbers(**{name: value})


@pytest.mark.parametrize("memory", [15.9, 0, -1, "1024", None, True, np.nan, np.inf, 1e9, 1j])
def test_memory_that_is_none(memory):
    with pytest.raises(ValueError, match="memory_mb=.*; a number of megabytes is needed, at least 16"):
        validation.parse_memory(memory)


@pytest.mark.parametrize("memory", [16, 1024.0, np.int32(64), np.float32(64.5)])
def test_memory(memory):
    assert validation.parse_memory(memory) == int(memory * 2**20)


@pytest.mark.parametrize(
    "thresholds",
    [
        ["0.5", "1.5"],
        [True, False],
        [1j, 2],
        [None, 1.0],
        np.ma.masked_equal([1.0, 2.0], 2.0),
        "12",
        {1: 2},
        np.array([1, 2], "datetime64[s]"),
        torch.zeros(2, requires_grad=True),
        [[1.0], [2.0, 3.0]],
    ],
)
def test_thresholds_of_other_types(thresholds):
    with pytest.raises(
        ValueError,
        match=r"thresholds of layer 'a': .*one finite number per unit is needed|thresholds has no entry for layer 'a'",
    ):
        validation.parse_thresholds(thresholds, ["a"])


@pytest.mark.parametrize("thresholds", [[1e300, 0], [np.inf, 0], [np.nan, 0], [[1.0, 2.0]], 1.0])
def test_thresholds_that_are_not_one_finite_number_per_unit(thresholds):
    with pytest.raises(ValueError, match=r"thresholds of layer 'a': .*one finite number per unit is needed"):
        validation.parse_thresholds(thresholds, ["a"])


@pytest.mark.parametrize(
    "thresholds",
    [
        [1, 2],
        (1.0, 2.0),
        np.array([1, 2], np.float16),
        np.array([1, 2], np.uint8),
        torch.tensor([1.0, 2.0]),
        {"a": [1, 2], "b": None},
    ],
)
def test_thresholds_of_any_real_numbers(thresholds):
    found = validation.parse_thresholds(thresholds, ["a"])["a"]
    assert found.dtype == np.float32
    assert found.tolist() == [1, 2]
