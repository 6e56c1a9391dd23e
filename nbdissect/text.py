"""Words for people: numbers with their nouns, shares, objects in their own words, and near names."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
# Controls, formatting such as bidi overrides, half surrogates, separators of lines and paragraphs.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Persian words and the emoji of families are spelled with these two.
_JOINERS = "\u200c\u200d"


def plural(count: int, noun: str) -> str:
    """Return ``1 unit``, ``2,048 units``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Return ``12 %``, ``0.5 %``: two significant digits are all a reader needs."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def activation_text(value: float) -> str:
    """Return an activation in three digits, ``"5.20"``, as the gallery writes it (``js/src/view/activations.ts``)."""
    return f"{value:#.3g}".rstrip(".") if value else "0"


def describe(thing: Any) -> str:
    """Return an object's own words, without memory addresses, so that they are the same in every session."""
    try:
        return _ADDRESS.sub("", repr(thing))
    except Exception:  # somebody's __repr__
        return f"<{type(thing).__name__}>"


def describe_type(thing: Any) -> str:
    """Return what kind of object it is, for an error text: ``None``, ``a list``, ``a Tensor of shape [3, 8, 8]``."""
    if thing is None:
        return "None"
    kind, shape = type(thing).__name__, getattr(thing, "shape", None)
    article = "an" if kind[:1].lower() in "aeiou" or kind == "ndarray" else "a"
    return f"{article} {kind}" + (f" of shape {list(shape)}" if isinstance(shape, tuple) else "")


def printable(name: str) -> str:
    r"""Return a name that came from elsewhere as one line that shows what it holds, for terminals, pages and plots.

    Escapes, controls, bidi overrides and half surrogates appear as Python writes them, such as
    ``\x1b`` and ``\u202e``. All other signs, whatever the script, stay. For files that keep data,
    write the name itself.
    """
    if name.isprintable():
        return name
    return "".join(_escaped(sign) if unicodedata.category(sign) in _INVISIBLE else sign for sign in name)


# Ends of names that only say which category they are of, as Broden's do.
_ENDS = {"color": "-c", "scene": "-s"}


def short_name(name: str, category: str) -> str:
    """Return the name of a concept as it is shown beside its category: the color ``orange-c`` is ``orange``.

    The data keep the name as it is. The page has the same rule, in ``js/src/data/names.ts``.
    """
    end = _ENDS.get(category, "")
    return name.removesuffix(end) or name


def printable_lines(text: str) -> str:
    """Return a text that may hold names from elsewhere, each of its lines as :func:`printable` shows it."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(sign: str) -> str:
    return sign if sign in _JOINERS else repr(sign)[1:-1]


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return the `n` known names nearest to one that isn't among them, nearest first.

    A name with the same end comes first: somebody's ``layer4`` is ``backbone.layer4``.
    """
    known = list(known)
    ends = [candidate for candidate in known if candidate.endswith(f".{name}")]
    return list(dict.fromkeys([*ends, *difflib.get_close_matches(name, known, n=n, cutoff=0.0)]))[:n]


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.4) -> str:
    """Return `` Did you mean 'wheel' or 'wheels'?``, a sentence to append; empty where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
