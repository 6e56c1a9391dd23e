"""The engine against the dense reference, count for count."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbdissect as nd
from support import dense
from support.cases import assert_equal
from support.data import KINDS, make_activations, make_data


def run(activations, data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels outside the concepts, tiny data: tested elsewhere
        return nd.dissect(
            dense.Playback(layer=activations), "layer", data=data, transform=dense.spell, progress=False, **options
        )


sizes = st.sampled_from([(1, 1), (1, 3), (2, 2), (3, 2), (5, 5), (7, 7), (8, 4)])


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5),
    images=st.integers(1, 40),
    size=sizes,
    shape=st.sampled_from([(8, 8), (9, 13), (16, 12), (14, 14)]),
    quantile=st.sampled_from([0.005, 0.03, 0.2, 0.7]),
    batch_size=st.sampled_from([1, 5, 32]),
    semantics=st.sampled_from(["paper", "netdissect-lite"]),
    other_shape=st.booleans(),
)
def test_equals_the_dense_reference(seed, kinds, images, size, shape, quantile, batch_size, semantics, other_shape):
    rng = np.random.default_rng(seed)
    activations = make_activations(rng, kinds, images, size)
    data = make_data(rng, images, [shape, (10, 11)] if other_shape else [shape])
    if semantics != "paper" and not any(m or any(map(any, w.values())) for m, w, _ in data.samples):
        return
    if semantics == "paper" and quantile * images * size[0] * size[1] < 1 <= 0.005 * images * size[0] * size[1]:
        return
    d = run(activations, data, quantile=quantile, batch_size=batch_size, semantics=semantics)
    assert_equal(d, dense.dissect(activations, data, quantile, semantics))


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (13, 13), (14, 14), (28, 28), (56, 56)])
@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_real_sizes(size, batch_size):
    rng = np.random.default_rng(size[0])
    images = 37
    activations = make_activations(rng, KINDS, images, size)
    data = make_data(rng, images, [(112, 112)])
    assert_equal(run(activations, data, quantile=0.05, batch_size=batch_size), dense.dissect(activations, data, 0.05))


def test_long_stream_through_small_buffers(monkeypatch):
    """Values arrive in rising order, so bounds keep moving and buffers overflow; nothing is held for warming up."""
    from nbdissect.engine import layer_accumulator

    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", 1)
    rng = np.random.default_rng(0)
    activations = np.sort(make_activations(rng, KINDS, 300, (5, 4)), axis=0)
    data = make_data(rng, 300, [(12, 16), (9, 9)])
    for batch_size in (1, 7, 300):
        d = run(activations, data, quantile=0.02, batch_size=batch_size)
        assert_equal(d, dense.dissect(activations, data, 0.02))
    d = run(activations[::-1].copy(), data, quantile=0.02)
    assert_equal(d, dense.dissect(activations[::-1], data, 0.02))


def test_buffers_that_hold_fewer_values_than_they_must(monkeypatch):
    """A warm-up that ends before the m-th value is there leaves padding in the rows: it must stay behind the values."""
    from nbdissect.engine import layer_accumulator

    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", 2000)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        activations = make_activations(rng, ["normal", "relu", "tied", "normal"], 40, (5, 5))
        data = make_data(rng, 40, [(8, 8)])
        assert_equal(run(activations, data, quantile=0.4, batch_size=3), dense.dissect(activations, data, 0.4))


def test_given_thresholds():
    rng = np.random.default_rng(1)
    activations = make_activations(rng, KINDS, 20, (6, 6))
    data = make_data(rng, 20, [(12, 12)])
    thresholds = rng.normal(size=len(KINDS)).astype(np.float32)
    d = run(activations, data, thresholds=thresholds)
    assert_equal(d, dense.dissect(activations, data, 0.005, thresholds=thresholds))


def test_several_layers_in_one_pass_equal_each_alone():
    rng = np.random.default_rng(2)
    layers = {"a": make_activations(rng, KINDS, 30, (7, 7)), "b": make_activations(rng, KINDS[:3], 30, (3, 5))}
    data = make_data(rng, 30, [(14, 10)])
    for order in (["a", "b"], ["b", "a"]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            both = nd.dissect(
                dense.Playback(**layers), order, data=data, transform=dense.spell, quantile=0.05, progress=False
            )
        assert list(both) == order
        for name, activations in layers.items():
            assert_equal(both[name], dense.dissect(activations, data, 0.05))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(workers):
    rng = np.random.default_rng(3)
    activations = make_activations(rng, KINDS, 50, (7, 7))
    data = make_data(rng, 50, [(14, 14)])
    assert_equal(
        run(activations, data, quantile=0.05, num_workers=workers, batch_size=8), dense.dissect(activations, data, 0.05)
    )


def test_map_larger_than_mask_is_averaged_as_pillow_does():
    from PIL import Image

    from nbdissect.results.upsampling import resize

    rng = np.random.default_rng(4)
    for size, shape in [((28, 28), (14, 14)), ((30, 17), (11, 9)), ((9, 30), (21, 7)), ((13, 13), (112, 112))]:
        a = rng.normal(size=size).astype(np.float32)
        ours = resize(a, shape)
        theirs = np.array(Image.fromarray(a, "F").resize(shape[::-1], Image.Resampling.BILINEAR))
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_plateau_at_the_threshold_stays_off_whatever_the_sizes():
    """A saturated unit: most values tie at T, and no interpolated value may creep above them."""
    for value in (0.1, 1 / 3, 6.0, 1e-30, 3.4e38):
        for size in [(3, 3), (7, 7), (13, 13), (31, 29)]:
            activations = np.full((4, 1, *size), value, np.float32)
            activations[0, 0, 0, 0] = value * 0.5
            data = make_data(np.random.default_rng(0), 4, [(16, 16), (112, 112)])
            d = run(activations, data, quantile=0.3)
            assert d.intersection.sum() == 0
            assert d.activation.sum() == 0


def test_constant_maps_larger_than_the_mask_have_an_empty_mask():
    data = make_data(np.random.default_rng(0), 6, [(5, 4)])
    d = run(np.full((6, 2, 13, 11), 1 / 3, np.float32), data, quantile=0.3)
    assert d.activation.sum() == 0


def test_per_image_counts_add_up_and_score_subsets():
    rng = np.random.default_rng(5)
    activations = make_activations(rng, KINDS, 24, (6, 6))
    data = make_data(rng, 24, [(12, 12), (8, 10)])
    for semantics in ("paper", "netdissect-lite"):
        d = run(activations, data, quantile=0.05, per_image=True, semantics=semantics)
        everything = d.over(d.per_image.pixels[:, 0])
        for name in ("intersection", "truth", "activation"):
            np.testing.assert_array_equal(getattr(everything, name), getattr(d, name))
        assert everything.pixels == d.pixels
        some = d.per_image.pixels[::3, 0]
        subset = dense.Data(data.concepts, data.categories, [data.samples[i] for i in some])
        _, _, intersection, truth, activation = dense.dissect(activations[some], subset, 0.05, semantics, d.thresholds)
        part = d.over(some)
        np.testing.assert_array_equal(part.intersection, intersection)
        np.testing.assert_array_equal(part.truth, truth)
        np.testing.assert_array_equal(part.activation, activation)
        flags = np.isin(np.arange(24), some)
        np.testing.assert_array_equal(d.over(flags).truth, part.truth)
        for wrong in ([0.7], [[0, 1]], [True, False], [99]):
            with pytest.raises(ValueError):
                d.over(wrong)
        twice = d.over([some[0], some[0]])
        np.testing.assert_array_equal(twice.truth, 2 * d.over(some[:1]).truth)


def test_top_images_of_a_small_data_set_end_in_minus_one():
    data = make_data(np.random.default_rng(6), 3, [(4, 4)])
    d = run(make_activations(np.random.default_rng(6), ["normal", "dead"], 3, (2, 2)), data, quantile=0.3, top=5)
    assert (d.top_images[:, 3:] == -1).all()
    assert sorted(d.top_images[0, :3]) == [0, 1, 2]
    assert d.top_images[1, :3].tolist() == [0, 1, 2]
    assert np.isnan(d.top_activations[:, 3:]).all()


def test_top_maps_are_the_maps_of_the_top_images():
    rng = np.random.default_rng(7)
    activations = make_activations(rng, KINDS, 40, (5, 6))
    d = run(activations, make_data(rng, 40, [(10, 12)]), quantile=0.05, batch_size=7, top=4)
    for u in range(len(KINDS)):
        np.testing.assert_array_equal(d.top_maps[u], activations[d.top_images[u], u])
        np.testing.assert_array_equal(d.top_activations[u], activations[d.top_images[u], u].max((1, 2)))


@pytest.mark.parametrize("batch_size", [1, 3, 40])
def test_silent_images_are_those_whose_maximum_is_the_minimum_anywhere(batch_size):
    rng = np.random.default_rng(8)
    activations = make_activations(rng, KINDS, 40, (4, 5))
    # What a rectified unit does: it fires in 3 images, in 12, in one of which it is nowhere zero, or in none.
    for unit, fires in enumerate([3, 12, 3, 0]):
        activations[:, unit] = np.maximum(rng.standard_normal((40, 4, 5)) - 1, 0)
        activations[fires:, unit] = 0
    activations[:, 2] += np.float32(0.5)
    # The same map everywhere in nine images, and once, later, a smaller value: none of them is silent.
    activations[:, 3], activations[39, 3, 0, 0] = 1, 0.5
    rng.shuffle(activations)
    d = run(activations, make_data(rng, 40, [(8, 10)]), quantile=0.05, batch_size=batch_size, top=9)
    expected = (d.top_activations == activations.min((0, 2, 3))[:, None]).sum(1)
    np.testing.assert_array_equal(d.silent, expected)
    assert expected[0] == 6
    assert expected[3] == 0
    assert d.silent.max() == 9, "a dead unit is silent in all"


def test_lite_position():
    from nbdissect.engine.thresholds import threshold_rank

    rank = threshold_rank(0.005, 1000, "netdissect-lite")
    position = 994 / 999 * 999
    assert (rank.count, rank.fraction) == (1000 - math.floor(position), position - math.floor(position))
