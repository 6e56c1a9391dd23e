"""One file: what goes in comes out, whoever reads it; what is wrong with it is said; a kill leaves the old one."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nbdissect as nd
from nbdissect.display.replies import answer
from nbdissect.results.archive_format import VERSION, ArchiveError
from nbdissect.results.archived_data import SIDE
from support.dissections import HOSTILE, Squares, assert_same, dissection, photographs
from support.paths import ROOT, TESTS


def test_every_number_and_every_image_comes_back(tmp_path):
    d = photographs()
    d.save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert_same(d, e)
    np.testing.assert_array_equal(d.iou, e.iou)
    wanted = sorted(set(d.top_images[d.top_images >= 0].tolist()))
    assert list(e.data.indices) == wanted
    assert len(e.data) == len(d.data)
    for index in wanted:
        before, after = d.data[index], e.data[index]
        assert max(after.image.size) == SIDE
        small = before.image.copy()
        small.thumbnail((SIDE, SIDE))
        assert after.image.size == small.size
        assert np.abs(np.asarray(after.image, float) - np.asarray(small, float)).mean() < 12
        assert after.shape == before.shape
        assert after.whole == {"scene": (70_000,)}
        assert after.masks.keys() == before.masks.keys()
        for category, mask in before.masks.items():  # 9 is no concept of this result
            np.testing.assert_array_equal(after.masks[category], np.where(mask == 9, 0, mask))
    # Saved once more, nothing is lost, and the file is the same byte by byte.
    e.save(tmp_path / "b.nbd")
    assert (tmp_path / "a.nbd").read_bytes() == (tmp_path / "b.nbd").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nbd", "b.nbd"]


def test_an_image_that_is_not_there_is_said_so(tmp_path):
    photographs(1).save(tmp_path / "a.nbd")
    data = nd.load(tmp_path / "a.nbd").data
    missing = next(index for index in range(len(data)) if index not in data.indices)
    with pytest.raises(
        ArchiveError,
        match=rf"a.nbd doesn't hold image {missing}: .* keeps the 2 that are among .* Open the data set itself",
    ):
        data[missing]
    with pytest.raises(IndexError, match="24 images, 0 to 23; got 24"):
        data[24]


def test_without_images(tmp_path):
    d = photographs()
    d.save(tmp_path / "a.nbd", images=False)
    with zipfile.ZipFile(tmp_path / "a.nbd") as file:
        assert not [name for name in file.namelist() if name.startswith("data/")]
    e = nd.load(tmp_path / "a.nbd")
    assert_same(d, e)
    assert e.data is None


def test_the_gallery_works_on_what_was_loaded(tmp_path):
    photographs().save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert e.gallery(min_iou=0.0).shown
    images = e.top_images[1].tolist()
    for request in (
        {"kind": "pictures", "images": images},
        {"kind": "maps", "units": [0, 1]},
        {"kind": "labels", "unit": 1, "concept": 1},
    ):
        reply, buffers = answer({"layer4": e}, {"id": "1", "key": "layer4", **request})
        assert reply["kind"] == request["kind"], reply
        assert all(buffers)
    mine, theirs = (
        answer({"layer4": d}, {"id": "1", "key": "layer4", "kind": "labels", "unit": 1, "concept": 1})
        for d in (e, photographs())
    )
    assert mine == theirs


def test_several_layers_share_one_file_and_its_pictures(tmp_path):
    d3, d4 = photographs(3), photographs(4, layer="layer5")
    d4 = replace(d4, data=d3.data)
    both = nd.Dissections({"layer4": d3, "layer5": d4})
    both.save(tmp_path / "a.nbd")
    found = nd.load(tmp_path / "a.nbd")
    assert list(found) == ["layer4", "layer5"]
    assert found == both
    assert_same(found["layer5"], d4)
    assert found["layer4"].data is found["layer5"].data
    with zipfile.ZipFile(tmp_path / "a.nbd") as file:
        images = [name for name in file.namelist() if "/images/" in name]
    assert len(images) == len(set(d3.top_images.ravel()) | set(d4.top_images.ravel()) - {-1}) - (-1 in d3.top_images)
    one = nd.Dissections({"layer4": d3})
    one.save(tmp_path / "b.nbd")
    assert isinstance(nd.load(tmp_path / "b.nbd"), nd.Dissections)


def test_an_imported_table_comes_back_with_its_gaps(tmp_path):
    dissection(8).to_csv(tmp_path / "a.csv")
    d = nd.read_csv(tmp_path / "a.csv")
    d.save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert_same(d, e)
    assert np.isnan(e.quantile)
    assert e.text() == d.text()


def test_published_results_come_back(tmp_path, published_results):
    d = nd.read_csv(published_results / "caffe_reference_places205.csv")
    d.save(tmp_path / "a.nbd")
    assert_same(d, nd.load(tmp_path / "a.nbd"))


def test_hostile_names_are_only_names(tmp_path):
    d = replace(dissection(6, HOSTILE, data=None), data=None, model=HOSTILE[1])
    d.save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert_same(d, e)
    assert [concept.name for concept in e.concepts] == list(HOSTILE)
    assert "<script" not in e._repr_html_()


def test_reading_imports_no_torch(tmp_path):
    photographs().save(tmp_path / "a.nbd")
    code = "import sys, nbdissect as nd; d = nd.load(sys.argv[1]); d.summary(); d.data[d.data.indices[0]].image; print([m for m in ('torch', 'matplotlib', 'IPython', 'ipywidgets') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / "a.nbd"], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout.strip()
        == "[]"
    )


def other_pythons():
    """Interpreters of another version that have numpy and Pillow."""
    more = filter(None, os.environ.get("NBDISSECT_PYTHONS", "").split(os.pathsep))  # folders of virtual environments
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions", *map(Path, more)]
    named = [shutil.which(f"python3.{minor}") for minor in range(10, 20)]
    found = [*filter(None, named), *(str(path) for root in roots for path in root.glob("*/bin/python3"))]
    code = "import sys, numpy, PIL; print(sys.version_info[:2])"
    for path in found:
        told = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if (
            told.returncode == 0
            and told.stdout.strip() not in ("", str(sys.version_info[:2]))
            and eval(told.stdout) >= (3, 10)
        ):
            yield path


def test_another_python_reads_and_writes_the_same_file(tmp_path):
    other = next(other_pythons(), None)
    if other is None:
        pytest.skip(
            "no Python of another version with numpy and Pillow was found on PATH, in pyenv, or in folders named by NBDISSECT_PYTHONS"
        )
    d = photographs()
    d.save(tmp_path / "a.nbd")
    code = "import sys, nbdissect as nd; d = nd.load(sys.argv[1]); assert d.data[d.data.indices[0]].image.size; d.save(sys.argv[2])"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([other, "-c", code, tmp_path / "a.nbd", tmp_path / "b.nbd"], check=True, env=env)
    e = nd.load(tmp_path / "b.nbd")
    assert_same(d, e)
    first = nd.load(tmp_path / "a.nbd")
    assert [e.data[index].encoded for index in e.data.indices] == [
        first.data[index].encoded for index in first.data.indices
    ]


# --- written whole or not at all ---

KILLED = """
import sys, time
sys.path[:0] = [{tests!r}, {root!r}]
from support.dissections import photographs
d = photographs(400)
print("ready", flush=True)
for _ in range(1000):
    d.save(sys.argv[1])
