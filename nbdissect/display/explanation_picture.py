"""One image in the colors of the units that fire on it, and these units: for a cell, and for matplotlib."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.display.html_parts import note, unless_sanitized
from nbdissect.display.palette import place_color
from nbdissect.display.plots import PLAIN, BarGraph, figure_of
from nbdissect.display.unit_images import DIMMED, data_url, outlined
from nbdissect.markup import NO_MATH, concept_html, name_html
from nbdissect.results.explanation import describe_strength
from nbdissect.results.upsampling import resize
from nbdissect.settings import options
from nbdissect.text import printable, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.results.explanation import Explanation

_SIDE, _SMALL = 288, 128
_LISTED = 24  # units with an image of their own
_TINT = 0.5
_MOST_ENLARGED = 4
_RADIUS = 8  # of the disk behind a number, in pixels
_WHITE, _DARK = (255, 255, 255), (16, 16, 16)


def explanation_html(e: Explanation) -> str:
    """Return the image in colors and the units as a table, as HTML that needs no kernel."""
    rows = e.rows()
    shown = [k for k, row in enumerate(rows) if row["fires"]]
    quiet = len(rows) - len(shown)
    head = f"<div><strong>{escape(e.title)}</strong>{_aside(len(shown), quiet)}</div>"
    warning = note(escape(e.scores.warning)) if e.scores.warning else ""
    cards = "".join(_card(e, k, rows[k], at) for at, k in enumerate(shown))
    picture = unless_sanitized(_image(_png(segmented(e, _SIDE)), _alt(rows))) if options.embed_mb > 0 else ""
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
        f'<div style="margin-top:.3em">{_swatch(k)} <strong>{concept}</strong></div>'
        f"<div>{kind}</div><div><code>{name_html(f'{d.layer}:{unit}')}</code></div>"
        f"<div>{escape(describe_strength(row))}</div></div>"
    )


def _swatch(k: int) -> str:
    style = (
        f"display:inline-block;min-width:1.5em;text-align:center;border-radius:.8em;background:{place_color(k)};"
        "color:#fff;text-shadow:0 0 2px #000,0 0 2px #000;font-weight:bold"
    )
    return f'<span style="{style}">{k + 1}</span>'


def _alt(rows: list[dict[str, Any]]) -> str:
    units = "; ".join(f"{k + 1}: {row['label'] or 'no concept'}" for k, row in enumerate(rows) if row["fires"])
    return f"The image in the colors of the units that fire on it. {units}"


def _image(source: str, text: str) -> str:
    return f'<img alt="{name_html(text)}" style="display:block;max-width:none" src="{source}">'


def _png(image: Image) -> str:
    """Return an image as an address that holds all of it, with its lines and colors as they are."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _sized(image: Image, side: int) -> Image:
    scale = min(side / max(image.size), _MOST_ENLARGED)
    return image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _one(e: Explanation, k: int) -> Image:
    """Return the image, small, dimmed where one unit is off."""
    image = _sized(e.image, _SMALL)
    on = resize(e.maps[k], image.size[::-1], e.scores.receptive_field) > e.thresholds[k]
    return outlined(image, on)


def segmented(e: Explanation, side: int) -> Image:
    """Return the image, its longer side of `side` pixels, in the colors of the units that fire, with their numbers."""
    import PIL.Image

    image = _sized(e.image, side)
    place = e.segmented(image.size[::-1])
    pixels = np.asarray(image, dtype=np.float32)
    colors = np.array([_rgb(k) for k in range(len(e.units))], dtype=np.float32)
    tinted = (1 - _TINT) * pixels + _TINT * colors[place]
    pixels = np.where(place[..., None] >= 0, tinted, pixels * DIMMED)
    pixels[_edges(place)] = _WHITE
    drawn = PIL.Image.fromarray(pixels.astype(np.uint8))
    for k, at in _middles(place, len(e.units)):
        _write_number(drawn, k + 1, at)
    return drawn


def _edges(place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a pixel differs from the one below or right of it."""
    edges = np.zeros(place.shape, dtype=bool)
    edges[:-1] |= place[:-1] != place[1:]
    edges[:, :-1] |= place[:, :-1] != place[:, 1:]
    return edges


def _middles(place: NDArray[np.int64], units: int) -> list[tuple[int, tuple[int, int]]]:
    """Return for each unit with a segment the pixel of it that lies deepest inside, x and y."""
    found = []
    for k in range(units):
        inside = place == k
        if not inside.any():
            continue
        deepest = inside
        while True:
            smaller = deepest.copy()
            for axis in (0, 1):
                for by in (-1, 1):
                    smaller &= np.roll(deepest, by, axis)
            if not smaller.any() or smaller.all():
                break
            deepest = smaller
        y, x = np.argwhere(deepest)[len(np.argwhere(deepest)) // 2]
        found.append((k, (int(x), int(y))))
    return found


def _write_number(image: Image, number: int, at: tuple[int, int]) -> None:
    from PIL import ImageDraw

    radius = _RADIUS + 3 * (len(str(number)) - 1)
    x = min(max(at[0], radius), max(image.width - radius - 1, radius))
    y = min(max(at[1], _RADIUS), max(image.height - _RADIUS - 1, _RADIUS))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((x - radius, y - _RADIUS, x + radius, y + _RADIUS), _RADIUS, fill=_DARK, outline=_WHITE)
    draw.text((x + 0.5, y + 0.5), str(number), fill=_WHITE, anchor="mm")


def _rgb(k: int) -> tuple[int, int, int]:
    color = place_color(k)
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


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
