"""Data sets of torchvision and Hugging Face in one line, and any other with a function."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.samples import comes_with_package
from support.needs import needed
from support.pictures import counts, picture

AREA = 12 * 16
MASK = np.zeros((12, 16), np.uint8)
MASK[:3], MASK[3:5], MASK[5] = 1, 2, 255


class Pairs(torch.utils.data.Dataset):
    """Like torchvision's: pairs, and attributes that tell of them."""

    def __init__(self, labels, **attributes):
        self.labels = labels
        vars(self).update(attributes)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return Image.fromarray(picture(index)), self.labels[index]


def test_torchvisions_fake_data_needs_names():
    from torchvision.datasets import FakeData

    fake = FakeData(size=6, image_size=(3, 12, 16), num_classes=3)
    with pytest.raises(
        ValueError, match=r"FakeData doesn't say what its class numbers mean. Give names=\[\"cat\", \"dog\"\]"
    ):
        nd.LabeledImages.wrap(fake)
    data = nd.LabeledImages.wrap(fake, names=["a", "b", "c"], category="scene")
    expected = dict.fromkeys("abc", 0)
    for _, label in fake:
        expected["abc"[int(label)]] += AREA
    assert counts(data) == (expected, {})
    assert data.categories == ("scene",)


def test_classes_name_what_numbers_mean(tmp_path):
    from torchvision.datasets import ImageFolder

    from support.pictures import save_picture

    for k, name in enumerate(["cat/1.png", "cat/2.png", "dog/3.png"]):
        save_picture(tmp_path / name, k)
    theirs = ImageFolder(tmp_path)
    expected = {"cat": 2 * AREA, "dog": AREA}
    assert counts(nd.LabeledImages.wrap(theirs))[0] == expected
    part = torch.utils.data.Subset(theirs, [0, 2])
    assert counts(nd.LabeledImages.wrap(part))[0] == {"cat": AREA, "dog": AREA}


def test_class_numbers_of_all_kinds():
    labels = [0, np.int64(1), torch.tensor(1), -1, None]
    data = nd.LabeledImages.wrap(Pairs(labels, classes=["cat", "dog"]))
    assert counts(data)[0] == {"cat": AREA, "dog": 2 * AREA}
    assert data[3].whole == data[4].whole == {}
    with pytest.raises(
        ValueError, match="Image 0: its class is 7, which has no name; there are 2 names. Add it to names="
    ):
        nd.LabeledImages.wrap(Pairs([7], classes=["cat", "dog"]))[0]
    words = nd.LabeledImages.wrap(Pairs([0], classes=[("tench", "Tinca tinca")]))  # as torchvision's ImageNet
    assert words.concepts[0].name == "tench, Tinca tinca"


def test_masks():
    masks = [Image.fromarray(MASK), MASK, torch.from_numpy(MASK)]
    for mask in masks:
        data = nd.LabeledImages.wrap(Pairs([mask]), names={1: "cat", 2: "dog"})
        assert counts(data) == ({"cat": 48, "dog": 32}, {"object": 16})
    data = nd.LabeledImages.wrap(Pairs([MASK], classes=["ground", "cat", "dog"]))
    assert counts(data)[0] == {"ground": 6 * 16, "cat": 48, "dog": 32}
    assert counts(nd.LabeledImages.wrap(Pairs([MASK]), names={1: "cat"}, ignore=[2, 255]))[1] == {"object": 48}


def test_cityscapes_classes_that_are_not_judged_are_unknown():
    one = [("unlabeled", 0, True), ("road", 1, False), ("car", 2, False), ("plate", -1, True)]
    classes = [SimpleNamespace(name=name, id=number, ignore_in_eval=void) for name, number, void in one]
    data = nd.LabeledImages.wrap(Pairs([MASK], classes=classes))
    assert counts(data) == ({"road": 48, "car": 32}, {"object": 16 + 6 * 16})


def test_classes_of_whole_images_do_not_name_masks():
    """Oxford's pets: 37 breeds, and masks of 1, 2 and 3 for pet, background and border."""
    pets = Pairs([MASK], classes=["Abyssinian", "Bengal", "Birman", "Bombay"], class_to_idx={"Abyssinian": 0})
    with pytest.raises(ValueError, match=r"Pairs doesn't say what its masks mean. Give names="):
        nd.LabeledImages.wrap(pets)


def test_hugging_faces_classes():
    datasets = needed("datasets")
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"img": [Image.fromarray(picture(k)) for k in range(4)], "label": [0, 1, 1, -1]}
    theirs = datasets.Dataset.from_dict(rows, features=features)
    data = nd.LabeledImages.wrap(theirs, category="pet")
    assert counts(data) == ({"cat": AREA, "dog": 2 * AREA}, {})
    assert data.concepts[0] == nd.Concept(1, "cat", "pet")
    np.testing.assert_array_equal(np.asarray(data[2].image), picture(2))
    assert counts(data[:2])[0] == {"cat": AREA, "dog": AREA}


