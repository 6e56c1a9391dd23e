"""Pictures of one's own with masks: in folders and lists, by index, palette, color, or as arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from support.pictures import counts, picture, save_array, save_palette, save_picture, voc_palette

VALUES = np.zeros((12, 16), np.uint8)
VALUES[:4], VALUES[4:6, :8], VALUES[6] = 3, 7, 255
CAT, DOG, UNKNOWN = 64, 16, 16  # pixels of 3, 7 and 255


@pytest.fixture
def folders(tmp_path):
    """Three pictures and their masks, one of each in a folder below."""
    for k, name in enumerate(["a", "b", "deep/c"]):
        save_picture(tmp_path / "images" / f"{name}.jpg", k)
        save_array(tmp_path / "masks" / f"{name}.png", VALUES)
    return tmp_path


def make(folders, names=None, **options):
    return nd.LabeledImages(folders / "images", folders / "masks", names or {3: "cat", 7: "dog"}, **options)


def test_folders_in_one_line(folders):
    data = make(folders)
    assert data.concepts == (nd.Concept(1, "cat", "object"), nd.Concept(2, "dog", "object"))
    assert (len(data), data.categories) == (3, ("object",))
    assert counts(data) == ({"cat": 3 * CAT, "dog": 3 * DOG}, {"object": 3 * UNKNOWN})
    sample = data[2]
    assert sample.path == folders / "images" / "deep" / "c.jpg"
    assert (sample.image.mode, sample.image.size, sample.shape) == ("RGB", (16, 12), (12, 16))
    assert sample.masks["object"].shape == (1, 12, 16)
    assert repr(data) == "<LabeledImages: 3 images, 2 concepts in object; pictures with masks>"


def test_dissects_with_all_that_data_sets_can_do(folders):
    data = make(folders, category="animal")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    whole = nd.dissect(net, "0", data=data, quantile=0.1, progress=False, num_workers=2)
    assert whole.truth.tolist() == [3 * CAT, 3 * DOG]
    assert whole.categories == ("animal",)
    for part, images in ((data[:2], 2), (data.sample(2, seed=1), 2), (torch.utils.data.Subset(data, [0]), 1)):
        d = nd.dissect(net, "0", data=part, quantile=0.1, progress=False)
        assert d.truth.tolist() == [images * CAT, images * DOG]
    assert data.sample(2, seed=1).indices == data.sample(2, seed=1).indices
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again[1].masks["animal"], data[1].masks["animal"])
    assert data[-1].path == data[2].path


# --- how values are written down ---


def in_palette(values):
    image = Image.fromarray(values).convert("L")
    image.putpalette(voc_palette().ravel().tolist())
    return image


@pytest.mark.parametrize(
    "mask",
    [
        VALUES,
        VALUES.astype(np.int64),
        Image.fromarray(VALUES),
        in_palette(VALUES),
        np.repeat(VALUES[..., None], 3, axis=2),
        Image.fromarray(np.stack([VALUES, np.full_like(VALUES, 200)], axis=-1)),
        Image.fromarray(VALUES.astype(np.uint16)),
    ],
    ids=["array", "int64", "gray", "palette", "gray as RGB", "gray with alpha", "16 bits"],
)
def test_a_value_is_a_value_however_it_is_stored(mask):
    data = nd.LabeledImages([picture()], [mask], {3: "cat", 7: "dog"})
    assert counts(data) == ({"cat": CAT, "dog": DOG}, {"object": UNKNOWN})
    assert data[0].shape == (12, 16)


@pytest.mark.parametrize("kind", ["palette", "RGB", "RGBA", "array"])
def test_names_by_color(kind, tmp_path):
    colors = voc_palette()[VALUES]
    mask = {
        "palette": in_palette(VALUES),
        "RGB": save_array(tmp_path / "m.png", colors),
        "RGBA": Image.fromarray(colors).convert("RGBA"),
        "array": colors,
    }[kind]
    images = [save_picture(tmp_path / "m.jpg")] if kind == "RGB" else [picture()]
    names = {tuple(voc_palette()[3].tolist()): "cat", tuple(voc_palette()[7].tolist()): "dog"}
    data = nd.LabeledImages(images, [mask], names, ignore=(224, 224, 192))
    assert counts(data) == ({"cat": CAT, "dog": DOG}, {"object": UNKNOWN})


def test_large_values_are_found_too():
    mask = np.where(VALUES == 3, 1_000_003, 0)
    data = nd.LabeledImages([picture()], [mask], {1_000_003: "cat"})
    assert counts(data) == ({"cat": CAT}, {})
    with pytest.raises(ValueError, match=r"Image 0: its mask holds 1000003 \(64 pixels\), neither named nor ignored"):
        nd.LabeledImages([picture()], [mask], {1_000_004: "cat"})[0].masks


def test_numbering_is_ours_and_names_may_hold_0():
    data = nd.LabeledImages([picture()], [VALUES], {7: "dog", 0: "ground", 3: "cat"})
    assert [concept.name for concept in data.concepts] == ["dog", "ground", "cat"]
    assert [concept.number for concept in data.concepts] == [1, 2, 3]
    assert counts(data)[0] == {"dog": DOG, "ground": VALUES.size - CAT - DOG - UNKNOWN, "cat": CAT}


def test_values_of_one_name_are_one_concept_and_none_is_no_concept():
    data = nd.LabeledImages([picture()], [VALUES], {3: "pet", 7: "pet", 255: None})
    assert counts(data) == ({"pet": CAT + DOG}, {})
    data = nd.LabeledImages([picture()], [VALUES], {3: "cat", 7: None})
    assert counts(data) == ({"cat": CAT}, {"object": UNKNOWN})


def test_a_list_of_names_is_by_index_from_0():
    data = nd.LabeledImages([picture()], [VALUES], [None, "a", None, "cat", "b", "c", "d", "dog"])
    assert {name: n for name, n in counts(data)[0].items() if n} == {"cat": CAT, "dog": DOG}
    many = [f"class {k}" for k in range(300)]
    assert counts(nd.LabeledImages([picture()], [VALUES], many))[0]["class 255"] == UNKNOWN, "255 has a name"


def test_what_is_ignored():
    assert counts(nd.LabeledImages([picture()], [VALUES], {3: "cat"}, ignore=[7, 255]))[1] == {"object": DOG + UNKNOWN}
    zero = nd.LabeledImages([picture()], [VALUES], {3: "cat", 7: "dog"}, ignore=[0, 255])
    assert counts(zero)[1] == {"object": VALUES.size - CAT - DOG}
    with pytest.raises(ValueError, match="7 is ignored, and is 'dog' among the names; it must be one of the two"):
        nd.LabeledImages([picture()], [VALUES], {3: "cat", 7: "dog"}, ignore=[7, 255])


def test_categories_by_name_are_planes_of_their_own():
    data = nd.LabeledImages([picture()], [VALUES], {3: "cat", 7: "ear"}, category={"cat": "object", "ear": "part"})
    assert data.categories == ("object", "part")
    assert counts(data) == ({"cat": CAT, "ear": DOG}, {"object": UNKNOWN, "part": UNKNOWN})
    with pytest.raises(
        ValueError, match=r"The category of 'ear' is None; category= takes a name such as 'object', or a mapping"
    ):
        nd.LabeledImages([picture()], [VALUES], {3: "cat", 7: "ear"}, category={"cat": "object"})


def test_ade20k_colors_and_ones_own_decoding():
    value = np.where(VALUES == 3, 2683, 0)
    colors = np.stack([value // 256 * 10, value % 256, VALUES], axis=-1).astype(np.uint8)
    data = nd.LabeledImages([picture()], [colors], {2683: "cat"}, decode="ade20k")
    assert counts(data) == ({"cat": CAT}, {})
    own = nd.LabeledImages([picture()], [colors], {3: "cat"}, decode=lambda pixels: np.where(pixels[..., 2] == 3, 3, 0))
    assert counts(own) == ({"cat": CAT}, {})
    with pytest.raises(ValueError, match="decode='ade'; allowed are None, 'ade20k', or a function"):
        nd.LabeledImages([picture()], [colors], {3: "cat"}, decode="ade")
    with pytest.raises(ValueError, match=r"decode gave a float or .*|decode gave an ndarray of shape \[12, 16, 3\]"):
        nd.LabeledImages([picture()], [colors], {3: "cat"}, decode=lambda pixels: pixels)[0].masks


def test_a_decoding_that_differs_from_time_to_time_is_noticed():
    rng = np.random.default_rng(0)
    data = nd.LabeledImages([picture()] * 2, [VALUES] * 2, {1: "cat"}, decode=lambda p: rng.integers(0, 2, p.shape))
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match="gave another .masks when it was read again"):
        nd.dissect(net, "0", data=data, quantile=0.1, progress=False)


def test_dicts_of_boolean_arrays_may_overlap():
    cat, ear = np.zeros((12, 16), bool), np.zeros((12, 16), bool)
    cat[:6], ear[2:4, 2:4] = True, True
    masks = [{"cat": cat, "ear": ear}, {"ear": ear.astype(np.uint8)}, {}]
    data = nd.LabeledImages([picture(k) for k in range(3)], masks, ["cat", "ear"])
    assert counts(data) == ({"cat": 96, "ear": 8}, {})
    apart = nd.LabeledImages(
        [picture(k) for k in range(3)], masks, ["cat", "ear"], category={"cat": "object", "ear": "part"}
    )
    assert [sorted(apart[k].masks) for k in range(3)] == [["object", "part"], ["part"], []]


# --- what is wrong is said ---


def test_a_value_without_a_name_is_an_error_with_the_five_commonest(tmp_path):
    values = np.repeat(np.arange(12, dtype=np.uint8), 16).reshape(12, 16)
    values[0, :3], values[1, 0] = 9, 9
    image, mask = save_picture(tmp_path / "street.jpg"), save_array(tmp_path / "m" / "street.png", values)
    data = nd.LabeledImages([image], [mask], {2: "cat"})
    with pytest.raises(
        ValueError,
        match=r"Image 0 \(street.jpg\): its mask holds 9 \(20 pixels\), 3 \(16 pixels\), 4 \(16 pixels\), 5 \(16 pixels\), "
        r"6 \(16 pixels\) and 5 more values, neither named nor ignored. Add them to names=, with None for what is no concept, or to ignore=.",
    ):
        data[0].masks
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match=r"^Image 0 \(street.jpg\): its mask holds 9"):
        nd.dissect(net, "0", data=data, quantile=0.1, progress=False)


def test_a_color_without_a_name_is_shown_as_one():
    data = nd.LabeledImages([picture()], [voc_palette()[VALUES]], {(128, 0, 0): "plane"})
    with pytest.raises(ValueError, match=r"its mask holds \(128, 128, 0\) \(64 pixels\), "):
        data[0].masks


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({}, "names holds no name"),
        ({1: None}, "names holds no name"),
        (
            "cat",
            r'names is a str; a mapping is needed, \{3: "cat"\} or \{\(128, 0, 0\): "cat"\}, or a list of names from 0 on',
        ),
        (7, "names is an int"),
        ({1: 2}, r"names\[1\] is 2; a name is needed"),
        ({1: ""}, r"names\[1\] is ''; a name is needed"),
        ({-1: "cat"}, "-1 is no value of a mask"),
        ({1.5: "cat"}, "1.5 is no value of a mask"),
        ({"1": "cat"}, "'1' is no value of a mask"),
        (
            {(1, 2): "cat"},
            r"\(1, 2\) is no value of a mask: a whole number from 0 on, or a color \(r, g, b\) of 0 to 255",
        ),
        ({(1, 2, 256): "cat"}, r"\(1, 2, 256\) is no value"),
        ({1: "cat", (1, 2, 3): "dog"}, "names are given by number and by color; masks hold one of the two"),
    ],
)
def test_names_that_say_nothing(names, said):
    with pytest.raises(ValueError, match=said):
        nd.LabeledImages([picture()], [VALUES], names)


def test_files_without_partners_are_listed(folders):
    for name in "vwxyz":
        save_picture(folders / "images" / f"{name}.jpg")
    (folders / "masks" / "a.png").unlink()
    save_array(folders / "masks" / "other.png", VALUES)
    with pytest.raises(
        ValueError,
        match=r"paired by their names without the ending\. There are 6 images without a mask: a, v, w, x, y, … \(6 in all\); "
        r"1 mask without an image: other\. Give lists",
    ):
        make(folders)


def test_two_files_of_one_name(folders):
    save_picture(folders / "images" / "a.png")
    with pytest.raises(
        ValueError, match=r"images: 2 files are called 'a' but for their endings or folders: .*a.jpg, .*a.png"
    ):
        make(folders)


def test_lists_are_paired_by_name_not_by_place(folders):
    other = VALUES.copy()
    other[:] = 7
    save_array(folders / "masks" / "b.png", other)
    images = [folders / "images" / "a.jpg", folders / "images" / "b.jpg"]
    masks = [folders / "masks" / "b.png", folders / "masks" / "a.png"]
    data = nd.LabeledImages(images, masks, {3: "cat", 7: "dog"})
    assert counts(data[:1])[0] == {"cat": CAT, "dog": DOG}
    assert counts(data[1:])[0] == {"cat": 0, "dog": VALUES.size}


def test_a_function_tells_the_masks_of_other_names(tmp_path):
    save_picture(tmp_path / "images" / "1_leftImg8bit.jpg")
    save_array(tmp_path / "labels" / "1_gtFine_labelIds.png", VALUES)
    data = nd.LabeledImages(
        tmp_path / "images",
        lambda image: tmp_path / "labels" / image.name.replace("leftImg8bit.jpg", "gtFine_labelIds.png"),
        {3: "cat", 7: "dog"},
    )
    assert counts(data)[0] == {"cat": CAT, "dog": DOG}


@pytest.mark.parametrize(
    ("images", "masks", "said"),
    [
        ([], [], "There are no images; at least one is needed"),
        ([picture()], [VALUES, VALUES], "There are 1 image and 2 masks; one mask for each image is needed"),
        (3, [VALUES], "images is an int; a folder or a list is needed"),
        ([picture()], {"a": VALUES}, "masks is a dict; a folder or a list is needed"),
        (".", [VALUES], "images is a folder, and masks is a list of what are no files"),
        ([picture()] * 2, [VALUES, {"cat": VALUES > 3}], "Some masks are dicts of arrays, others are not"),
    ],
)
def test_what_does_not_belong_together(images, masks, said):
    with pytest.raises(ValueError, match=said):
        nd.LabeledImages(images, masks, {3: "cat"})


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (VALUES / 2, r"its mask is an ndarray of shape \[12, 16\]; a path, a PIL image, or whole numbers"),
        (VALUES[None], r"an ndarray of shape \[1, 12, 16\] and dtype uint8; \[height, width\], or uint8 colors"),
        (np.ma.masked_equal(VALUES, 3), r"its mask is a MaskedArray"),
        (None, "its mask is None"),
        (Image.fromarray(VALUES.astype(np.float32)), "its mask holds fractions"),
        (voc_palette()[VALUES], "its mask is a color picture, and names are given by number. Give them by color"),
    ],
)
def test_masks_that_cannot_be_read(mask, said):
    data = nd.LabeledImages([picture()], [mask], {3: "cat", 7: "dog"})
    with pytest.raises(ValueError, match=f"^Image 0: .*{said}"):
        data[0].masks


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (
            {"catt": VALUES > 3},
            r"Image 0: a mask is called 'catt', which is not among the 2 names of names=\. Did you mean 'cat'",
        ),
        ({"cat": VALUES}, "Image 0, 'cat': its mask is an ndarray .* booleans are needed, such as mask > 127"),
        ({"cat": VALUES[0] > 3}, r"Image 0, 'cat': its mask has shape \[16\]"),
        (
            {"cat": VALUES > 3, "dog": VALUES[1:] > 3},
            r"Image 0, 'dog': a mask of shape \[11, 16\] beside one of \[12, 16\]",
        ),
    ],
)
def test_named_masks_that_cannot_be_read(masks, said):
    with pytest.raises(ValueError, match=said):
        nd.LabeledImages([picture()], [masks], ["cat", "dog"])[0].masks


def test_files_that_cannot_be_read(tmp_path):
    image = save_picture(tmp_path / "a.jpg")
    (tmp_path / "masks").mkdir()
    mask = tmp_path / "masks" / "a.png"

    def read():
        return nd.LabeledImages([image], [mask], {3: "cat"})[0].masks

    with pytest.raises(FileNotFoundError, match=r"Image 0 \(a.jpg\): there is no file .*a.png, its mask"):
        read()
    mask.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"Image 0 \(a.jpg\): .*a.png, its mask, can't be read"):
        read()
    save_array(mask, np.random.default_rng(0).integers(0, 255, (80, 80), dtype=np.uint8))
    mask.write_bytes(mask.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"Image 0 \(a.jpg\): its mask can't be decoded"):
        read()
    Image.fromarray(VALUES).save(mask, "JPEG")
    with pytest.raises(
        ValueError, match="its mask is a JPEG file, which changes pixels a little, and labels with them. Use PNG"
    ):
        read()
    with pytest.raises(FileNotFoundError, match="images: .*nowhere is no folder"):
        nd.LabeledImages(tmp_path / "nowhere", tmp_path / "masks", {3: "cat"})
    (tmp_path / "empty.zip").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="Unpack it first"):
        nd.LabeledImages(tmp_path / "empty.zip", tmp_path / "masks", {3: "cat"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="masks: .*empty holds no picture"):
        nd.LabeledImages(tmp_path, tmp_path / "empty", {3: "cat"})


def test_a_mask_of_another_aspect_names_its_image(tmp_path):
    data = nd.LabeledImages([picture()], [VALUES.T], {3: "cat", 7: "dog"})
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match="Image 0: its masks are 16 × 12"):
        nd.dissect(net, "0", data=data, quantile=0.1, progress=False)


def test_images_that_cannot_be_read_name_theirs(tmp_path):
    save_picture(tmp_path / "images" / "a.jpg")
    save_array(tmp_path / "masks" / "a.png", VALUES)
    (tmp_path / "images" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    data = nd.LabeledImages(tmp_path / "images", tmp_path / "masks", {3: "cat", 7: "dog"})
    with pytest.raises(ValueError, match=r"^Image 0: .*a.jpg can't be read as an image"):
        data[0].image


def test_an_image_turned_by_exif_goes_with_masks_of_the_upright_one(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "i").mkdir()
    Image.fromarray(picture(size=(16, 12))).save(tmp_path / "i" / "a.jpg", exif=exif)
    save_array(tmp_path / "m" / "a.png", VALUES)
    data = nd.LabeledImages(tmp_path / "i", tmp_path / "m", {3: "cat", 7: "dog"})
    assert data[0].image.size == (16, 12)
    assert counts(data)[0] == {"cat": CAT, "dog": DOG}


def test_palette_files_in_folders(tmp_path):
    save_picture(tmp_path / "i" / "a.JPG")
    save_palette(tmp_path / "m" / "a.png", VALUES)
    data = nd.LabeledImages(tmp_path / "i", tmp_path / "m", {3: "cat", 7: "dog"})
    assert counts(data)[0] == {"cat": CAT, "dog": DOG}


def test_names_from_files_cannot_steer_a_terminal(tmp_path):
    save_picture(tmp_path / "i" / "a\x1b[31m.jpg")
    save_array(tmp_path / "m" / "b.png", VALUES)
    with pytest.raises(ValueError, match=r"1 image without a mask: a\\x1b\[31m"):
        nd.LabeledImages(tmp_path / "i", tmp_path / "m", {3: "cat"})


# --- folders whose names are labels ---


def test_folders_of_labels_are_read_as_torchvision_reads_them(tmp_path):
    from torchvision.datasets import ImageFolder

    for k, name in enumerate(["dotted/1.jpg", "dotted/deep/2.PNG", "banded/3.png", "banded/4.webp"]):
        save_picture(tmp_path / name, k)
    (tmp_path / "dotted" / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.txt").write_text("nothing")
    data = nd.LabeledImages.from_folders(tmp_path, category="texture")
    theirs = ImageFolder(tmp_path) if not (tmp_path / ".hidden").rmdir() else None
    assert [concept.name for concept in data.concepts] == theirs.classes
    assert sorted((str(data[k].path), data[k].whole["texture"][0] - 1) for k in range(4)) == sorted(theirs.samples)
    assert counts(data)[0] == {"banded": 2 * 12 * 16, "dotted": 2 * 12 * 16}
    assert data.categories == ("texture",)


def test_folders_that_are_no_labels(tmp_path):
    with pytest.raises(ValueError, match="holds no folders; one for each label is needed"):
        nd.LabeledImages.from_folders(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="from_folders: .*empty holds no picture"):
        nd.LabeledImages.from_folders(tmp_path)
    save_picture(tmp_path / "empty" / "a.jpg")
    save_picture(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match=r"1 picture in .* without a label, such as b.jpg"):
        nd.LabeledImages.from_folders(tmp_path)
