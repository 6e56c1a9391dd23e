"""The gallery from Python: what it shows, its traits, what it answers to the page."""

from __future__ import annotations

import ast
import gc
import gzip
import io
import json
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
import traitlets
from PIL import Image

import nbdissect as nd
from nbdissect.display import filtering, replies, thumbnails
from nbdissect.display.bundle import STATIC
from nbdissect.display.dissection_table import runners_up, table_of
from nbdissect.display.gallery import Gallery, gallery
from nbdissect.display.gallery_state import GalleryState
from nbdissect.display.search import Search
from nbdissect.display.session import CellRun, session
from nbdissect.display.snapshot import embed
from nbdissect.results.upsampling import resize
from nbdissect.text import short_name
from nbdissect.types import Concept
from support.cases import Case
from support.dissections import Squares, decoded, dissection, dissection_of
from support.paths import ROOT, TESTS

CASES = json.loads((TESTS / "data" / "filter_cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def d():
    return dissection()


# --- the bundle ---


def test_bundle_is_small():
    script, style = (STATIC / "gallery.js").read_bytes(), (STATIC / "gallery.css").read_bytes()
    assert len(script) <= 117_000
    assert len(gzip.compress(script, 9)) <= 44_500
    assert len(style) <= 26_000


def test_bundle_asks_nobody_else():
    text = (STATIC / "gallery.js").read_text(encoding="utf-8") + (STATIC / "gallery.css").read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "sourceMappingURL" not in text


def test_gallery_needs_no_torch():
    code = "import sys, nbdissect.display.gallery; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# --- which units are shown: the cases that the page is held to as well ---


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: json.dumps(case["filter"], ensure_ascii=True)[:90])
def test_filter(case):
    wanted = dict(case["filter"])
    wanted["_chosen"] = wanted.pop("chosen")
    assert filtering.shown_units(dissection_of(CASES["table"]), "layer4", GalleryState(**wanted)) == case["shown"]


def test_filters_that_are_given_with_a_choice_apply_within_it(d):
    units = [0, 1, 2, 3]
    label = d.units[2].label
    g = Gallery(d, shown=units, query=f'"{label}"', only="all")
    assert g._chosen == units
    assert g.shown == [unit for unit in Gallery(d, only="all", query=f'"{label}"').shown if unit in units]
    assert 2 in g.shown
    assert Gallery(d, shown=units).only == "all"


@pytest.mark.parametrize(("query", "name", "category", "found"), CASES["searches"])
def test_search(query, name, category, found):
    assert Search(query).finds(7, "l:7", f"{name} {category}") is found


def test_search_finds_addresses_with_commas_and_spaces():
    assert Search('A, "b":3').finds(3, 'a, "B":3', "")
    assert Search('x, "my, layer:3"').finds(3, "My, layer:3", "")
    assert Search("x, my layer:3").finds(3, "My layer:3", "")


@pytest.mark.parametrize(("name", "category", "short"), CASES["short_names"])
def test_short_names(name, category, short):
    assert short_name(name, category) == short


@pytest.mark.parametrize(("value", "text"), json.loads((TESTS / "data" / "python_literals.json").read_text("utf-8")))
def test_the_page_writes_literals_as_python_does(value, text):
    assert ast.literal_eval(text) == value
    assert isinstance(value, float) or repr(value) == text


def test_the_cases_are_consistent():
    table = CASES["table"]
    made = dissection_of(table)
    assert made.best_concepts.tolist() == table["best"]
    assert made.best_iou.tolist() == table["best_iou"]


# --- traits ---


def test_starts_with_the_detectors_best_first(d):
    g = gallery(d)
    assert (g.query, g.min_iou, g.sort, g.only, g.selected) == ("", 0.04, "iou", "detectors", [])
    assert len(g.shown) == d.detectors()
    assert g.shown == sorted(g.shown, key=lambda u: (-d.best_iou[u], u))


def test_shows_all_units_where_none_is_a_detector(d):
    assert gallery(d, min_iou=0.99).only == "all"
    assert len(gallery(d, min_iou=0.99).shown) == 40


def test_shown_follows_every_setting(d):
    g, seen = Gallery(d), []
    g.observe(lambda change: seen.append(change["new"]), names=["shown"])
    g.only, g.sort = "all", "unit"
    assert g.shown == list(range(40))
    g.query = "7"
    assert g.shown == [7]
    assert seen[-1] == [7]


def test_shown_can_be_set_and_ends_other_filters(d):
    g = Gallery(d, query="wheel", category=["part"])
    g.shown = [5, 2, 39]
    assert sorted(g.shown) == [2, 5, 39]
    assert (g.query, g.category, g.only) == ("", [], "all")
    g.sort = "unit"
    assert g.shown == [2, 5, 39]
    g.shown = None
    assert len(g.shown) == 40


def test_shown_refuses_units_that_are_not_there(d):
    with pytest.raises(ValueError, match=r"99 is no unit of layer4: use 0 to 39"):
        Gallery(d).shown = [99]


def test_selected_takes_numbers_and_addresses(d):
    g = Gallery(d)
    g.selected = [3, "layer4:4", 3]
    assert g.selected == [3, 4]
    with pytest.raises(traitlets.TraitError, match="is no unit of this gallery of layer4 \\(40 units\\)"):
        g.selected = [40]


def test_wrong_values_say_what_is_allowed(d):
    with pytest.raises(ValueError, match="Gallery has no setting 'min_io'; it has .*min_iou"):
        Gallery(d, min_io=0.1)
    with pytest.raises(traitlets.TraitError, match="iou.*activation"):
        Gallery(d).sort = "size"
    with pytest.raises(TypeError, match="'a' is a int. Use nd.dissect"):
        Gallery({"a": 3})
    with pytest.raises(ValueError, match="needs at least one dissection"):
        Gallery({})


def test_several_dissections_are_told_apart_by_name(d):
    g = gallery({"early": dissection(seed=1), "late": d})
    g.only = "all"
    g.current = "late"
    assert g.shown[0].startswith("late:")
    g.selected = ["early:3", "late:3"]
    assert g.selected == ["early:3", "late:3"]
    g.compare = ["early", "late"]
    with pytest.raises(traitlets.TraitError, match="two to eight of early, late"):
        g.compare = ["early", "never"]
    with pytest.raises(traitlets.TraitError, match="'never' is not in this gallery"):
        g.current = "never"


def test_concepts_are_out_of_reach_only_once_labels_are_counted(d):
    assert table_of(d, "x")["limits"]
    assert table_of(replace(d, provisional=True), "x")["limits"] == []


def test_drawings_are_not_compared_with_photographs(d):
    with pytest.raises(ValueError, match="'b' was probed with drawings, others with photographs"):
        gallery({"a": d, "b": dissection(drawings=True)})
    assert "Probed with drawings" in Gallery(dissection(drawings=True))._tables[0]["warning"]


def test_no_pictures_in_the_state(d):
    g = Gallery(dissection(2048))
    tables = g._tables[0]
    size = sum(len(value["data"]) for value in tables.values() if isinstance(value, dict))
    assert 100_000 < size < 400_000
    assert not any(name in tables for name in ("top_maps", "pictures", "images"))


def test_the_result_lives_no_longer_than_its_gallery():
    made = dissection(4)
    replies.answer({"layer4": made}, {"kind": "pictures", "id": "1", "key": "layer4", "images": [0]})
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5])
def test_a_cut_is_a_number_from_0_to_1(d, value):
    g = Gallery(d)
    with pytest.raises(traitlets.TraitError, match="min_iou is a number from 0 to 1"):
        g.min_iou = value
    assert g.min_iou == 0.04
    with pytest.raises(traitlets.TraitError, match="min_iou is a number from 0 to 1"):
        Gallery(d, min_iou=value)