"""


def test_a_kill_leaves_the_old_file_or_none(tmp_path):
    code = KILLED.format(tests=str(TESTS), root=str(ROOT))
    for attempt in range(4):
        target = tmp_path / f"{attempt % 2}.nbd"
        if attempt >= 2:
            dissection(3).save(target)
        with subprocess.Popen([sys.executable, "-c", code, target], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.03 + 0.11 * attempt)
            process.send_signal(signal.SIGKILL)
        if target.exists():
            assert len(nd.load(target).thresholds) in (3, 400)
        else:
            assert attempt < 2


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    old, path = dissection(3), tmp_path / "a.nbd"
    old.save(path)

    class Broken(Squares):
        def __getitem__(self, index):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        dissection(3, data=Broken(old.concepts)).save(path)
    with pytest.raises(ArchiveError, match=r"layer4 can't be saved: thresholds are infinite, .* \(3 values\)"):
        replace(old, thresholds=np.full(3, np.inf, np.float32)).save(path)
    with pytest.raises(FileNotFoundError):
        old.save(tmp_path / "nowhere" / "a.nbd")
    assert [found.name for found in tmp_path.iterdir()] == ["a.nbd"]
    assert nd.load(path) == old


def test_a_link_stays_one(tmp_path):
    dissection(3).save(tmp_path / "a.nbd")
    (tmp_path / "link").symlink_to(tmp_path / "a.nbd")
    dissection(4).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(nd.load(tmp_path / "a.nbd").thresholds) == 4


# --- what is wrong is said ---


def rewritten(path, manifest=None, members=None, names=None, twice=""):
    """A copy of an archive with its manifest or members changed; None removes a member."""
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    if manifest:
        told = json.loads(content["manifest.json"])
        told = manifest(told) or told
        content["manifest.json"] = told if isinstance(told, bytes) else json.dumps(told).encode()
    content.update(members or {})
    target = path.with_name("changed.nbd")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, value in content.items():
            if value is not None:
                file.writestr((names or {}).get(name, name), value)
                if name == twice:
                    with pytest.warns(UserWarning, match="Duplicate"):
                        file.writestr(name, value)
    return target


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "a.nbd"
    photographs().save(path)
    return path


def first(told):
    return told["dissections"][0]


def array(told, name="thresholds", **changes):
    first(told)["arrays"][name].update(changes)


def sample(told, **changes):
    told["data"][0]["samples"][0].update(changes)


MANIFESTS = {
    "format version 99; this nbdissect reads up to 1. Install a newer one: pip install --upgrade nbdissect": lambda m: (
        m.update(version=99)
    ),
    "'version' is True": lambda m: m.update(version=True),
    "'format' is not 'nbdissect archive'": lambda m: m.update(format="other"),
    "no JSON": lambda m: b"{",
    "NaN is no JSON number": lambda m: b'{"version": NaN}',
    "an object names a key twice": lambda m: b'{"version": 1, "version": 2}',
    "nested too deeply|no JSON": lambda m: b"[" * 200_000,
    "dissections is missing; a list is needed": lambda m: m.pop("dissections") and None,
    "2 dissections; one is needed": lambda m: m["dissections"].append(m["dissections"][0]),
    "semantics is 'mine'; 'paper' or 'netdissect-lite' is needed": lambda m: first(m).update(semantics="mine"),
    "quantile is 2": lambda m: first(m).update(quantile=2),
    "images is -3|images holds -3": lambda m: first(m).update(images=-3),
    "drawings is 1; true or false is needed": lambda m: first(m).update(drawings=1),
    "layer is 5; a text of at most 1,024 letters is needed": lambda m: first(m).update(layer=5),
    "whose category is not among the categories": lambda m: first(m)["concepts"].__setitem__(0, [1, "a", "nothing"]),
    "the numbers whole, from 1 on, each once, is needed": lambda m: first(m)["concepts"].__setitem__(
        0, first(m)["concepts"][1]
    ),
    "categories is ['a', 'a']; a list of at most 1,024 different names, none of them 'all', is needed": lambda m: first(
        m
    ).update(categories=["a", "a"]),
    "provenance.uncounted is 3": lambda m: first(m)["provenance"].update(uncounted=3),
    "provenance.weights is 3": lambda m: first(m)["provenance"].update(weights=3),
    "arrays holds no 'truth'": lambda m: first(m)["arrays"].pop("truth") and None,
    "arrays holds 'other', which no result has": lambda m: first(m)["arrays"].update(other={}),
    "holds per_image in part": lambda m: first(m)["arrays"].pop("per_image.area") and None,
    "has dtype '|O'; allowed: <f4": lambda m: array(m, dtype="|O"),
    "has dtype '<f8'; allowed: <f4": lambda m: array(m, dtype="<f8"),
    "member 'dissections/0/thresholds.bin': 24 bytes; 28 are needed": lambda m: array(m, shape=[7]),
    "too large to be true|a whole number from 0 on": lambda m: array(m, "top_maps", shape=[1 << 39, 4, 7, 7]),
    "has shape [6, 1]; 1 axes are needed": lambda m: array(m, shape=[6, 1]),
    "member is '../a'; the name of a member is needed": lambda m: array(m, member="../a"),
    "member 'nothing.bin': is missing": lambda m: array(m, member="nothing.bin"),
    "layer4: truth has shape [1] beside 6 units, 3 concepts, 3 categories|bytes": lambda m: array(
        m, "truth", shape=[1]
    ),
    "data is 4; null or the place of one of 1 data sets": lambda m: first(m).update(data=4),
    "index is 5 of 2 images|of 2 images": lambda m: m["data"][0].update(length=2),
    "a height and a width up to 16,777,216 is needed": lambda m: sample(m, shape=[1 << 30, 1 << 30]),
    "type is 'image/svg+xml'; allowed: image/webp, image/jpeg": lambda m: sample(m, type="image/svg+xml"),
    "names a category 'dream' that the data set has not": lambda m: sample(m, whole={"dream": [2]}),
    "whole holds [True]": lambda m: sample(m, whole={"object": [True]}),
    "planes of masks, which don't go with its labels": lambda m: sample(m, layers={"object": 1 << 20}),
    "member 'data/0/": lambda m: m["data"][0]["samples"].pop() and None,  # and so its image is a stranger
}


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_manifest_that_is_wrong(archive, text):
    with pytest.raises(ArchiveError) as caught:
        nd.load(rewritten(archive, MANIFESTS[text]))
    assert any(part in str(caught.value) for part in text.split("|")), caught.value
    assert "changed.nbd" in str(caught.value)


def test_an_archive_from_before_uncounted_labels_were_noted(archive):
    d = nd.load(rewritten(archive, lambda m: first(m)["provenance"].pop("uncounted") and None))
    assert d.provenance == nd.load(archive).provenance
    assert d.provenance.uncounted == ""


def values(name, change):
    def make(archive):
        with zipfile.ZipFile(archive) as file:
            dtype = {"thresholds": "<f4", "top_maps": "<f4", "top_activations": "<f4"}.get(name, "<i8")
            array = np.frombuffer(file.read(f"dissections/0/{name}.bin"), dtype).copy()
        change(array)
        return rewritten(archive, members={f"dissections/0/{name}.bin": array.tobytes()})

    return make


def put(value, at=0):
    return lambda array: array.__setitem__(at, value)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            values("thresholds", put(np.nan)),
            "thresholds are infinite, or NaN in a result that was not imported (1 values)",
        ),
        (values("top_maps", put(np.inf, -1)), "top_maps is NaN or infinite"),
        (values("top_activations", put(np.nan)), "top_activations is NaN or infinite for an image"),
        (values("intersection", put(-1)), "intersection is negative"),
        (values("top_images", put(-2)), "top_images is below -1"),
        (values("top_images", put(24)), "top_images names image 24 of 24"),
        (
            values("per_image.intersection", put(99, 1)),
            "per_image.intersection holds a unit or concept that is not there",
        ),
        (values("per_image.area", put(99)), "an image that was not counted"),
        (
            lambda archive: rewritten(
                archive,
                members={
                    "dissections/0/per_image.area_categories.bin": b"\2" * 3 * len(nd.load(archive).per_image.area)
                },
            ),
            "a byte that is neither 0 nor 1",
        ),
        (
            lambda archive: rewritten(archive, members={"dissections/0/truth.bin": None}),
            "member 'dissections/0/truth.bin': is missing",
        ),
        (
            lambda archive: rewritten(archive, members={"extra.txt": b"x"}),
            "member 'extra.txt': the manifest doesn't name it",
        ),
        (lambda archive: rewritten(archive, members={"manifest.json": None}), "It is another zip file"),
        (
            lambda archive: rewritten(archive, names={"dissections/0/truth.bin": "../../truth.bin"}),
            "member '../../truth.bin': its name leaves the archive",
        ),
        (
            lambda archive: rewritten(archive, names={"dissections/0/truth.bin": "/etc/truth.bin"}),
            "its name leaves the archive",
        ),
        (
            lambda archive: rewritten(archive, names={"dissections/0/truth.bin": "C:\\truth.bin"}),
            "its name leaves the archive",
        ),
        (lambda archive: rewritten(archive, twice="dissections/0/truth.bin"), "stands in the file twice"),
    ],
)
def test_members_that_are_wrong(archive, make, text):
    with pytest.raises(ArchiveError) as caught:
        nd.load(make(archive))
    assert text in str(caught.value)
    assert str(archive.parent / "changed.nbd") in str(caught.value)


def test_images_are_decoded_when_looked_at_and_then_checked(archive):
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if "/images/" in name]
    bomb = io.BytesIO()
    Image.new("RGB", (9000, 9000)).save(bomb, "JPEG")
    for content, text in (
        (b"<svg onload=alert(1)>", "not a readable"),
        (bomb.getvalue(), "not a readable|pixels; the manifest says"),
    ):
        data = nd.load(rewritten(archive, members={names[0]: content})).data
        with pytest.raises(ArchiveError, match=text):
            data[data.indices[0]].image
        assert data[data.indices[1]].image


def test_no_archive_at_all(tmp_path):
    (tmp_path / "a.nbd").write_bytes(b"unit,category,label\n")
    with pytest.raises(
        ArchiveError,
        match=r"a.nbd: can't be opened as a zip file .* It is no nbdissect archive, or was cut off: save it again with d.save",
    ):
        nd.load(tmp_path / "a.nbd")
    with pytest.raises(FileNotFoundError):
        nd.load(tmp_path / "b.nbd")


def test_a_truncated_file(archive):
    whole = archive.read_bytes()
    for share in (0.0, 0.3, 0.9, 0.999):
        archive.with_name("changed.nbd").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ArchiveError, match="can't be opened as a zip file"):
            nd.load(archive.with_name("changed.nbd"))


def test_a_zip_bomb_is_never_unpacked(archive):
    import tracemalloc

    path = archive.with_name("bomb.nbd")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("dissections/0/truth.bin", "w", force_zip64=True) as member,
    ):
        for _ in range(80):
            member.write(bytes(4 << 20))
    tracemalloc.start()
    with pytest.raises(
        ArchiveError,
        match=r"unpacks to 335,544,320 bytes from [\d,]+; at most [\d,]+ are allowed. If you trust it, use nd.load\(path, max_bytes=335544320\)",
    ):
        nd.load(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    with pytest.raises(ArchiveError, match=r"member 'manifest.json': is missing"):  # allowed, and so the next thing
        nd.load(path, max_bytes=1 << 40)
    with pytest.raises(ArchiveError, match=r"at most 1,000 are allowed"):
        nd.load(archive, max_bytes=1000)


def test_a_member_that_claims_more_than_deflate_can_do(archive):
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        name = b"dissections/0/truth.bin"
        assert file.getinfo(name.decode())
    at = content.rindex(name) - 46  # its entry in the central directory
    content[at + 24 : at + 28] = (1 << 28).to_bytes(4, "little")
    archive.with_name("changed.nbd").write_bytes(content)
    with pytest.raises(ArchiveError, match="more than deflate can do"):
        nd.load(archive.with_name("changed.nbd"))


def test_200_random_corruptions(archive):
    whole, original = archive.read_bytes(), nd.load(archive)
    rng = np.random.default_rng(0)
    path, refused = archive.with_name("changed.nbd"), 0
    for attempt in range(200):
        content = bytearray(whole)
        kind, place = attempt % 4, int(rng.integers(len(whole)))
        if kind == 0:
            content[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[place : place + 16] = rng.bytes(16)
        elif kind == 2:
            del content[place : place + int(rng.integers(1, 200))]
        else:  # where the names and sizes stand
            content[-int(rng.integers(1, 3000))] = int(rng.integers(256))
        path.write_bytes(content)
        try:
            found = nd.load(path)
            pictures = [(index, found.data[index].image.tobytes()) for index in found.data.indices]
        except (ArchiveError, OSError):
            refused += 1
            continue
        assert found == original
        assert [(index, original.data[index].image.tobytes()) for index in original.data.indices] == pictures
    assert refused > 150
    assert VERSION == 1


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def test_300_random_edits_of_the_manifest(archive):
    with zipfile.ZipFile(archive) as file:
        content = {name: file.read(name) for name in file.namelist()}
    told = json.loads(content.pop("manifest.json"))
    everywhere, rng, refused = [path for path in places(told) if path], np.random.default_rng(0), 0
    values = (
        None,
        True,
        -1,
        0,
        1,
        1 << 40,
        10**400,
        1.5,
        "",
        "x",
        "../x",
        "manifest.json",
        "\ud800",
        [],
        [1],
        ["a"],
        {},
        {"a": 1},
        "<i8",
        [6, 1],
    )
    for attempt in range(300):
        edited = json.loads(json.dumps(told))
        *way, last = everywhere[rng.integers(len(everywhere))]
        owner = edited
        for key in way:
            owner = owner[key]
        if attempt % 6:
            owner[last] = values[rng.integers(len(values))]
        else:
            del owner[last]
        with zipfile.ZipFile(archive.with_name("changed.nbd"), "w") as file:
            for name, value in (*content.items(), ("manifest.json", json.dumps(edited))):
                file.writestr(name, value)
        try:
            d = nd.load(archive.with_name("changed.nbd"))
        except ArchiveError:
            refused += 1
            continue
        for found in d.values() if isinstance(d, nd.Dissections) else [d]:
            assert found.text()
            for index in found.data.indices if found.data else ():
                try:
                    assert found.data[index].image
                    assert found.data[index].masks is not None
                except ArchiveError:
                    refused += 1
    assert refused > 200


def test_many_writers_of_one_file_leave_one_that_is_whole(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    results = [photographs(units) for units in (3, 4, 5)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda k: results[k % 3].save(tmp_path / "a.nbd"), range(18)))
    assert nd.load(tmp_path / "a.nbd") in results
    assert [path.name for path in tmp_path.iterdir()] == ["a.nbd"]


# --- comparison ---


def test_what_differs_is_named():
    d = photographs()
    counts = d.intersection.copy()
    counts[1, 2] += 7
    other = replace(
        d,
        intersection=counts,
        layer="layer5",
        quantile=0.01,
        provenance=replace(d.provenance, date="2021", weights="blake2b:34"),
    )
    assert d != other
    assert d.differences(other) == [
        "layer: layer4 / layer5",
        "quantile: 0.005 / 0.01",
        f"intersection: 1 of 18 values differ, the first at [1, 2]: {d.intersection[1, 2]} / {counts[1, 2]}",
        "made with weights: blake2b:12 / blake2b:34",
    ]
    assert replace(d, concepts=d.concepts[:2], truth=d.truth[:2]).differences(d)[:1] == [
        "concepts: 1 only in the second (street)"
    ]
    assert "per_image: kept / not kept" in d.differences(replace(d, per_image=None))
    assert "thresholds: shape [6] / [2]" in d.differences(dissection(2))
    # Neither the images nor the record make a result another one.
    assert d == replace(d, data=None, provenance=None)
    assert d != 5


def test_equal_results_are_still_two_things():
    d, e = photographs(), photographs()
    assert d == e
    assert len({d, e}) == 2
    assert nd.Dissections({"a": d}) == nd.Dissections({"a": e})
    assert nd.Dissections({"a": d}).differences(nd.Dissections({"a": replace(e, images=1)})) == ["a: images: 24 / 1"]
    assert nd.Dissections({"a": d}).differences(nd.Dissections({"b": d})) == ["layers: a / b"]
