"""A result as plain HTML: no script, inline style only, so that it is readable wherever a notebook is shown.

The strictest place we know, nbconvert's ``--sanitize-html``, keeps div, span, table, tr, td, strong,
em, code and pre, and shows other tags as text: what matters stands in those. An image would be
100 lines of base64 there: see `UNLESS_SANITIZED`.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.display.palette import category_colors
from nbdissect.markup import NO_MATH, name_html, text_html
from nbdissect.notices import logged
from nbdissect.results.upsampling import resize
from nbdissect.samples import check_dataset
from nbdissect.settings import options

if TYPE_CHECKING:
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.summary import Limit, Summary

# Each strip is some 15 kB in the notebook.
_STRIPS = 8
_SIDE = 72
_ROWS = 100
_LIMITS = 12
# That sanitizer keeps classes, of which these two hide an element in nbconvert's pages as in JupyterLab, and drops
# styles, which undo it in all other places.
UNLESS_SANITIZED = "lm-Widget lm-mod-hidden"
_CELL = "padding:.25em .8em .25em 0;vertical-align:middle;"


def summary_html(d: Dissection, min_iou: float, *, images: bool | None = None) -> str:
    """Return the headline, both counts by category, the best units with their images, and what was out of reach.

    Without `images` the best units stand there without them; by default where ``nd.options.embed_mb`` is 0.
    """
    images = options.embed_mb > 0 if images is None else images
    summary = d.summary(min_iou)
    parts = [
        f'<div style="margin:0;font-size:1.25em"><strong>{name_html(d.layer)}</strong> of {name_html(d.model)}</div>',
        f'<div style="margin:.2em 0"><strong>{escape(summary.headline)}</strong></div>',
        f'<div style="margin:.2em 0;opacity:.75">{escape(d.facts)}</div>',
    ]
    if d.warning:
        parts.append(
            f'<div role="note" style="margin:.6em 0;padding:.5em .8em;border-left:4px solid #D55E00"><strong>{escape(d.warning)}</strong></div>'
        )
    parts += [
        _counts(d, summary),
        _best(d, min_iou, images=images),
        _limits(summary.limits),
        _all_units(d),
        provenance_html(d),
    ]
    return f'<div class="{NO_MATH}" style="text-align:left;max-width:64em">{"".join(parts)}</div>'


def _table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """An HTML table; `numbers` are the columns that are aligned right."""

    def cells(values: list[str], role: str = "") -> str:
        return "".join(
            f'<td{role} style="{_CELL}text-align:{"right" if k in numbers else "left"}">{value}</td>'
            for k, value in enumerate(values)
        )

    titles = cells([f"<strong>{title}</strong>" if title else "" for title in head], ' role="columnheader"')
    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    return f'<table style="margin:.6em 0"><tr>{titles}</tr>{body}</table>'


def _counts(d: Dissection, summary: Summary) -> str:
    palette = category_colors(d.categories)
    most = max([1, *(summary.report.detectors[name] for name in d.categories)])
    rows = []
    for name in (*d.categories, "all"):
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
    return _table(head, rows, numbers=(1, 2, 4, 5))


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
            f"<strong>{name_html(unit.label or 'unnamed')}</strong> <div>{name_html(unit.category or '')}</div>",
            f"{unit.iou:.3f} <div><code>{name_html(unit.address)}</code></div>",
            _strip(d, unit.index) if images else "",
        ]
        for unit in (d.units[u] for u in units)
    ]
    has_images = any(row[2] for row in rows)
    images_are = _unless_sanitized("strongest images, dimmed where the unit is off") if has_images else ""
    return _table(["concept", "IoU, unit", images_are], rows)


def _strip(d: Dissection, u: int) -> str:
    with logged(f"The images of unit {u} could not be drawn"):  # the data may be gone; the numbers stand without them
        return _drawn_strip(d, u)
    return ""


def _drawn_strip(d: Dissection, u: int) -> str:
    from PIL import Image

    images = [int(i) for i in d.top_images[u] if i >= 0]
    if d.data is None or not images:
        return ""
    data = check_dataset(d.data)
    strip = Image.new("RGB", (len(images) * (_SIDE + 4) - 4, _SIDE), "white")
    for k, image in enumerate(images):
        small = data[image].image.convert("RGB").resize((_SIDE, _SIDE))
        on = resize(d.top_maps[u, k], (_SIDE, _SIDE)) > d.thresholds[u]
        pixels = np.asarray(small, dtype=np.float32)
        pixels = np.where(on[..., None], pixels, pixels * 0.35 + 40)
        strip.paste(Image.fromarray(pixels.astype(np.uint8)), (k * (_SIDE + 4), 0))
    file = io.BytesIO()
    strip.save(file, "JPEG", quality=80)
    unit = d.units[u]
    text = name_html(f"{len(images)} strongest images of {unit.address}, {unit.label}")
    source = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return _unless_sanitized(f'<img alt="{text}" style="max-width:none" src="{source}">')


def _unless_sanitized(html: str) -> str:
    return f'<div class="{UNLESS_SANITIZED}" style="display:block !important;overflow:visible">{html}</div>'


def _limits(limits: list[Limit]) -> str:
    if not limits:
        return ""
    rows = [
        [
            name_html(limit.concept.name),
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
        f"{_table(['concept', 'category', 'why', 'IoU at most', 'within reach'], rows, numbers=(3,))}{more}</details>"
    )


def _all_units(d: Dissection) -> str:
    order = np.argsort(-d.best_iou, kind="stable")[:_ROWS]
    rows = [
        [
            f"<code>{name_html(unit.address)}</code>",
            name_html(unit.label or "–"),
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
    return f"<details><summary>{title}</summary>{_table(['unit', 'concept', 'category', 'IoU'], rows, numbers=(3,))}</details>"


def provenance_html(d: Dissection) -> str:
    """Return what made the result, folded away; nothing where that isn't known."""
    if d.provenance is None:
        return ""
    return (
        f'<details class="{NO_MATH}"><summary>What made {name_html(d.layer)}</summary>'
        f'<pre style="white-space:pre-wrap">{text_html(str(d.provenance))}</pre></details>'
    )
