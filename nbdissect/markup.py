"""HTML that says what it is given: names from elsewhere stay text, and no formula."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbdissect.text import printable, printable_lines, short_name

if TYPE_CHECKING:
    from nbdissect.types import Concept

# What keeps MathJax 3 and 2, which notebooks run over their outputs, from taking names with $ for formulas.
NO_MATH = "mathjax_ignore tex2jax_ignore"


def name_html(name: str) -> str:
    """Return a name from elsewhere as HTML, for an element's text or an attribute."""
    return escape(printable(name))


def text_html(text: str) -> str:
    """Return a text of several lines, in which there may be names from elsewhere, as HTML."""
    return escape(printable_lines(text))


def concept_html(concept: Concept) -> str:
    """Return the name of a concept as it is shown beside its category; the whole of it where one points at it."""
    short = short_name(concept.name, concept.category)
    if short == concept.name:
        return name_html(concept.name)
    return f'<span title="{name_html(concept.name)}">{name_html(short)}</span>'
