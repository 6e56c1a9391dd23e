"""Reading directories in the Broden format, and refusing what isn't."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from support.broden_maker import LABELS, edit_index, make_broden, png, save_mask, write_table


@pytest.fixture
def root(tmp_path):
    return make_broden(tmp_path / "broden")


def run(data):
    """Read every image and every mask, as a dissection does."""
    return nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), "0", data=data, progress=False, quantile=0.1)


def test_reads_concepts_categories_and_samples(root):
    data = nd.Broden(root)
    assert data.categories == ("color", "object", "part", "scene")
    assert [c.number for c in data.concepts] == [1, 2, 3, 4, 9]
    # 9 stands in two categories with one coverage: the later one has it.
    assert data.concepts[-1] == (9, "both", "part")
    assert len(data) == 4
    sample = data[0]
    assert sample.image.mode == "RGB"
    assert sample.image.size == (16, 12)
    assert set(sample.masks) == {"object", "part"}
    assert sample.masks["object"].shape == (2, 6, 8)
    assert (sample.masks["object"][1] == 1).all(), "an integer beside a mask is a filled layer"
    assert sample.whole == {"color": (3,)}
    assert sample.shape == (6, 8)
    assert data[1].masks == {}
    assert data[-1].whole == {"scene": (4,)}
    assert "4 images, 5 concepts" in repr(data)
    with pytest.raises(IndexError):
        data[4]


def test_a_selection_of_categories(root):
    data = nd.Broden(root, categories=["object", "color"])
    assert data.categories == ("color", "object"), "in the order of category.csv"
    assert data.concepts[-1] == (9, "both", "object")
    assert set(data[0].masks) == {"object"}
    assert run(data).concepts == data.concepts


def test_larger_numbers_use_the_green_channel(root):
    write_table(root / "label.csv", ["number", "name"], [*(label[:2] for label in LABELS), (300, "big")])
    save_mask(root / "images/a/0_part.png", np.full((6, 8), 300))
    assert (nd.Broden(root)[0].masks["part"] == 300).all()


def test_a_path_will_do(root):
    d = nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), "0", data=str(root), progress=False, quantile=0.1)
    assert d.images == 4


def test_labels_outside_the_chosen_categories_are_skipped_with_one_warning(root):
    save_mask(root / "images/a/0_object.png", np.full((6, 8), 2))
    with pytest.warns(
        UserWarning, match=r"1 label numbers in the masks are no concept of the chosen categories \(object\).*: 2\."
    ) as caught:
        run(nd.Broden(root, categories=["object"]))
    assert len(caught) == 1


def damaged_png(path):
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("damage", "error", "text"),
    [
        (lambda r: (r / "index.csv").unlink(), OSError, r"index\.csv is missing"),
        (
            lambda r: (r / "c_part.csv").unlink(),
            OSError,
            r"c_part\.csv is missing\. A Broden data set holds index\.csv",
        ),
        (
            lambda r: (r / "images/a/1.png").unlink(),
            OSError,
            r"a/1\.png is missing\. .*index\.csv, line 3, column 'image'",
        ),
        (lambda r: (r / "images/a/2_part.png").unlink(), OSError, r"2_part\.png is missing"),
        (lambda r: shutil.rmtree(r / "images"), OSError, "is missing"),
        (lambda r: damaged_png(r / "images/a/1.png"), ValueError, r"a/1\.png: damaged"),
        (lambda r: damaged_png(r / "images/a/0_object.png"), ValueError, r"0_object\.png: damaged"),
        (lambda r: (r / "images/a/0.png").write_bytes(b"no image"), ValueError, r"a/0\.png: not a readable image"),
        (
            lambda r: Image.new("RGB", (5, 5)).save(r / "images/a/0.png"),
            ValueError,
            r"a/0\.png: 5 × 5 pixels .* says 12 × 16",
        ),
        (
            lambda r: save_mask(r / "images/a/0_part.png", np.ones((8, 6))),
            ValueError,
            r"0_part\.png: 8 × 6 pixels .* says 6 × 8",
        ),
        (
            lambda r: Image.new("L", (8, 6)).save(r / "images/a/0_part.png"),
            ValueError,
            r"0_part\.png: a PNG of 8 bits, grayscale; a mask is RGB of 8 bits",
        ),
        (lambda r: Image.new("RGBA", (16, 12)).save(r / "images/a/0.png"), ValueError, "mode 'RGBA'; allowed: RGB, L"),
        (lambda r: Image.new("RGB", (8, 6), (1, 0, 7)).save(r / "images/a/0_part.png"), ValueError, "blue 7"),
        (
            lambda r: save_mask(r / "images/a/0_part.png", np.full((6, 8), 77)),
            ValueError,
            r"0_part\.png, row 0, column 0: label number 77 is not in label\.csv",
        ),
        (
            lambda r: edit_index(r, 1, "scene", "77"),
            ValueError,
            r"line 3, column 'scene': '77'; label number 77 is not in label\.csv",
        ),
        (
            lambda r: edit_index(r, 0, "image", "../secret.png"),
            ValueError,
            r"line 2, column 'image': the path '\.\./secret\.png' leaves",
        ),
        (lambda r: edit_index(r, 0, "object", "/etc/passwd.png"), ValueError, "the path '/etc/passwd.png' leaves"),
        (lambda r: edit_index(r, 0, "part", "C:\\x.png"), ValueError, "leaves the images directory"),
        (
            lambda r: edit_index(r, 0, "part", "a/0_part.png;"),
            ValueError,
            r"line 2, column 'part': ''; a label number or the path of a PNG mask",
        ),
        (lambda r: edit_index(r, 1, "scene", "-3"), ValueError, r"'-3'; a label number or the path"),
        (lambda r: edit_index(r, 1, "image", ""), ValueError, "an empty entry"),
        (
            lambda r: (r / "images/a/0.png").write_bytes((r / "images/a/0.png").read_bytes()[:20]),
            ValueError,
            r"a/0\.png: damaged \(cut off after 20 bytes\)",
        ),
        (lambda r: edit_index(r, 2, "sh", "six"), ValueError, r"line 4, column 'sh': 'six'; a whole number from 1 on"),
        (lambda r: edit_index(r, 2, "iw", "0"), ValueError, r"line 4, column 'iw': '0'"),
        (lambda r: edit_index(r, 2, "iw", "9" * 30), ValueError, "a whole number"),
        (
            lambda r: write_table(r / "index.csv", ["image", "split"], []),
            ValueError,
            r"index\.csv, line 1: no column 'ih'; found image, split\.",
        ),
        (
            lambda r: write_table(r / "label.csv", ["number", "name"], [(1, "car")]),
            ValueError,
            r"c_color\.csv, line 2, column 'number': '3'; label\.csv doesn't have the number, among its 1\.",
        ),
        (
            lambda r: (r / "index.csv").write_text((r / "index.csv").read_text().splitlines()[0] + "\n"),
            ValueError,
            "lists no images",
        ),
        (
            lambda r: (r / "index.csv").write_text((r / "index.csv").read_text() + "a,b\n"),
            ValueError,
            r"line 6: not as many cells",
        ),
        (
            lambda r: (r / "label.csv").write_bytes(b"number,name\n1,\xff\xfe\n"),
            ValueError,
            r"label\.csv, line 2, character 3: byte 0xff isn't UTF-8",
        ),
        (
            lambda r: write_table(r / "c_part.csv", ["number", "name", "coverage"], [(2, "wheel", "much")]),
            ValueError,
            "column 'coverage': 'much'; a number is needed",
        ),
    ],
)
def test_what_is_wrong_is_named(root, damage, error, text):
    damage(root)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    with pytest.raises(error, match=text):
        nd.dissect(model, "0", data=nd.Broden(root), progress=False, quantile=0.1)
    assert not model[0]._forward_hooks


def test_unknown_category(root):
    with pytest.raises(
        ValueError,
        match=r"Unknown category 'objects'; the data set has color, object, part, scene\. Did you mean 'object'\?",
    ):
        nd.Broden(root, categories=["objects"])
    with pytest.raises(ValueError, match="categories is empty"):
        nd.Broden(root, categories=[])


def test_no_directory(tmp_path):
    with pytest.raises(OSError, match="isn't a directory"):
        nd.Broden(tmp_path / "nowhere")


def test_a_link_out_of_the_directory_is_refused(root, tmp_path):
    save_mask(tmp_path / "outside.png", np.ones((6, 8)))
    (root / "images/a/0_part.png").unlink()
    os.symlink(tmp_path / "outside.png", root / "images/a/0_part.png")
    with pytest.raises(
        ValueError,
        match=r"0_part\.png: a link that leaves .*outside\.png\. .*follow_links=True.*index\.csv, line 2, column 'part'",
    ):
        nd.Broden(root)
    assert (nd.Broden(root, follow_links=True)[0].masks["part"] == 1).all()


def test_the_whole_data_set_may_be_a_link(root, tmp_path):
    os.symlink(root, tmp_path / "link")
    assert nd.Broden(tmp_path / "link")[0].masks["part"].shape == (1, 6, 8)


def test_images_may_be_a_link_to_another_disk(root, tmp_path):
    before = nd.Broden(root).digest()
    (root / "images").rename(tmp_path / "disk")
    os.symlink(tmp_path / "disk", root / "images")
    assert nd.Broden(root).digest() == before


@pytest.mark.parametrize("place", ["images/a", "c_part.csv", "index.csv"])
def test_other_links_out_are_followed_only_when_asked(root, tmp_path, place):
    before = nd.Broden(root).digest()
    (root / place).rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", root / place)
    with pytest.raises(ValueError, match="a link that leaves the data set's directory"):
        nd.Broden(root)
    assert nd.Broden(root, follow_links=True).digest() == before


def test_a_link_made_after_opening_is_refused_too(root, tmp_path):
    data = nd.Broden(root)
    (root / "images/a/1.png").rename(tmp_path / "1.png")
    os.symlink(tmp_path / "1.png", root / "images/a/1.png")
    for read in (lambda: data[1].image, data.digest):
        with pytest.raises(ValueError, match="a link that leaves the data set's directory"):
            read()


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_no_device_is_read_even_where_links_are_followed(root):
    (root / "images/a/1.png").unlink()
    os.symlink("/dev/zero", root / "images/a/1.png")
    with pytest.raises(ValueError, match=r"1\.png is a device; a regular file is needed"):
        nd.Broden(root, follow_links=True)


@pytest.mark.parametrize("path", [None, 7, "~no such user/x"])
def test_what_is_no_path(path):
    with pytest.raises(ValueError, match="isn't the path of a directory"):
        nd.Broden(path)


def test_categories_that_are_no_sequence(root):
    with pytest.raises(ValueError, match="categories=5; a sequence of names is needed, some of color, object"):
        nd.Broden(root, categories=5)


def test_an_orientation_is_not_applied_and_not_passed_on(root):
    """Masks belong to the pixels as stored; a picture that someone turns later would not fit them."""
    image = Image.open(root / "images/a/1.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(root / "images/a/1.png", exif=exif)
    with Image.open(root / "images/a/1.png") as saved:
        assert saved.getexif()[0x0112] == 6
    read = nd.Broden(root)[1].image
    assert read.tobytes() == image.tobytes()
    assert not read.getexif()


def test_a_data_set_goes_to_another_process(root):
    data = nd.Broden(root)
    again = pickle.loads(pickle.dumps(data))
    assert (again[0].masks["object"] == data[0].masks["object"]).all()
    assert again.digest() == data.digest()


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows keeps rights otherwise")
def test_no_permission():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = make_broden(Path(folder) / "broden")
        assert nd.Broden(root)[1].image.size == (16, 12)  # which also imports what another user may not read
        os.chmod(root / "images/a/1.png", 0)
        os.chmod(root / "c_part.csv", 0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may read everything
        try:
            with pytest.raises(PermissionError, match=r"c_part\.csv can't be read: Permission denied"):
                nd.Broden(root)
            with pytest.raises(PermissionError, match=r"1\.png can't be read: Permission denied"):
                nd.Broden(root, categories=["object"])[1].image
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("width", [699, 700, 2100])
def test_a_large_image_of_few_bytes_is_whole(root, width):
    """Its pixels are counted a megabyte at a time, as they are unpacked."""
    (root / "images/a/1.png").write_bytes(png(np.zeros((500, width, 3))))
    edit_index(root, 1, "ih", "500")
    edit_index(root, 1, "iw", str(width))
    assert nd.Broden(root)[1].image.size == (width, 500)
    (root / "images/a/1.png").write_bytes(png(np.zeros((499, width, 3)), size=(500, width)))
    with pytest.raises(ValueError, match=rf"1\.png: damaged \(fewer pixels than the 500 × {width} of its header\)"):
        nd.Broden(root)[1].image
