"""The line of code that dissects a layer, in the words that the user has for the model and the data."""

from __future__ import annotations

import os
import re
import sys
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLAIN = re.compile(r"\w[\w.\-]*")
_QUOTABLE = re.compile(r"[\w. \-/()\[\]<>&:+=]+")


class CodeLine(NamedTuple):
    """What stands before and after a layer's name, and how that is written there."""

    before: str
    after: str
    word: Callable[[str], str]

    def of(self, layer: str) -> str:
        """Return the line that dissects a layer."""
        return f"{self.before}{self.word(layer)}{self.after}"

    @property
    def complete(self) -> bool:
        """Whether it is a line to run; else it is the layer's name, quoted."""
        return bool(self.before)


NAME_ONLY = CodeLine("", "", repr)


def magic_word(name: str) -> str:
    r"""Return a layer's name as ``%dissect`` takes it: as it is, quoted, or as an expression where quotes don't help.

    >>> print(magic_word("layer4.0"), magic_word("a b"), magic_word("$x"))
    layer4.0 'a b' {'\x24x'}
    """
    if _PLAIN.fullmatch(name):
        return name
    if _QUOTABLE.fullmatch(name):
        return f"'{name}'"
    return (
        "{'"
        + "".join(sign if (sign.isascii() and sign.isalnum()) or sign in "._" else _escape(ord(sign)) for sign in name)
        + "'}"
    )


def _escape(code: int) -> str:
    if code < 1 << 8:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def python_line(namespace: Mapping[str, Any], model: Any, options: Mapping[str, Any]) -> CodeLine:
    """Return the call ``nd.dissect(net, 'layer3', data=photos)``, in the user's names.

    Where one of the things has no name there, no line can say which is meant: the layer's name alone is left.

    Parameters
    ----------
    namespace : mapping of str to object
        The user's variables.
    model : torch.nn.Module
    options : mapping of str to object
        Further arguments of the call; None where one wasn't given.
    """
    names = {
        id(value): name
        for name, value in reversed(list(namespace.items()))
        if name.isidentifier() and not iskeyword(name) and not name.startswith("_")
    }
    package, net = names.get(id(sys.modules.get("nbdissect"))), names.get(id(model))
    given = [(name, _written(value, names)) for name, value in options.items() if value is not None]
    if not package or not net or not all(written for _, written in given):
        return NAME_ONLY
    after = "".join(f", {name}={written}" for name, written in given)
    return CodeLine(f"{package}.dissect({net}, ", f"{after})", repr)


def _written(value: Any, names: Mapping[int, str]) -> str:
    if id(value) in names:
        return names[id(value)]
    if isinstance(value, (str, int)):
        return repr(value)
    if isinstance(value, os.PathLike) or type(value).__name__ == "device":
        return repr(str(value))
    return ""