def test_what_is_refused_changes_nothing(d):
    g = Gallery(d, query="wheel")
    before = g.shown
    with pytest.raises(ValueError, match="99 is no unit"):
        g.shown = [3, 99]
    assert (g.shown, g.query) == (before, "wheel")


@pytest.mark.parametrize(
    "units", [np.array([4, 2]), range(2, 6, 2), {2, 4}, (unit for unit in (4, 2)), ("layer4:4", 2)]
)
def test_units_come_in_any_container(d, units):
    g = Gallery(d, sort="unit")
    g.shown = units
    assert g.shown == [2, 4]


def test_selected_takes_an_array(d):
    g = Gallery(d, selected=np.array([7, 3]))
    assert g.selected == [7, 3]
    assert all(type(unit) is int for unit in g.selected)


def test_names_that_are_not_there_are_refused_with_the_nearest(d):
    g = Gallery({"early": dissection(seed=1), "late": d})
    with pytest.raises(
        traitlets.TraitError, match="no category 'objekt' in this gallery; there are .*Did you mean 'object'"
    ):
        g.category = ["objekt"]
    with pytest.raises(
        traitlets.TraitError, match=r"99999 is the number of no concept of early; near it are 16 \(wood\)"
    ):
        g.concept = 99999
    with pytest.raises(traitlets.TraitError, match="'nonsense' is no unit of this gallery"):
        g.opened = "nonsense"
    with pytest.raises(traitlets.TraitError, match="'latte' is not in this gallery.*Did you mean 'late'"):
        g.current = "latte"
    with pytest.raises(
        traitlets.TraitError, match=r"compare takes two to eight of early, late, or nothing; got \['late', 'late'\]"
    ):
        g.compare = ["late", "late"]
    assert (g.category, g.concept, g.opened, g.current, g.compare) == ([], None, "", "early", ["early", "late"])


