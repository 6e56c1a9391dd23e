"""The public names and their signatures, as text: what users of the package may rely on."""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import is_dataclass
from inspect import Parameter

import anywidget
import traitlets

import nbdissect as nd
from nbdissect.display.gallery import Gallery
from nbdissect.magic import DissectMagics
from nbdissect.results.units import Match, Unit, Units
from nbdissect.runner import BackgroundRun
from nbdissect.types import ConceptData, Progress

_MET_AS_RESULTS = (BackgroundRun, ConceptData, Gallery, Match, type(nd.options), Progress, Unit, Units)
"""Classes that users meet under no name of ``nbdissect``."""


def public_names():
    """Return a line for each public name with its signature, and an indented one for each member of a class."""
    lines = []
    for name in sorted(nd.__all__):
        thing = getattr(nd, name)
        if inspect.isfunction(thing):
            lines.append(f"{name}{_signature(thing)}")
        elif inspect.isclass(thing):
            lines += _class_lines(thing)
        else:
            lines.append(f"{name}: {type(thing).__name__}")
    for kind in _MET_AS_RESULTS:
        lines += _class_lines(kind)
    lines += ["%dissect", *(f"    {flag}" for flag in _flags_of_the_magic())]
    return "\n".join(lines) + "\n"


def _class_lines(kind):
    """Its constructor; methods, fields, traits, and what its ``__init__`` sets, from our own bases only."""
    members = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("nbdissect"):
            members.update(dict.fromkeys(getattr(base, "__annotations__", {}), ""))
            members.update({name: _member(value) for name, value in vars(base).items()})
            if "__init__" in vars(base) and not is_dataclass(base):
                source = inspect.getsource(base.__init__)
                members.update(dict.fromkeys(re.findall(r"^ +self\.(\w+)(?:: .*)? = ", source, re.MULTILINE), ""))
    constructor = kind
    if issubclass(kind, traitlets.HasTraits):
        constructor = kind.__init__
        for name in {*kind.class_trait_names(sync=True)} - {*anywidget.AnyWidget.class_trait_names()}:
            trait = getattr(kind, name)
            members[name] = f": {type(trait).__name__} = {trait.default()!r}"
    head = "" if kind is ConceptData else _signature(constructor)
    public = sorted(name for name in members if not name.startswith("_"))
    return [f"class {kind.__name__}{head}", *(f"    .{name}{members[name]}" for name in public)]


def _member(value):
    value = getattr(value, "__func__", value)  # of a class method
    return _signature(value) if inspect.isfunction(value) else ""


def _signature(called):
    """As `inspect.signature` writes it, but the same in every version of Python, and without quotes."""
    parts, named_only = [], False
    for name, parameter in inspect.signature(called).parameters.items():
        if name in ("self", "cls"):
            continue
        if parameter.kind == Parameter.KEYWORD_ONLY and not named_only:
            parts.append("*")
            named_only = True
        text = f"**{name}" if parameter.kind == Parameter.VAR_KEYWORD else name
        if parameter.annotation is not Parameter.empty:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not Parameter.empty:
            text += f" = {_default(parameter.default)}"
        parts.append(text)
    returned = called.__annotations__.get("return") if inspect.isfunction(called) else None
    return f"({', '.join(parts)})" + (f" -> {_annotation(returned)}" if returned else "")


def _annotation(annotation):
    """Annotations are strings, in named tuples references to them."""
    return getattr(annotation, "__forward_arg__", annotation)


def _default(value):
    return value.__name__ if isinstance(value, types.FunctionType) else repr(value)


def _flags_of_the_magic():
    return sorted(
        " ".join([*(action.option_strings or [action.dest]), action.metavar or ""]).strip()
        for action in DissectMagics.dissect.parser._actions
    )
