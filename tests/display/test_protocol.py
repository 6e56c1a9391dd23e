"""The two halves of the protocol, Python's and the page's, say the same."""

from __future__ import annotations

import re
import typing

import pytest

from nbdissect.display import browse_protocol, protocol
from support.paths import ROOT

SOURCES = ROOT / "js" / "src"
PAGE = (SOURCES / "protocol.ts").read_text(encoding="utf-8")
BROWSER_PAGE = (SOURCES / "browse" / "protocol.ts").read_text(encoding="utf-8")
_PLAIN = {str: "string", bool: "boolean", int: "number", float: "number", bytes: "DataView", type(None): "null"}


def interfaces(page: str = PAGE) -> dict[str, dict[str, str]]:
    found = re.findall(r"export interface (\w+) \{(.*?)\n\}", page, re.DOTALL)
    return {name: dict(re.findall(r"^  (\w+): ([^;]+);", body, re.MULTILINE)) for name, body in found}


def in_typescript(annotation: object) -> str:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return f"{in_typescript(arguments[0])}[]"
    if origin is typing.Literal:
        return " | ".join(f'"{argument}"' for argument in arguments)
    if arguments:
        return " | ".join(map(in_typescript, arguments))
    return annotation.__name__


TYPES = {name: item for name, item in vars(protocol).items() if typing.is_typeddict(item)}


def test_both_sides_know_the_same_messages():
    assert sorted(TYPES) == sorted(interfaces())


@pytest.mark.parametrize("name", TYPES)
def test_fields_and_types_agree(name):
    ours = {field: in_typescript(hint) for field, hint in typing.get_type_hints(TYPES[name]).items()}
    assert ours == interfaces()[name]


@pytest.mark.parametrize("name", ["Request", "Reply"])
def test_unions_agree(name):
    theirs = re.search(rf"export type {name} =\s*([^;]+);", PAGE)
    ours = [item.__name__ for item in typing.get_args(getattr(protocol, name))]
    assert theirs
    assert re.findall(r"\w+", theirs[1]) == ours


# --- data.browse() has a pair of its own ---

BROWSER_TYPES = {name: item for name, item in vars(browse_protocol).items() if typing.is_typeddict(item)}


def test_both_sides_know_the_same_messages_of_a_data_set():
    assert sorted(BROWSER_TYPES) == sorted(interfaces(BROWSER_PAGE))


@pytest.mark.parametrize("name", BROWSER_TYPES)
def test_fields_and_types_of_a_data_set_agree(name):
    ours = {field: in_typescript(hint) for field, hint in typing.get_type_hints(BROWSER_TYPES[name]).items()}
    assert ours == interfaces(BROWSER_PAGE)[name]


@pytest.mark.parametrize("name", ["DataRequest", "DataReply"])
def test_unions_of_a_data_set_agree(name):
    theirs = re.search(rf"export type {name} =\s*([^;]+);", BROWSER_PAGE)
    ours = [item.__name__ for item in typing.get_args(getattr(browse_protocol, name))]
    assert theirs
    assert re.findall(r"\w+", theirs[1]) == ours
