"""Units as plain HTML: what ``d.units[89]`` and ``d.units[[3, 5]]`` show in a cell, with no kernel behind it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbdissect.display.html_parts import note, table, unless_sanitized
from nbdissect.display.unit_images import data_url, pictures, strip, strongest
from nbdissect.markup import NO_MATH, concept_html, name_html
from nbdissect.notices import logged
from nbdissect.settings import options
from nbdissect.text import activation_text, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.results.units import Match, Unit

# A strip is some 15 kB in the notebook, a unit with large images some 60 kB.
PICTURED = 24
_LISTED = 200
_SMALL, _LARGE = 72, 144
_RANKED = 5


def unit_html(d: LayerScores, unit: Unit) -> str:
    """Return a unit with its images, each with its number and activation, and the counts of its best concepts."""
    head = [
        f"<strong>{concept_html(unit.concept) if unit.concept else 'no concept'}</strong>",
        f"{name_html(unit.category or '')} · IoU {unit.iou:.3f} · <code>{name_html(unit.address)}</code>",
    ]
    return _box(
        d,
        f'<div style="font-size:1.15em">{" ".join(head)}</div>',
        _large_images(d, unit),
        _ranking(unit.ranking(_RANKED)),
    )


def units_html(d: LayerScores, units: Sequence[Unit]) -> str:
    """Return some units, one below the other, each with its label and its images side by side."""
    rows = [
        [
            f"<strong>{concept_html(unit.concept) if unit.concept else '–'}</strong> <div>{name_html(unit.category or '')}</div>",
            f"{unit.iou:.3f} <div><code>{name_html(unit.address)}</code></div>",
            strip_html(d, unit) if at < PICTURED else "",
        ]
        for at, unit in enumerate(units[:_LISTED])
    ]
    images = unless_sanitized("strongest images, dimmed where the unit is off") if any(row[2] for row in rows) else ""
    more = f"<div>… and {len(units) - _LISTED:,} more</div>" if len(units) > _LISTED else ""
    title = f"{plural(len(units), 'unit')} of {name_html(d.layer)}"
    return _box(d, f"<div>{title}</div>", table(["concept", "IoU, unit", images], rows), more)


def strip_html(d: LayerScores, unit: Unit) -> str:
    """Return the strongest images of a unit side by side; nothing where they are not at hand, or not wanted."""
    if not strongest(d, unit.index) or options.embed_mb <= 0:
        return ""
    with logged(
        f"The images of unit {unit.index} could not be drawn"
    ):  # the data may be gone; the numbers stand without them
        text = name_html(f"{len(strongest(d, unit.index))} strongest images of {unit.address}, {unit.label}")
        source = data_url(strip(d, unit.index, _SMALL))
        return unless_sanitized(f'<img alt="{text}" style="max-width:none" src="{source}">')
    return ""


def _box(d: LayerScores, *parts: str) -> str:
    warning = note(escape(d.warning)) if d.warning else ""
    return f'<div class="{NO_MATH}" style="text-align:left">{warning}{"".join(parts)}</div>'


def _large_images(d: LayerScores, unit: Unit) -> str:
    if options.embed_mb <= 0:
        return ""
    with logged(f"The images of unit {unit.index} could not be drawn"):
        figures = [
            '<div style="display:inline-block;vertical-align:top;margin:.3em .5em .3em 0;font-size:.85em">'
            f'<img alt="" style="display:block;max-width:none" src="{data_url(image)}">'
            f"#{index} · {activation_text(float(d.top_activations[unit.index, rank]))}</div>"
            for (rank, index), image in zip(strongest(d, unit.index), pictures(d, unit.index, _LARGE), strict=True)
        ]
        return unless_sanitized("".join(figures)) if figures else ""
    return ""


def _ranking(matches: list[Match]) -> str:
    rows = [
        [
            concept_html(match.concept),
            name_html(match.concept.category),
            f"{match.iou:.3f}",
            *(f"{value:,}" for value in (match.intersection, match.activation, match.truth)),
        ]
        for match in matches
        if match.iou > 0
    ]
    head = ["concept", "category", "IoU", "pixels of both", "of the unit", "of the concept"]
    return table(head, rows, numbers=(2, 3, 4, 5)) if rows else ""
