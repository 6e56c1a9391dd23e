"""The page without a kernel, from Python: what goes in, what stays out, and that no label gets out of its place."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display.bundle import STATIC
from nbdissect.display.html_page import page
from nbdissect.display.replies import answer, ranked
from nbdissect.display.snapshot import UnreadableError, embed
from nbdissect.results.dissections import Dissections
from nbdissect.results.provenance import Provenance
from nbdissect.text import printable
from nbdissect.types import Concept
from support.dissections import NASTY, Gone, Squares, decoded, dissection


@pytest.fixture(scope="module")
def d():
    return dissection()


def data_in(text):
    """The JSON of a page, found as a browser finds it."""
    begin = text.index('<script type="application/json" id="nbdissect-page-data">')
    return json.loads(text[text.index(">", begin) + 1 : text.index("</script", begin)])


def parts_of(one):
    raw, at, parts = zlib.decompress(base64.b64decode(one["numbers"])), 0, {}
    for part in one["parts"]:
        size = np.dtype(part["dtype"]).itemsize * math.prod(part["shape"])
        parts[part["name"]] = decoded({**part, "data": raw[at : at + size]})
        at += size
    assert at == len(raw)
    return parts


def embedded(*dissections, **options):
    named = {one.layer: one for one in dissections}
    return embed(named, 0.04, **{"several": len(named) > 1, "style": "", **options})


# --- what goes in ---


def test_numbers_are_those_of_the_gallery(d):
    (one,) = embedded(d).gallery["dissections"]
    parts = parts_of(one)
    assert parts["best_iou"].tolist() == d.best_iou.tolist()
    assert parts["top_images"].tolist() == d.top_images.tolist()
    assert "best_iou" not in one["table"]
    counts, values, columns = (parts[name] for name in ("ranked_counts", "ranked_values", "ranked"))
    for unit in range(len(counts)):
        rows = slice(counts[:unit].sum(), counts[: unit + 1].sum())
        expected = [match for match in d.units[unit].ranking(12) if match.iou > 0]
        assert [d.concepts[c] for c in columns[rows]] == [match.concept for match in expected]
        for row, match in zip(values[rows], expected, strict=True):
            assert row[:4].tolist() == [match.iou, match.intersection, match.activation, match.truth]


def test_maps_are_those_of_the_kernel_bit_for_bit(d):
    (one,) = embedded(d).gallery["dissections"]
    parts = parts_of(one)
    units = parts["mapped"].tolist()
    assert sorted(units) == list(range(40))
    reply, (buffer, peaks) = answer({"layer4": d}, {"kind": "maps", "id": "", "key": "layer4", "units": units})
    assert zlib.decompress(base64.b64decode(one["maps"])) == buffer
    assert parts["peaks"].tobytes() == peaks
    assert parts["sizes"].reshape(-1, 2).tolist() == reply["sizes"]
    assert parts["grids"].reshape(-1, 2).tolist() == reply["grids"]


def test_masks_are_those_of_the_kernel(d):
    (one,) = embedded(d).gallery["dissections"]
    pairs = parts_of(one)["pairs"]
    flags = parts_of(one)["carried"].tolist()
    bits, at, masks, carried = zlib.decompress(base64.b64decode(one["masks"])), 0, {}, {}
    for (image, column, height, width), whether in zip(pairs.tolist(), flags, strict=True):
        size = -(-height * width // 8)
        masks[image, column] = np.unpackbits(np.frombuffer(bits[at : at + size], np.uint8), count=height * width)
        at += size
        carried[image, column] = bool(whether)
    for unit in range(39):
        for column in [row["concept"] for row in ranked(d, unit)[:3]]:
            reply, (expected,) = answer(
                {"layer4": d}, {"kind": "labels", "id": "", "key": "layer4", "unit": unit, "concept": column}
            )
            assert b"".join(masks[int(image), column].tobytes() for image in d.top_images[unit]) == expected
            assert [carried[int(image), column] for image in d.top_images[unit]] == reply["carries"]


def test_masks_of_as_many_concepts_as_asked_for(d):
    held = []
    for concepts in (1, 2, 3):
        (one,) = embedded(d, concepts=concepts).gallery["dissections"]
        held.append({tuple(pair) for pair in parts_of(one)["pairs"][:, :2].tolist()})
        wanted = [
            (row["concept"], d.top_images[unit]) for unit in range(len(d.units)) for row in ranked(d, unit)[:concepts]
        ]
        assert held[-1] == {(int(image), column) for column, images in wanted for image in images}
    assert len(held[0]) < len(held[1]) < len(held[2])


def test_each_photograph_is_read_and_embedded_once(d):
    data = Squares(d.concepts)
    one = replace(d, data=data, layer="a")
    gallery = embedded(one, replace(one, layer="b")).gallery
    assert sorted(data.read) == sorted(set(d.top_images.ravel().tolist()))
    (album,) = gallery["albums"]
    assert sorted(album["images"]) == sorted(data.read)
    text, at = album["text"], 0
    for size in album["bytes"]:
        assert base64.b64decode(text[at : at + -(-size // 3) * 4])[:size][:4] == b"RIFF"
        at += -(-size // 3) * 4
    assert at == len(text)


def test_missing_images_and_results_without_any(d):
    some = d.top_images.copy()
    some[:, 6:] = -1
    (one,) = embedded(replace(d, top_images=some)).gallery["dissections"]
    sizes = parts_of(one)["sizes"]
    assert (sizes[:, 6:] == 0).all()
    assert (sizes[:, :6] == 7).all()
    none = dissection(top=0)
    whole = embedded(none)
    assert whole.embedded == 0
    assert "no top images" in whole.gallery["dissections"][0]["table"]["note"]
    assert "layer4" in page(dissection(units=1))
    assert "not at hand" in embedded(replace(d, data=None)).gallery["dissections"][0]["table"]["note"]


def test_a_map_larger_than_its_mask_is_brought_to_it(d):
    large = replace(d, top_maps=np.random.default_rng(0).normal(size=(40, 10, 30, 30)).astype(np.float32))
    (one,) = embedded(large).gallery["dissections"]
    assert set(parts_of(one)["sizes"].ravel()) == {24}


# --- the budget ---


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_best_units_come_first_and_the_budget_holds(d, share):
    whole, least = len(embedded(d).json()), len(embedded(d, maps=False).json())
    budget = least + share * (whole - least)
    part = embedded(d, budget=budget)
    assert len(part.json()) <= budget
    assert 0 < part.embedded < 40
    (one,) = part.gallery["dissections"]
    units = parts_of(one)["mapped"].tolist()
    assert units == np.argsort(-d.best_iou, kind="stable")[: len(units)].tolist()
    images = parts_of(one)["top_images"]
    assert (images[units] == d.top_images[units]).all()
    assert (np.delete(images, units, axis=0) == -1).all()
    assert parts_of(one)["best_iou"].tolist() == d.best_iou.tolist()
    assert part.describe("This") == (
        f"This holds the numbers of all 40 units, with {part.images} images and the activation maps of "
        f"the best {part.embedded} of them."
    )


def test_all_numbers_go_in_whatever_the_budget(d):
    none = embedded(d, budget=0)
    assert none.embedded == none.images == 0
    assert none.gallery["dissections"][0]["table"]["top"] == 0
    assert len(parts_of(none.gallery["dissections"][0])["best_iou"]) == 40
    assert none.describe("This") == "This holds the numbers of all 40 units, and no images."


# --- the page ---


class Outline(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]


def outline(text):
    parser = Outline()
    parser.feed(text)
    return parser


def test_one_file_that_asks_for_nothing(d, tmp_path):
    d.to_html(tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    seen = outline(text)
    assert seen.tags.count("script") == 2
    assert all(address.startswith("data:") for address in seen.addresses)
    assert "default-src 'none'" in text
    assert list(tmp_path.iterdir()) == [tmp_path / "p.html"]
    assert data_in(text)["state"]["current"] == "layer4"


def test_the_modules_may_stand_inline_and_are_small():
    script = (STATIC / "page.js").read_bytes()
    assert len(script) <= 124_000
    assert len(gzip.compress(script, 9)) <= 47_200
    for name in ("page.js", "gallery.css"):
        text = (STATIC / name).read_text(encoding="utf-8")
        assert not re.search(r"</script|<!--|</style", text, re.IGNORECASE)
    assert "import(" not in (STATIC / "page.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("images", [True, False])
def test_hostile_names_stay_names(tmp_path, images):
    hostile = replace(
        dissection(names=NASTY, layer="</title><script>window.hacked=1</script>", drawings=True),
        model='"><img src=x onerror="window.hacked=1">',
    )
    hostile.to_html(tmp_path / "p.html", images=images)
    text = (tmp_path / "p.html").read_bytes().decode("utf-8")
    seen = outline(text)
    assert seen.tags.count("script") == 2
    assert seen.tags.count("title") == 1
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert all(address.startswith("data:") for address in seen.addresses)
    between = text[text.index('nbdissect-page-data">') : text.rindex('<script type="module">')]
    assert between.count("</script") == 1
    assert "\u2028" not in between
    (one,) = data_in(text)["dissections"]
    assert one["table"]["names"] == list(map(printable, NASTY))
    assert "Probed with drawings" in one["table"]["warning"]


def test_a_plain_summary_stands_in_where_scripts_are_off(d):
    text = page(d, min_iou=0.1)
    summary = text[text.index('id="nbdissect-page-summary"') : text.index("<footer>")]
    assert "IoU &gt; 0.1" in summary
    assert "data:image/webp" in summary


def test_without_images_there_is_none_anywhere(d, tmp_path):
    data = Squares(d.concepts)
    replace(d, data=data).to_html(tmp_path / "p.html", images=False)
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert data.read == []
    assert "data:image" not in text
    found = data_in(text)
    assert found["albums"] == []
    (one,) = found["dissections"]
    assert one["table"]["note"] == "The images were left out: there are numbers and activation maps only."
    assert len(parts_of(one)["mapped"]) == 40
    assert zlib.decompress(base64.b64decode(one["masks"])) == b""
    assert "and no images." in text


def test_several_in_one_page(d, tmp_path):
    both = Dissections({"a": replace(d, layer="a"), "b": dissection(layer="b", seed=2)})
    both.to_html(tmp_path / "p.html")
    found = data_in((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert [one["table"]["key"] for one in found["dissections"]] == ["a", "b"]
    assert found["several"] is True
    with pytest.raises(ValueError, match="probed with drawings, others with photographs"):
        Dissections({"a": d, "b": dissection(drawings=True)}).to_html(tmp_path / "q.html")
    with pytest.raises(ValueError, match="at least one dissection"):
        Dissections({}).to_html(tmp_path / "q.html")
    assert [path.name for path in tmp_path.iterdir()] == ["p.html"]


# --- what goes wrong ---


def test_photographs_that_are_gone(d, tmp_path):
    target = tmp_path / "p.html"
    target.write_text("before")
    gone = replace(d, data=Gone(d.concepts))
    with pytest.raises(
        UnreadableError,
        match=r"Image \d+ of the data set can't be read: FileNotFoundError: images/\d+.jpg. Check .* images=False",
    ):
        gone.to_html(target)
    assert target.read_text() == "before"
    gone.to_html(target, images=False)
    assert "layer4" in target.read_text(encoding="utf-8")


def test_a_write_that_fails_leaves_what_was_there(d, tmp_path, monkeypatch):
    target = tmp_path / "p.html"
    d.to_html(target)
    before = target.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="the disk is full"):
        dissection(layer="other").to_html(target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        d.to_html(tmp_path / "nowhere" / "p.html")


def test_names_of_any_script_survive(tmp_path):
    names = ("自行车", "عجلة", "naïve", "\N{DOG FACE}")
    dissection(names=names).to_html(tmp_path / "p.html")
    (one,) = data_in((tmp_path / "p.html").read_text(encoding="utf-8"))["dissections"]
    assert one["table"]["names"] == list(names)


def test_what_made_a_result_stands_in_its_page(d):
    provenance = Provenance(model="Net<b>", date="2026-01-01")
    text = page(replace(d, provenance=provenance))
    assert "What made layer4" in text[text.index("<footer>") :]
    assert "Net&lt;b&gt;" in text


def test_the_page_needs_no_torch(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'tests'); from support.dissections import dissection\n"
        f"dissection().to_html({str(tmp_path / 'p.html')!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_concepts_of_one_number_in_two_data_sets_keep_apart():
    concepts = (Concept(1, "car", "object"), Concept(2, "wheel", "part"))
    one = dissection(names=("car", "wheel"), layer="a", data=Squares(concepts))
    other = dissection(names=("car", "wheel"), layer="b", data=Squares(concepts, grid=12))
    gallery = embedded(one, other).gallery
    assert len(gallery["albums"]) == 2
    assert [each["album"] for each in gallery["dissections"]] == [0, 1]


def test_is_announced_in_the_public_interface():
    assert nd.Dissection.to_html.__doc__
    assert nd.Dissections.to_html.__doc__
