"""Every sample is checked where it comes in: a bad one is an error that names its image, never other counts."""

from __future__ import annotations

import io
import pickle
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.samples import CheckedDataset, check_dataset
from nbdissect.user_code import UserCodeError

IMAGE = Image.new("RGB", (16, 16))
MASK = np.ones((1, 16, 16), int)


class Items(list):
    """A data set of these items."""

    categories = ("object",)
    concepts = (nd.Concept(1, "cat", "object"), nd.Concept(2, "dog", "object"))


def dissect(*items, **options):
    options = {"quantile": 0.3, "progress": False, **options}
    return nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Items(items), **options)


def refused(match, *items, error=ValueError, **options):
    """The last item is bad: wherever it stands, the error names it, and is no error of Python's own."""
    for before in (0, 3):
        good = [nd.Sample(IMAGE, {"object": MASK})] * before
        with pytest.raises(error, match=rf"Image {before + len(items) - 1}\b.*{match}"):
            dissect(*good, *items, **options)


@pytest.mark.parametrize(
    ("item", "what"),
    [
        (None, "None"),
        ((IMAGE, MASK), "a tuple"),
        ([IMAGE, MASK], "a list"),
        ({"image": IMAGE, "masks": {"object": MASK}}, "a dict"),
        (np.zeros((16, 16, 3), np.uint8), r"an ndarray of shape \[16, 16, 3\]"),
        ("1.jpg", "a str"),
        (7, "an int"),
    ],
)
def test_what_is_no_sample(item, what):
    refused(rf"data\[\d\] is {what}, not a sample\. Return nd\.Sample\(image, masks, whole\)", item)


@pytest.mark.parametrize("item", [torch.zeros(3, 16, 16), IMAGE, SimpleNamespace(masks={}, whole={})])
def test_objects_without_an_image(item):
    refused(r"without \.(image|masks)\. Return nd\.Sample", item)


def test_objects_without_labels():
    refused(r"data\[\d\] is a SimpleNamespace without \.masks", SimpleNamespace(image=IMAGE, whole={}))
    refused(r"data\[\d\] is a SimpleNamespace without \.whole", SimpleNamespace(image=IMAGE, masks={}))


def test_any_object_with_the_attributes_is_a_sample():
    Tuple = namedtuple("Tuple", "image masks whole")

    class Rows(Items):
        def __getitem__(self, index):
            return [Tuple(IMAGE, {"object": MASK}, {}), SimpleNamespace(image=IMAGE, masks={"object": MASK}, whole={})][
                index
            ]

    assert nd.dissect(
        torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Rows([0, 0]), progress=False, quantile=0.3
    ).truth.tolist() == [512, 0]


class Grad(torch.nn.Parameter):
    pass


