"""Labels on other images: the same masks, scored anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import nbdissect as nd
from support import dense
from support.cases import Case

CONCEPTS = [nd.Concept(1, "car", "object"), nd.Concept(2, "truck", "object"), nd.Concept(5, "red", "color")]
IMAGES = 16


def data_of(seed, concepts=CONCEPTS):
    """Images of 6 × 6 pixels, each pixel of one object and some of them red."""
    rng = np.random.default_rng(seed)
    objects = [concept.number for concept in concepts if concept.category == "object"]
    red = [concept.number for concept in concepts if concept.category == "color"]
    samples = []
    for _ in range(IMAGES):
        masks = {"object": rng.choice([0, *objects], (1, 6, 6))}
        if red:
            masks["color"] = rng.choice([0, *red], (1, 6, 6))
        samples.append((masks, {}, (6, 6)))
    return dense.Data(concepts, tuple(dict.fromkeys(concept.category for concept in concepts)), samples)


@pytest.fixture(scope="module")
def model():
    return dense.Playback(layer=np.random.default_rng(0).normal(size=(IMAGES, 9, 6, 6)).astype(np.float32))


@pytest.fixture(scope="module")
def d(model):
    return nd.dissect(model, "layer", data=data_of(1), transform=dense.spell, quantile=0.1, progress=False)


def verify(d, model, data):
    return d.verify(model, data, transform=dense.spell, progress=False)


def test_on_its_own_images_everything_is_as_it_was(d, model):
    found = verify(d, model, data_of(1))
    assert found.iou.tolist() == d.best_iou.tolist()
    assert found.kept.all()
    assert found.rows[-1]["kept"] == 1


def test_other_images_are_scored_at_the_same_thresholds(d, model):
    other = data_of(2)
    found = verify(d, model, other)
    again = nd.dissect(
        model, "layer", data=other, transform=dense.spell, thresholds=d.thresholds, quantile=0.1, progress=False
    )
    units = np.arange(9)
    assert found.iou.tolist() == again.iou[units, d.best_concepts].tolist()
    assert found.kept.tolist() == (again.best_concepts == d.best_concepts).tolist()
    assert 0 < found.kept.sum() < 9
    (*parts, whole) = found.rows
    detectors = d.is_detector()
    assert whole["detectors"] == sum(row["detectors"] for row in parts) == detectors.sum()
    assert whole["kept"] == pytest.approx(found.kept[detectors].mean())
    assert whole["iou"] == pytest.approx(found.iou[detectors].mean())
    assert whole["iou_before"] == pytest.approx(d.best_iou[detectors].mean())
    assert repr(found).splitlines()[0] == "<Labels of layer on 16 other images>"
    assert repr(found).splitlines()[-1].startswith("all")


def test_concepts_go_by_name_and_category(d, model):
    """Another data set numbers them otherwise, and lacks some."""
    numbers = {1: 40, 2: 7}
    others = [nd.Concept(7, "truck", "object"), nd.Concept(40, "car", "object")]
    samples = [
        ({"object": np.vectorize(lambda n: numbers.get(int(n), 0))(masks["object"])}, whole, shape)
        for masks, whole, shape in data_of(2).samples
    ]
    found = verify(d, model, dense.Data(others, ("object",), samples))
    same = verify(d, model, data_of(2))
    colors = np.array([d.concepts[c].category == "color" for c in d.best_concepts])
    assert 0 < colors.sum() < 9
    assert np.isnan(found.iou[colors]).all()
    assert not found.kept[colors].any()
    assert found.iou[~colors].tolist() == same.iou[~colors].tolist()
    assert "of concepts that the other data don't know" in repr(found)


def test_names_that_stand_twice_match_by_number_or_not_at_all(d, model):
    twice = [*CONCEPTS, nd.Concept(9, "red", "color")]
    found = verify(d, model, data_of(2, twice))
    red = np.array([d.concepts[c].name == "red" for c in d.best_concepts])
    assert not np.isnan(found.iou[red]).any(), "its number says which of them it is"
    other = [*CONCEPTS[:2], nd.Concept(8, "red", "color"), nd.Concept(9, "red", "color")]
    assert np.isnan(verify(d, model, data_of(2, other)).iou[red]).all()


def test_a_unit_without_a_label_stays_without(model):
    maps = model.activations["layer"].clone()
    maps[:, 0] = 0
    silent = dense.Playback(layer=maps.numpy())
    d = nd.dissect(silent, "layer", data=data_of(1), transform=dense.spell, quantile=0.1, progress=False)
    assert d.best_concepts[0] < 0
    found = verify(d, silent, data_of(2))
    assert (np.isnan(found.iou[0]), bool(found.kept[0]), bool(found.known[0])) == (True, False, False)


def test_what_is_refused(d, model):
    with pytest.raises(ValueError, match="which only its code can say again: pass transform=, too"):
        d.verify(model, data_of(2))
    strangers = [nd.Concept(1, "dog", "object")]
    with pytest.raises(ValueError, match=r"None of the labels is a concept of the other data.*such as car \(object\)"):
        verify(d, model, data_of(2, strangers))
    unknown = replace(d, thresholds=np.full_like(d.thresholds, np.nan))
    with pytest.raises(ValueError, match="holds no thresholds"):
        verify(unknown, model, data_of(2))


def test_other_weights_are_refused():
    model, data = nd.demo()
    d = nd.dissect(model, "conv6", data=data[:40], progress=False)
    found = d.verify(model, data[40:80], progress=False)
    assert len(found.iou) == 160
    with torch.no_grad():
        next(model.parameters()).mul_(2)
    with pytest.raises(ValueError, match="are not those that were dissected"):
        d.verify(model, data[40:80], progress=False)


def test_semantics_are_those_of_the_run():
    case = Case(images=24)
    d = case.dissect(semantics="netdissect-lite")
    found = d.verify(case.model, case.data, transform=dense.spell, progress=False)
    assert found.other.semantics == "netdissect-lite"
    labeled = d.best_concepts >= 0
    assert found.iou[labeled].tolist() == d.best_iou[labeled].tolist()


def test_a_run_by_the_papers_protocol_is_verified_with_what_it_fed():
    """Its transform is found again from its record; weights that declare nothing got Caffe's values."""
    model, data = nd.demo()
    d = nd.dissect(model, "conv5", data=data[:24], protocol="cvpr2017", progress=False)
    found = d.verify(model, data[:24], progress=False)
    labeled = d.best_concepts >= 0
    assert found.other.provenance.transform == d.provenance.transform
    assert found.other.receptive_field == d.receptive_field
    assert found.iou[labeled].tolist() == d.best_iou[labeled].tolist()


def test_without_any_label_there_is_nothing_to_verify():
    model = dense.Playback(layer=np.zeros((IMAGES, 3, 6, 6), np.float32))
    d = nd.dissect(model, "layer", data=data_of(1), transform=dense.spell, quantile=0.1, progress=False)
    with pytest.raises(ValueError, match="No unit of layer has a label that other images could confirm"):
        verify(d, model, data_of(2))
