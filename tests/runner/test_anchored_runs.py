"""Dissections with upsample="receptive-field": every way to run one gives what the dense reference counts."""

from __future__ import annotations

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.engine import layer_accumulator
from nbdissect.results.upsampling import ReceptiveField, resize
from nbdissect.runner.checkpoint import CheckpointError
from support import dense
from support.anchored import AnchoredCase
from support.cases import assert_equal, interrupt
from support.executors import Here

# Windows of 2 pixels every 4, of an image of 20 × 24: centers at 0.5, 4.5, …
HALF, QUARTER = (10, 12), (5, 6)


def exactly(shape):
    """Where the centers lie on a mask, unrounded."""
    return [
        [(4 * k + 1) * out / side - 0.5 for k in range(side // 4)] for out, side in zip(shape, (20, 24), strict=True)
    ]


def by_hand(shape):
    if shape == HALF:
        return [range(0, 10, 2), range(0, 12, 2)]
    if shape == QUARTER:
        return [range(5), range(6)]
    if shape == (20, 24):
        return [range(1, 20, 4), range(1, 24, 4)]
    return exactly(shape)


@pytest.fixture
def case():
    return AnchoredCase([HALF, QUARTER, (20, 24), (3, 4), (37, 50), (7, 9)], by_hand)


@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
@pytest.mark.parametrize("shape", [HALF, QUARTER, (20, 24), (3, 4), (4, 7), (37, 50)])
def test_counts_are_the_references(shape, semantics):
    case = AnchoredCase([shape], by_hand)
    d = case.dissect(semantics=semantics)
    assert_equal(d, case.reference(semantics=semantics))
    assert d.receptive_field == ReceptiveField((0.5, 0.5), (4, 4), (20, 24))
    if shape == (37, 50) and semantics == "paper":
        assert not np.array_equal(d.intersection, case.dissect(upsample="bilinear").intersection)


def test_masks_of_several_sizes_in_one_data_set(case):
    assert_equal(case.dissect(), case.reference())


def test_the_result_is_the_same_in_little_memory(case, monkeypatch):
    from nbdissect import validation

    reference = case.reference()
    monkeypatch.setattr(validation, "parse_memory", lambda _: 4000)
    monkeypatch.setattr(layer_accumulator, "_LEAST_BITS", 4)
    monkeypatch.setattr(layer_accumulator, "_MOST_BITS", 4)
    assert_equal(case.dissect(), reference)


@pytest.mark.parametrize("workers", [1, 3])
def test_shared_among_workers(case, workers):
    assert_equal(case.dissect(executor=Here(workers)), case.reference())


def test_given_thresholds_and_counts_per_image(case):
    whole = case.dissect(per_image=True)
    assert case.dissect(thresholds=whole.thresholds).intersection.tolist() == whole.intersection.tolist()
    assert whole.over(range(24)).intersection.tolist() == whole.intersection.tolist()
    assert whole.over(range(3)).receptive_field == whole.receptive_field


def test_in_the_background_and_looked_at_on_the_way(case):
    looks = []
    assert_equal(case.dissect(progress=lambda p: looks.append(p.look())), case.reference())
    assert {look["layer"].receptive_field for look in looks if look} == {ReceptiveField((0.5, 0.5), (4, 4), (20, 24))}
    assert_equal(case.dissect(background=True).result(), case.reference())


@pytest.mark.parametrize("stage", ["network", "labels"])
def test_an_interrupted_run_goes_on_and_not_as_another(case, tmp_path, stage):
    assert not case.dissect(checkpoint=tmp_path / "run", progress=interrupt(12, stage)).complete
    with pytest.raises(CheckpointError, match="another model, data set or setting"):
        case.dissect(checkpoint=tmp_path / "run", upsample="bilinear")
    assert_equal(case.dissect(checkpoint=tmp_path / "run"), case.reference())


def test_record_archive_and_cache_tell_them_apart(case, tmp_path):
    anchored = case.dissect(cache=tmp_path / "cache")
    plain = case.dissect(cache=tmp_path / "cache", upsample="bilinear")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert case.dissect(cache=tmp_path / "cache") == anchored
    assert case.dissect(cache=tmp_path / "cache", upsample="bilinear") == plain
    assert anchored.provenance.upsampling == (
        "receptive-field: bilinear between the centers of receptive fields, clamped outside, rows first, float32; "
        "first center 0.5 × 0.5, step 4 × 4, in images of 20 × 24"
    )
    assert "maps at receptive fields" in anchored.facts
    assert "maps at" not in plain.facts
    (line,) = [line for line in plain.differences(anchored) if line.startswith("receptive_field")]
    assert line == "receptive_field: None / first center 0.5 × 0.5, step 4 × 4, in images of 20 × 24"
    anchored.save(tmp_path / "one.nbd", images=False)
    assert nd.load(tmp_path / "one.nbd") == anchored
    assert nd.load(tmp_path / "one.nbd").receptive_field == anchored.receptive_field


@pytest.mark.parametrize("wrong", [[1, 1, 0, 1, 9, 9], [1, 1, 1, 1, 9.5, 9], [1, 1, 1, 1, 9], "here", [None] * 6])
def test_an_archive_with_a_wrong_field_is_refused(wrong):
    from nbdissect.results.fields import FIELD

    with pytest.raises(ValueError, match="null or a list of six numbers"):
        FIELD.read({"receptive_field": wrong}, "receptive_field", "")


def test_maps_on_a_mask_stand_where_the_reference_has_them():
    rng = np.random.default_rng(3)
    field = ReceptiveField((0.5, 0.5), (4, 4), (20, 24))
    for shape in (HALF, QUARTER, (37, 50), (3, 4)):
        maps = rng.normal(size=(5, 6, 7)).astype(np.float32)
        expected = dense.upsample_anchored(np.moveaxis(maps, 2, 0), shape, by_hand(shape))
        np.testing.assert_array_equal(np.moveaxis(resize(maps, shape, field), 2, 0), expected)
        assert [list(a) for a in field.anchors((5, 6), shape)] == [pytest.approx(list(a)) for a in by_hand(shape)]


def test_images_that_come_out_in_another_size_are_refused(case):
    spread = case.spread

    def larger_later(picture):
        fed = spread(picture)
        return fed if dense.spell(picture)[0, 0, 0] < 4 else fed.new_zeros(8, 21, 24)

    # Of the images that are looked at first, only the last is of the other size, and left out there.
    with pytest.raises(
        ValueError, match=r"Image 4 came out of the transform with shape \[8, 21, 24\], the first one with"
    ):
        case.dissect(transform=larger_later)


def test_another_word_is_refused(case):
    with pytest.raises(ValueError, match="upsample='nearest'; allowed are 'bilinear' and 'receptive-field'"):
        case.dissect(upsample="nearest")
