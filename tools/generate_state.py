"""Write the page's half of the gallery's state: ``python tools/generate_state.py``; a test says whether it is up to date."""

from __future__ import annotations

import json
import types
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nbdissect.display import gallery_state
from nbdissect.display.protocol import WidgetState

TARGET = Path(__file__).parents[1] / "js" / "src" / "state" / "gallery-state.ts"
_PLAIN = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
_NAMED = {getattr(gallery_state, name): name for name in ("Sort", "Only", "Overlay", "Change", "Units")}


def typescript(hint: Any, *, named: bool = True) -> str:
    """Return a Python type as TypeScript has it."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if named and hint in _NAMED:
        return _NAMED[hint]
    if get_origin(hint) is Literal:
        return " | ".join(json.dumps(value) for value in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " | ".join(map(typescript, get_args(hint)))
    if get_origin(hint) is list:
        return f"{typescript(*get_args(hint))}[]"
    return str(hint.__name__)


def interface(schema: type, names: list[str], head: str) -> str:
    """Return the interface of some fields of a dataclass, with what its docstring says first."""
    hints = get_type_hints(schema)
    summary = (schema.__doc__ or "").splitlines()[0]
    body = "".join(f"  {name}: {typescript(hints[name])};\n" for name in names)
    return f"/** {summary} */\nexport interface {head} {{\n{body}}}\n"


def generated() -> str:
    """Return the text of the file."""
    state = gallery_state.GalleryState()
    shared = [each.name for each in fields(state)]
    own = [each.name for each in fields(WidgetState) if each.name not in shared]
    types_ = "".join(f"export type {name} = {typescript(hint, named=False)};\n" for hint, name in _NAMED.items())
    defaults = "".join(f"  {name}: {json.dumps(value)},\n" for name, value in asdict(state).items())
    head = "// Written by tools/generate_state.py from nbdissect/display/gallery_state.py: change that, and run it.\n"
    return "\n".join(
        [
            head + 'import type { DissectionTable } from "../protocol";\n',
            types_,
            interface(gallery_state.GalleryState, shared, "GalleryState"),
            interface(WidgetState, own, "WidgetState extends GalleryState"),
            f"/** What a gallery begins with where nobody says otherwise. */\nexport const DEFAULTS: GalleryState = {{\n{defaults}}};\n",
        ]
    )


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
