"""``data.check()``: what is wrong with a data set is found before a run stumbles on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.samples import Indexable
from nbdissect.types import UNLABELED
from support import dense
from support.broden_maker import make_broden
from support.pictures import picture, save_array, save_picture


def found(check, kind):
    return {row["what"]: row["detail"] for row in check.rows if row["kind"] == kind}


def data_of(samples, names=("cat",), categories=("object",), **more):
    concepts = [
        nd.Concept(k, *(name if isinstance(name, tuple) else (name, "object"))) for k, name in enumerate(names, 1)
    ]

    class Given(Indexable):
        def __init__(self):
            self.concepts, self.categories = concepts, categories
            vars(self).update(more)

        def __len__(self):
            return len(samples)

        def _read(self, position):
            sample = samples[position]
            return sample() if callable(sample) else sample

    return Given()


def labeled(*rows, size=(10, 10), **more):
    """A sample whose mask's rows hold these numbers, then 0."""
    mask = np.zeros((1, *size), np.int64)
    mask[0, : len(rows)] = np.array(rows)[:, None]
    return nd.Sample(picture(0, size), {"object": mask}, **more)


def test_nothing_to_complain_of():
    data = data_of([labeled(1)] * 20)
    check = data.check(quantile=0.005)
    assert check.rows == []
    assert len(check) == 0
    assert (check.images, check.pixels) == (20, 2000)
    assert check.concepts == [
        {"number": 1, "name": "cat", "category": "object", "images": 20, "pixels": 200, "ceiling": pytest.approx(0.05)}
    ]
    assert check.categories == [{"name": "object", "concepts": 1, "images": 20, "unlabeled": 0}]
    assert "20 images read, nothing to complain of" in repr(check)


def test_broken_files_are_all_named(tmp_path):
    for k in range(5):
        save_picture(tmp_path / "i" / f"{k}.jpg", k)
        save_array(tmp_path / "m" / f"{k}.png", np.full((12, 16), 1, np.uint8))
    (tmp_path / "i" / "1.jpg").write_bytes(b"no picture")
    save_array(tmp_path / "m" / "2.png", np.full((12, 16), 7, np.uint8))
    save_array(tmp_path / "m" / "3.png", np.full((16, 12), 1, np.uint8))
    data = nd.LabeledImages(tmp_path / "i", tmp_path / "m", {1: "cat"})
    (tmp_path / "i" / "4.jpg").unlink()
    broken = found(data.check(), "broken")
    assert list(broken) == ["image 1", "image 2", "image 3", "image 4"]
    for image, said in (
        ("1", "can't be read as an image"),
        ("2", "holds 7"),
        ("3", "masks are 16 × 12"),
        ("4", "there is no file"),
    ):
        assert said in broken[f"image {image}"]
    assert data.check().images == 1


def test_brodens_files_too(tmp_path):
    root = make_broden(tmp_path / "b", images=6)
    data = nd.Broden(root)
    (root / "images" / "a" / "2_object.png").write_bytes(b"")
    (root / "images" / "a" / "3.png").unlink()
    check = data.check()
    assert list(found(check, "broken")) == ["image 2", "image 3"]
    assert found(check, "rare")["car (object, 1)"] == "in 2 images"
    assert [row["name"] for row in check.categories] == list(data.categories)
    assert list(found(data[:3].check(), "broken")) == ["image 2"]
    assert data.sample(2, seed=3).check().images <= 2


def test_rare_and_empty_concepts():
    check = data_of([labeled(1)] * 20 + [labeled(2)] * 19, ("cat", "dog", "cow")).check()
    assert found(check, "rare") == {"dog (object, 2)": "in 19 images"}
    assert found(check, "empty") == {"cow (object, 3)": "in no image"}


@pytest.mark.parametrize(
    ("quantile", "min_iou", "out"), [(0.005, 0.04, True), (0.005, 0.03, False), (0.01, 0.04, False)]
)
def test_concepts_out_of_reach_are_those_that_a_run_says_are(quantile, min_iou, out):
    """A unit that fires wherever it may, and a concept on 15 % of the pixels: 0.005 / 0.15 = 0.033."""
    rows = np.zeros((1, 100, 100), np.int64)
    rows[0, :15] = 1
    data = data_of([nd.Sample(picture(k, (100, 100)), {"object": rows}) for k in range(20)])
    check = data.check(quantile, min_iou)
    assert bool(found(check, "unreachable")) == out
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1, bias=False))
    d = nd.dissect(
        net, "0", data=data, quantile=quantile, progress=False, transform=lambda image: torch.rand(3, 100, 100)
    )
    np.testing.assert_allclose(d.ceiling[:, 0], check.concepts[0]["ceiling"], rtol=0.02)
    if out:
        assert found(check, "unreachable") == {"cat (object, 1)": "15 % of all pixels, so that IoU is at most 0.0333"}


