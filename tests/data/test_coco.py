"""COCO's annotations: the same pixels as pycocotools, crowds and boxes as unknown, files that can't be right."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.data.coco_masks import decode_region
from support.needs import needed
from support.pictures import counts, save_picture

# pycocotools' own arrays, with numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

SIZE = (24, 32)
SQUARE = [2, 2, 10, 2, 10, 10, 2, 10]


def polygons(rng, kind, height, width):
    points = int(rng.integers(3, 25))
    if kind == "outside":
        corners = rng.uniform(-30, 230, (points, 2))
    elif kind == "whole numbers":
        corners = rng.integers(0, width + 1, (points, 2)).astype(float)
    elif kind == "blob":
        angle, radius = np.sort(rng.uniform(0, 2 * np.pi, points)), rng.uniform(5, 60, points)
        center = np.array([width, height]) / 2
        corners = (center + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])).round(2)
    else:
        corners = rng.choice([0, 0.5, 1, width, height, 10.5], (points, 2))
    return corners.ravel().tolist()


@pytest.mark.parametrize("kind", ["outside", "whole numbers", "blob", "on the edge"])
def test_polygons_cover_the_very_pixels_of_pycocotools(kind):
    mask = needed("pycocotools.mask")
    rng = np.random.default_rng(0)
    for _ in range(150):
        height, width = map(int, rng.integers(1, 200, 2))
        several = [polygons(rng, kind, height, width) for _ in range(rng.integers(1, 4))]
        theirs = mask.decode(mask.merge(mask.frPyObjects(several, height, width))).astype(bool)
        np.testing.assert_array_equal(decode_region(several, (height, width)), theirs)


def test_run_lengths_are_those_of_pycocotools():
    mask = needed("pycocotools.mask")
    rng = np.random.default_rng(0)
    for share in (0, 0.01, 0.5, 0.99, 1):
        for size in ((1, 1), (7, 200), (200, 7), (300, 300)):
            pixels = rng.random(size) < share
            code = mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
            for counted in (code["counts"], code["counts"].decode()):
                np.testing.assert_array_equal(decode_region({"size": list(size), "counts": counted}, size), pixels)
    blob = np.zeros((300, 300), bool)
    blob[40:280, 3:290] = True  # long runs of nearly the same length: differences, some of them negative
    blob[45, 100:] = False
    code = mask.encode(np.asfortranarray(blob.astype(np.uint8)))
    np.testing.assert_array_equal(
        decode_region({"size": [300, 300], "counts": code["counts"].decode()}, (300, 300)), blob
    )
    plain = {"size": [2, 3], "counts": [1, 2, 3]}
    np.testing.assert_array_equal(decode_region(plain, (2, 3)), [[False, True, False], [True, False, False]])


def annotation(number, category, segmentation, image=7, **more):
    box = [1.5, 2, 4, 3]
    return {"id": number, "image_id": image, "category_id": category, "segmentation": segmentation, "bbox": box, **more}


def content(*annotations, images=(("a.jpg", 7),), **more):
    return {
        "images": [{"id": k, "file_name": name, "height": SIZE[0], "width": SIZE[1]} for name, k in images],
        "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
        "annotations": list(annotations),
        **more,
    }


@pytest.fixture
def read(tmp_path):
    """A function from what a JSON file holds to the data set."""

    def read(held, **options):
        save_picture(tmp_path / "images" / "a.jpg", size=SIZE)
        path = tmp_path / "instances.json"
        path.write_text(held if isinstance(held, str) else json.dumps(held))
        return nd.LabeledImages.from_coco(tmp_path / "images", path, **options)

    return read


def test_a_file_made_by_chance_counts_as_pycocotools_does(tmp_path):
    coco_class = needed("pycocotools.coco").COCO
    encode = needed("pycocotools.mask").encode
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for k in range(12):
        size = tuple(map(int, rng.integers(20, 90, 2)))
        save_picture(tmp_path / "images" / "val" / f"{k}.jpg", k, size)
        images.append({"id": 100 + k, "file_name": f"val/{k}.jpg", "height": size[0], "width": size[1]})
        for _ in range(rng.integers(0, 6)):
            kind = rng.choice(["blob", "outside", "code"])
            if kind == "code":
                code = encode(np.asfortranarray((rng.random(size) < 0.3).astype(np.uint8)))
                region = {"size": list(size), "counts": code["counts"].decode()}
            else:
                region = [polygons(rng, kind, *size) for _ in range(rng.integers(1, 3))]
            crowd = int(kind == "code" and rng.random() < 0.5)
            number = len(annotations) + 1
            annotations.append(annotation(number, int(rng.choice([18, 1, 90])), region, 100 + k, iscrowd=crowd, area=1))
    names = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}, {"id": 90, "name": "cup"}]
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": names}))

    theirs = coco_class(str(path))
    expected, unknown = dict.fromkeys(["dog", "person", "cup"], 0), 0
    for image in images:
        these = theirs.loadAnns(theirs.getAnnIds(imgIds=[image["id"]]))
        shape = (image["height"], image["width"])
        crowd = np.any([theirs.annToMask(a) for a in these if a["iscrowd"]] + [np.zeros(shape)], axis=0)
        unknown += int(crowd.sum())
        for row in names:
            one = [theirs.annToMask(a) for a in these if a["category_id"] == row["id"] and not a["iscrowd"]]
            expected[row["name"]] += int((np.any([*one, np.zeros(shape)], axis=0) & ~crowd).sum())
    data = nd.LabeledImages.from_coco(tmp_path / "images", path)
    assert counts(data) == (expected, {"object": unknown})
    assert unknown > 1000
    assert [concept.name for concept in data.concepts] == ["dog", "person", "cup"]
    assert len(data) == 12, "images without annotations are there, too"


def test_torchvisions_data_set_is_the_same(tmp_path, read):
    needed("pycocotools.coco")
    from torchvision.datasets import CocoDetection

    data = read(content(annotation(1, 18, [SQUARE])))
    wrapped = nd.LabeledImages.wrap(CocoDetection(tmp_path / "images", tmp_path / "instances.json"))
    assert counts(wrapped) == counts(data) == ({"dog": 64, "person": 0}, {})


def test_crowds_and_boxes_are_neither_there_nor_absent(read):
    whole = {"size": list(SIZE), "counts": [0, 12 * 24, 12 * 24 + 8 * 24]}  # the left 12 columns
    data = read(content(annotation(1, 18, [SQUARE]), annotation(2, 1, whole, iscrowd=1)))
    assert counts(data) == ({"dog": 0, "person": 0}, {"object": 12 * 24}), "the dog lies in the crowd"
    data = read(content(annotation(1, 18, [SQUARE]), annotation(2, 1, [])))
    assert counts(data) == ({"dog": 64 - 3 * 4, "person": 0}, {"object": 3 * 5}), "rows 2 to 5, columns 1 to 6"


def test_things_that_overlap_lie_in_planes_of_their_own(read):
    data = read(content(annotation(1, 18, [SQUARE]), annotation(2, 1, [SQUARE]), annotation(3, 18, [SQUARE])))
    assert data[0].masks["object"].shape == (2, *SIZE)
    assert counts(data)[0] == {"dog": 64, "person": 64}
    apart = read(
        content(annotation(1, 18, [SQUARE]), annotation(2, 1, [SQUARE])), category={"dog": "pet", "person": "object"}
    )
    assert sorted(apart[0].masks) == ["object", "pet"]


def test_paths_of_other_programs_are_found_by_their_last_part(read):
    for name in ("/home/me/images/a.jpg", "../label-studio/a.jpg", "C:\\pictures\\a.jpg", "images/a.jpg"):
        assert read(content(images=[(name, 7)]))[0].path.name == "a.jpg"


def test_a_dict_will_do(tmp_path):
    save_picture(tmp_path / "a.jpg", size=SIZE)
    assert counts(nd.LabeledImages.from_coco(tmp_path, content(annotation(1, 1, [SQUARE]))))[0]["person"] == 64


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("{", "instances.json is no JSON file: .* It may be cut off; restore it"),
        ("[" * 100_000, "instances.json is no JSON file"),
        ([{"image_id": 1}], "COCO's format has lists called images, annotations, categories; this holds a list"),
        ({"images": []}, "this holds the keys 'images'"),
        (content(images=[]), "lists no images"),
        (content() | {"categories": []}, "lists no categories"),
        (content() | {"annotations": [3]}, "annotations holds something else than objects"),
        (content() | {"categories": [{"id": 1}]}, "a category is {'id': 1}; an id of its own and a name are needed"),
        (content(images=[("a.jpg", 7), ("b.jpg", 7)]), "two images have the id 7"),
        (content(images=[("a.jpg", 7), ("a.jpg", 8)]), "a.jpg is listed twice; it would count twice"),
        (content() | {"images": [{"id": 7, "file_name": "a.jpg", "height": 0, "width": 2}]}, "id, file_name, height and width are needed"),
        (content(annotation(5, 18, [SQUARE], image=9)), "annotation 5 is of image 9, which is not among its 1 image"),
        (content(annotation(5, 99, [SQUARE])), "annotation 5 is of category 99, which is not among its categories"),
        (content(annotation(5, 18, [SQUARE], iscrowd=2)), "annotation 5 has image_id 7 and iscrowd 2"),
        (content(annotation(5, 18, [])), "none of its 1 annotation has a segmentation. Boxes don't say which pixels"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_right(read, held, said):
    with pytest.raises(ValueError, match=said):
        read(held)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 2, 3, 4]], r"a polygon of its is \[1, 2, 3, 4\]; x and y of three or more points are needed"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three or more points"),
        ([["a"] * 6], "three or more points"),
        ([[0, 0, 0, 1, 1e300, 1]], "three or more points"),
        ([[0, 0, float("nan"), 1, 1, 1]], "three or more points"),
        ("text", "its segmentation is 'text'; polygons or a run-length code are needed"),
        ({"size": [32, 24], "counts": [768]}, r"its run-length code is of \[32, 24\], the image is \[24, 32\]"),
        ({"size": [24, 32], "counts": [700]}, "its run-length code has 700 pixels, the image 768"),
        ({"size": [24, 32], "counts": [-1, 769]}, "lengths from 0 on are needed"),
        ({"size": [24, 32], "counts": 5}, "lengths from 0 on are needed"),
        ({"size": [24, 32], "counts": " "}, "its run-length code holds the sign ' ', which none has"),
        ({"size": [24, 32], "counts": "o"}, "ends in the middle of a number"),
        ({"size": [24, 32], "counts": "@"}, "lengths from 0 on are needed"),
    ],
)
def test_regions_that_cannot_be_right(read, segmentation, said):
    data = read(content(annotation(5, 18, segmentation), annotation(6, 18, [SQUARE])))
    with pytest.raises(
        ValueError, match=rf"Image 0 \(a.jpg\), annotation 5: .*{said}.* Correct the annotation, or remove it"
    ):
        data[0].masks


def test_missing_files_are_named(read, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"2 files that .*instances.json names are missing: .*b.jpg, .*c.jpg\. Restore"
    ):
        read(content(images=[("a.jpg", 7), ("b.jpg", 8), ("c.jpg", 9)]))
    with pytest.raises(FileNotFoundError):
        nd.LabeledImages.from_coco(tmp_path, tmp_path / "none.json")


def test_a_hostile_polygon_takes_no_memory(read):
    """Many long edges: refused before they are drawn."""
    far = [0, 0, 999_999, 999_999] * 40
    data = read(content(annotation(1, 18, [far])))
    with pytest.raises(ValueError, match="pixels long, longer than any outline"):
        data[0].masks
