"""Numbers that contradict each other are refused, on their way into a file and out of it; those of real runs never are."""

from __future__ import annotations

import json
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbdissect as nd
from nbdissect.results.archive_format import ArchiveError
from nbdissect.results.consistency import problem
from nbdissect.results.fields import array_values, arrays_of
from nbdissect.results.provenance import Provenance
from support import dense
from support.data import KINDS, make_activations, make_data
from support.dissections import dissection, photographs


def changed(name, at, value):
    """A change of one value of an array, by name."""

    def change(d):
        group, _, inner = name.rpartition(".")
        owner = getattr(d, group) if group else d
        values = getattr(owner, inner).copy()
        values[at] = value
        return replace(d, **({group: replace(owner, **{inner: values})} if group else {name: values}))

    return change


def scaled(name, factor):
    def change(d):
        group, _, inner = name.rpartition(".")
        owner = getattr(d, group)
        return replace(d, **{group: replace(owner, **{inner: getattr(owner, inner) * factor})})

    return change


def imported(path):
    dissection(8).to_csv(path / "a.csv")
    return nd.read_csv(path / "a.csv")


CONTRADICTIONS = {
    "intersection has more pixels than the concept": changed("intersection", (0, 0), 10**6),
    "intersection has more pixels than the unit's mask": lambda d: replace(
        d, per_image=None, activation=d.activation * 0, thresholds=d.thresholds * 0 + 1
    ),
    "intersection is negative or infinite": changed("intersection", (0, 0), -1),
    "truth is float64; whole numbers are needed in a result that was not imported": lambda d: replace(
        d, truth=d.truth * np.nan
    ),
    "intersection is float64; whole numbers are needed": lambda d: replace(
        d, intersection=d.intersection.view(np.float64)
    ),
    "activation holds 60,000 of 11,520 pixels": changed("activation", (0, 1), 60_000),
    "truth holds 11,521 of 11,520 pixels": changed("truth", 1, 11_521),
    "pixels is 1 for 24 images": lambda d: replace(d, pixels=1),
    "1,000,000,000 images were counted or planned, of a data set of 24": lambda d: replace(
        d, images=10**9, pixels=10**12, per_image=None
    ),
    "of 3 images planned 1 were seen and 24 counted": lambda d: replace(d, seen=1, planned=3),
    "0 images were seen of a run that planned none": lambda d: replace(d, provisional=True),
    "30 images were counted or planned, of a data set of 24": lambda d: replace(d, seen=24, planned=30),
    "top_images has an image twice": lambda d: replace(d, top_images=np.where(d.top_images >= 0, 1, -1)),
    "top_images has an image behind a place without one": lambda d: replace(d, top_images=d.top_images[:, ::-1]),
    "not in the order of top_activations": lambda d: replace(
        d, top_activations=np.where(d.top_images >= 0, np.arange(4, dtype=np.float32), np.nan).astype(np.float32)
    ),
    "top_activations is not the maximum of top_maps": lambda d: replace(d, top_maps=d.top_maps - 1),
    "a threshold is above its unit's strongest activation": changed("thresholds", 1, 1e30),
    "activation has pixels of a unit that never passes its threshold": lambda d: replace(
        d, thresholds=d.top_activations[:, 0], thresholds_given=True
    ),
    "silent is below 0 or above the number of a unit's top images": lambda d: replace(
        d, silent=np.full(len(d.thresholds), 99)
    ),
    "silent counts an image in which a unit is above its minimum": lambda d: replace(
        d, silent=(d.top_images >= 0).sum(1)
    ),
    "top_maps has maps of 7 × 0": lambda d: replace(d, top_maps=d.top_maps[..., :0]),
    "the concepts are not in the order of their numbers": lambda d: replace(d, concepts=d.concepts[::-1]),
    "per_image.truth doesn't add up to truth": changed("per_image.truth", (0, 2), 480),
    "per_image.truth holds more pixels than the image": scaled("per_image.truth", [1, 1, 700]),
    "per_image.area holds more pixels than the image": scaled("per_image.area", [1, 1, 700]),
    "per_image.intersection holds more pixels than the concept has there": scaled(
        "per_image.intersection", [1, 1, 1, 700]
    ),
    "per_image.pixels has 23 images, of 24 counted": lambda d: replace(
        d,
        images=24,
        per_image=replace(
            d.per_image,
            pixels=d.per_image.pixels[:23],
            **{name: getattr(d.per_image, name)[:0] for name in ("area", "area_categories", "truth", "intersection")},
        ),
    ),
    "per_image.pixels holds an image twice, with different": lambda d: replace(
        d,
        per_image=replace(
            d.per_image, pixels=np.concatenate([d.per_image.pixels, d.per_image.pixels[:1] + 1 - np.array([1, 0])])
        ),
    ),
    "per_image.truth holds a row twice": lambda d: replace(
        d, per_image=replace(d.per_image, truth=d.per_image.truth[[0, 0]])
    ),
    "per_image.truth holds more pixels than there can be": changed("per_image.truth", (0, 2), 1 << 60),
    "layer is 'layer4', and 'other' in the provenance": lambda d: replace(
        d, provenance=replace(d.provenance, layer="other")
    ),
    "semantics is 'paper', and 'netdissect-lite' in the provenance": lambda d: replace(
        d, provenance=replace(d.provenance, semantics="netdissect-lite")
    ),
    "stored_best is there without stored_iou": lambda d: replace(d, stored_best=d.best_concepts),
    "per_image beside stored_iou": lambda d: replace(d, stored_iou=d.iou, stored_best=d.best_concepts),
    "thresholds is int64; <f4 is needed": lambda d: replace(d, thresholds=d.thresholds.astype(int)),
}


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_a_result_that_can_not_be_is_not_saved(tmp_path, text):
    d = CONTRADICTIONS[text](photographs())
    with pytest.raises(ArchiveError, match="layer4 can't be saved: ") as caught:
        d.save(tmp_path / "a.nbd")
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", [text for text in CONTRADICTIONS if "<f4 is needed" not in text])
def test_nor_is_it_loaded(tmp_path, monkeypatch, text):
    d = CONTRADICTIONS[text](photographs())
    with monkeypatch.context() as patch:
        patch.setattr("nbdissect.results.archive_writer.problem", lambda _: "")
        d.save(tmp_path / "a.nbd")
    with pytest.raises(ArchiveError, match=r"a.nbd: layer4: ") as caught:
        nd.load(tmp_path / "a.nbd")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (
            "stored_iou is above 1 (1 values), which semantics='netdissect-lite' allows",
            changed("stored_iou", (0, 0), 5),
        ),
        ("stored_iou is negative or infinite", changed("stored_iou", (0, 0), -5)),
        (
            "stored_best is not the concept of the highest stored_iou",
            lambda d: replace(d, stored_best=d.stored_best * 0 - 1),
        ),
        (
            "stored_best is not the concept of the highest stored_iou",
            lambda d: replace(d, stored_best=d.stored_best[::-1]),
        ),
        ("stored_best is no column", changed("stored_best", 0, 99)),
        ("stored_iou is known where intersection is not", changed("intersection", (0, 0), np.nan)),
        ("activation is NaN, where even an imported table has numbers", changed("activation", (0, 0), np.nan)),
        ("intersection is no whole number (1 values)", changed("intersection", (0, 0), 0.5)),
        ("intersection has more pixels than the concept", changed("intersection", (0, 0), 1e9)),
    ],
)
def test_nor_an_imported_table(tmp_path, text, change):
    with pytest.raises(ArchiveError) as caught:
        change(imported(tmp_path)).save(tmp_path / "a.nbd")
    assert text in str(caught.value)


