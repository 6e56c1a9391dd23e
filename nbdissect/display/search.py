"""How the search of a gallery reads a query: the same rules as the page's ``js/src/data/search.ts``."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_SPACE = r"\s\x1c-\x1f\x85\ufeff"  # what either language takes for one
_TOKEN = re.compile(rf'"([^"]*)("|$)|[^{_SPACE},]+|,')
_SPACES = re.compile(rf"[{_SPACE}]+")
_QUOTES = str.maketrans("“”„", '"""')


class Term(NamedTuple):
    """A word, or several in quotes; `whole` where it must not be the beginning of a longer word."""

    text: str
    whole: bool

    def occurs_in(self, text: str) -> bool:
        """Return whether it stands in a text of small letters, from the start of a word on."""
        at = text.find(self.text)
        while at >= 0:
            end = at + len(self.text)
            starts = not (_is_spaced(self.text[0]) and at and _is_in_word(text[at - 1]))
            ends = not (self.whole and _is_spaced(self.text[-1]) and end < len(text) and _is_in_word(text[end]))
            if starts and ends:
                return True
            at = text.find(self.text, at + 1)
        return False


class Search:
    """What is found: everything that meets one of the alternatives.

    A comma is an "or", what stands in quotes is meant exactly so, and all other words must each begin a
    word of the concept's name or category, or be the number or the address of the unit.
    """

    def __init__(self, query: str) -> None:
        text = query.lower().translate(_QUOTES)
        self._whole = _trimmed(text)  # it may be the address of a unit, whatever signs are in that
        self._alternatives: list[tuple[str, list[Term]]] = []
        start, terms = 0, list[Term]()
        for match in _TOKEN.finditer(text):
            part, (quoted, closing) = match[0], match.groups()
            if part == ",":
                self._add(text[start : match.start()], terms)
                start, terms = match.end(), []
            elif quoted is None:
                terms.append(Term(part, whole=False))
            elif _trimmed(quoted):
                terms.append(Term(_trimmed(quoted), whole=closing == '"'))
        self._add(text[start:], terms)

    def _add(self, text: str, terms: list[Term]) -> None:
        if terms:
            self._alternatives.append((_trimmed(text), terms))

    def finds(self, unit: int, address: str, about: str) -> bool:
        """Return whether a unit is found: by its number, its address, or what is said of it."""
        own, words = (str(unit), address.lower()), about.lower()
        if not self._alternatives or self._whole == own[1]:
            return True
        return any(
            text in own or all(term.text in own or term.occurs_in(words) for term in terms)
            for text, terms in self._alternatives
        )


def _trimmed(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" ")


def _is_spaced(sign: str) -> bool:
    """Whether it is a digit, or a letter of a script that puts spaces between words."""
    return unicodedata.category(sign) in ("Lu", "Ll", "Lt", "Nd", "Nl", "No")


def _is_in_word(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LNM"
