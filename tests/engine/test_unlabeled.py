"""Pixels of which nobody knows what they show: neither a concept's, nor "not a concept's"."""

from __future__ import annotations

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.types import UNLABELED
from support import dense
from support.cases import Case, assert_equal
from support.data import KINDS, make_activations, make_data
from support.dissections import assert_same


class Partly(Case):
    """A case in which every second plane has pixels of unknown meaning."""

    def __init__(self, images=40, seed=0):
        rng = np.random.default_rng(seed)
        self.activations = make_activations(rng, KINDS, images, (5, 5))
        self.data = make_data(rng, images, [(9, 9), (7, 11)], unlabeled=0.5)
        self.model = dense.Playback(layer=self.activations)


@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
@pytest.mark.parametrize("seed", range(12))
def test_equals_the_dense_reference(seed, semantics):
    case = Partly(seed=seed)
    d = case.dissect(semantics=semantics)
    assert_equal(d, dense.dissect(case.activations, case.data, 0.05, semantics))


def dissect_ones(data, shape):
    """Dissect a layer of one unit that fires everywhere."""
    model = dense.Playback(layer=np.ones(shape, np.float32))
    return nd.dissect(model, "layer", data=data, transform=dense.spell, thresholds=[0.0], progress=False)


def test_what_is_unlabeled_is_no_background():
    """One image, half of it car, a quarter nothing, a quarter unknown; the unit fires everywhere."""
    car = np.array([[[1, 1, 0, UNLABELED]]])
    data = dense.Data([nd.Concept(1, "car", "object")], ("object",), [({"object": car}, {}, (1, 4))])
    d = dissect_ones(data, (1, 1, 1, 4))
    assert (d.truth.tolist(), d.activation.tolist(), d.intersection.tolist()) == ([2], [[3]], [[2]])
    assert d.units[0].iou == 2 / 3


@pytest.mark.parametrize("known", [0, 1])
def test_an_unknown_category_hides_no_other(known):
    """Unknown in one plane of a category is unknown in the category, and in no other."""
    planes = np.array([[[1, 1]], [[UNLABELED, known]]])
    concepts = [nd.Concept(1, "car", "object"), nd.Concept(2, "red", "color")]
    data = dense.Data(concepts, ("object", "color"), [({"object": planes, "color": np.array([[[2, 0]]])}, {}, (1, 2))])
    d = dissect_ones(data, (1, 1, 1, 2))
    assert d.truth.tolist() == [1, 1]
    assert d.activation.tolist() == [[1, 2]]


def test_an_image_without_any_known_pixel_carries_no_category():
    unknown = ({"object": np.full((1, 2, 2), UNLABELED)}, {"object": (1,)}, (2, 2))
    labeled = ({"object": np.full((1, 2, 2), 1)}, {}, (2, 2))
    data = dense.Data([nd.Concept(1, "car", "object")], ("object",), [unknown, labeled])
    d = dissect_ones(data, (2, 1, 2, 2))
    assert (d.truth.tolist(), d.activation.tolist(), d.intersection.tolist()) == ([4], [[4]], [[4]])


def test_counts_per_image_add_up_and_are_kept(tmp_path):
    case = Partly()
    d = case.dissect(per_image=True)
    assert d.per_image.unlabeled.shape[1] == 4
    assert len(d.per_image.unlabeled) > 10
    d.save(tmp_path / "d.nbd")
    again = nd.load(tmp_path / "d.nbd")
    assert_same(again, d)
    for images in ([0, 1, 2], range(0, 40, 3), [5, 5, 5]):
        chosen = list(images)
        part = dense.Data(case.data.concepts, case.data.categories, [case.data.samples[i] for i in chosen], (11,))
        expected = dense.dissect(case.activations[chosen], part, 0.05, thresholds=d.thresholds)
        over = again.over(chosen)
        for got, wanted in zip((over.intersection, over.truth, over.activation), expected[2:], strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_without_unknown_pixels_nothing_is_kept_of_them():
    assert Case().dissect(per_image=True).per_image.unlabeled is None


def test_other_negative_numbers_are_no_labels():
    data = dense.Data([nd.Concept(1, "car", "object")], ("object",), [({"object": np.full((1, 2, 2), -1)}, {}, (2, 2))])
    with pytest.raises(ValueError, match="Image 0, category 'object': label number -1 is not among"):
        nd.dissect(
            dense.Playback(layer=np.ones((1, 1, 2, 2), np.float32)),
            "layer",
            data=data,
            transform=dense.spell,
            thresholds=[0.0],
            progress=False,
        )


def test_archived_masks_hold_nothing_there(tmp_path):
    case = Partly()
    d = case.dissect()
    d.save(tmp_path / "d.nbd")
    data = nd.load(tmp_path / "d.nbd").data
    some = int(d.top_images[0, 0])
    for category, planes in data[some].masks.items():
        original = np.asarray(case.data[some].masks[category])
        known = {c.number for c in case.data.concepts}
        np.testing.assert_array_equal(planes, np.where(np.isin(original, list(known)), original, 0))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (3, 10**6, "per_image.unlabeled holds more pixels than the unit's mask has there"),
        (2, 3, "per_image.unlabeled holds a unit or concept that is not there"),
        (0, 40, "per_image.unlabeled holds a negative number, or an image that was not counted"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path, column, value, said):
    d = Partly().dissect(per_image=True)
    d.per_image.unlabeled[0, column] = value
    with pytest.raises(ValueError, match=said):
        d.save(tmp_path / "d.nbd")
