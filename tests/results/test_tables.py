"""Tables of the original programs that are odd, hostile or damaged: a result, or an error that says where."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.display.dissection_table import table_of
from support.dissections import HOSTILE, dissection


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a.csv"
    dissection(10, HOSTILE).to_csv(path)
    return path


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def rewrite(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_hostile_labels_are_only_text(table):
    d = nd.read_csv(table)
    assert {concept.name for concept in d.concepts} <= set(HOSTILE)
    assert [unit.label for unit in d.units] == [unit.label for unit in dissection(10, HOSTILE).units]
    html = d._repr_html_()
    assert "<img" not in html
    assert "<script" not in html


def test_columns_in_any_order_are_the_same_result(table):
    before, rows = nd.read_csv(table), rows_of(table)
    order = np.random.default_rng(0).permutation(len(rows[0]))
    rewrite(table, [[row[k] for k in order] for row in rows])
    after = nd.read_csv(table)
    # Categories stand in another order, and so do their columns; what is said of each unit is the same.
    assert [(unit.label, unit.category, unit.iou) for unit in after.units] == [
        (unit.label, unit.category, unit.iou) for unit in before.units
    ]
    assert after.summary().report == before.summary().report


@pytest.mark.parametrize("value", ["inf", "-1", "1e999"])
def test_a_number_that_can_not_be_is_refused(table, value):
    rows = rows_of(table)
    rows[2][rows[0].index("object-truth")] = value
    rewrite(table, rows)
    with pytest.raises(
        ValueError, match=rf"a.csv, line 3, column 'object-truth': '{value}'; pixels and IoU are finite, and 0 at least"
    ):
        nd.read_csv(table)


def test_two_columns_of_one_name_are_refused(table):
    rows = rows_of(table)
    rewrite(table, [[*row, row[-1]] for row in rows])
    with pytest.raises(ValueError, match=f"two columns are called {rows[0][-1]!r}"):
        nd.read_csv(table)


def test_an_imported_table_is_browsed_plotted_and_compared(published_results):
    d = nd.read_csv(published_results / "caffe_reference_places205.csv")
    other = nd.read_csv(published_results / "caffe_reference_imagenet.csv")
    assert d.detectors() == 107
    assert d.gallery(query="road").shown is not None
    assert nd.gallery({"places": d, "imagenet": other}, compare=["places", "imagenet"]).compare
    assert d.plot().axes
    assert d.differences(other)[0].startswith("layer:")


def test_200_random_corruptions(table, tmp_path):
    whole, rng, read = table.read_bytes(), np.random.default_rng(0), 0
    words = [b"nan", b"inf", b"-1", b'"', b"\n", b",", b"\0", b"\xff", b"0", b""]
    for _ in range(200):
        content, place = bytearray(whole), int(rng.integers(len(whole)))
        content[place : place + int(rng.integers(0, 12))] = words[rng.integers(len(words))]
        (tmp_path / "b.csv").write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                d = nd.read_csv(tmp_path / "b.csv")
            except ValueError:
                continue
            read += 1
            assert d.text()
            assert table_of(d, "b")["units"] == len(d.units)
            assert "<script" not in d._repr_html_()
            d.save(tmp_path / "b.nbd")
            assert nd.load(tmp_path / "b.nbd") == d
    assert 10 < read < 190
