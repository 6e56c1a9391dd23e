"""A result as plain HTML: no script, inline style only, so that it is readable wherever a notebook is shown.

The strictest place we know, nbconvert's ``--sanitize-html``, keeps div, span, table, tr, td, strong,
em, code and pre, and shows other tags as text: what matters stands in those. An image would be
100 lines of base64 there: see `unless_sanitized`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.display.html_parts import note, table, unless_sanitized
from nbdissect.display.palette import category_colors
from nbdissect.display.unit_html import strip_html
from nbdissect.markup import NO_MATH, concept_html, name_html, text_html
from nbdissect.results.fields import TOTAL
from nbdissect.settings import options

if TYPE_CHECKING:
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.summary import Limit, Summary

# Each strip is some 15 kB in the notebook.
_STRIPS = 8
_ROWS = 100
_LIMITS = 12


def summary_html(d: Dissection, min_iou: float, *, images: bool | None = None) -> str:
    """Return the headline, both counts by category, the best units with their images, and what was out of reach.

    Without `images` the best units stand there without them; by default where ``nd.options.embed_mb`` is 0.
    """
    images = options.embed_mb > 0 if images is None else images
    summary = d.summary(min_iou)
    parts = [*_head(summary)]
    parts += [
        _counts(summary),
        _best(d, min_iou, images=images),
        _limits(summary.limits),
        _all_units(d),
        provenance_html(d),
    ]
    return f'<div class="{NO_MATH}" style="text-align:left;max-width:64em">{"".join(parts)}</div>'


def counts_html(summary: Summary) -> str:
    """Return what ``d.summary()`` shows in a cell: the headline, both counts by category, what was out of reach."""
    rules = (
        "<div>Detectors: each unit counts once, for its best concept. By the paper's rule: once in every category in "
        "which it passes the cut.</div>"
    )
    parts = "".join([*_head(summary), _counts(summary), rules, _limits(summary.limits)])
    return f'<div class="{NO_MATH}" style="text-align:left;max-width:64em">{parts}</div>'


def _head(summary: Summary) -> list[str]:
    return [
        f'<div style="margin:0;font-size:1.25em"><strong>{name_html(summary.layer)}</strong> of {name_html(summary.model)}</div>',
        f'<div style="margin:.2em 0"><strong>{escape(summary.headline)}</strong></div>',
        f'<div style="margin:.2em 0;opacity:.75">{escape(summary.facts)}</div>',
        *(note(escape(text)) for text in summary.notes),
    ]


def _counts(summary: Summary) -> str:
    categories = [name for name in summary.report.detectors if name != TOTAL]
    palette = category_colors(tuple(categories))
    most = max([1, *(summary.report.detectors[name] for name in categories)])
    rows = []
    for name in (*categories, TOTAL):
        count = summary.report.detectors[name]
        bar = (
            f'<div style="background:{palette[name]};height:.7em;width:{12 * count / most:.2f}em"></div>'
            if name in palette
            else ""
        )
        rows.append(
            [
                name_html(name),
                f"{count:,}",
                f"{summary.report.unique[name]:,}",
                bar,
                f"{summary.paper.detectors[name]:,}",
                f"{summary.paper.unique[name]:,}",
            ]
        )
    head = ["category", "detectors", "unique", "", "detectors, paper rule", "unique, paper rule"]
    return table(head, rows, numbers=(1, 2, 4, 5))


def _best(d: Dissection, min_iou: float, *, images: bool) -> str:
    """The best unit of each of the best-detected concepts, with its strongest images."""
    units: list[int] = []
    seen: set[int] = set()
    passing = d.is_detector(min_iou)
    for u in np.argsort(-d.best_iou, kind="stable"):
        concept = int(d.best_concepts[u])
        if passing[u] and concept not in seen:
            seen.add(concept)
            units.append(int(u))
        if len(units) == _STRIPS:
            break
    if not units:
        return ""
    rows = [
        [
            f"<strong>{concept_html(unit.concept) if unit.concept else 'unnamed'}</strong> <div>{name_html(unit.category or '')}</div>",
            f"{unit.iou:.3f} <div><code>{name_html(unit.address)}</code></div>",
            strip_html(d, unit) if images else "",
        ]
        for unit in (d.units[u] for u in units)
    ]
    has_images = any(row[2] for row in rows)
    images_are = unless_sanitized("strongest images, dimmed where the unit is off") if has_images else ""
    return table(["concept", "IoU, unit", images_are], rows)


def _limits(limits: list[Limit]) -> str:
    if not limits:
        return ""
    rows = [
        [
            concept_html(limit.concept),
            name_html(limit.concept.category),
            escape(limit.reason),
            f"{limit.ceiling:.3f}",
            "no" if not limit.reachable else "yes",
        ]
        for limit in limits[:_LIMITS]
    ]
    more = (
        f"<div>… and {len(limits) - _LIMITS:,} more: <code>d.summary().limits</code></div>"
        if len(limits) > _LIMITS
        else ""
    )
    out = sum(not limit.reachable for limit in limits)
    return (
        f"<details><summary>{out:,} of these concepts were out of reach, {len(limits) - out:,} are limited by their size</summary>"
        "<div>An IoU can't exceed the smaller area divided by the larger: a concept that covers far more, or far less, than "
        "a unit's mask never passes the cut, whatever the unit does.</div>"
        f"{table(['concept', 'category', 'why', 'IoU at most', 'within reach'], rows, numbers=(3,))}{more}</details>"
    )


def _all_units(d: Dissection) -> str:
    order = np.argsort(-d.best_iou, kind="stable")[:_ROWS]
    rows = [
        [
            f"<code>{name_html(unit.address)}</code>",
            concept_html(unit.concept) if unit.concept else "–",
            name_html(unit.category or ""),
            f"{unit.iou:.3f}",
        ]
        for unit in (d.units[int(u)] for u in order)
    ]
    title = (
        f"All {len(d.units):,} units"
        if len(order) == len(d.units)
        else f"The {len(order)} best of {len(d.units):,} units"
    )
    return f"<details><summary>{title}</summary>{table(['unit', 'concept', 'category', 'IoU'], rows, numbers=(3,))}</details>"


def provenance_html(d: Dissection) -> str:
    """Return what made the result, folded away; nothing where that isn't known."""
    if d.provenance is None:
        return ""
    return (
        f'<details class="{NO_MATH}"><summary>What made {name_html(d.layer)}</summary>'
        f'<pre style="white-space:pre-wrap">{text_html(str(d.provenance))}</pre></details>'
    )
