"""One image in the colors of the units that fire on it, and these units: for a cell, and for matplotlib."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.display.html_parts import note, unless_sanitized
from nbdissect.display.palette import place_color
from nbdissect.display.plots import PLAIN, BarGraph, figure_of
from nbdissect.display.segments import png, segments, sized, swatch
from nbdissect.display.unit_images import data_url, outlined
from nbdissect.markup import NO_MATH, concept_html, name_html
from nbdissect.results.explanation import describe_strength
from nbdissect.results.upsampling import resize
from nbdissect.settings import options
from nbdissect.text import printable, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from nbdissect.results.explanation import Explanation

_SIDE, _SMALL = 288, 128
_LISTED = 24  # units with an image of their own


def explanation_html(e: Explanation) -> str:
    """Return the image in colors and the units as a table, as HTML that needs no kernel."""
    rows = e.rows()
    shown = [k for k, row in enumerate(rows) if row["fires"]]
    quiet = len(rows) - len(shown)
    head = f"<div><strong>{escape(e.title)}</strong>{_aside(len(shown), quiet)}</div>"
    warning = note(escape(e.scores.warning)) if e.scores.warning else ""
    cards = "".join(_card(e, k, rows[k], at) for at, k in enumerate(shown))
    picture = unless_sanitized(_image(png(segmented(e, _SIDE)), _alt(rows))) if options.embed_mb > 0 else ""
    return (
        f'<div class="{NO_MATH}" style="text-align:left">{warning}{head}'
        f'<div style="display:flex;flex-wrap:wrap;gap:.6em 1.2em;margin:.5em 0"><div>{picture}</div>'
        f'<div style="flex:1 1 {2 * _SMALL + 40}px;display:flex;flex-wrap:wrap;gap:.8em 1em;align-content:flex-start">{cards}</div></div></div>'
    )


def _aside(shown: int, quiet: int) -> str:
    if not shown:
        return ""
    strongest = f"; the {shown} strongest" if shown > 1 else ""
    left = f", and {quiet} that fire nowhere on it" if quiet else ""
    return f"{strongest}{left}. Each pixel has the number of the unit that fires most strongly there; 1.00 is a unit's highest activation in the data set."


def _card(e: Explanation, k: int, row: dict[str, Any], at: int) -> str:
    """Return a unit: where it fires, its number in the picture, its concept, and how strongly it fires."""
    d, unit = e.scores, row["unit"]
    best = int(d.best_concepts[unit])
    concept = concept_html(d.concepts[best]) if best >= 0 else "no concept"
    image = ""
    if at < _LISTED and options.embed_mb > 0:
        image = unless_sanitized(_image(data_url(_one(e, k)), f"Where unit {unit} fires"))
    kind = f"{name_html(row['category'])} · IoU {row['iou']:.3f}" if row["category"] else "&nbsp;"
    return (
        f'<div style="width:{_SMALL}px;overflow-wrap:anywhere;font-size:.9em;line-height:1.35">{image}'
        f'<div style="margin-top:.3em">{swatch(k)} <strong>{concept}</strong></div>'
        f"<div>{kind}</div><div><code>{name_html(f'{d.layer}:{unit}')}</code></div>"
        f"<div>{escape(describe_strength(row))}</div></div>"
    )


def _alt(rows: list[dict[str, Any]]) -> str:
    units = "; ".join(f"{k + 1}: {row['label'] or 'no concept'}" for k, row in enumerate(rows) if row["fires"])
    return f"The image in the colors of the units that fire on it. {units}"


def _image(source: str, text: str) -> str:
    return f'<img alt="{name_html(text)}" style="display:block;max-width:none" src="{source}">'


def _one(e: Explanation, k: int) -> Image:
    """Return the image, small, dimmed where one unit is off."""
    image = sized(e.image, _SMALL)
    on = resize(e.maps[k], image.size[::-1], e.scores.receptive_field) > e.thresholds[k]
    return outlined(image, on)


def segmented(e: Explanation, side: int) -> Image:
    """Return the image, its longer side of `side` pixels, in the colors of the units that fire, with their numbers."""
    image = sized(e.image, side)
    return segments(image, e.segmented(image.size[::-1]), len(e.units))


def plot(e: Explanation, ax: Axes | None) -> Figure:
    """Return a matplotlib Figure of the image in the colors of its units; see :meth:`Explanation.plot`."""
    from matplotlib.patches import Patch

    if ax is None:
        from matplotlib import pyplot as plt

        figure: Any = plt.figure(FigureClass=BarGraph, figsize=(7, 4), layout="constrained")
        ax = figure.add_subplot()
    else:
        figure = figure_of(ax)
    ax.imshow(np.asarray(segmented(e, max(_SIDE, *e.image.size))))
    ax.set_axis_off()
    ax.set_title(e.title, fontsize=10, loc="left", **PLAIN)
    patches = []
    for k, row in enumerate(e.rows()):
        if row["fires"]:
            name = short_name(row["label"], row["category"]) if row["label"] else "no concept"
            text = printable(f"{k + 1}  {name} · {row['unit']}")
            patches.append(Patch(facecolor=place_color(k), label=text))
    if patches:
        legend = ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False)
        for entry in legend.get_texts():
            entry.set(**PLAIN)
    return figure  # type: ignore[no-any-return]