# An array that counts as something else where it is converted leniently, and what is said of it.
BAD_MASKS = {
    "booleans": (MASK == 1, r"holds booleans, which don't say which concept is meant\. .*np\.where\(mask, number, 0\)"),
    "one boolean plane per class": (np.stack([MASK[0] == 1, MASK[0] == 0]), "holds booleans"),
    "boolean planes in a list": ([MASK[0] == 1], "holds booleans"),
    "boolean tensors": (torch.ones(1, 16, 16, dtype=torch.bool), "holds booleans"),
    "floats": (
        MASK * 1.7,
        r"its mask is an ndarray of shape \[1, 16, 16\] and dtype float64\. .*must be whole numbers",
    ),
    "whole numbers as floats": (MASK.astype(np.float32), "dtype float32"),
    "complex numbers": (MASK * 1j, "dtype complex128"),
    "texts": (MASK.astype(str), "dtype <U"),
    "objects": (MASK.astype(object), "dtype object"),
    "dates": (MASK.astype("datetime64[s]"), r"dtype datetime64"),
    "a masked array": (np.ma.masked_equal(MASK, 1), r"is a masked array\. .*mask\.filled\(0\)"),
    "masked planes in a list": ([np.ma.masked_equal(MASK[0], 1)], "is a masked array"),
    "negative numbers": (-MASK, "label number -1 is not among"),
    "255 for ignore": (MASK * 255, "label number 255 is not among"),
    "beyond int64": (MASK.astype(np.uint64) * np.uint64(2**64 - 1), "holds 18446744073709551615, too large"),
    "one plane without its axis": (MASK[0], r"ndarray of shape \[16, 16\] .*a single plane takes mask\[None\]"),
    "a nested list without the axis": (MASK[0].tolist(), r"shape \[16, 16\] .*a single plane takes mask\[None\]"),
    "four axes": (MASK[None], r"shape \[1, 1, 16, 16\]"),
    "one number": (np.array(1), r"its mask is an ndarray of shape \[\]; an array of whole numbers"),
    "an image": (Image.new("L", (16, 16)), r"its mask is an Image; .*np\.asarray\(mask\)\[None\]"),
    "a path": ("mask.png", "its mask is a str"),
    "a dict": ({"cat": MASK}, "its mask is a dict"),
    "None": (None, "its mask is None"),
    "no rows": (np.zeros((1, 0, 16), int), r"shape \[1, 0, 16\], without a pixel"),
    "no columns": (np.zeros((1, 16, 0), int), "without a pixel"),
    "planes of two sizes": (
        [np.ones((4, 4), int), np.ones((5, 4), int)],
        r"a mask of shape \[5, 4\] in a sample whose masks are \[4, 4\]",
    ),
    "with gradients": (torch.ones(1, 16, 16, requires_grad=True), "which numpy can't read: .*requires grad"),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_masks_that_would_count_as_something_else(name):
    mask, match = BAD_MASKS[name]
    refused(rf"category 'object': .*{match}", nd.Sample(IMAGE, {"object": mask}))
    refused(
        rf"category 'object': .*{match}",
        nd.Sample(IMAGE, {"object": mask}, shape=(4, 4) if "[4, 4]" in match.replace("\\", "") else (16, 16)),
    )


@pytest.mark.parametrize("masks", [None, MASK, [MASK], "object"])
def test_masks_that_map_nothing(masks):
    refused(
        r"\.masks of its sample must map categories to arrays \[planes, height, width\]; got", nd.Sample(IMAGE, masks)
    )


@pytest.mark.parametrize(
    "mask",
    [
        MASK.astype(np.int8),
        MASK.astype(np.uint64),
        MASK.astype(">i4"),
        MASK[:, ::-1],
        [MASK[0]],
        (MASK[0], MASK[0]),
        MASK.tolist(),
        torch.ones(1, 16, 16, dtype=torch.uint8),
        [torch.ones(16, 16, dtype=torch.int64)],
    ],
)
def test_masks_of_any_whole_numbers(mask):
    assert dissect(nd.Sample(IMAGE, {"object": mask})).truth.tolist() == [256, 0]


@pytest.mark.parametrize("empty", [[], (), np.empty((0, 9, 5), int), np.empty((0, 0, 0)), torch.empty(0, 16, 16)])
def test_a_category_without_planes_is_left_out(empty):
    data = check_dataset(Items([nd.Sample(IMAGE, {"part": empty, "object": MASK})]))
    assert list(data[0].masks) == ["object"]
    assert data[0].shape == (16, 16)
    assert check_dataset([nd.Sample(Image.new("RGB", (5, 7)), {"object": empty})])[0].shape == (7, 5)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([1.7], "1.7"),
        ([1.0], "1.0"),
        ([True], "True"),
        (["1"], "'1'"),
        ([None], "None"),
        ([float("nan")], "nan"),
        ([-1], "-1"),
        ([2**63], "9223372036854775808"),
        ([np.float32(1)], "1.0"),
        ([np.True_], "True"),
        ([[1]], r"\[1\]"),
        (torch.tensor([1.5]), "1.5"),
    ],
)
def test_whole_image_labels_that_would_count_as_something_else(numbers, shown):
    refused(
        rf"category 'object': ({shown}) in \.whole of its sample; whole numbers are needed",
        nd.Sample(IMAGE, whole={"object": numbers}),
    )


@pytest.mark.parametrize(
    "whole",
    [
        None,
        {"object": "12"},
        {"object": 1},
        {"object": None},
        [1],
        {"object": np.array(1)},
        {"object": {1: 2}},
        {"object": b"1"},
        {"object": np.ma.masked_equal([1], 1)},
    ],
)
def test_whole_image_labels_that_are_no_sequence(whole):
    refused(
        r"\.whole of its sample must map categories to sequences of label numbers; got", nd.Sample(IMAGE, whole=whole)
    )


@pytest.mark.filterwarnings("ignore:A whole-image label 0 means no concept")
@pytest.mark.parametrize(
    "numbers", [[1], (1,), {1}, [np.uint8(1)], np.array([1]), torch.tensor([1]), [torch.tensor(1)], [0, 1], [1, 1]]
)
@pytest.mark.filterwarnings("ignore:A whole-image label 0 means no concept")
def test_whole_image_labels_of_any_whole_numbers(numbers):
    assert dissect(nd.Sample(IMAGE, whole={"object": numbers})).truth.tolist() == [256, 0]