def test_what_lite_counts_twice_is_no_contradiction():
    d = replace(photographs(), per_image=None, provenance=None, semantics="netdissect-lite")
    assert problem(replace(d, intersection=np.minimum(d.activation * 3, d.truth))) == ""
    assert problem(replace(d, truth=d.truth * 100)) == ""
    assert "more pixels than the unit's mask" in problem(
        replace(d, intersection=np.ones_like(d.intersection), activation=d.activation * 0)
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    semantics=st.sampled_from(["paper", "netdissect-lite"]),
    size=st.sampled_from([(1, 1), (3, 2), (13, 11)]),
    images=st.integers(3, 20),
    given_thresholds=st.booleans(),
)
def test_what_is_counted_never_contradicts_itself(seed, semantics, size, images, given_thresholds):
    rng = np.random.default_rng(seed)
    model, data = (
        dense.Playback(layer=make_activations(rng, KINDS, images, size)),
        make_data(rng, images, [(8, 8), (5, 9)]),
    )
    if not any(m or any(map(any, w.values())) for m, w, _ in data.samples):
        return
    thresholds = rng.normal(size=len(KINDS)).astype(np.float32) if given_thresholds else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels outside the concepts, tiny data: tested elsewhere
        d = nd.dissect(
            model,
            "layer",
            data=data,
            transform=dense.spell,
            quantile=0.2,
            top=4,
            per_image=True,
            semantics=semantics,
            thresholds=thresholds,
            progress=False,
        )
    assert problem(d) == ""
    assert problem(d.over(d.per_image.pixels[::2, 0])) == ""


