"""Data sets written in the Broden format: equal counts when they are read again, by us and by an independent reader."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.types import UNLABELED
from support import broden_reference, dense
from support.broden_maker import make_broden
from support.pictures import counts, picture, save_array, save_picture


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_names(facts):
    """What the independent reader found, but for where the files are."""
    images = [{key: value for key, value in image.items() if key != "name"} for image in facts["images"]]
    return {**facts, "images": images}


def dissected(data, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    d = nd.dissect(net, "0", data=data, quantile=0.05, progress=False, **options)
    return [d.truth.tolist(), d.intersection.tolist(), d.activation.tolist(), d.top_images.tolist(), list(d.concepts)]


def test_a_data_set_written_again_is_the_same(tmp_path):
    root = make_broden(tmp_path / "a", images=7)
    written = nd.write_broden(nd.Broden(root), tmp_path / "b")
    assert isinstance(written, nd.Broden)
    assert without_names(broden_reference.facts(tmp_path / "b")) == without_names(broden_reference.facts(root))
    for semantics in ("paper", "netdissect-lite"):
        assert dissected(written, semantics=semantics) == dissected(nd.Broden(root), semantics=semantics)
    assert [row["split"] for row in read_rows(tmp_path / "b" / "index.csv")] == ["train"] * 7
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}, "nothing is left beside"


def test_minibroden_taken_apart_and_written_again_has_equal_counts(tmp_path, minibroden):
    """Every 60th image: its labels through the four-member protocol, its pixels as arrays, then written."""
    broden = nd.Broden(minibroden)[::60]

    class Apart:
        concepts, categories, image_size = broden.concepts, broden.categories, (224, 224)

        def __len__(self):
            return len(broden)

        def __getitem__(self, index):
            sample = broden[index]
            return nd.Sample(np.asarray(sample.image), sample.masks, sample.whole, sample.shape)

    written = nd.write_broden(Apart(), tmp_path / "again")
    assert written.concepts == broden.concepts
    assert counts(written) == counts(broden)
    truth = broden_reference.facts(tmp_path / "again")["truth"]
    names = {str(concept.number): concept.name for concept in broden.concepts}
    ours = dict(zip([str(c.number) for c in broden.concepts], dissected(broden)[0], strict=True))
    assert truth == ours, names
    assert dissected(written) == dissected(broden)


@pytest.mark.slow
def test_minibrodens_statistics_are_its_own(tmp_path, minibroden):
    broden = nd.Broden(minibroden)
    written = nd.write_broden(broden, tmp_path / "again")
    assert written.concepts == broden.concepts
    for name, keys in (
        ("category", ("name", "count", "frequency")),
        ("label", ("number", "name", "category", "frequency")),
        *((f"c_{category}", ("number", "name", "frequency")) for category in broden.categories),
    ):
        mine, theirs = (read_rows(root / f"{name}.csv") for root in (tmp_path / "again", minibroden))
        pick = lambda rows: sorted(tuple(row[key] for key in keys) for row in rows)  # noqa: E731
        assert pick(mine) == pick(theirs), name
        if name.startswith("c_"):
            near = {row["number"]: float(row["coverage"]) for row in theirs}
            for row in mine:
                assert float(row["coverage"]) == pytest.approx(near[row["number"]], abs=1e-3)
    index = read_rows(tmp_path / "again" / "index.csv")
    assert [row["split"] for row in index] == [row["split"] for row in read_rows(minibroden / "index.csv")]
    for mine, theirs in zip(index[::100], read_rows(minibroden / "index.csv")[::100], strict=True):
        assert (tmp_path / "again" / "images" / mine["image"]).read_bytes() == (
            minibroden / "images" / theirs["image"]
        ).read_bytes()


def test_statistics_by_hand(tmp_path):
    """Two images: a cat on half of one, on the whole of the other; a dog on a quarter; a scene."""
    cat, dog = np.zeros((1, 4, 4), int), np.zeros((1, 4, 4), int)
    cat[0, :2], dog[0, 2] = 1, 2
    concepts = [
        nd.Concept(1, "cat", "object"),
        nd.Concept(2, "dog", "object"),
        nd.Concept(300, "street", "scene"),
        nd.Concept(4, "never", "object"),
    ]
    samples = [
        ({"object": np.concatenate([cat, dog])}, {"scene": (300,)}, (4, 4)),
        ({"object": cat[:, :2]}, {}, (2, 4)),
    ]
    nd.write_broden(dense.Data(concepts, ("object", "scene"), samples), tmp_path / "b", splits={"all": 1})
    assert (tmp_path / "b" / "c_object.csv").read_text() == (
        "code,number,name,frequency,coverage\n1,1,cat,2,1.500000\n2,2,dog,1,0.250000\n3,4,never,0,0.000000\n"
    )
    assert (tmp_path / "b" / "label.csv").read_text() == (
        "number,name,category,frequency,coverage,syns\n"
        "1,cat,object(2),2,1.500000,\n2,dog,object(1),1,0.250000,\n4,never,object(0),0,0.000000,\n300,street,scene(1),1,1.000000,\n"
    )
    assert (tmp_path / "b" / "category.csv").read_text() == (
        "name,first,last,count,frequency\nobject,1,4,3,2\nscene,300,300,1,1\n"
    )
    assert (tmp_path / "b" / "index.csv").read_text() == (
        "image,split,ih,iw,sh,sw,object,scene\n"
        "000/000000.png,all,2,2,4,4,000/000000_object_1.png;000/000000_object_2.png,300\n"
        "000/000001.png,all,2,2,2,4,000/000001_object_1.png,\n"
    )


def test_other_formats_become_broden(tmp_path):
    values = np.zeros((12, 16), np.uint8)
    values[:4], values[4], values[5] = 3, 7, 255
    for k in range(3):
        save_picture(tmp_path / "i" / f"{k}.jpg", k)
        save_array(tmp_path / "m" / f"{k}.png", values)
        save_picture(tmp_path / "textures" / "dotted" / f"{k}.png", k + 10)
    data = nd.merge(
        nd.LabeledImages(tmp_path / "i", tmp_path / "m", {3: "cat", 7: "dog"}),
        nd.LabeledImages.from_folders(tmp_path / "textures", category="texture"),
    )
    with pytest.warns(
        UserWarning, match=r"no sign for pixels of unknown meaning; 48 pixels of masks were written as 0"
    ):
        written = nd.write_broden(data, tmp_path / "b")
    assert counts(written) == (counts(data)[0], {})
    assert written.concepts == data.concepts
    assert [p.suffix for p in sorted((tmp_path / "b" / "images").glob("*/00000?.*"))] == [".jpg"] * 3 + [".png"] * 3
    for k in range(6):
        np.testing.assert_array_equal(np.asarray(written[k].image), np.asarray(data[k].image))


def test_results_say_that_it_is_like_broden_and_made_of_what(tmp_path):
    written = nd.write_broden(nd.demo()[1][:4], tmp_path / "b", size=16)
    said = written.credit
    assert said.startswith("Broden-like, written by nbdissect ")
    assert "of 4 images of World" in said
    assert str(tmp_path) not in nd.write_broden(nd.Broden(make_broden(tmp_path / "x")), tmp_path / "y").credit
    assert said.endswith("; nbdissect's drawn world, made by this software")
    assert nd.write_broden(written, tmp_path / "c").credit == said
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    d = nd.dissect(net, "0", data=written[:2], quantile=0.1, progress=False)
    assert d.provenance.credit == said
    assert str(d.summary()).splitlines()[1].endswith("counting rule: paper · Broden-like data, not Broden")
    assert nd.Broden(make_broden(tmp_path / "plain")).credit == ""
    (tmp_path / "plain" / "origin.txt").write_bytes(b"\x1b[31mred\nmore")
    assert nd.Broden(tmp_path / "plain").credit == r"\x1b[31mred"


def test_sizes_as_brodens_own(tmp_path):
    values = np.zeros((40, 60), np.uint8)
    values[:20, :30] = 3
    save_picture(tmp_path / "i" / "a.jpg", size=(40, 60))
    save_array(tmp_path / "m" / "a.png", values)
    data = nd.LabeledImages(tmp_path / "i", tmp_path / "m", {3: "cat"})
    for size, masks, images in ((227, (113, 113), (227, 227)), ((20, 30), (10, 15), (20, 30))):
        root = tmp_path / str(size)
        written = nd.write_broden(data, root, size=size, quality=90)
        (row,) = read_rows(root / "index.csv")
        assert [int(row[name]) for name in ("ih", "iw", "sh", "sw")] == [*images, *masks]
        assert row["image"].endswith(".jpg")
        share = counts(written)[0]["cat"] / (masks[0] * masks[1])
        assert share == pytest.approx(0.25, abs=0.02)
    exact = counts(nd.Broden(tmp_path / "(20, 30)"))[0]["cat"]
    assert exact == 5 * 7, "pixels whose centers lie in the cat"


def test_a_picture_stored_sideways_is_written_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "i").mkdir()
    Image.fromarray(picture(size=(16, 12))).save(tmp_path / "i" / "a.jpg", exif=exif)
    save_array(tmp_path / "m" / "a.png", np.full((12, 16), 1, np.uint8))
    data = nd.LabeledImages(tmp_path / "i", tmp_path / "m", {1: "cat"})
    written = nd.write_broden(data, tmp_path / "b")
    np.testing.assert_array_equal(np.asarray(written[0].image), np.asarray(data[0].image))
    root = make_broden(tmp_path / "sideways", images=1, size=(16, 12), shape=(8, 6))
    name = root / "images" / "a" / "0.png"
    with Image.open(name) as image:
        image.save(name, exif=exif)
    again = nd.write_broden(nd.merge(root, root)[:1], tmp_path / "c")
    assert again[0].image.size == (12, 16), "Broden's images are as they are stored"


def test_splits(tmp_path):
    data = nd.demo()[1][:40]
    drawn = [[sample.split for sample in nd.write_broden(data, tmp_path / name, size=16)] for name in "ab"]
    assert drawn[0] == drawn[1]
    assert 5 <= drawn[0].count("val") <= 20
    nd.write_broden(nd.Broden(tmp_path / "a"), tmp_path / "c", splits={"one": 1, "two": 1, "none": 0})
    assert {row["split"] for row in read_rows(tmp_path / "c" / "index.csv")} == {"one", "two"}


def test_a_concept_keeps_its_category_wherever_it_is_seen(tmp_path):
    """A wheel that most masks of objects hold is a part all the same: else it would be an object when it is read."""
    concepts = [nd.Concept(1, "car", "object"), nd.Concept(2, "wheel", "part")]
    masks = {"object": np.full((1, 4, 4), 2), "part": np.array([[[2, 0, 0, 0]] * 4])}
    data = dense.Data(
        concepts, ("object", "part"), [(masks, {}, (4, 4)), ({"object": np.full((1, 4, 4), 1)}, {}, (4, 4))]
    )
    written = nd.write_broden(data, tmp_path / "b")
    assert list(written.concepts) == concepts
    assert counts(written) == counts(data)


class One:
    concepts, categories = (nd.Concept(1, "cat", "object"),), ("object",)

    def __init__(self, **attributes):
        self.masks = {"object": np.ones((1, 4, 4), int)}
        vars(self).update(attributes)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return nd.Sample(picture(0, (4, 4)), self.masks)


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (One(concepts=(nd.Concept(65_536, "cat", "object"),)), {}, "has the number 65,536; masks in the Broden format hold numbers to 65,535"),
        (One(concepts=(nd.Concept(1, "cat\n", "object"),)), {}, r"the name 'cat\\n' of concept 1 holds a control character"),
        (One(concepts=(nd.Concept(1, "a/b", "a/b"),), categories=("a/b",)), {}, "a category called 'a/b' can't stand in the Broden format"),
        (One(concepts=(nd.Concept(1, "a", "split"),), categories=("split",)), {}, "a category called 'split' can't stand"),
        (One(masks={"object": np.full((1, 4, 4), 7)}), {}, "Image 0, category 'object': label number 7 is not among the data set's 1 concepts"),
        (One(masks={"object": np.ones((1, 4, 4))}), {}, "Image 0, category 'object': its mask is an ndarray"),
        (One(), {"size": 1}, "size=1; a number of pixels from 2 to 8,192 is needed, such as 224"),
        (One(), {"size": "224"}, "size='224'"),
        (One(), {"size": (1, 2, 3)}, r"size=\(1, 2, 3\)"),
        (One(), {"quality": 100}, "quality=100; a whole number from 1 to 95 is needed, or None for PNG"),
        (One(), {"splits": {}}, "splits={}; a mapping of name to share is needed"),
        (One(), {"splits": {"a": -1}}, "a mapping of name to share is needed"),
        (One(), {"splits": {"": 1}}, "its keys must be names"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_leaves_nothing(tmp_path, data, options, said):
    with pytest.raises(ValueError, match=said):
        nd.write_broden(data, tmp_path / "b", **options)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "precious").write_text("x")
    for path in (tmp_path / "b", tmp_path / "b" / "precious"):
        with pytest.raises(
            ValueError, match="is there already. Choose a directory that is not there yet, or an empty one"
        ):
            nd.write_broden(One(), path)
    assert (tmp_path / "b" / "precious").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert len(nd.write_broden(One(), tmp_path / "empty")) == 2
    assert len(nd.write_broden(One(), tmp_path / "deep" / "er")) == 2


def test_labels_that_are_no_concepts_are_left_out(tmp_path):
    root = make_broden(tmp_path / "a")
    some = nd.Broden(root, categories=["object"])
    written = nd.write_broden(some, tmp_path / "b")
    assert written.categories == ("object",)
    assert dissected(written) == dissected(some)


def test_unknown_everywhere_counts_for_nothing(tmp_path):
    data = One(masks={"object": np.full((1, 4, 4), UNLABELED)})
    with pytest.warns(UserWarning, match="32 pixels"):
        written = nd.write_broden(data, tmp_path / "b")
    assert counts(written)[0] == {"cat": 0}
