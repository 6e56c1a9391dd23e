"""Other measures than IoU, from the same counts, against masks of pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdissect.results import scores
from support.cases import Case

PIXELS = 24


@given(
    st.lists(st.booleans(), min_size=PIXELS, max_size=PIXELS), st.lists(st.booleans(), min_size=PIXELS, max_size=PIXELS)
)
def test_measures_are_those_of_the_masks(unit, concept):
    unit, concept = np.array(unit, float), np.array(concept, float)
    counts = int((unit * concept).sum()), int(concept.sum()), int(unit.sum())
    both = np.linalg.norm(unit) * np.linalg.norm(concept)
    assert scores.cosine(*counts) == pytest.approx(unit @ concept / both if both else 0)
    assert scores.f1(*counts) == pytest.approx(2 * counts[0] / max(1, counts[1] + counts[2]))
    varies = unit.std() > 0 and concept.std() > 0
    expected = np.corrcoef(unit, concept)[0, 1] if varies else 0.0
    assert scores.pearson(*counts, PIXELS) == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def d():
    return Case(images=24).dissect(per_image=True)


def test_a_ranking_holds_them_all(d):
    for unit in d.units:
        for match in unit.ranking():
            both, area, truth = match.intersection, match.activation, match.truth
            assert match.pixels == d.category_pixels[d.categories.index(match.concept.category)]
            assert match.concept_given_unit == (both / area if area else 0)
            assert match.unit_given_concept == (both / truth if truth else 0)
            assert match.f1 == pytest.approx(2 * match.iou / (1 + match.iou))
            assert -1 <= match.pearson <= 1
            assert match.iou <= match.ceiling or math.isclose(match.iou, match.ceiling)


def test_the_pixels_of_a_category_are_those_of_the_images_that_carry_it(d):
    """Kept by the run, and found again from the counts per image for any of the images."""
    data = Case(images=24).data
    expected = np.zeros(len(d.categories), int)
    for masks, whole, shape in data.samples:
        labels = np.concatenate([np.ravel(numbers) for numbers in (*masks.values(), *whole.values(), ())])
        carried = {concept.category for concept in data.concepts if concept.number in labels}
        expected += [(category in carried) * shape[0] * shape[1] for category in d.categories]
    assert d.category_pixels.tolist() == expected.tolist()
    every = d.per_image.pixels[:, 0]
    assert d.over(every).category_pixels.tolist() == expected.tolist()
    assert d.over([*every, *every]).category_pixels.tolist() == (2 * expected).tolist()
    halves = d.over(every[::2]).category_pixels + d.over(every[1::2]).category_pixels
    assert halves.tolist() == expected.tolist()


def test_what_is_not_known_gives_no_correlation(d):
    match = replace(d, category_pixels=None).units[0].ranking()[0]
    assert math.isnan(match.pearson)
    assert not math.isnan(match.cosine)
