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


def interfaces(page: str) -> dict[str, dict[str, str]]:
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


def types_of(module: object) -> dict[str, type]:
    return {name: item for name, item in vars(module).items() if typing.is_typeddict(item)}


# The gallery's pair, and that of data.browse().
PAIRS = [(protocol, PAGE), (browse_protocol, BROWSER_PAGE)]
TYPES = [(item, page) for module, page in PAIRS for item in types_of(module).values()]
UNIONS = [(protocol, PAGE, ["Request", "Reply"]), (browse_protocol, BROWSER_PAGE, ["DataRequest", "DataReply"])]


@pytest.mark.parametrize(("module", "page"), PAIRS, ids=["gallery", "browser"])
def test_both_sides_know_the_same_messages(module, page):
    assert sorted(types_of(module)) == sorted(interfaces(page))


@pytest.mark.parametrize(("item", "page"), TYPES, ids=[item.__name__ for item, _ in TYPES])
def test_fields_and_types_agree(item, page):
    ours = {field: in_typescript(hint) for field, hint in typing.get_type_hints(item).items()}
    assert ours == interfaces(page)[item.__name__]


@pytest.mark.parametrize(("module", "page", "names"), UNIONS, ids=["gallery", "browser"])
def test_unions_agree(module, page, names):
    for name in names:
        theirs = re.search(rf"export type {name} =\s*([^;]+);", page)
        ours = [item.__name__ for item in typing.get_args(getattr(module, name))]
        assert theirs
        assert re.findall(r"\w+", theirs[1]) == ours