def test_names_that_several_concepts_bear():
    check = data_of(
        [labeled(1)] * 20,
        ("glass", ("Glass", "material"), ("bridge-s", "scene"), "bridge", "car"),
        ("object", "material", "scene"),
    ).check()
    assert found(check, "colliding") == {
        "glass": "glass (object, 1), Glass (material, 2)",
        "bridge": "bridge-s (scene, 3), bridge (object, 4)",
    }


def test_categories_that_are_missing():
    samples = [labeled(1), nd.Sample(picture(), {"tone": np.ones((1, 12, 16), int)}), nd.Sample(picture())]
    check = data_of(samples, ("cat", ("dotted", "texture")), ("object", "texture", "scene")).check()
    assert found(check, "missing") == {
        "texture": "no image carries a concept of this category",
        "scene": "no concept is of this category",
        "tone": "1 image with labels of a category that is not among data.categories; they aren't counted",
        "no category at all": "2 images without a label; they count for thresholds alone",
    }


def test_unknown_pixels_are_counted_apart():
    samples = [labeled(1, UNLABELED), labeled(UNLABELED, 1, whole={"object": (1,)})]
    check = data_of(samples).check()
    assert check.categories[0] == {"name": "object", "concepts": 1, "images": 2, "unlabeled": 20}
    assert check.concepts[0]["pixels"] == 10 + 90


def test_truth_is_that_of_a_run():
    from support.data import KINDS, make_activations, make_data

    rng = np.random.default_rng(3)
    data = make_data(rng, 30, [(9, 9), (7, 11)], unlabeled=0.5)
    check = data_of([data[k] for k in range(30)], concept_numbers=(11,))
    check.concepts, check.categories = data.concepts, data.categories
    activations = make_activations(rng, KINDS, 30, (5, 5))
    assert [row["pixels"] for row in check.check().concepts] == dense.dissect(activations, data, 0.1)[3].tolist()


def test_numbers_that_are_no_labels_and_samples_that_change():
    broken = found(data_of([labeled(5)] * 2).check(), "broken")
    assert broken["image 0"].startswith("Image 0, category 'object': label number 5 is not among the data set's labels")
    rng = np.random.default_rng(0)
    check = data_of(
        [lambda: nd.Sample(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), {}, {"object": (1,)})] * 3
    ).check()
    assert "gave another .image when it was read again" in found(check, "changing")["data[i]"]


def test_merged_sets_say_which_words_a_source_lacks(tmp_path):
    def source(name):
        return nd.LabeledImages(
            [save_picture(tmp_path / name / "a.png")], [np.full((12, 16), 1, np.uint8)], {1: name, 2: "both"}
        )

    a, b = source("cat"), source("cow")
    check = nd.merge(a, b, a).check()
    assert list(found(check, "partial")) == ["cat (object, 1)", "cow (object, 3)"]
    assert found(check, "partial")["cow (object, 3)"].startswith(
        "not in data set 1, 3, which labels other things of the category"
    )
    assert found(check, "double") == {str(tmp_path / "cat" / "a.png"): "images 0, 2"}
    assert found(nd.merge(a, b, apart="object").check(), "partial") == {}


def test_it_prints_itself_and_shows_what_names_hold():
    names = [f"c{k}" for k in range(15)] + ["bad\x1b[31m<b>$x$"]
    check = data_of([labeled(1)] * 3, names).check()
    text, html = repr(check), check._repr_html_()
    assert "15 concepts without a pixel" in text
    assert "… and 5 more: .rows has all" in text
    assert text.splitlines()[1].split() == ["category", "concepts", "images", "unknown", "pixels"]
    assert "\x1b" not in text + html
    assert "<b>" not in html
    assert html.count("<li>") == len(check.rows)
    assert "th style" in html


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quantile": 2}, "quantile=2; a number between 0 and 1"),
        ({"min_iou": 1}, "min_iou=1; a number from 0 to 1 is needed"),
        ({"min_iou": "x"}, "min_iou='x'"),
    ],
)
def test_arguments(options, said):
    with pytest.raises(ValueError, match=said):
        nd.demo()[1][:1].check(**options)


def test_data_that_cannot_be_used_at_all():
    with pytest.raises(ValueError, match=r"The data set has no concepts"):
        data_of([labeled(1)], ()).check()


def test_the_drawings_have_few_of_each():
    check = nd.demo()[1][:3].check()
    assert not found(check, "broken")
    assert found(check, "rare")