def test_hugging_faces_masks():
    datasets = needed("datasets")
    for first, second in (("image", "annotation"), ("label", "pixels")):
        features = datasets.Features({first: datasets.Image(), second: datasets.Image()})
        held = {"annotation": Image.fromarray(MASK), "label": Image.fromarray(MASK)}
        rows = {name: [held.get(name, Image.fromarray(picture()))] for name in (first, second)}
        theirs = datasets.Dataset.from_dict(rows, features=features)
        assert counts(nd.LabeledImages.wrap(theirs, names={1: "cat", 2: "dog"})) == (
            {"cat": 48, "dog": 32},
            {"object": 16},
        )
        with pytest.raises(ValueError, match=r"two pictures, so an image and its mask, .* Give names=\{1: \"cat\"\}"):
            nd.LabeledImages.wrap(theirs)
    features = datasets.Features({"image": datasets.Image(), "boxes": datasets.Value("string")})
    theirs = datasets.Dataset.from_dict({"image": [Image.fromarray(picture())], "boxes": ["x"]}, features=features)
    with pytest.raises(
        ValueError, match=r"The columns are image \(Image\), boxes \(Value\); one Image and one ClassLabel"
    ):
        nd.LabeledImages.wrap(theirs)
    with pytest.raises(ValueError, match=r"without __len__; .* Of a stream, list\(stream.take\(1000\)\) makes a list"):
        nd.LabeledImages.wrap(theirs.to_iterable_dataset())


def rows(row):
    return [row] * 3


def test_any_other_with_a_function():
    concepts = [nd.Concept(5, "cat", "object"), nd.Concept(2, "street", "scene")]
    table = [{"pixels": picture(k), "cat": MASK == 1} for k in range(3)]
    data = nd.LabeledImages.wrap(
        table,
        lambda row: nd.Sample(row["pixels"], {"object": np.where(row["cat"], 5, 0)[None]}, {"scene": (2,)}),
        concepts=concepts,
    )
    assert counts(data) == ({"cat": 3 * 48, "street": 3 * AREA}, {})
    assert data.concepts == (nd.Concept(2, "street", "scene"), nd.Concept(5, "cat", "object"))
    assert len(data.sample(2)) == 2
    assert repr(data) == "<list as labeled images: 3 images, 2 concepts in scene, object>"


@pytest.mark.parametrize(
    ("dataset", "options", "said"),
    [
        (iter([1]), {}, "dataset is a list_iterator without __len__"),
        ([], {}, "dataset is empty"),
        ([{"a": 1, "b": 2}], {}, r"dataset\[0\] is a mapping of 'a', 'b'; an image and its class, or an image and its mask, can be read. Or say"),
        ([(1, 2, 3)], {}, r"dataset\[0\] is 3 values: an int, an int, an int; an image and its class"),
        ([(picture(), "cat")], {}, r"dataset\[0\] is 2 values: an ndarray of shape \[12, 16, 3\], a str; an image and its class"),
        ([(picture(), MASK)], {}, r"list doesn't say what its masks mean"),
        ([1], {"sample": len}, "wrap needs concepts=, those whose numbers the samples use"),
        ([1], {"concepts": [nd.Concept(1, "a", "b")]}, "wrap needs sample, a function from a row to nd.Sample"),
        ([1], {"sample": len, "concepts": [nd.Concept(0, "a", "b")]}, "Concept numbers must be at least 1"),
        ([1], {"sample": len, "concepts": [3]}, "data.categories holds None; names are needed"),
    ],
)  # fmt: skip
def test_what_cannot_be_wrapped(dataset, options, said):
    with pytest.raises(ValueError, match=said):
        nd.LabeledImages.wrap(dataset, **options)


def test_a_transform_that_turns_images_at_random_is_noticed():
    class Augmented(Pairs):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image.rotate(np.random.default_rng().integers(0, 360)), label

    data = nd.LabeledImages.wrap(Augmented([0] * 4, classes=["cat"]))
    assert not comes_with_package(data)
    assert not comes_with_package(data[:2])
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match="gave another .image when it was read again"):
        nd.dissect(net, "0", data=data, quantile=0.1, progress=False)


def test_tensors_are_refused_with_what_to_do():
    class Tensors(Pairs):
        def __getitem__(self, index):
            return torch.rand(3, 12, 16), 0

    data = nd.LabeledImages.wrap(Tensors([0], classes=["cat"]))
    with pytest.raises(
        ValueError, match=r"Image 0: .image of its sample is a Tensor of shape \[3, 12, 16\]; .*to_pil_image"
    ):
        data[0].image


def test_errors_of_the_wrapped_code_name_the_image():
    class Broken(Pairs):
        def __getitem__(self, index):
            if index == 2:
                raise KeyError("gone")
            return super().__getitem__(index)

    data = nd.LabeledImages.wrap(Broken([0] * 4, classes=["cat"]))
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match=r"Image 2: data\[2\] raised KeyError: 'gone'"):
        nd.dissect(net, "0", data=data, quantile=0.1, progress=False)
