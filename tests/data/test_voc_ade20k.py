"""Pascal VOC and ADE20K in their own layouts. Neither has a library that writes it: the files are made after its description."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import nbdissect as nd
from nbdissect.data.voc import NAMES
from support.pictures import counts, save_array, save_palette, save_picture

SIZE = (20, 30)


def voc_values(seed):
    rng = np.random.default_rng(seed)
    values = np.zeros(SIZE, np.uint8)
    values[2:12, 3:20] = rng.integers(1, 21)
    values[8:18, 12:28] = rng.integers(1, 21)
    values[7, :] = 255
    return values


@pytest.fixture
def voc(tmp_path):
    """VOCdevkit/VOC2012 with five segmented images, and one that isn't."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    stems = [f"2007_00000{k}" for k in range(5)]
    for k, stem in enumerate(stems):
        save_picture(root / "JPEGImages" / f"{stem}.jpg", k, SIZE)
        save_palette(root / "SegmentationClass" / f"{stem}.png", voc_values(k))
    save_picture(root / "JPEGImages" / "2007_000009.jpg", 9, SIZE)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for name, part in {"train": stems[:3], "val": stems[3:], "trainval": stems}.items():
        (lists / f"{name}.txt").write_text("\n".join(part) + "\n")
    return tmp_path


@pytest.mark.parametrize("split", ["train", "val", "trainval"])
def test_voc_counts_as_torchvisions_own_reader_does(voc, split):
    from torchvision.datasets import VOCSegmentation

    theirs = VOCSegmentation(voc, year="2012", image_set=split, download=False)
    pairs = [(np.asarray(image.convert("RGB")), np.asarray(mask)) for image, mask in theirs]
    every = np.concatenate([mask.ravel() for _, mask in pairs])
    data = nd.LabeledImages.from_voc(voc, split=split)
    pixels, unknown = counts(data)
    assert pixels == {NAMES[k]: int((every == k).sum()) for k in range(1, 21)}
    assert unknown == {"object": int((every == 255).sum())}
    for k, (image, _) in enumerate(pairs):
        np.testing.assert_array_equal(np.asarray(data[k].image), image)
    assert counts(nd.LabeledImages.wrap(theirs)) == (pixels, unknown), "and wrapped"


