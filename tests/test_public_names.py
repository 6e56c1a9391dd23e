"""Public names and signatures are those that were agreed on, and keywords are the same wherever they are passed on."""

from __future__ import annotations

import inspect
import os
import pydoc
import re

import nbdissect as nd
from nbdissect import api
from support.paths import TESTS
from support.signatures import public_names

AGREED = TESTS / "data" / "public_names.txt"


def test_names_and_signatures_are_those_agreed_on():
    """UPDATE_NAMES=1 python -m pytest tests/test_public_names.py writes what there is now."""
    if os.environ.get("UPDATE_NAMES"):
        AGREED.write_text(public_names(), encoding="utf-8")
    assert public_names().splitlines() == AGREED.read_text(encoding="utf-8").splitlines()


def test_keywords_that_are_passed_on_are_those_of_dissect():
    parameters = inspect.signature(nd.dissect).parameters
    own = {
        name: parameter.annotation
        for name, parameter in parameters.items()
        if parameter.kind == inspect.Parameter.KEYWORD_ONLY and name != "background"
    }
    passed = {name: reference.__forward_arg__ for name, reference in api.DissectOptions.__annotations__.items()}
    assert passed == own
    assert api.DissectOptions.__required_keys__ == frozenset()


def test_help_shows_names_and_defaults():
    text = pydoc.render_doc(nd.dissect, renderer=pydoc.plaintext)
    for keyword in ("quantile: '?float'? = 0.005", "top: '?int'? = 10", "semantics: '?Semantics'? = 'paper'"):
        assert re.search(keyword, text)
    assert "Unpack" not in text
