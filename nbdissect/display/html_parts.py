"""Parts of which all static HTML is made: tables, and what only a page that keeps styles shows."""

from __future__ import annotations

# The sanitizer of ``nbconvert --sanitize-html`` keeps classes, of which these two hide an element in nbconvert's pages
# as in JupyterLab, and drops styles, which undo it in all other places.
UNLESS_SANITIZED = "lm-Widget lm-mod-hidden"
_CELL = "padding:.25em .8em .25em 0;vertical-align:middle;"


def table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """Return an HTML table; `numbers` are the columns that are aligned right."""

    def cells(values: list[str], role: str = "") -> str:
        return "".join(
            f'<td{role} style="{_CELL}text-align:{"right" if k in numbers else "left"}">{value}</td>'
            for k, value in enumerate(values)
        )

    titles = cells([f"<strong>{title}</strong>" if title else "" for title in head], ' role="columnheader"')
    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    return f'<table style="margin:.6em 0"><tr>{titles}</tr>{body}</table>'


def unless_sanitized(html: str) -> str:
    """Return HTML that is hidden where styles are dropped: there, an image would be 100 lines of base64."""
    return f'<div class="{UNLESS_SANITIZED}" style="display:block !important;overflow:visible">{html}</div>'


def note(text: str) -> str:
    """Return what a reader must know, as a box; `text` is HTML."""
    return f'<div role="note" style="margin:.6em 0;padding:.5em .8em;border-left:4px solid #D55E00"><strong>{text}</strong></div>'