def test_opened_takes_a_number_where_there_is_one_dissection(d):
    assert Gallery(d, opened="3").opened == Gallery(d, opened="layer4:3").opened == "layer4:3"


@pytest.mark.parametrize(
    ("shown", "error", "message"),
    [
        (42, TypeError, "this is a int"),
        (["d", "d"], TypeError, "this is a list.*several go in by name"),
        ({"": dissection(2)}, ValueError, "needs a name of its own"),
        ({1: dissection(2), "1": dissection(2)}, ValueError, "needs a name of its own"),
    ],
)
def test_a_gallery_of_something_else(shown, error, message):
    with pytest.raises(error, match=message):
        nd.gallery(shown)


def test_names_become_text(d):
    assert gallery({1: d, 2: dissection(seed=1)}).current == "1"


def renumbered(d):
    """The same result, whose concepts have other numbers, as every file numbers them for itself."""
    return replace(d, concepts=tuple(concept._replace(number=concept.number + 100) for concept in d.concepts))


def test_a_concept_is_the_same_in_another_result(d):
    g = Gallery({"a": d, "b": renumbered(d)}, only="all")
    g.concept = d.concepts[1].number
    before = g.shown
    g.current = "b"
    assert g.concept == d.concepts[1].number + 100
    assert [unit.replace("b:", "a:") for unit in g.shown] == before


def test_a_page_may_choose_another_result_and_its_concept_at_once(d):
    g = Gallery({"a": d, "b": renumbered(d)}, only="all", concept=d.concepts[1].number)
    for changes in (("concept", 101), ("current", "b")), (("current", "a"), ("concept", 7)):
        g.set_state(dict(changes))
        assert (g.concept, g.current) == (dict(changes)["concept"], dict(changes)["current"])


def test_units_chosen_by_number_are_those_of_one_result(d):
    g = Gallery({"a": d, "b": dissection(seed=1)}, only="all")
    g.shown = ["a:1", "a:2"]
    g.current = "b"
    assert len(g.shown) == 40


def test_an_address_is_found_though_its_name_has_spaces(d):
    g = Gallery({"my layer": d}, only="all", query=" My layer:3 ")
    assert g.shown == ["my layer:3"]


# --- the numbers ---


def test_table_holds_what_the_units_say(d):
    table = table_of(d, "layer4")
    best, iou, second = (decoded(table[name]) for name in ("best", "best_iou", "second"))
    for unit in d.units:
        assert (d.concepts[best[unit.index]] if best[unit.index] >= 0 else None) == unit.concept
        assert iou[unit.index] == unit.iou
        ranking = [match for match in unit.ranking() if match.iou > 0]
        expected = ranking[1].concept if len(ranking) > 1 else None
        assert (d.concepts[second[unit.index]] if second[unit.index] >= 0 else None) == expected


