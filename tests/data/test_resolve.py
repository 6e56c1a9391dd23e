"""Which data set a call means, and what is said where that leads nowhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.builtin.world import World
from nbdissect.data.resolve import DATA_VARIABLE, resolve_data
from support.broden_maker import edit_index, make_broden, write_table


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(nd.options, "data", None)
    return make_broden(tmp_path / "broden")


def test_the_call_then_the_session_then_the_environment_then_the_drawings(root, tmp_path, monkeypatch):
    assert isinstance(resolve_data(), World)
    monkeypatch.setenv(DATA_VARIABLE, str(make_broden(tmp_path / "environment")))
    assert resolve_data().path == tmp_path / "environment"
    nd.options.data = make_broden(tmp_path / "session")
    assert resolve_data().path == tmp_path / "session"
    assert resolve_data(root).path == root
    data = World(n=3)
    assert resolve_data(data) is data


def test_a_home_directory_everywhere(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root.parent))
    assert resolve_data("~/broden").path == root
    assert nd.Broden("~/broden").path == root
    monkeypatch.setenv(DATA_VARIABLE, "~/broden")
    assert resolve_data().path == root
    nd.options.data = "~/broden"
    assert resolve_data().path == root


@pytest.mark.parametrize("kind", ["call", "session", "environment"])
def test_a_path_that_leads_nowhere_says_where_it_comes_from(root, monkeypatch, kind):
    nowhere = str(root / "nowhere")
    if kind == "session":
        nd.options.data = nowhere
    elif kind == "environment":
        monkeypatch.setenv(DATA_VARIABLE, nowhere)
    source = {
        "call": "^",
        "session": r"^nd\.options\.data: ",
        "environment": "^The environment variable NBDISSECT_DATA: ",
    }[kind]
    with pytest.raises(
        FileNotFoundError, match=rf"{source}.*nowhere isn't a directory\. A Broden data set is a directory"
    ):
        resolve_data(nowhere if kind == "call" else None)


def test_a_file_in_place_of_a_directory(root):
    with pytest.raises(
        NotADirectoryError, match=r"index\.csv is a file\. A Broden data set is a directory that holds index\.csv"
    ):
        resolve_data(root / "index.csv")
    (root / "broden1_224.zip").write_bytes(b"PK")
    with pytest.raises(NotADirectoryError, match=r"broden1_224\.zip is a file\..*Unpack it first\."):
        nd.Broden(root / "broden1_224.zip")


def test_an_empty_path_is_not_the_current_directory(root, monkeypatch):
    monkeypatch.chdir(root)
    with pytest.raises(ValueError, match="data is an empty path"):
        resolve_data("")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (World, r"data is the class World; a data set is needed: World\(…\)"),
        (nd.Broden, r"data is the class Broden"),
        ([1, 2], r"data is a list without 'concepts'\. It must be nd\.Broden\(path\), a path"),
        (7, "data is an int without 'concepts'"),
        (np.zeros((3, 4)), r"data is an ndarray of shape \[3, 4\] without 'concepts'"),
        (torch.utils.data.TensorDataset(torch.zeros(2)), "data is a TensorDataset without 'concepts'"),
    ],
)
def test_what_is_no_data_set(root, data, match):
    with pytest.raises(ValueError, match=match):
        resolve_data(data)


def test_members_that_fail(root):
    class Lazy:
        categories = ("object",)
        __len__ = __getitem__ = None

        @property
        def concepts(self):
            return {}["nowhere"]

    with pytest.raises(ValueError, match=r"data\.concepts raised KeyError: 'nowhere'"):
        resolve_data(Lazy())


@pytest.mark.parametrize(
    "size", [224, (224,), (224, 224, 3), (224.0, 224), "224", (0, 224), (True, False), np.array(224)]
)
def test_sizes_that_are_none(root, size):
    data = World(n=3)
    data.image_size = size
    with pytest.raises(
        ValueError,
        match=r"data\.image_size is .*; the height and width of images are needed, such as \(224, 224\), or None",
    ):
        resolve_data(data)


@pytest.mark.parametrize("size", [None, (64, 48), [64, 48], np.array([64, 48])])
def test_sizes(root, size):
    data = World(n=3)
    data.image_size = size
    assert resolve_data(data) is data


def test_a_length_that_fails():
    class Endless(Data):
        def __len__(self):
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"len\(data\) raised NotImplementedError"):
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Endless(("object",), CAT), progress=False)


# --- categories and concepts ---


class Data:
    def __init__(self, categories, *concepts):
        self.categories, self.concepts = categories, concepts

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return nd.Sample(Image.new("RGB", (8, 8), (60 * index, 0, 0)), {"object": np.ones((1, 8, 8), int)})


CAT = nd.Concept(1, "cat", "object")


@pytest.mark.parametrize(
    ("categories", "match"),
    [
        ("object", r"data\.categories is the text 'object'; a tuple is needed: \('object',\), with the comma"),
        (None, r"data\.categories is None; a tuple of names is needed"),
        (7, r"data\.categories is an int"),
        ({"object": 1}, r"data\.categories is a dict"),
        ({"object", "part"}, r"data\.categories is a set; a tuple of names is needed"),
        (("object", 7), r"data\.categories holds 7; names are needed"),
        (("object", ""), r"data\.categories holds ''; names are needed"),
        (("object", None), r"data\.categories holds None"),
        (("object", "part", "object"), r"data\.categories holds a name twice: object, part, object"),
        (("object", "all"), r"A category called 'all': summaries use the name for the total"),
        ((), r"which is not among data\.categories \(\)"),
    ],
)
def test_categories_that_cannot_be(categories, match):
    with pytest.raises(ValueError, match=match):
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Data(categories, CAT), progress=False)


@pytest.mark.parametrize("categories", [["object"], ("object",), np.array(["object"])])
def test_categories_in_any_sequence(categories):
    d = nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Data(categories, CAT), progress=False)
    assert d.categories == ("object",)


@pytest.mark.parametrize(
    "concept",
    [
        nd.Concept(1.7, "cat", "object"),
        nd.Concept("1", "cat", "object"),
        nd.Concept(True, "cat", "object"),
        nd.Concept(None, "cat", "object"),
        nd.Concept(1, None, "object"),
        nd.Concept(1, 7, "object"),
        nd.Concept(1, "cat", None),
        (1, "cat", "object"),
        "cat",
        1,
    ],
)
def test_concepts_of_other_types(concept):
    with pytest.raises(
        ValueError,
        match=r"data\.concepts must hold nd\.Concept\(number, name, category\), a whole number and two texts; got",
    ):
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Data(("object",), concept), progress=False)


@pytest.mark.parametrize(
    ("concepts", "match"),
    [
        ([nd.Concept(1, "", "object")], "Concept 1 of category 'object' has an empty name"),
        ([CAT, nd.Concept(0, "dog", "object")], "Concept numbers must be at least 1"),
        ([CAT, nd.Concept(-1, "dog", "object")], "Concept numbers must be at least 1"),
        ([CAT, nd.Concept(2**63, "dog", "object")], "of at most 63 bits"),
        ([CAT, nd.Concept(1, "dog", "object")], "each once"),
        ([], "data.concepts is empty"),
    ],
)
def test_concepts_that_cannot_be_told_apart_or_counted(concepts, match):
    with pytest.raises(ValueError, match=match):
        nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Data(("object",), *concepts), progress=False
        )


def test_numbers_of_numpy_are_whole_numbers():
    d = nd.dissect(
        torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)),
        "0",
        data=Data(("object",), nd.Concept(np.uint8(1), "cat", "object")),
        progress=False,
    )
    assert (d.concepts[0].number, type(d.concepts[0].number)) == (1, int)


def test_a_category_called_all_in_broden(root):
    write_table(root / "category.csv", ["name"], [("part",), ("all",)])
    write_table(root / "c_all.csv", ["number", "name", "coverage"], [(1, "car", 1)])
    text = (root / "index.csv").read_text().replace("object", "all")
    (root / "index.csv").write_text(text)
    with pytest.raises(
        ValueError,
        match=r"A category called 'all': summaries use the name for the total\. Rename it in category\.csv, index\.csv and c_all\.csv, or leave it out",
    ):
        nd.Broden(root)
    assert nd.Broden(root, categories=["part"]).categories == ("part",)
    assert nd.Broden(root, categories="part").categories == ("part",)


def test_masks_of_another_aspect_in_broden(root):
    """Files fit index.csv, and index.csv fits nothing."""
    from support.broden_maker import save_mask

    for name in ("a/0_object.png", "a/0_part.png"):
        save_mask(root / "images" / name, np.ones((8, 6), int))
    for column, value in (("sh", "8"), ("sw", "6")):
        edit_index(root, 0, column, value)
    with pytest.raises(ValueError, match=r"Image 0: its masks are 8 × 6 .* the image is 12 × 16"):
        nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=nd.Broden(root), progress=False, quantile=0.1
        )


# --- class 0 meant as a class ---


class Scenes:
    categories, concepts = ("scene",), (nd.Concept(1, "beach", "scene"), nd.Concept(2, "forest", "scene"))

    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        return nd.Sample(Image.new("RGB", (8, 8), (20 * index, 0, 0)), whole={"scene": [self.numbers[index]]})


ZERO = (
    r"A whole-image label 0 means no concept, and no image has a pixel of forest \(scene\): number your classes from 1"
)


@pytest.mark.parametrize("workers", [0, 2])
def test_class_0_meant_as_a_class(workers):
    with pytest.warns(UserWarning, match=ZERO):
        d = nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)),
            "0",
            data=Scenes([0, 1] * 4),
            progress=False,
            num_workers=workers,
        )
    assert "number your classes from 1" in d.provenance.uncounted
    assert "Without a pixel in these images, 1 concept: forest (scene)" in str(d.summary())


def test_class_0_in_a_pool():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool, pytest.warns(UserWarning, match=ZERO):
        nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Scenes([0, 1] * 4), progress=False, executor=pool
        )


@pytest.mark.parametrize("numbers", [[0, 1, 2] * 3, [1] * 8, [1, 2] * 4])
def test_no_word_where_0_is_none_or_nothing_is_0(numbers, recwarn):
    nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Scenes(numbers), progress=False)
    assert not recwarn.list


def test_no_word_on_broden_whose_files_use_0_for_none(root, recwarn):
    edit_index(root, 1, "scene", "0")
    edit_index(root, 3, "scene", "0")
    nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=nd.Broden(root), progress=False, quantile=0.1)
    nd.dissect(
        torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=nd.Broden(root)[:3], progress=False, quantile=0.1
    )
    assert not recwarn.list