@pytest.mark.parametrize(
    "shape", [(0, 16), (16,), (16, 16, 1), 16, "16", (16.0, 16), (-16, 16), (True, 16), (None, None)]
)
def test_shapes_that_are_none(shape):
    refused(
        r"\.shape of its sample is .*; the height and width of its masks are needed, or None",
        nd.Sample(IMAGE, {"object": MASK}, shape=shape),
    )


# --- masks and image ---

FITTING = [
    ((375, 500), (375, 500)),
    ((375, 500), (188, 250)),
    ((375, 500), (187, 250)),
    ((375, 500), (94, 125)),
    ((375, 500), (12, 16)),
    ((375, 500), (6, 7)),
    ((227, 227), (113, 113)),
    ((224, 224), (112, 112)),
    ((7, 5), (224, 160)),
    ((2, 2), (9, 13)),
    ((1, 3), (1, 1)),
    ((333, 500), (224, 336)),
]
STRETCHED = [
    ((48, 96), (96, 48)),
    ((375, 500), (112, 112)),
    ((375, 500), (375, 375)),
    ((375, 500), (320, 500)),
    ((224, 224), (224, 448)),
    ((500, 333), (333, 500)),
    ((640, 480), (600, 480)),
]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("size", "shape"), FITTING)
def test_masks_of_the_image_s_aspect_up_to_rounding(size, shape, declared):
    sample = nd.Sample(
        Image.new("RGB", size[::-1]), {"object": np.ones((1, *shape), int)}, shape=shape if declared else None
    )
    checked = check_dataset([sample])[0]
    assert checked.image.size == size[::-1]
    assert checked.shape == shape
    assert dissect(sample).truth.tolist() == [shape[0] * shape[1], 0]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("size", "shape"), STRETCHED)
def test_masks_of_another_aspect_than_the_image(size, shape, declared):
    sample = nd.Sample(
        Image.new("RGB", size[::-1]), {"object": np.ones((1, *shape), int)}, shape=shape if declared else None
    )
    refused(rf"its masks are {shape[0]} × {shape[1]} \(height × width\), the image is {size[0]} × {size[1]}\.", sample)
    for parts in (("image", "shape"), ("shape", "image")):  # whichever is read last finds out
        checked = check_dataset([sample])[0]
        with pytest.raises(ValueError, match="must show the same section"):
            for part in parts:
                getattr(checked, part)


def test_a_transposed_mask_gets_the_hint():
    refused(
        "Its masks look transposed, or its EXIF orientation is applied to one of the two only",
        nd.Sample(Image.new("RGB", (96, 48)), {"object": np.ones((1, 96, 48), int)}),
    )


def test_masks_of_two_categories_of_two_sizes():
    masks = {"object": MASK, "part": np.ones((1, 8, 8), int)}
    refused(
        r"category 'part': a mask of shape \[8, 8\] in a sample whose masks are \[16, 16\]", nd.Sample(IMAGE, masks)
    )


# --- the data set's own code ---


class Failing(Items):
    error = ValueError("my own words")

    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("my own words"),
        StopIteration("my own words"),
        KeyError("my own words"),
        AttributeError("my own words"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "my own words"),
    ],
)
def test_errors_of_data_i_name_the_image_and_stay_as_the_cause(error, workers):
    data = Failing([nd.Sample(IMAGE, {"object": MASK})] * 5)
    data.error = error
    with pytest.raises(
        UserCodeError, match=rf"^Image 2: data\[2\] raised {type(error).__name__}: .*my own words"
    ) as caught:
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=data, progress=False, num_workers=workers)
    assert caught.value.__cause__ is error
    assert "__getitem__" in [frame.name for frame in _frames(error)]


def _frames(error):
    import traceback

    return traceback.extract_tb(error.__traceback__)


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "No such file", "1.jpg"), PermissionError("locked"), OSError("disk gone")]
)
def test_an_oserror_stays_one_of_its_kind(error):
    data = Failing([nd.Sample(IMAGE, {"object": MASK})] * 5)
    data.error = error
    with pytest.raises(type(error), match=rf"^Image 2: data\[2\] raised {type(error).__name__}: ") as caught:
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=data, progress=False)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("part", ["image", "masks", "whole"])
def test_errors_of_computed_parts_name_the_image(part):
    def fail(self):
        return self.nowhere  # an AttributeError, but not for want of the part

    Computed = type("Computed", (), {"image": IMAGE, "masks": {"object": MASK}, "whole": {}, part: property(fail)})
    refused(rf"\.{part} of its sample raised AttributeError: .*'nowhere'", Computed())