def test_arrays_carry_their_dtype_and_shape(d):
    table = table_of(d, "layer4")
    units, concepts, categories = len(d.thresholds), len(d.concepts), len(d.categories)
    kinds = {name: (array["dtype"], array["shape"]) for name, array in table.items() if isinstance(array, dict)}
    assert kinds == {
        "category_of": ("<i4", [concepts]),
        "ceilings": ("<f8", [concepts]),
        "best": ("<i4", [units]),
        "best_iou": ("<f8", [units]),
        "second": ("<i4", [units]),
        "second_iou": ("<f8", [units]),
        "champions": ("<i4", [units, categories]),
        "champion_iou": ("<f8", [units, categories]),
        "leaders": ("<i4", [concepts]),
        "leader_iou": ("<f8", [concepts]),
        "thresholds": ("<f4", [units]),
        "strongest": ("<f4", [units]),
        "top_images": ("<i4", [units, 10]),
        "silent": ("<i4", [units]),
    }


def test_leaders_are_the_best_units_of_each_concept(d):
    table = table_of(d, "layer4")
    leaders, iou = decoded(table["leaders"]), decoded(table["leader_iou"])
    assert np.array_equal(iou, d.iou.max(axis=0))
    assert np.array_equal(d.iou[leaders, np.arange(len(leaders))], iou)


def test_a_concept_out_of_reach_comes_with_its_reason(d):
    limits = {row["concept"]: row for row in table_of(d, "layer4")["limits"]}
    assert "of the pixels" in limits[5]["reason"]
    assert decoded(table_of(d, "layer4")["ceilings"])[5] < 0.04


def test_runner_up_of_a_unit_without_concepts():
    assert runners_up(np.zeros((2, 3)), np.array([-1, -1])).tolist() == [-1, -1]
    assert runners_up(np.zeros((2, 0)), np.array([-1, -1])).tolist() == [-1, -1]


def test_a_result_from_a_table_has_no_pictures(tmp_path, d):
    d.to_csv(tmp_path / "tally.csv")
    g = Gallery(nd.read_csv(tmp_path / "tally.csv"))
    assert "no top images" in g._tables[0]["note"]
    assert g._tables[0]["top"] == 0


# --- what the page asks ---


def ask(made, **request):
    return replies.answer({made.layer: made}, {"id": "7", "key": made.layer, **request})


def test_pictures_are_encoded_once_and_shared(d):
    made = replace(d, data=Squares(d.concepts))
    reply, buffers = ask(made, kind="pictures", images=[3, 4, 3])
    assert reply["types"] == ["image/jpeg"] * 3
    assert Image.open(io.BytesIO(buffers[0])).size == (48, 48)
    ask(made, kind="pictures", images=[4, 3])
    assert sorted(made.data.read) == [3, 4]


def test_large_pictures_are_made_small():
    class Large:
        def __getitem__(self, index):
            return nd.Sample(Image.new("RGBA", (1000, 500)))

    assert Image.open(io.BytesIO(thumbnails.Thumbnails(Large()).encoded(0))).size == (256, 128)


