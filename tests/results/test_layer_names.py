"""Names come from somebody's label file: they are shown, and neither steer a terminal nor run in a spreadsheet."""

from __future__ import annotations

import csv
import unicodedata
import warnings
from dataclasses import replace

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.results.archive_format import ArchiveError
from nbdissect.results.provenance import Provenance
from support.archives import put_together, taken_apart
from support.dissections import dissection, photographs

EVIL = "\x1b]0;owned\x07\x1b[2Jcar\u202e\x9b31m\r\n\u2028half \ud800"
FORMULA = '=HYPERLINK("http://127.0.0.1:9/?"&A1,"car")'


def named(name, **more):
    """A result in which every name begins with `name`."""
    d = dissection(6, tuple(f"{name}{k}" for k in range(6)), layer=name, **more)
    categories = tuple(f"{name}{k}" for k in range(6))
    concepts = tuple(
        concept._replace(category=category) for concept, category in zip(d.concepts, categories, strict=True)
    )
    return replace(
        d,
        model=name,
        data=None,
        categories=categories,
        concepts=concepts,
        provenance=Provenance(layer=name, model=name, transform=name, credit=name),
    )


def assert_inert(text):
    assert not {unicodedata.category(sign) for sign in text if sign != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert r"\x1b]0;owned\x07" in text
    text.encode("utf-8")


def test_what_is_printed_is_inert():
    d, other = named(EVIL), named(f"{EVIL}!")
    several = nd.Dissections({EVIL: d})
    shown = [
        repr(d),
        d.text(),
        str(d.summary()),
        repr(d.summary()),
        repr(several),
        several.text(),
        repr(d.units),
        repr(d.units[0]),
        repr(d.units[0].ranking(3)),
        repr(d.concepts),
        str(d.provenance),
        repr(d.provenance),
        "\n".join(d.provenance.differences(other.provenance)),
        "\n".join(d.differences(other)),
        "\n".join(several.differences(nd.Dissections({f"{EVIL}!": other}))),
        "\n".join(several.differences(nd.Dissections({EVIL: other}))),
    ]
    for text in shown:
        assert_inert(text)
        assert len(text.splitlines()) == len(text.split("\n"))


def test_so_is_what_errors_and_warnings_say(tmp_path):
    d = named(EVIL)
    for attempt in (
        lambda: d.units[99],
        lambda: nd.Dissections({EVIL: d})["x"],
        lambda: replace(d, pixels=1).save(tmp_path / "a.nbd"),
    ):
        with pytest.raises((IndexError, KeyError, ArchiveError)) as caught:
            attempt()
        assert_inert(str(caught.value).replace("\\\\", "\\"))


def test_names_come_back_from_an_archive_as_they_are(tmp_path):
    d = named(EVIL)
    d.save(tmp_path / "a.nbd")
    e = nd.load(tmp_path / "a.nbd")
    assert e == d
    assert e.concepts == d.concepts


def test_an_archive_whose_numbers_can_not_be_says_so_inertly(tmp_path):
    photographs().save(tmp_path / "a.nbd")
    manifest, members = taken_apart(tmp_path / "a.nbd")
    manifest["dissections"][0].update(layer=EVIL, provenance=None, pixels=1)
    with pytest.raises(ArchiveError) as caught:
        nd.load(put_together(tmp_path / "b.nbd", manifest, members))
    assert_inert(str(caught.value))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_table_holds_the_names_themselves(tmp_path):
    name = '\x1b[2Jcar\u202e, "quoted"\n;\''
    d = named(name)
    d.to_csv(tmp_path / "a.csv")
    assert {row[2].rstrip("0123456") for row in rows_of(tmp_path / "a.csv")[1:]} <= {name, ""}
    back = nd.read_csv(tmp_path / "a.csv")
    assert [unit.label for unit in back.units] == [unit.label for unit in d.units]


def test_half_a_surrogate_is_written_as_an_escape(tmp_path):
    named("half \ud800 pair").to_csv(tmp_path / "a.csv")
    assert {row[2].rstrip("0123456") for row in rows_of(tmp_path / "a.csv")[1:]} <= {r"half \ud800 pair", ""}


@pytest.mark.parametrize("name", [FORMULA, "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", "  =1", "＝1+1"])
def test_formulas_are_warned_of_and_neutralized(tmp_path, name):
    d = named(name)
    with pytest.warns(
        UserWarning, match=r"1?\d names in this table would be run as a formula by a spreadsheet, such as .*safe=True"
    ):
        d.to_csv(tmp_path / "raw.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        d.to_csv(tmp_path / "safe.csv", safe=True)
    for row in rows_of(tmp_path / "safe.csv"):
        for cell in row:
            assert cell.lstrip()[:1] not in tuple("=+@＝")
            assert not cell.startswith(("-", "\t", "\r"))
    # The numbers are the same, and the text stays in its cell where cells are cut at semicolons.
    raw, safe = rows_of(tmp_path / "raw.csv"), rows_of(tmp_path / "safe.csv")
    assert [row[0] for row in raw[1:]] == [row[0] for row in safe[1:]]
    assert [row[3::5] for row in raw[1:]] == [row[3::5] for row in safe[1:]]
    assert '"label"' in (tmp_path / "safe.csv").read_text("utf-8").splitlines()[0]


def test_harmless_names_are_written_alike(tmp_path):
    d = dissection(6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        d.to_csv(tmp_path / "raw.csv")
    d.to_csv(tmp_path / "safe.csv", safe=True)
    assert rows_of(tmp_path / "raw.csv") == rows_of(tmp_path / "safe.csv")
    np.testing.assert_array_equal(nd.read_csv(tmp_path / "safe.csv").iou, nd.read_csv(tmp_path / "raw.csv").iou)
