"""Intervals of IoUs and sets of labels, against the same formulas written down image by image."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nbdissect.results import confidence, scores
from nbdissect.results.confidence import FEW_IMAGES, student_quantile
from support.cases import Case


@pytest.fixture(scope="module")
def d():
    return Case(images=24).dissect(per_image=True)


def counts_of_images(d):
    """Return I [N, U, C], G [N, C] and A [N, U, C] of every image, the area where its category is carried."""
    each = [d.over([image]) for image in d.per_image.pixels[:, 0]]
    return (
        np.stack([one.intersection for one in each]).astype(float),
        np.stack([one.truth for one in each]).astype(float),
        np.stack([one.activation[:, d.category_of] for one in each]).astype(float),
    )


@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
def test_intervals_follow_the_formula(semantics):
    d = Case(images=24, seed=3).dissect(per_image=True, semantics=semantics)
    shared, truth, area = counts_of_images(d)
    union = area + truth[:, None] - shared
    n = len(shared)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = (shared - d.iou * union) / union.sum(0)
        second, fourth = (x**2).sum(0), (x**4).sum(0)
        effective = second**2 / fourth
    sure = d.confidence()
    varied = second > 1e-18
    assert varied.sum() > 20
    assert sure.effective_images[varied] == pytest.approx(effective[varied], rel=1e-6)
    half = student_quantile(0.95, np.maximum(effective, 1)) * np.sqrt(n / (n - 1) * second)
    most = 1 if semantics == "paper" else math.inf
    assert sure.low[varied] == pytest.approx(np.clip(d.iou - half, 0, most)[varied], abs=1e-9)
    assert sure.high[varied] == pytest.approx(np.clip(d.iou + half, 0, most)[varied], abs=1e-9)
    assert np.isfinite(sure.low).all()
    assert np.isfinite(sure.high).all()


def test_an_image_drawn_twice_is_two_draws(d):
    """Each adds its own part to the variance: not one image of twice the size."""
    images = d.per_image.pixels[[0, 1, 1, 2, 3, 3, 3, 5, 8, 13], 0]
    shared, truth, area = counts_of_images(d)
    place = np.searchsorted(d.per_image.pixels[:, 0], images)
    shared, truth, area = shared[place], truth[place], area[place]
    union = area + truth[:, None] - shared
    drawn = d.over(images)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = (shared - drawn.iou * union) / union.sum(0)
        effective = (x**2).sum(0) ** 2 / (x**4).sum(0)
    varied = (x**2).sum(0) > 1e-18
    assert varied.sum() > 10
    assert drawn.confidence().effective_images[varied] == pytest.approx(effective[varied], rel=1e-6)


def test_sets_hold_the_fewest_concepts_that_win_often_enough(d):
    resamples, level = 60, 0.8
    known = d.per_image.pixels[:, 0]
    # The same draws: in parts of 25, as the memory allows.
    rng = np.random.default_rng(5)
    times = np.concatenate(
        [rng.multinomial(len(known), np.full(len(known), 1 / len(known)), part) for part in (25, 25, 10)]
    )
    winners = np.stack([d.over(np.repeat(known, one)).best_concepts for one in times])
    sure = d.confidence(level, resamples, seed=5)
    for unit, labels in enumerate(sure.sets):
        columns = [next(c for c, concept in enumerate(d.concepts) if concept.number == number) for number in labels]
        wins = [(winners[:, unit] == column).sum() for column in columns]
        none = (winners[:, unit] < 0).sum()
        assert sum(wins) + none >= level * resamples or d.best_concepts[unit] < 0
        assert sum(wins) - min(wins, default=0) < level * resamples
        others = {int(w) for w in winners[:, unit] if w >= 0 and w not in columns}
        assert all((winners[:, unit] == other).sum() <= min(wins) for other in others) or not wins


def test_a_unit_that_always_agrees_rests_on_all_of_its_images(d):
    """Where nothing varies the interval is a point, and the images still count."""
    kept = d.per_image
    rows = kept.area[:, 1] == 0
    column, category = 0, int(d.category_of[0])
    truth = np.column_stack([kept.area[rows, 0], np.full(rows.sum(), column), kept.area[rows, 2]])
    both = np.column_stack([kept.area[rows, 0], np.zeros((rows.sum(), 2), np.int64), kept.area[rows, 2]])
    carried = kept.area_categories.copy()
    carried[rows, category] = True
    agreeing = replace(
        d,
        per_image=replace(
            kept,
            truth=np.concatenate([truth, kept.truth[kept.truth[:, 1] != column]]),
            intersection=np.concatenate([both, kept.intersection[kept.intersection[:, 1] != 0]]),
            area_categories=carried,
        ),
    )
    agreeing = replace(agreeing.over(kept.pixels[:, 0]), per_image=agreeing.per_image)
    sure = agreeing.confidence()
    assert agreeing.iou[0, column] == 1
    assert (sure.low[0, column], sure.high[0, column]) == (1, 1)
    assert sure.effective_images[0, column] == rows.sum()
    assert sure.sets[0] == (d.concepts[column].number,)


def test_students_quantiles():
    """From tables; between whole numbers, from scipy.stats.t.ppf."""
    df = np.array([1, 2, 3, 5, 10, 30, 120, 1e9, 1.5, 7.25])
    tables = [6.3138, 2.9200, 2.3534, 2.0150, 1.8125, 1.6973, 1.6577, 1.6449]
    found = student_quantile(0.95, df)
    assert found[:8] == pytest.approx(tables, abs=6e-5)
    assert found[0] > found[8] > found[1]
    assert found[3] > found[9] > found[4]
    assert student_quantile(0.975, np.array([1.0, 4.0])) == pytest.approx([12.7062, 2.7764], abs=2e-4)


def test_intervals_hold_what_they_should():
    """One unit and one concept over images drawn at random: about 90 % of the intervals hold the ratio of all."""
    from nbdissect.results.per_image import PerImage

    d = Case(images=24).dissect(per_image=True)
    rng = np.random.default_rng(0)
    concept = d.concepts[0]
    base = replace(d, concepts=(concept,), categories=(concept.category,), thresholds=d.thresholds[:1])

    def drawn(count):
        """Return counts of images of which a quarter hold the concept, with masks that overlap it in part."""
        truth = rng.integers(50, 400, count) * (rng.random(count) < 0.25)
        shared = (truth * rng.beta(2, 3, count)).astype(np.int64)
        return truth, shared, shared + rng.integers(0, 60, count)

    truth, shared, area = drawn(400_000)
    population = shared.sum() / (truth + area - shared).sum()
    held = 0
    for _ in range(300):
        truth, shared, area = drawn(300)
        where = np.arange(300)
        zero = np.zeros(300, np.int64)
        kept = PerImage(
            intersection=np.column_stack([where, zero, zero, shared])[shared > 0],
            area=np.column_stack([where, zero, area])[area > 0],
            area_categories=np.ones((int((area > 0).sum()), 1), bool),
            truth=np.column_stack([where, zero, truth])[truth > 0],
            pixels=np.column_stack([where, zero + 12_544]),
        )
        counts = dict(zip(("intersection", "truth", "activation"), kept.total(where, 1, 1)[:3], strict=True))
        sure = replace(base, per_image=kept, **counts).confidence(resamples=1)
        held += sure.low[0, 0] <= population <= sure.high[0, 0]
    assert 0.86 <= held / 300 <= 0.94


def test_what_it_says(d):
    sure = d.confidence()
    labeled = [unit for unit in range(len(d.thresholds)) if d.best_concepts[unit] >= 0]
    for unit in labeled:
        text = sure.describe(unit)
        few = sure.effective_images[unit, d.best_concepts[unit]] < FEW_IMAGES
        assert ("rests on few images" in text) == few
        assert d.units[unit].label in text or not few
    assert repr(sure).startswith("<Confidence at 90 %: sets of ")
    silent = next((unit for unit in range(len(d.thresholds)) if d.best_concepts[unit] < 0), None)
    if silent is not None:
        assert sure.describe(silent) == "no concept"
        assert sure.sets[silent] == ()


def test_no_concept_that_could_win_is_left_out(d, monkeypatch):
    """Sets are those of a bootstrap of all concepts, though far ones are not resampled."""
    sets = d.confidence().sets
    monkeypatch.setattr(confidence, "_FAR", 1e9)
    assert d.confidence().sets == sets


def test_the_same_seed_gives_the_same_sets(d):
    assert d.confidence(seed=1).sets == d.confidence(seed=1).sets


def test_what_is_refused(d):
    with pytest.raises(ValueError, match=r"Keep them: nd.dissect\(…, per_image=True\)"):
        replace(d, per_image=None).confidence()
    with pytest.raises(ValueError, match="level is 90; a number between 0 and 1"):
        d.confidence(90)
    with pytest.raises(ValueError, match="resamples is 0; a whole number from 1 on"):
        d.confidence(resamples=0)
    with pytest.raises(ValueError, match="level is '90 %'; a number between 0 and 1"):
        d.confidence("90 %")
    with pytest.raises(ValueError, match="seed is -1; a whole number from 0 on"):
        d.confidence(seed=-1)
    with pytest.raises(ValueError, match="No image was counted"):
        d.over([]).confidence()


def test_scores_are_untouched(d):
    before = d.iou.copy()
    d.confidence()
    assert np.array_equal(before, d.iou)
    assert np.array_equal(before, scores.iou(d.intersection, d.truth, d.activation, d.category_of, d.semantics))