class _Places(Squares):
    """Every second image is labeled as a whole: with where it was taken, and with a texture."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return replace(sample, whole={"scene": (77,), "texture": (5,)} if index % 2 else {})


def _placed(d):
    return _Places((*d.concepts, Concept(77, "street\u202e", "scene")))


def test_a_picture_comes_with_the_scene_that_the_data_set_names(d):
    reply, _ = ask(replace(d, data=_placed(d)), kind="pictures", images=[3, 4, 99])
    assert reply["scenes"] == ["street\\u202e", "", ""]
    assert ask(d, kind="pictures", images=[3])[0]["scenes"] == [""]


def test_the_scene_comes_from_an_archive_and_in_a_page_too(d, tmp_path):
    made = replace(d, data=_placed(d), concepts=_placed(d).concepts[-1:], intersection=np.zeros((40, 1), int))
    made = replace(made, truth=np.array([1]), activation=np.zeros((40, 1), int), categories=("scene",))
    made.save(tmp_path / "a.nbd")
    image = int(d.top_images[0, 0])
    reply, _ = ask(nd.load(tmp_path / "a.nbd"), kind="pictures", images=[image])
    assert reply["scenes"] == ["street\\u202e" if image % 2 else ""]
    (album,) = embed({"x": made}, 0.04, several=False, style="").gallery["albums"]
    assert album["scenes"] == ["street\\u202e" if one % 2 else "" for one in album["images"]]


def test_an_image_comes_at_its_own_resolution(d):
    class Large(Squares):
        def __getitem__(self, index):
            return nd.Sample(Image.new("RGBA", (1000, 500)))

    reply, (file,) = ask(replace(d, data=Large(d.concepts)), kind="photograph", image=3)
    assert (reply["kind"], reply["type"]) == ("photograph", "image/jpeg")
    assert Image.open(io.BytesIO(file)).size == (1000, 500)


def test_memory_of_pictures_is_bounded(d):
    store = thumbnails.Thumbnails(Squares(d.concepts), kept_bytes=4_000)
    for index in range(24):
        store.encoded(index)
        assert store.size <= 4_000


def test_one_unreadable_picture_does_not_hide_the_others(d):
    class Torn(Squares):
        def __getitem__(self, index):
            if index == 3:
                raise OSError("image file is truncated")
            return super().__getitem__(index)

    reply, buffers = ask(replace(d, data=Torn(d.concepts)), kind="pictures", images=[2, 3, 999])
    assert reply["problems"] == [
        "",
        "Image 3: OSError: image file is truncated",
        "Image 999: There is no image 999 in this data set of 24.",
    ]
    assert [bool(buffer) for buffer in buffers] == [True, False, False]


def test_one_unreadable_image_hides_no_map_and_no_label_of_others(d):
    class Torn(Squares):
        def __getitem__(self, index):
            if index == 3:
                raise OSError("image file is truncated")
            return super().__getitem__(index)

    made = replace(d, data=Torn(d.concepts), top_images=np.tile([2, 3, 4], (40, 1)), top_maps=d.top_maps[:, :3])
    made = replace(made, top_activations=d.top_activations[:, :3])
    told = "Image 3: OSError: image file is truncated"
    reply, buffers = ask(made, kind="maps", units=[0])
    assert (reply["sizes"], reply["problems"]) == ([[7, 7], [0, 0], [7, 7]], ["", told, ""])
    assert len(buffers[0]) == 2 * 49 * 4
    reply, buffers = ask(made, kind="labels", unit=0, concept=0)
    assert (reply["grids"], reply["problems"]) == ([[24, 24], [0, 0], [24, 24]], ["", told, ""])
    assert len(buffers[0]) == 2 * 24 * 24


@pytest.mark.parametrize("request_", [{"units": [0]}, {"images": [1, 2]}, {"unit": 0, "concept": 0}])
def test_a_data_set_that_is_gone_is_an_error_with_a_hint(d, request_):
    class Gone(Squares):
        def __getitem__(self, index):
            raise FileNotFoundError("no such folder")

    kind = {"units": "maps", "images": "pictures", "unit": "labels"}[next(iter(request_))]
    reply, _ = ask(replace(d, data=Gone(d.concepts)), kind=kind, **request_)
    assert reply["error"] == "FileNotFoundError: no such folder"
    assert "Check that the data set still lies where it lay" in reply["hint"]


def test_photographs_of_several_results_are_read_once(d):
    data = Squares(d.concepts)
    g = Gallery({"a": replace(d, data=data), "b": replace(dissection(seed=1), data=data), "c": dissection(seed=2)})
    assert [table["photographs"] for table in g._tables] == ["a", "a", "c"]
    for key in ("a", "b"):
        replies.answer(g._dissections, {"kind": "maps", "id": "1", "key": key, "units": [0]})
        images = g._dissections[key].top_images[0].tolist()
        replies.answer(g._dissections, {"kind": "pictures", "id": "2", "key": key, "images": images})
    assert len(data.read) == len(set(data.read))


def test_peaks_are_those_of_the_maps_as_they_were_recorded(d):
    made = replace(d, data=_Shaped(d.concepts, (2, 2)))
    reply, buffers = ask(made, kind="maps", units=[5])
    assert reply["sizes"] == [[2, 2]] * 10
    assert np.frombuffer(buffers[1], "<f4").tolist() == d.top_activations[5].tolist()


def test_images_without_labels_of_the_category_are_told(d):
    reply, buffers = ask(d, kind="labels", unit=0, concept=1)
    expected = [int(index) % len(d.concepts) == 1 for index in d.top_images[0]]
    assert reply["carries"] == expected
    masks = np.frombuffer(buffers[0], np.uint8).reshape(10, -1)
    assert masks.any(axis=1).tolist() == expected


def test_maps_arrive_as_they_were_recorded(d):
    reply, buffers = ask(d, kind="maps", units=[5, 2])
    values = np.frombuffer(buffers[0], "<f4").reshape(2, 10, 7, 7)
    assert np.array_equal(values, d.top_maps[[5, 2]])
    assert reply["sizes"] == [[7, 7]] * 20
    assert reply["grids"] == [[24, 24]] * 20
    assert reply["images"] == d.top_images[[5, 2]].ravel().tolist()


def test_images_that_are_not_there_have_no_map(d):
    images = d.top_images.copy()
    images[:, 4:] = -1
    reply, buffers = ask(replace(d, top_images=images), kind="maps", units=[0])
    assert reply["sizes"] == [[7, 7]] * 4 + [[0, 0]] * 6
    assert len(buffers[0]) == 4 * 49 * 4


@pytest.mark.parametrize("shape", [(5, 5), (5, 20), (20, 5), (13, 13)])
def test_maps_larger_than_the_masks_arrive_at_their_size(d, shape):
    values = np.random.default_rng(1).normal(size=(40, 10, 13, 13)).astype(np.float32)
    made = replace(d, top_maps=values, data=_Shaped(d.concepts, shape))
    reply, buffers = ask(made, kind="maps", units=[1])
    expected = np.stack([resize(one, shape) for one in values[1]])
    assert reply["sizes"] == [list(shape)] * 10
    assert np.array_equal(np.frombuffer(buffers[0], "<f4").reshape(10, *shape), expected)


class _Shaped(Squares):
    def __init__(self, concepts, shape):
        super().__init__(concepts)
        self.shape = shape

    def __getitem__(self, index):
        image = Image.new("RGB", self.shape[::-1])
        return replace(super().__getitem__(index), image=image, masks={}, shape=self.shape)


def test_labels_are_the_union_of_all_layers_and_whole_image_labels(d):
    number, category = d.concepts[1].number, d.concepts[1].category

    class Layered:
        def __len__(self):
            return 24

        def __getitem__(self, index):
            if index % 2:
                return nd.Sample(Image.new("RGB", (4, 4)), {}, {category: [number]}, (2, 2))
            layers = np.array([[[number, 0], [0, 0]], [[0, 0], [0, number]]])
            return nd.Sample(Image.new("RGB", (4, 4)), {category: layers, "unknown": layers * 0 + number})

    made = replace(d, data=Layered(), top_images=np.tile([0, 1], (40, 1)), top_maps=d.top_maps[:, :2])
    reply, buffers = ask(made, kind="labels", unit=0, concept=1)
    assert reply["grids"] == [[2, 2], [2, 2]]
    assert list(buffers[0]) == [1, 0, 0, 1, 1, 1, 1, 1]


def test_an_opened_unit_says_how_sure_its_label_is(d):
    """From counts per image, once a run is complete."""
    kept = Case(images=24).dissect(per_image=True)
    sure = kept.confidence()

    def said(made, unit=0):
        return ask(made, kind="unit", unit=unit)[0]["evidence"]

    assert [said(kept, unit) for unit in range(8)] == [sure.describe(unit) for unit in range(8)]
    assert said(d) == said(replace(kept, provisional=True)) == ""


def test_the_iou_can_be_computed_again_from_the_ranking(d):
    reply, _ = ask(d, kind="unit", unit=3)
    assert reply["ranking"]
    for row in reply["ranking"]:
        union = row["activation"] + row["truth"] - row["intersection"]
        assert row["iou"] == pytest.approx(row["intersection"] / union)
        assert row["iou"] <= row["ceiling"]


def test_areas_that_contradict_each_other_bound_nothing(d):
    made = replace(d, activation=np.ones_like(d.activation), stored_iou=d.iou, stored_best=d.best_concepts)
    reply, _ = ask(made, kind="unit", unit=3)
    assert {row["ceiling"] for row in reply["ranking"]} == {None}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"kind": "weather"}, "asked for 'weather'"),
        ({"kind": "unit", "unit": 40}, "no unit 40 in layer4, which has 40"),
        ({"kind": "unit", "unit": "3"}, "no unit '3'"),
        ({"kind": "labels", "unit": 0, "concept": 99}, "no concept 99"),
        ({"kind": "maps"}, "KeyError"),
        ({"kind": "unit", "unit": True}, "no unit True"),
        ({"kind": "photograph", "image": 24}, "no image 24 in this data set of 24"),
        ({"kind": "photograph", "image": "3"}, "no image '3'"),
        ({"kind": "maps", "units": [0] * 257}, "maps of 257 units: at most 256"),
        ({"kind": "pictures", "images": [0] * 2561}, "2,561 images at once"),
        ({"kind": "unit", "unit": 0, "key": "gone"}, "no dissection 'gone' in this gallery: 'layer4'"),
    ],
)
def test_every_request_is_answered_even_a_wrong_one(d, request_, error):
    reply, buffers = ask(d, **request_)
    assert (reply["kind"], reply["id"], buffers) == ("error", "7", [])
    assert error in reply["error"]
    assert reply["hint"]


def test_without_a_data_set_the_page_is_told_how_to_give_one(d):
    reply, _ = ask(replace(d, data=None), kind="pictures", images=[0])
    assert reply["hint"] == "A result that was read from a file holds no images: dissect the model again to see them."
    assert "not at hand" in table_of(replace(d, data=None), "x")["note"]


def test_the_gallery_sends_what_it_answers(d):
    g, sent = Gallery(d), []
    g.send = lambda content, buffers=None: sent.append((content, buffers))
    g._reply(g, {"kind": "unit", "id": "a", "key": "layer4", "unit": 1}, [])
    g._reply(g, "something of another library", [])
    assert [content["id"] for content, _ in sent] == ["a"]
    assert session.answered


def test_a_page_that_greets_has_answered(d, monkeypatch):
    monkeypatch.setattr(session, "answered", False)
    g, sent = Gallery(d), []
    g.send = lambda content, buffers=None: sent.append(content)
    g._reply(g, {"kind": "hello"}, [])
    assert (session.answered, sent) == (True, [])


# --- while it computes ---


def test_a_partial_result_says_over_how_many_images(d):
    assert table_of(d, "x")["provisional"] == ""
    partial = replace(d, provisional=True, seen=10, planned=24, drawings=True)
    table = table_of(partial, "x")
    assert table["provisional"] == partial.progress_note == "Provisional: after 10 of 24 images."
    assert table["warning"] == replace(d, drawings=True).warning


def test_newer_results_take_the_place_of_those_shown(d):
    g = Gallery(d, query="w", min_iou=0.02, sort="unit", selected=[3, 5], opened="3", concept=4)
    newer = replace(dissection(seed=5), data=d.data)
    g.update(newer)
    kept = (g.query, g.min_iou, g.sort, g.selected, g.opened, g.concept)
    assert kept == ("w", 0.02, "unit", [3, 5], "layer4:3", 4)
    assert g.shown == Gallery(newer, query="w", min_iou=0.02, sort="unit", concept=4).shown
    assert g._tables[0]["best_iou"] == table_of(newer, "layer4")["best_iou"]
    assert g.result is newer


def test_a_concept_is_the_same_one_in_a_newer_result(d):
    g = Gallery(d, concept=4)
    g.update(replace(renumbered(d), data=d.data))
    assert g.concept == 104
    g.update(replace(dissection(names=("car",)), data=d.data))
    assert g.concept is None


def test_newer_results_come_in_any_order(d):
    other = replace(dissection(30, seed=2), data=d.data)
    g = Gallery({"a": d, "b": other}, current="b")
    g.update({"b": other, "a": d})
    assert ([table["key"] for table in g._tables], g.current) == (["a", "b"], "b")


def test_other_results_are_no_newer_ones(d):
    g = Gallery(d)
    for other, message in (
        (
            replace(dissection(20), data=d.data),
            r"update takes newer results of .*layer4 \(40 units\); got layer4 \(20 units\)",
        ),
        (replace(d, layer="layer3"), r"got layer3 \(40 units\)"),
        ({"layer4": d, "layer3": d}, "got layer4"),
        (dissection(), "'layer4' is over another data set"),
    ):
        with pytest.raises(ValueError, match=message):
            g.update(other)
    assert g.result is d


def test_photographs_stay_encoded_when_a_newer_result_comes():
    made = dissection()
    g = Gallery(made)
    replies.answer(g._dissections, {"kind": "pictures", "id": "1", "key": "layer4", "images": [1, 2]})
    read = len(made.data.read)
    newer = replace(made, thresholds=made.thresholds + 1)
    g.update(newer)
    del made
    gc.collect()
    replies.answer(g._dissections, {"kind": "pictures", "id": "2", "key": "layer4", "images": [2, 1]})
    assert len(newer.data.read) == read


def pushed(g):
    """Return what the gallery sends to its page, as it sends it."""
    sent = []
    g.send = lambda content, buffers=None: sent.append((content, buffers))
    return sent


def test_strips_are_pushed_unasked_and_their_photographs_once(d):
    g = Gallery(d)
    sent = pushed(g)
    g.push([5, 2, 5])
    ((message, buffers),) = sent
    assert (message["kind"], message["key"], message["photographs"]) == ("strips", "layer4", "layer4")
    assert message["maps"]["units"] == [5, 2]
    assert message["maps"]["images"] == d.top_images[[5, 2]].ravel().tolist()
    assert message["pictures"]["images"] == np.unique(d.top_images[[5, 2]]).tolist()
    asked, maps = ask(d, kind="maps", units=[5, 2])
    assert buffers[:2] == maps
    assert message["maps"]["problems"] == asked["problems"]
    assert len(buffers) == 2 + len(message["pictures"]["images"])
    g.push([5])
    assert sent[1][0]["pictures"]["images"] == []
    assert len(sent[1][1]) == 2


def test_strips_of_several_results_are_pushed_by_address(d):
    other = replace(dissection(30, seed=2), data=d.data)
    g = Gallery({"a": d, "b": other})
    sent = pushed(g)
    g.push(["a:1", "b:2", "a:3"])
    assert [(m["key"], m["photographs"], m["maps"]["units"]) for m, _ in sent] == [("a", "a", [1, 3]), ("b", "a", [2])]
    assert not set(sent[0][0]["pictures"]["images"]) & set(sent[1][0]["pictures"]["images"])


@pytest.mark.parametrize(
    ("units", "message"), [([40], "is no unit of this gallery"), (["x:1"], "is no unit"), (range(-1, 0), "is no unit")]
)
def test_what_is_not_there_is_not_pushed(d, units, message):
    g = Gallery(d)
    sent = pushed(g)
    with pytest.raises(ValueError, match=message):
        g.push(units)
    with pytest.raises(ValueError, match="images of this result are not at hand"):
        Gallery(replace(d, data=None)).push([1])
    assert sent == []


def test_a_closed_gallery_can_be_shown_again(d):
    g = Gallery(d, query="wheel")
    before = g._repr_mimebundle_()[0]
    g.close()
    assert g.comm is None
    after = g._repr_mimebundle_()[0]
    assert after.keys() == before.keys()
    assert g.comm is not None
    assert g.query == "wheel"


def test_a_cell_that_runs_again_closes_the_gallery_of_the_run_before(d, monkeypatch):
    cells = [("cell 1", "a"), ("cell 1", "a"), ("cell 2", "b"), ("cell 1", "c"), ("", ""), ("", "")]
    runs = iter([CellRun(*cell) for cell in cells])
    monkeypatch.setattr(session, "running", lambda: next(runs))
    monkeypatch.setattr(session, "_widgets", {})
    first, beside, elsewhere, again, plain, other = (Gallery(d) for _ in range(6))
    assert [g.comm is None for g in (first, beside, elsewhere, again, plain, other)] == [True, True, *[False] * 4]


def test_outside_a_notebook_no_cell_runs():
    assert session.running() == ("", "")


@pytest.mark.parametrize("units", [0, 1])
def test_results_with_hardly_anything_in_them(units):
    made = dissection(2)
    cut = {name: getattr(made, name)[:units] for name in ("thresholds", "intersection", "activation")}
    tops = {name: getattr(made, name)[:units] for name in ("top_images", "top_activations", "top_maps")}
    g = Gallery(replace(made, **cut, **tops), only="all")
    assert g.shown == list(range(units))
    without = replace(made, concepts=(), truth=made.truth[:0], intersection=made.intersection[:, :0])
    assert Gallery(without).shown == [0, 1]