def test_a_data_set_that_is_shorter_than_it_says():
    class Short(Items):
        def __len__(self):
            return 6

    with pytest.raises(
        ValueError, match=r"Image \d: data\[\d\] raised IndexError: .*len\(data\) is 6, more than there are"
    ):
        nd.dissect(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Short([nd.Sample(IMAGE)] * 4), progress=False
        )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("all of it")])
def test_what_is_no_error_of_the_data_set_passes(error):
    data = Failing([nd.Sample(IMAGE, {"object": MASK})] * 5)
    data.error = error
    with pytest.raises(type(error)) as caught:
        check_dataset(data)[2]
    assert caught.value is error


def test_our_own_errors_pass_as_they_are(tmp_path):
    from support.broden_maker import make_broden

    root = make_broden(tmp_path / "broden")
    data = nd.Broden(root)
    (root / "images/a/1.png").write_bytes(b"")
    with pytest.raises(
        nd.BrodenError if hasattr(nd, "BrodenError") else ValueError, match=r"1\.png: not a readable image"
    ):
        check_dataset(data)[1].image


# --- wrapping ---


def test_a_checked_data_set_looks_like_the_original():
    data = Items([nd.Sample(IMAGE, {"object": MASK})])
    data.image_size = (3, 4)
    checked = check_dataset(data)
    assert check_dataset(checked) is checked
    assert checked.original is data
    assert (len(checked), checked.categories, checked.image_size) == (1, ("object",), (3, 4))
    assert not hasattr(checked, "drawings")
    again = pickle.loads(pickle.dumps(checked))
    assert isinstance(again, CheckedDataset)
    assert again[0].shape == (16, 16)
    assert pickle.loads(pickle.dumps(checked[0])).masks["object"].sum() == 256


def test_the_table_of_layers_checks_too():
    with pytest.raises(ValueError, match=r"Image 0: data\[0\] is a tuple, not a sample"):
        nd.layers(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), Items([(IMAGE, MASK)]))


class Sideways(Items):
    """Photographs of a phone: stored sideways, with a note that says so; white where the mask is."""

    categories, concepts = ("object",), (nd.Concept(1, "white", "object"),)

    def __getitem__(self, index):
        mask = np.zeros((32, 48), np.uint8)
        mask[4 : 8 + index, 30:44] = 1
        exif = Image.Exif()
        exif[0x0112] = 6  # stored a quarter turn to the left
        file = io.BytesIO()
        stored = Image.fromarray(mask * 255).convert("RGB").transpose(Image.Transpose.ROTATE_90)
        stored.save(file, "PNG", exif=exif)
        return nd.Sample(Image.open(file), {"object": mask[None]})


@pytest.fixture
def sideways():
    model = torch.nn.Sequential(torch.nn.AvgPool2d(1))
    data = Sideways(range(4, 12))
    return data, nd.dissect(
        model,
        "0",
        data=data,
        quantile=0.09,
        progress=False,
        transform=lambda image: torch.tensor(np.array(image)).permute(2, 0, 1) / 255,
    )


def test_an_image_stored_sideways_is_counted_upright(sideways):
    assert sideways[1].iou[0, 0] > 0.9


def test_an_image_stored_sideways_is_shown_upright(sideways, tmp_path):
    from nbdissect.display.thumbnails import Thumbnails

    data, d = sideways
    shown = Image.open(io.BytesIO(Thumbnails(data).encoded(3)))
    d.save(tmp_path / "d.nbd")
    kept = nd.load(tmp_path / "d.nbd").data
    for image in (shown, kept[int(d.top_images[0, 0])].image):
        assert image.size == (48, 32)
        assert np.asarray(image.convert("L"))[5, 35] > 200
        assert np.asarray(image.convert("L"))[25, 10] < 60


def test_an_image_stored_sideways_is_digested_upright(sideways):
    from nbdissect.provenance.data_digest import DigestingDataset

    data, d = sideways
    upright = Items([nd.Sample(check_dataset(data)[i].image, data[i].masks) for i in range(len(data))])
    upright.concepts = data.concepts
    assert DigestingDataset(upright).digest() == DigestingDataset(data).digest() == d.provenance.data
