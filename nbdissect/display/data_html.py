"""The first page of a data set as plain HTML: its commonest concepts, and its first images in the colors of their labels."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.display.data_planes import describe_ceiling, describe_counts, planes_of
from nbdissect.display.html_parts import note, table, unless_sanitized
from nbdissect.display.segments import nearest, png, segments, sized, swatch
from nbdissect.markup import NO_MATH, name_html
from nbdissect.settings import options
from nbdissect.text import percent, plural, printable, printable_lines, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nbdissect.data.label_index import LabelIndex
    from nbdissect.display.data_planes import Planes

_IMAGES, _CONCEPTS, _PARTS = 6, 12, 6
_SIDE = 176


def first_page(index: LabelIndex, known: Mapping[str, Any]) -> str:
    """Return the commonest concepts and the first images, as HTML that needs no kernel.

    Parameters
    ----------
    index : LabelIndex
    known : DataTable
        As the page of the widget gets it.
    """
    counts, names = known["counts"], known["names"]
    order = sorted(range(len(names)), key=lambda c: -counts["images"][c])[:_CONCEPTS]
    rows = [
        [
            f"<strong>{name_html(names[c])}</strong> {name_html(known['categories'][known['category_of'][c]])}",
            f"{counts['images'][c]:,}",
            percent(counts["shares"][c]),
            describe_ceiling(known, c),
        ]
        for c in order
    ]
    more = len(names) - len(order)
    left = f"<div>… and {plural(more, 'more concept')}: data.check() lists all</div>" if more else ""
    head = ["concept", "images", "of all pixels", f"highest IoU at {known['quantile']:g}"]
    images = "".join(_figure(index, at) for at in range(min(_IMAGES, known["images"])))
    return (
        f'<div class="{NO_MATH}" style="text-align:left"><div><strong>{escape(known["title"])}</strong></div>'
        f"<div>{describe_counts(known)}. {plural(len(names), 'concept')}, the commonest first:</div>"
        f"{table(head, rows, numbers=(1, 2, 3))}{left}"
        f'<div style="display:flex;flex-wrap:wrap;gap:1em;margin-top:.8em">{images}</div></div>'
    )


def _figure(index: LabelIndex, image: int) -> str:
    """Return an image with its largest labels, each with its number."""
    style = f"width:{_SIDE}px;overflow-wrap:anywhere;font-size:.9em;line-height:1.45"
    try:
        sample = index.data[image]
        planes = planes_of(index, image)
        picture = sized(sample.image, _SIDE)
    except (ValueError, OSError) as error:
        return f'<div style="{style}">{note(escape(printable_lines(str(error))))}</div>'
    concepts = {concept.number: concept for concept in index.concepts}
    # Colors cover everything and show nothing that the image doesn't: they come last.
    plain = [concepts[number].category == "color" for number in planes.numbers]
    order = sorted(range(len(planes.numbers)), key=lambda at: (plain[at], -planes.shares[at]))[:_PARTS]
    drawn = segments(picture, nearest(_parts(planes, order), picture.size[::-1]), len(order))
    shown = unless_sanitized(
        f'<img alt="Image {image} in the colors of its labels" style="max-width:none" src="{png(drawn)}">'
    )
    labels = "".join(
        f"<div>{swatch(k)} {name_html(printable(short_name(*concepts[planes.numbers[at]][1:])))} {percent(planes.shares[at])}</div>"
        for k, at in enumerate(order)
    )
    left = len(planes.numbers) - len(order)
    more = f"<div>and {left} more</div>" if left else ""
    return f'<div style="{style}">{shown if options.embed_mb > 0 else ""}<div>#{image}</div>{labels or "no label"}{more}</div>'


def _parts(planes: Planes, order: list[int]) -> NDArray[np.int64]:
    """Return the label of each pixel, as its place in `order`; a smaller one lies over a larger."""
    place = np.full(planes.grid, -1, dtype=np.int64)
    for k, at in enumerate(order):
        where = (planes.pixels == at + 1).any(axis=0) if len(planes.pixels) else np.zeros(planes.grid, dtype=bool)
        if planes.numbers[at] in planes.whole:
            where = where | (place < 0)
        place[where] = k
    return place
