"""What people read: names from elsewhere are shown, and do nothing else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdissect.text import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("car", "car"),
        ("", ""),
        ("\x1b]0;owned\x07\x1b[2J", r"\x1b]0;owned\x07\x1b[2J"),
        ("a\x9b31m", r"a\x9b31m"),
        ("one\ntwo\r\tthree\x00\x7f", r"one\ntwo\r\tthree\x00\x7f"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\u2066a\u2069\u200e\u061c", r"\u2066a\u2069\u200e\u061c"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("half \ud800 pair", r"half \ud800 pair"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("mark\ufeff\u200b", r"mark\ufeff\u200b"),
    ],
)
def test_what_is_no_letter_appears_as_an_escape(name, shown):
    assert printable(name) == shown


@pytest.mark.parametrize(
    "name",
    [
        "自行车的前轮",
        "عجلة السيارة",
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧",
        "café\u0301",
        "a\u00a0b",
        "全\u3000角",
        "C:\\n",
    ],
)
def test_every_script_stays_as_it_is(name):
    assert printable(name) == name


@given(st.text(st.characters(), max_size=20))
def test_a_name_is_one_line_that_every_encoder_takes(name):
    shown = printable(name)
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert {sign for sign in shown if unicodedata.category(sign) == "Cf"} <= {"\u200c", "\u200d"}
    shown.encode("utf-8")
    assert printable(shown) == shown
