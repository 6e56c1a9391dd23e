"""What a file may make of itself is bounded by the file: nothing small becomes large or slow, whatever it claims."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import nbdissect as nd
from nbdissect.results.archive_format import ArchiveError, most_unpacked
from support.archives import put_together, taken_apart
from support.dissections import Squares, dissection, photographs
from support.paths import ROOT


@pytest.fixture
def parts(tmp_path):
    photographs().save(tmp_path / "a.nbd")
    return taken_apart(tmp_path / "a.nbd")


def refused(path, text):
    """The error of a file, and that no memory was needed to find it."""
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError) as caught:
            nd.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert text in str(caught.value)
    assert peak < 20 * os.path.getsize(path) + (100 << 20)


def test_masks_of_more_pixels_than_any_image_are_not_decoded(tmp_path, parts):
    manifest, members = parts
    sample = next(sample for sample in manifest["data"][0]["samples"] if sample["labels"])
    sample["shape"], sample["layers"] = [13_000, 13_000], {"object": 1}
    picture = Image.new("P", (13_000, 13_000))
    picture.putpalette([0, 0, 0])
    file = io.BytesIO()
    picture.save(file, "PNG")
    members[sample["labels"]] = file.getvalue()
    del picture
    refused(
        put_together(tmp_path / "b.nbd", manifest, members),
        "has masks of 169,000,000 pixels; at most 16,777,216 are allowed",
    )


def test_so_are_masks_of_a_sample_that_has_none(tmp_path, parts):
    manifest, members = parts
    sample = next(sample for sample in manifest["data"][0]["samples"] if not sample["labels"])
    sample["shape"] = [5_000, 5_000]
    refused(put_together(tmp_path / "b.nbd", manifest, members), "has masks of 25,000,000 pixels")


def test_images_are_no_larger_than_the_format_says(tmp_path, parts):
    manifest, members = parts
    manifest["data"][0]["samples"][0]["size"] = [193, 100]
    refused(
        put_together(tmp_path / "b.nbd", manifest, members),
        "size is [193, 100]; a height and a width up to 192 is needed",
    )


def test_masks_are_decoded_in_a_few_bytes_a_pixel(tmp_path, parts):
    manifest, members = parts
    sample = next(sample for sample in manifest["data"][0]["samples"] if sample["labels"])
    sample["shape"], sample["layers"] = [4_000, 4_000], {"object": 1}
    colors = np.zeros((4_000, 4_000, 3), np.uint8)
    colors[-1, -1] = (2, 0, 0)
    file = io.BytesIO()
    Image.fromarray(colors).save(file, "PNG")
    members[sample["labels"]] = file.getvalue()
    data = nd.load(put_together(tmp_path / "b.nbd", manifest, members)).data
    tracemalloc.start()
    masks = data[sample["index"]].masks["object"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert masks.shape == (1, 4_000, 4_000)
    assert (masks[0, -1, -1], masks.sum()) == (2, 2)
    assert peak < 100 << 20  # Pillow's own picture aside, which has 64 MB


@pytest.mark.parametrize("filling", ["{},", "[],", "1,", '"",'])
def test_a_manifest_is_no_larger_than_its_file_needs(tmp_path, parts, filling):
    manifest, members = parts
    text = json.dumps(manifest)[:-1] + ',"x":[' + filling * ((10 << 20) // len(filling)) + "0]}"
    refused(put_together(tmp_path / "b.nbd", text, members), "bytes; at most 4,")


def test_what_a_reader_does_not_know_is_refused(tmp_path, parts):
    manifest, members = parts
    for owner, where in (
        (manifest, "the manifest"),
        (manifest["dissections"][0], "dissections[0]"),
        (manifest["dissections"][0]["arrays"]["truth"], "dissections[0].arrays['truth']"),
        (manifest["dissections"][0]["provenance"], "provenance"),
        (manifest["data"][0], "data[0]"),
        (manifest["data"][0]["samples"][1], "data[0].samples[1]"),
    ):
        owner["dreams"] = 1
        refused(
            put_together(tmp_path / "b.nbd", manifest, members),
            f"{where} holds 'dreams', which this nbdissect doesn't know",
        )
        del owner["dreams"]
    assert nd.load(put_together(tmp_path / "b.nbd", manifest, members))


def test_one_member_can_not_be_many_images(tmp_path, parts):
    manifest, members = parts
    first, *rest = manifest["data"][0]["samples"]
    for sample in rest:
        members.pop(sample["image"], None)
        sample["image"] = first["image"]
    refused(put_together(tmp_path / "b.nbd", manifest, members), "the manifest names it twice")


def test_one_member_can_not_be_many_arrays(tmp_path, parts):
    manifest, members = parts
    arrays = manifest["dissections"][0]["arrays"]
    arrays["intersection"]["member"] = arrays["per_image.pixels"]["member"]
    arrays["intersection"]["shape"] = [6, 8]
    refused(put_together(tmp_path / "b.nbd", manifest, members), "the manifest names it twice")


def test_numbers_of_many_digits_are_no_numbers(tmp_path, parts):
    manifest, members = parts
    text = json.dumps(manifest).replace('"images": 24', '"images": ' + "9" * 1_000_000)
    refused(put_together(tmp_path / "b.nbd", text, members), "no JSON (a number of 1,000,000 digits)")


def test_lengths_beside_an_empty_axis_are_bounded(tmp_path, parts):
    manifest, members = parts
    spec = manifest["dissections"][0]["arrays"]["per_image.pixels"]
    spec["shape"] = [0, 1 << 40]
    members[spec["member"]] = b""
    refused(put_together(tmp_path / "b.nbd", manifest, members), "too large to be true")


def test_an_array_takes_no_memory_before_its_member_is_measured(tmp_path, parts):
    manifest, members = parts
    spec = manifest["dissections"][0]["arrays"]["top_images"]
    spec["shape"] = [1 << 20, 1 << 20]
    refused(put_together(tmp_path / "b.nbd", manifest, members), "8,796,093,022,208 are needed")


def test_60_000_categories_are_refused(tmp_path, parts):
    manifest, members = parts
    manifest["dissections"][0]["categories"] += [f"g{k}" for k in range(60_000)]
    refused(put_together(tmp_path / "b.nbd", manifest, members), "a list of at most 1,024 different names")


def test_1_000_categories_have_the_best_concepts_that_they_should():
    d = dissection(40, tuple(f"c{k}" for k in range(3_000)), top=1)
    names = tuple(f"g{k}" for k in range(1_000))
    d = replace(
        d,
        categories=names,
        concepts=tuple(nd.Concept(k + 1, f"c{k}", names[k % 1_000]) for k in range(3_000)),
        activation=np.full((40, 1_000), 9_000),
    )
    expected = d.iou.argmax(axis=1)
    expected[d.iou.max(axis=1) == 0] = -1
    np.testing.assert_array_equal(d.best_concepts, expected)
    assert d.summary().report.detectors["all"] == d.detectors()


def test_names_are_short_enough_to_be_shown(tmp_path, parts):
    manifest, members = parts
    manifest["dissections"][0]["concepts"][0][1] = "x" * 1_025
    refused(put_together(tmp_path / "b.nbd", manifest, members), "each once, is needed")
    with pytest.raises(ArchiveError, match=r"a name has 2,000 letters; at most 1,024 are allowed"):
        replace(dissection(3, ("x" * 2_000, "y")), data=None).save(tmp_path / "c.nbd")


# --- whatever we write is within these bounds ---


def test_counts_that_pack_tightly_are_stored_so_that_they_are_read_again(tmp_path):
    """Dead units: 60 MB of zeros would be a file of 60 kB."""
    units, concepts = 4_000, 2_000
    d = dissection(4, tuple(f"c{k}" for k in range(concepts)), top=0)
    d = replace(
        d,
        data=None,
        thresholds=np.zeros(units, np.float32),
        intersection=np.zeros((units, concepts), np.int64),
        activation=np.zeros((units, len(d.categories)), np.int64),
        **{
            name: np.zeros((units, 0, *([7, 7] if name == "top_maps" else [])), kind)
            for name, kind in (("top_images", np.int64), ("top_activations", np.float32), ("top_maps", np.float32))
        },
    )
    d.save(tmp_path / "a.nbd")
    size = (tmp_path / "a.nbd").stat().st_size
    assert d.intersection.nbytes < most_unpacked(size)
    assert nd.load(tmp_path / "a.nbd") == d
    # Where little is packed, it is packed.
    replace(
        d,
        **{
            name: getattr(d, name)[:100]
            for name in ("thresholds", "intersection", "activation", "top_images", "top_activations", "top_maps")
        },
    ).save(tmp_path / "b.nbd")
    assert (tmp_path / "b.nbd").stat().st_size < 50_000


def test_large_masks_are_made_smaller(tmp_path):
    class Large(Squares):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            mask = np.zeros((2, 5_000, 4_000), np.uint8)
            mask[0, ::2, :1_000], mask[1, 2_500:] = 1, 1
            return nd.Sample(sample.image.resize((40, 50)), {"object": mask} if index % 2 else {}, {}, (5_000, 4_000))

    d = dissection(2, ("car",), top=2, data=Large((nd.Concept(1, "car", "object"),)))
    d.save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert e == d
    for index in e.data.indices:
        sample = e.data[index]
        if not index % 2:
            assert sample.masks == {}
            assert sample.shape == (1_000, 800)  # 20 million pixels: every fifth row and column
        else:
            whole = d.data[index].masks["object"]
            np.testing.assert_array_equal(sample.masks["object"], whole[:, ::7, ::7])
            assert sample.shape == (715, 572)


def test_all_masks_together_are_bounded_by_the_file(tmp_path, parts):
    manifest, members = parts
    for sample in manifest["data"][0]["samples"]:
        sample["shape"], sample["layers"] = [4_000, 4_000], {"object": 1}
        sample["labels"] = sample["labels"] or f"{sample['index']}.png"
        members.setdefault(sample["labels"], b"")
    refused(put_together(tmp_path / "b.nbd", manifest, members), "the masks of all images have")


# --- tables ---


def test_a_table_of_many_labels_is_refused_before_its_matrices_are_made(tmp_path):
    rows = [f"{u},a,n{u},0.5,n{u},10,20,10,0.5" for u in range(1, 4_001)]
    (tmp_path / "a.csv").write_text(
        "\n".join(["unit,category,label,score,a-label,a-truth,a-activation,a-intersect,a-iou", *rows])
    )
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"a.csv: 4,000 units with 4,000 labels in 1 categories; at most 8,388,608 pairs"
    ):
        nd.read_csv(tmp_path / "a.csv")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


BOUNDED = """
import resource, sys
import nbdissect as nd
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
try:
    nd.load(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of memory")
def test_a_bomb_needs_no_memory_of_the_process(tmp_path, parts):
    """Including what tracemalloc doesn't see."""
    manifest, members = parts
    spec = manifest["dissections"][0]["arrays"]["intersection"]
    spec["shape"] = [1 << 20, 256]
    path = tmp_path / "b.nbd"
    members[spec["member"]] = bytes(1 << 28)
    put_together(path, manifest, members)
    del members
    done = subprocess.run([sys.executable, "-c", BOUNDED, path], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "unpacks to 268," in done.stdout


def test_deflate_is_not_asked_to_pack_twice_in_small_files(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "nbdissect.results.archive_format.zlib.compress",
        lambda content: asked.append(content) or zlib.compress(content),
    )
    photographs().save(tmp_path / "a.nbd")
    assert not asked


def test_units_are_no_more_than_a_gallery_shows(tmp_path):
    d = replace(dissection(8_193, top=1), data=None)
    with pytest.raises(ArchiveError, match=r"8,193 units; at most 8,192 are allowed"):
        d.save(tmp_path / "a.nbd")
