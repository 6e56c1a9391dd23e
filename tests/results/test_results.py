"""From counts to scores: the rules of the two programs, ties, ceilings, both ways of counting, CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.results import scores
from nbdissect.results.dissection import DRAWINGS, Dissection


def make(intersection, truth, activation, categories=("a", "b"), category_of="aab", semantics="paper", **more):
    concepts = tuple(nd.Concept(3 + 2 * k, f"c{k}", g) for k, g in enumerate(category_of))
    units = len(intersection)
    return Dissection(
        layer="layer3",
        model="Net",
        semantics=semantics,
        quantile=0.005,
        categories=categories,
        concepts=concepts,
        thresholds=np.zeros(units, np.float32),
        intersection=np.array(intersection),
        truth=np.array(truth),
        activation=np.array(activation),
        top_images=np.full((units, 2), -1),
        top_activations=np.full((units, 2), np.nan, np.float32),
        top_maps=np.zeros((units, 2, 1, 1), np.float32),
        images=20,
        pixels=10_000,
        **more,
    )


def test_iou_counts_the_units_area_over_the_concepts_category():
    d = make([[10, 0, 5]], [20, 0, 30], [[40, 15]])
    np.testing.assert_allclose(d.iou, [[10 / (40 + 20 - 10), 0, 5 / (15 + 30 - 5)]])
    np.testing.assert_allclose(d.ceiling, [[20 / 40, 0, 15 / 30]])
    assert (d.iou <= d.ceiling).all()


def test_an_empty_union_is_0():
    d = make([[0, 0, 0]], [0, 0, 0], [[0, 0]])
    assert (d.iou == 0).all()
    assert (d.ceiling == 0).all()
    assert d.units[0].label is None
    assert d.units[0].category is None
    assert d.detectors(0) == 0


def test_lite_counts_annotations_and_can_pass_1():
    d = make([[20, 0, 0]], [20, 0, 0], [[10, 0]], semantics="netdissect-lite")
    assert d.iou[0, 0] == 20 / (10 + 1e-10)


def test_ties():
    # Units 0: a tie inside a category takes the lowest number. Unit 1: a tie between categories.
    counts = [[5, 5, 0], [5, 0, 5]], [10, 10, 10], [[10, 10], [10, 10]]
    paper, lite = make(*counts), make(*counts, semantics="netdissect-lite")
    assert [unit.label for unit in paper.units] == ["c0", "c0"]
    assert [unit.label for unit in lite.units] == ["c0", "c2"]
    assert [match.concept.name for match in lite.units[1].ranking(2)] == ["c2", "c0"]
    # Between categories the paper's tie takes the lowest number though its category is listed later.
    crossed = make([[5, 0, 5]], [10, 10, 10], [[10, 10]], category_of="bba")
    assert crossed.units[0].label == "c0"


def test_the_cut_is_strict_in_the_paper_and_not_in_lite():
    counts = [[1, 0, 0]], [10, 0, 0], [[16, 0]]  # IoU 1 / 25 = 0.04
    assert make(*counts).detectors() == 0
    assert make(*counts, semantics="netdissect-lite").detectors(1 / (25 + 1e-10)) == 1
    assert make(*counts).detectors(0.039) == 1


def test_both_rules():
    # Unit 0 passes in both categories, unit 1 in b, unit 2 in none.
    d = make([[8, 0, 4], [0, 1, 9], [0, 0, 1]], [10, 10, 10], [[10, 10]] * 3)
    summary = d.summary(0.1)
    assert summary.report.detectors == {"a": 1, "b": 1, "all": 2}
    assert summary.report.unique == {"a": 1, "b": 1, "all": 2}
    assert summary.paper.detectors == {"a": 1, "b": 2, "all": 2}
    assert summary.paper.unique == {"a": 1, "b": 1, "all": 2}
    assert d.unique_detectors(0.1) == 2
    assert "2 of 3 units are detectors (IoU > 0.1), 2 unique concepts" in str(summary)


def test_what_is_out_of_reach_is_listed_with_its_ceiling_and_why():
    d = make([[0, 0, 0]], [3000, 0, 2], [[50, 60]])
    limits = {limit.concept.name: limit for limit in d.summary().limits}
    assert [limits[name].reachable for name in ("c0", "c1", "c2")] == [False, False, False]
    assert limits["c0"].ceiling == 50 / 3000
    assert limits["c0"].reason == "covers 30 % of the pixels, a unit's mask at most 0.5 %"
    assert limits["c1"].reason == "never occurs in these images"
    assert limits["c2"].reason == "covers only 2 pixels, the units' masks far more"
    text = str(d.summary())
    assert "Out of reach: no unit of this layer could pass the cut with\n  c0 (a): covers 30 %" in text
    assert text.endswith("\n\nWithout a pixel in these images, 1 concept: c1 (a)")
    assert "c1 (a): " not in text
    large = make([[0, 0, 0]], [600, 50, 50], [[50, 60]]).summary()
    assert [(limit.concept.name, limit.reachable) for limit in large.limits] == [("c0", True)]
    assert "Large, so limited:\n  c0 (a)" in str(large)
    assert "c0" in d._repr_html_()
    assert "c0 (IoU ≤ 0.017)" in " ".join(d.plot()._supxlabel.get_text().split())


def test_units_and_ranking():
    d = make([[8, 0, 4], [0, 1, 9]], [10, 10, 10], [[10, 10]] * 2)
    unit = d.units[1]
    assert (unit.index, unit.label, unit.category, unit.address) == (1, "c2", "b", "layer3:1")
    assert unit.iou == d.iou[1, 2]
    match = unit.ranking(1)[0]
    assert (match.intersection, match.activation, match.truth) == (9, 10, 10)
    assert repr(match) == "<c2 (b): IoU 0.818 = 9 / (10 + 10 - 9)>"
    assert match.iou == match.intersection / (match.activation + match.truth - match.intersection)
    assert len(d.units) == 2
    assert d.units[-1].index == 1
    assert [u.index for u in d.units[:2]] == [0, 1]
    with pytest.raises(IndexError):
        d.units[2]
    assert repr(unit) == "<Unit layer3:1: c2 (b), IoU 0.818>"


def test_over_needs_counts_per_image():
    with pytest.raises(ValueError, match="kept no counts per image. Keep them: nd.dissect"):
        make([[0, 0, 0]], [0, 0, 0], [[0, 0]]).over([0])


def test_drawings_are_said_everywhere(tmp_path):
    d = make([[8, 0, 4]], [10, 10, 10], [[10, 10]], drawings=True)
    d.to_csv(tmp_path / "d.csv")
    assert DRAWINGS in repr(d)
    assert DRAWINGS in str(d.summary())
    assert DRAWINGS in d._repr_html_()
    assert DRAWINGS[:30] in d.plot()._supxlabel.get_text()
    assert DRAWINGS in (tmp_path / "d.csv").read_text()
    assert nd.read_csv(tmp_path / "d.csv").drawings


def test_csv_has_the_originals_columns_and_comes_back(tmp_path):
    d = make([[8, 0, 4], [0, 0, 0], [0, 1, 9]], [10, 10, 10], [[10, 10]] * 3)
    d.to_csv(tmp_path / "tally.csv")
    with (tmp_path / "tally.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "unit",
        "category",
        "label",
        "score",
        *(f"{c}-{f}" for c in "ab" for f in ("label", "truth", "activation", "intersect", "iou")),
    ]
    assert [row["unit"] for row in rows] == ["3", "1", "2"]
    assert (rows[2]["category"], rows[2]["label"], float(rows[2]["score"])) == ("", "", 0)
    back = nd.read_csv(tmp_path / "tally.csv")
    assert back.layer == "tally"
    for cut in (0.04, 0.5):
        assert back.summary(cut).report == d.summary(cut).report
        assert back.summary(cut).paper == d.summary(cut).paper
    assert [u.label for u in back.units] == [u.label for u in d.units]
    assert np.isnan(back.iou[0]).sum() == len(back.concepts) - 2


@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
def test_ties_survive_the_round_trip(tmp_path, semantics):
    d = make([[5, 0, 5], [5, 5, 5]], [10, 10, 10], [[10, 10]] * 2, category_of="bba", semantics=semantics)
    d.to_csv(tmp_path / "t.csv")
    back = nd.read_csv(tmp_path / "t.csv", semantics=semantics)
    assert [(u.label, u.category) for u in back.units] == [(u.label, u.category) for u in d.units]
    assert back.summary().report == d.summary().report


def test_a_result_without_any_overlap_comes_back(tmp_path):
    d = make([[0, 0, 0]], [10, 10, 10], [[10, 10]])
    d.to_csv(tmp_path / "t.csv")
    back = nd.read_csv(tmp_path / "t.csv")
    assert back.detectors() == 0
    assert "0 of 1 unit" in repr(back)
    assert back.units[0].ranking(3) == []


def test_a_label_counted_twice_is_not_called_out_of_reach():
    d = make([[12, 0, 0]], [200, 0, 0], [[5, 0]], semantics="netdissect-lite")
    assert d.ceiling[0, 0] < 0.04 < d.iou[0, 0]
    assert "c0" not in [limit.concept.name for limit in d.summary().out_of_reach]


def test_read_csv_says_what_is_wrong(tmp_path):
    good = ["unit,category,label,score,a-label,a-truth,a-activation,a-intersect,a-iou", "1,a,x,0.5,x,10,20,10,0.5"]
    path = tmp_path / "t.csv"

    def refused(lines, text):
        path.write_text("\n".join(lines))
        with pytest.raises(ValueError, match=text):
            nd.read_csv(path)

    refused([good[0].replace("a-truth,", ""), good[1]], "no column 'a-truth'")
    refused([], "an empty file")
    refused([good[0], good[1].replace("10", "ten", 1)], "line 2, column 'a-truth': 'ten' is not a number")
    refused([good[0], good[1].replace("1", "0", 1)], "column 'unit': '0'; units count 1, 2, 3")
    refused([good[0], good[1].replace("1", "inf", 1)], "column 'unit': 'inf'")
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(ValueError, match="t.csv: .* A result file is UTF-8 text"):
        nd.read_csv(path)
    refused([*good, good[1]], "2 rows, but the units are not 1 to 2, each once")
    refused([good[0], good[1] + ",7"], "line 2: more cells than the 9 columns. Put quotes around names with commas")
    refused(
        [good[0], good[1].replace("10,20,10,0.5", "10,20,10,1.5")],
        "stored_iou is above 1 .* semantics='netdissect-lite'",
    )
    refused([good[0], good[1].replace("10,20,10,0.5", "10,20,11,0.5")], "intersection has more pixels than the concept")
    refused([good[0], good[1].replace("10,20,10,0.5", "10,20,9.5,0.5")], "intersection is no whole number")
    with pytest.raises(OSError):
        nd.read_csv(tmp_path / "none.csv")


def test_read_csv_does_not_know_an_area_that_its_rows_dispute(tmp_path):
    path = tmp_path / "t.csv"
    header = "unit,category,label,score,a-label,a-truth,a-activation,a-intersect,a-iou"
    path.write_text(
        f"{header}\n1,a,x,0.5,x,10,20,10,0.5\n2,a,x,0.4,x,20,20,10,0.3333333333\n3,a,y,0.5,y,10,20,10,0.5\n"
    )
    with pytest.warns(UserWarning, match="1 entries whose IoU or concept area"):
        d = nd.read_csv(path)
    np.testing.assert_array_equal(d.truth, [np.nan, 10])
    assert [unit.iou for unit in d.units] == [0.5, 0.3333333333, 0.5]
    assert "x" not in [limit.concept.name for limit in d.summary(0.9).limits]
    assert "nan" in repr(d.units[0].ranking(1))
    d.save(tmp_path / "a.nbd")
    assert nd.load(tmp_path / "a.nbd") == d


def test_read_csv_keeps_doubtful_scores_with_a_warning(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "score,a-iou,a-intersect,a-activation,a-truth,a-label,unit,category,label\n0.52,0.52,10,20,10,,1,a,\n"
    )
    with pytest.warns(UserWarning, match="1 entries whose IoU"):
        d = nd.read_csv(path)
    assert d.units[0].iou == 0.52
    assert d.units[0].concept.name == ""


@pytest.mark.parametrize(
    ("file", "network", "report"),
    [
        ("caffe_reference_places205", "caffe_reference_places205", (107, 60)),
        ("caffe_reference_imagenet", "caffe_reference_imagenet", (97, 50)),
        ("ResNet-152-model_places365", "resnet-152-torch-places365", (1452, 278)),
    ],
)
def test_published_numbers(published_results, file, network, report):
    d = nd.read_csv(published_results / f"{file}.csv")
    published = next(
        entry
        for entry in json.loads(Path(published_results / "published_counts.json").read_text())
        if entry["network"] == network
    )
    summary = d.summary()
    assert (summary.report.detectors["all"], summary.report.unique["all"]) == report
    assert summary.paper.detectors == published["detectors"]
    assert summary.paper.unique == published["unique"]


@pytest.mark.slow
def test_netdissect_lites_own_output(minibroden, squeezenet, lite_results):
    import torch

    mean = torch.tensor([124.6901, 118.6897, 109.5388])
    data = nd.Broden(minibroden, categories=["color", "object", "part", "material", "texture"])
    d = nd.dissect(
        squeezenet,
        "features",
        data=data,
        transform=lambda image: ((torch.from_numpy(np.array(image)).float() - mean) / 57.12).permute(2, 0, 1),
        semantics="netdissect-lite",
        thresholds=np.load(lite_results / "quantile.npy"),
        progress=False,
    )
    assert d.images == 1740
    theirs = nd.read_csv(lite_results / "tally.csv")
    column = {(c.category, c.name): k for k, c in enumerate(d.concepts)}
    ours = d.iou[:, [column[c.category, c.name] for c in theirs.concepts]]
    assert np.nanmax(np.abs(ours - theirs.iou)) <= 1e-4
    assert sum(a.label == b.label for a, b in zip(d.units, theirs.units, strict=True)) >= 510
    assert (d.detectors(), d.unique_detectors()) == (214, 42)


def test_empty_layers_and_no_categories_of_detectors_plot():
    figure = make([[0, 0, 0]], [10, 10, 10], [[10, 10]]).plot()
    assert "No unit passes IoU > 0.04" in [text.get_text() for text in figure.axes[0].texts]


def test_best_handles_nan():
    values = np.array([[np.nan, 0.2, np.nan], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(scores.best(values, np.array([0, 0, 1]), 2), [1, -1])
