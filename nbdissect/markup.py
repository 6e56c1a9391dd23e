"""HTML that says what it is given: names from elsewhere stay text, and no formula."""

from __future__ import annotations

from html import escape

from nbdissect.text import printable, printable_lines

# What keeps MathJax 3 and 2, which notebooks run over their outputs, from taking names with $ for formulas.
NO_MATH = "mathjax_ignore tex2jax_ignore"


def name_html(name: str) -> str:
    """Return a name from elsewhere as HTML, for an element's text or an attribute."""
    return escape(printable(name))


def text_html(text: str) -> str:
    """Return a text of several lines, in which there may be names from elsewhere, as HTML."""
    return escape(printable_lines(text))