@pytest.mark.parametrize("place", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_voc_is_found_where_it_is(voc, place):
    assert len(nd.LabeledImages.from_voc(voc / place)) == 5


def test_vocs_names():
    assert len(NAMES) == 21
    assert (NAMES[0], NAMES[1], NAMES[15], NAMES[20]) == (None, "aeroplane", "person", "tvmonitor")


def test_voc_that_cannot_be_right(voc):
    with pytest.raises(ValueError, match="holds no folder with JPEGImages and SegmentationClass"):
        nd.LabeledImages.from_voc(voc / "VOCdevkit" / "VOC2012" / "JPEGImages")
    with pytest.raises(ValueError, match="split='test'; .*Segmentation has 'train', 'trainval', 'val'"):
        nd.LabeledImages.from_voc(voc, split="test")
    root = voc / "VOCdevkit" / "VOC2012"
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("../../secret\n")
    with pytest.raises(ValueError, match=r"val.txt lists '\.\./\.\./secret'; names of images are needed"):
        nd.LabeledImages.from_voc(voc, split="val")
    (root / "JPEGImages" / "2007_000001.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 file that .*SegmentationClass names is missing: .*2007_000001.jpg"):
        nd.LabeledImages.from_voc(voc)
    shutil.copytree(root, root.parent / "VOC2007")
    with pytest.raises(ValueError, match="holds VOC2007, VOC2012, which share images. Give one of them"):
        nd.LabeledImages.from_voc(voc / "VOCdevkit")


# --- ADE20K, the challenge ---


@pytest.fixture
def challenge(tmp_path):
    root = tmp_path / "ADEChallengeData2016"
    rng = np.random.default_rng(0)
    scenes = []
    for split, number, scene in (("training", 1, "airport"), ("training", 2, "street"), ("validation", 1, "street")):
        stem = f"ADE_{split[:5] if split == 'training' else 'val'}_{number:08d}"
        save_picture(root / "images" / split / f"{stem}.jpg", number, SIZE)
        save_array(root / "annotations" / split / f"{stem}.png", rng.integers(0, 151, SIZE, dtype=np.uint8))
        scenes.append(f"{stem} {scene}")
    lines = ["Idx\tRatio\tTrain\tVal\tStuff\tName"] + [
        f"{k}\t0.1\t100\t10\t1\tname {k}, other name" for k in range(1, 151)
    ]
    (root / "objectInfo150.txt").write_text("\n".join(lines) + "\n")
    (root / "sceneCategories.txt").write_text("\n".join(scenes) + "\n")
    return tmp_path


def test_ade20ks_challenge(challenge):
    root = challenge / "ADEChallengeData2016"
    data = nd.LabeledImages.from_ade20k(challenge)
    masks = [np.asarray(Image.open(path)) for path in sorted(root.glob("annotations/*/*.png"))]
    every = np.concatenate([mask.ravel() for mask in masks])
    pixels, unknown = counts(data)
    area = SIZE[0] * SIZE[1]
    expected = {f"name {k}": int((every == k).sum()) for k in range(1, 151)} | {"airport": area, "street": 2 * area}
    assert (pixels, unknown) == (expected, {})
    assert data.categories == ("object", "scene")
    assert len(nd.LabeledImages.from_ade20k(root, split="validation")) == 1


def test_ade20ks_challenge_that_cannot_be_right(challenge):
    root = challenge / "ADEChallengeData2016"
    with pytest.raises(ValueError, match="split='val'; allowed are None and 'training', 'validation'"):
        nd.LabeledImages.from_ade20k(root, split="val")
    with pytest.raises(ValueError, match="is neither release: .* The release of 2016, with _atr.txt files, isn't read"):
        nd.LabeledImages.from_ade20k(root / "images")
    info = root / "objectInfo150.txt"
    info.write_text("\n".join(info.read_text().splitlines()[:100]) + "\n")
    data = nd.LabeledImages.from_ade20k(root)
    with pytest.raises(
        ValueError, match=r"Image 0 \(ADE_train_00000001.jpg\): its mask holds .* neither named nor ignored"
    ):
        data[0].masks
    info.write_text("Idx\tName\nwall\n")
    with pytest.raises(
        ValueError, match="objectInfo150.txt, line 2: 'wall'; a number, and at the end a name, are needed"
    ):
        nd.LabeledImages.from_ade20k(root)
    info.unlink()
    with pytest.raises(FileNotFoundError):
        nd.LabeledImages.from_ade20k(root)


# --- ADE20K, the full release ---

SKY, CAR, WHEEL, RIM = 2420, 401, 2978, 2131


def ade_colors(classes):
    instances = np.arange(classes.size).reshape(classes.shape) % 7
    return np.stack([classes // 256 * 10, classes % 256, instances], axis=-1).astype(np.uint8)


@pytest.fixture
def full(tmp_path):
    folder = tmp_path / "ADE20K_2021_17_01" / "images" / "ADE" / "training" / "urban" / "street"
    classes, wheels, rims = np.full(SIZE, SKY), np.zeros(SIZE, int), np.zeros(SIZE, int)
    classes[10:], classes[0] = CAR, 0
    wheels[14:18, 5:9], rims[15:17, 6:8] = WHEEL, RIM
    save_picture(folder / "ADE_train_00000001.jpg", size=SIZE)
    for name, values in (("seg", classes), ("parts_1", wheels), ("parts_2", rims)):
        save_array(folder / f"ADE_train_00000001_{name}.png", ade_colors(values))
    rows = [
        {"id": k, "name": name, "name_ndx": value, "parts": {"part_level": level}}
        for k, (name, value, level) in enumerate(
            [("sky", SKY, 0), ("car, auto, automobile", CAR, 0), ("wheel", WHEEL, 1), ("rim", RIM, 2)]
        )
    ]
    annotation = {"annotation": {"object": rows, "scene": ["urban", "street"]}}
    (folder / "ADE_train_00000001.json").write_text(json.dumps(annotation))
    return tmp_path


def folder_of(full):
    return next(full.glob("*/images/ADE/*/*/*"))


def test_the_full_ade20k_has_parts_and_scenes(full):
    data = nd.LabeledImages.from_ade20k(full)
    pixels = {"car": 300, "sky": 270, "rim": 4, "wheel": 16, "street": 600}
    assert counts(data) == (pixels, {})
    assert {concept.name: concept.category for concept in data.concepts} == {
        **dict.fromkeys(["car", "sky"], "object"),
        **dict.fromkeys(["rim", "wheel"], "part"),
        "street": "scene",
    }


def test_classes_that_are_counted_otherwise_are_noticed(full):
    path = folder_of(full) / "ADE_train_00000001.json"
    annotation = json.loads(path.read_text())
    for row in annotation["annotation"]["object"]:
        row["name_ndx"] += 1
    path.write_text(json.dumps(annotation))
    data = nd.LabeledImages.from_ade20k(full)
    with pytest.raises(
        ValueError, match=r"ADE_train_00000001_seg.png holds the class 401, which its JSON file doesn't name"
    ):
        data[0].masks


def test_a_full_ade20k_that_cannot_be_right(full):
    folder = folder_of(full)
    path = folder / "ADE_train_00000001.json"
    for text in (
        "{",
        "{}",
        '{"annotation": {"object": [3], "scene": []}}',
        '{"annotation": {"object": [], "scene": []}}',
    ):
        path.write_text(text)
        with pytest.raises(
            ValueError, match=r"00000001.json: its annotation can't be read .* a scene, are needed. Restore it"
        ):
            nd.LabeledImages.from_ade20k(full)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        nd.LabeledImages.from_ade20k(full)
    with pytest.raises(ValueError, match="holds no images called ADE_….jpg in validation"):
        nd.LabeledImages.from_ade20k(full, split="validation")


def test_a_missing_mask_is_named(full):
    (folder_of(full) / "ADE_train_00000001_seg.png").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"ADE_train_00000001_seg.png, the mask of ADE_train_00000001.jpg, is missing"
    ):
        nd.LabeledImages.from_ade20k(full)
