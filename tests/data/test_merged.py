"""Several data sets as one: concepts by name, categories by source, nothing absent that wasn't labeled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.samples import comes_with_package
from nbdissect.types import UNLABELED
from support import dense
from support.broden_maker import make_broden
from support.cases import assert_equal
from support.data import KINDS, make_activations
from support.pictures import counts, picture, save_picture

SHAPE = (6, 8)
CAT = nd.Concept(1, "cat", "object")


def mask(*values, shape=SHAPE):
    """A mask whose rows are these values, then 0."""
    rows = np.zeros(shape, np.int32)
    rows[: len(values)] = np.array(values)[:, None]
    return rows


def objects(*masks, names):
    return nd.LabeledImages([picture(k, SHAPE) for k in range(len(masks))], list(masks), names)


@pytest.fixture
def textures(tmp_path):
    for k, name in enumerate(["dotted/1.png", "striped/2.png"]):
        save_picture(tmp_path / name, k, SHAPE)
    return nd.LabeledImages.from_folders(tmp_path, category="texture")


def test_concepts_of_one_name_are_one(textures):
    a = objects(mask(7, 9), mask(9), names={7: "cat", 9: "dog"})
    b = objects(mask(1, 2, 255), names={2: "cat", 1: "cow"})
    data = nd.merge(a, textures, b)
    assert [(c.name, c.category) for c in data.concepts] == [
        *(("cat", "object"), ("dog", "object"), ("dotted", "texture"), ("striped", "texture"), ("cow", "object")),
    ]
    assert [c.number for c in data.concepts] == [1, 2, 3, 4, 5]
    assert data.categories == ("object", "texture")
    assert counts(data) == ({"cat": 16, "dog": 16, "dotted": 48, "striped": 48, "cow": 8}, {"object": 8})
    assert len(data) == 5
    assert (
        repr(data)
        == "<5 images (2 of LabeledImages, 2 of LabeledImages, 1 of LabeledImages), 5 concepts in object, texture>"
    )
    assert [data.source_of(k) for k in (0, 1, 2, 4)] == [(0, 0), (0, 1), (1, 0), (2, 0)]
    np.testing.assert_array_equal(np.asarray(data[1].image), picture(1, SHAPE))
    again = pickle.loads(pickle.dumps(data))
    assert counts(again) == counts(data)


def test_a_category_that_a_source_has_not_labeled_is_not_absent_from_its_images(textures):
    """A unit that fires everywhere: its area counts for textures in the images of textures alone."""
    data = nd.merge(objects(mask(7), mask(7), mask(0), names={7: "cat"}), textures)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1))
    d = nd.dissect(net, "0", data=data, thresholds=[-1e9], progress=False)
    area = SHAPE[0] * SHAPE[1]
    assert d.activation.tolist() == [[2 * area, 2 * area]], "objects: two images with a cat; textures: two"
    assert d.truth.tolist() == [16, area, area]


@pytest.mark.parametrize("apart", ["object", ["object"]])
def test_apart_a_concept_is_looked_for_where_a_source_has_a_word_for_it(apart):
    a, b = objects(mask(1), names={1: "cat"}), objects(mask(1, 2), names={1: "cow", 2: "cat"})
    data = nd.merge(a, b, apart=apart)
    assert data.categories == ("object 1", "object 2")
    assert [tuple(c) for c in data.concepts] == [(1, "cat", "object 1"), (2, "cow", "object 2"), (3, "cat", "object 2")]
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1))
    d = nd.dissect(net, "0", data=data, thresholds=[-1e9], progress=False)
    assert d.activation.tolist() == [[48, 48]]
    together = nd.dissect(net, "0", data=nd.merge(a, b), thresholds=[-1e9], progress=False)
    assert together.activation.tolist() == [[96]]


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_the_parts_together(seed):
    """Parts of one data set, merged again, are counted as the whole, unknown pixels and uncommon labels included."""
    from support.data import make_data

    rng = np.random.default_rng(seed)
    activations = make_activations(rng, KINDS, 30, (5, 5))
    whole = make_data(rng, 30, [(9, 9), (7, 11)], unlabeled=0.3)
    parts = [dense.Data(whole.concepts, whole.categories, whole.samples[k : k + 10], (11,)) for k in (0, 10, 20)]
    for k, part in enumerate(parts):  # an image spells its number among all
        part.first = 10 * k
    merged = nd.merge(*map(Shifted, parts))
    model = dense.Playback(layer=activations)
    d = nd.dissect(model, "layer", data=merged, transform=dense.spell, quantile=0.05, progress=False)
    numbered = {concept.number: k for k, concept in enumerate(whole.concepts, 1)}
    assert [c.number for c in merged.concepts] == sorted(numbered.values())
    assert_equal(d, dense.dissect(activations, whole, 0.05))


class Shifted:
    """A part of a data set whose images spell their numbers in the whole."""

    def __init__(self, part):
        self.part, self.concepts, self.categories, self.concept_numbers = part, part.concepts, part.categories, (11,)

    def __len__(self):
        return len(self.part)

    def __getitem__(self, index):
        from PIL import Image

        sample = self.part[index]
        image = Image.new("RGB", (2, 2), (index + self.part.first, 0, 0))
        return nd.Sample(image, sample.masks, sample.whole, sample.shape)


def test_with_broden_and_drawings(tmp_path):
    broden = nd.Broden(make_broden(tmp_path / "broden"))
    world = nd.demo()[1][:2]
    data = nd.merge(broden, tmp_path / "broden", world)
    mine, theirs = counts(data[:8])[0], counts(broden)[0]
    assert {name: mine[name] for name in ("car", "wheel", "both")} == {
        name: 2 * theirs[name] for name in ("car", "wheel", "both")
    }
    assert data.drawings
    assert data.image_size is None
    assert nd.merge(broden, broden).image_size == (12, 16)
    assert not nd.merge(broden, broden).drawings
    assert data.credit == "nbdissect's drawn world, made by this software"
    assert comes_with_package(nd.merge(broden, broden))


def test_slices_and_samples(textures):
    data = nd.merge(textures, textures)
    assert [len(data[1:]), len(data.sample(3)), len(nd.merge(data[:1], data))] == [3, 3, 5]


class Odd:
    """One image whose mask holds the numbers given, in the categories given."""

    def __init__(self, masks, concepts=(CAT,)):
        self.masks, self.concepts, self.categories = masks, concepts, ("object",)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return nd.Sample(picture(0, SHAPE), self.masks)


def test_two_concepts_of_one_name_in_a_source_stay_two():
    two = (nd.Concept(1, "bank", "object"), nd.Concept(2, "bank", "object"))
    data = nd.merge(*[Odd({"object": mask(1, 2, 2)[None]}, two)] * 2)
    assert [(c.number, c.name) for c in data.concepts] == [(1, "bank"), (2, "bank")]
    assert np.bincount(data[1].masks["object"].ravel()).tolist() == [24, 8, 16]


def test_categories_that_a_source_does_not_declare_are_left_out(textures):
    strange = Odd({"object": mask(1)[None], "texture": mask(1)[None]})
    assert list(nd.merge(strange, textures)[0].masks) == ["object"]


def test_errors_name_the_source(tmp_path):
    good = Odd({"object": mask(1)[None]})
    assert not comes_with_package(nd.merge(good, good))
    with pytest.raises(
        ValueError,
        match=r"Image 0 of data set 2 of 2: Category 'object': label number 5 is not among its data set's 1 labels. Every number",
    ):
        nd.merge(good, Odd({"object": mask(5)[None]}))[1].masks
    with pytest.raises(
        ValueError, match=r"Image 0 of data set 2 of 2: Image 0, category 'object': its mask holds booleans"
    ):
        nd.merge(good, Odd({"object": mask(1)[None] > 0}))[1].masks
    path = save_picture(tmp_path / "a.jpg")
    files = nd.LabeledImages([path], [save_picture(tmp_path / "m" / "a.png")], {(1, 2, 3): "cat"})
    path.unlink()
    data = nd.merge(good, files)
    with pytest.raises(FileNotFoundError, match=r"Image 0 of data set 2 of 2: .*there is no file"):
        data[1].image


def test_unknown_pixels_stay_unknown():
    data = nd.merge(Odd({"object": mask(1, UNLABELED)[None]}), Odd({"object": mask(1)[None]}))
    assert counts(data) == ({"cat": 16}, {"object": 8})


@pytest.mark.parametrize(
    ("sources", "options", "said"),
    [
        ([], {}, "merge takes two or more data sets; got 0 data sets"),
        ([0], {}, "merge takes two or more data sets; got 1 data set"),
        ([0, None], {}, "merge takes data sets or paths; got None"),
        ([0, 5], {}, "data is an int without 'concepts'"),
        ([0, 0], {"apart": "objects"}, "apart names the category 'objects'; the data sets have object. Did you mean 'object'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged(sources, options, said):
    good = Odd({"object": mask(1)[None]})
    with pytest.raises(ValueError, match=said):
        nd.merge(*[good if source == 0 else source for source in sources], **options)