def test_every_array_of_an_archive_is_checked(tmp_path):
    """Whatever array is changed beyond all bounds, somebody notices."""
    d = photographs()
    for name in arrays_of(nd.Dissection):
        if name not in array_values(d):
            continue
        values = array_values(d)[name]
        wrong = ~values if values.dtype == bool else values + np.array(1e6).astype(values.dtype)
        group, _, inner = name.rpartition(".")
        other = replace(d, **({group: replace(d.per_image, **{inner: wrong})} if group else {name: wrong}))
        assert problem(other), name


def test_an_archive_with_floats_for_counts_is_refused(tmp_path):
    photographs().save(tmp_path / "a.nbd")
    with zipfile.ZipFile(tmp_path / "a.nbd") as file:
        content = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(content["manifest.json"])
    manifest["dissections"][0]["arrays"]["truth"]["dtype"] = "<f8"
    content["manifest.json"] = json.dumps(manifest)
    with zipfile.ZipFile(tmp_path / "b.nbd", "w") as file:
        for name, value in content.items():
            file.writestr(name, value)
    with pytest.raises(ArchiveError, match="truth is float64; whole numbers are needed"):
        nd.load(tmp_path / "b.nbd")


def test_provenance_that_knows_nothing_contradicts_nothing():
    assert problem(replace(photographs(), provenance=Provenance())) == ""


def test_a_category_with_the_name_of_the_total_is_refused(tmp_path):
    d = photographs()
    with pytest.raises(ValueError, match="A category is called 'all', the name of the total"):
        replace(d, categories=("all", "part", "scene"))
    (tmp_path / "a.csv").write_text(
        "unit,category,label,score,all-label,all-truth,all-activation,all-intersect,all-iou\n1,all,x,0.5,x,10,20,10,0.5\n"
    )
    with pytest.raises(ValueError, match=r"a.csv: a category is called 'all', the name of the total"):
        nd.read_csv(tmp_path / "a.csv")
    d.save(tmp_path / "a.nbd")
    with zipfile.ZipFile(tmp_path / "a.nbd") as file:
        content = {name: file.read(name) for name in file.namelist()}
    content["manifest.json"] = content["manifest.json"].replace(b'"part"', b'"all"')
    with zipfile.ZipFile(tmp_path / "b.nbd", "w") as file:
        for name, value in content.items():
            file.writestr(name, value)
    with pytest.raises(
        ArchiveError,
        match=r"b.nbd, member 'manifest.json': .*categories is .*; a list of at most 1,024 different names, none of them 'all', is needed",
    ):
        nd.load(tmp_path / "b.nbd")
