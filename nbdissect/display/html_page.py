"""A result as one page that needs nothing else: no kernel, no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from nbdissect._version import __version__
from nbdissect.display.bundle import read
from nbdissect.display.showable import checked
from nbdissect.display.snapshot import UnreadableError, embed
from nbdissect.display.summary_html import provenance_html, summary_html
from nbdissect.display.unit_html import units_html
from nbdissect.files import atomic_write
from nbdissect.markup import name_html
from nbdissect.results.dissection import MIN_IOU

if TYPE_CHECKING:
    import os

    from nbdissect.display.gallery_state import GalleryState
    from nbdissect.results.dissection import Dissection

# What js/src/page.ts looks for.
_ID = "nbdissect-page"
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0;background:#fff;color:#14181f;font:14px/1.5 system-ui,sans-serif}"
    "@media screen and (prefers-color-scheme:dark){body{background:#15181d;color:#eceff4}}"
    f"main{{max-width:1900px;margin:auto}}#{_ID}-summary,#{_ID}-note,footer{{margin:0;padding:8px 18px;overflow-wrap:break-word}}"
    "footer{font-size:12px}h1{position:absolute;clip-path:inset(50%);margin:0;width:1px;height:1px;overflow:hidden}"
    "table{display:block;overflow-x:auto;max-width:100%}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    # On paper nothing can be unfolded.
    "@media print{details::details-content{content-visibility:visible;block-size:auto}}"
)


def to_html(
    result: Dissection | Mapping[str, Dissection],
    path: str | os.PathLike[str],
    *,
    images: bool = True,
    min_iou: float = MIN_IOU,
) -> None:
    """Write the gallery of a result, or of several by name, as one self-contained page.

    It opens from a disk, in a course's file store, with the network off: the same gallery as in the
    notebook, its maps bit for bit those of the result, its photographs made smaller. Where scripts
    are switched off, a plain summary stands in it. The file appears whole or not at all.

    Parameters
    ----------
    result : Dissection or mapping of str to Dissection
    path : path
        Such as ``"conv5.html"``.
    images : bool
        Whether photographs go in. False keeps people's own pictures out of files that are passed
        on: then there are numbers and activation maps only, and the page says so.
    min_iou : float
        The cut that the page begins with.

    Raises
    ------
    ValueError
        If there is nothing to show, or results from drawings and from photographs are mixed.
    OSError
        If a photograph can't be read, or the file can't be written.
    """
    # A label may hold what UTF-8 can't say (half of a surrogate pair): then as a number.
    text = page(result, images=images, min_iou=min_iou).encode("utf-8", "xmlcharrefreplace")
    with atomic_write(path) as file:
        file.write(text)


def page(
    result: Dissection | Mapping[str, Dissection],
    *,
    images: bool = True,
    min_iou: float = MIN_IOU,
    state: GalleryState | None = None,
    units: Mapping[str, list[int]] | None = None,
) -> str:
    """Return the text of the page; see :func:`to_html`.

    `state` is what it begins with, instead of the cut alone; images of `units` go in, by name, instead of those of all.
    """
    min_iou = state.min_iou if state else min_iou
    dissections = checked(result)
    script = read("page.js")
    style = read("gallery.css")
    try:
        embedded = embed(
            dissections,
            min_iou,
            several=isinstance(result, Mapping),
            style=style,
            state=state,
            images=images,
            units=units,
        )
    except UnreadableError as error:
        raise UnreadableError(
            f"{error}. Check that the data set still lies where it lay, or leave the photographs out: to_html(path, images=False)."
        ) from error
    names = name_html(", ".join(f"{d.layer} of {d.model}" for d in dissections.values()))
    summary = "".join(
        summary_html(d, min_iou, images=images) if units is None else units_html(d, d.units[units[key]])
        for key, d in dissections.items()
        if units is None or key in units
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{names} · Network Dissection</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Network Dissection: {names}</h1>\n"
        f'<div id="{_ID}"></div>\n<div id="{_ID}-summary">{summary}</div>\n</main>\n<footer>{_footer(dissections, embedded.describe("This page"))}</footer>\n'
        f'<script type="application/json" id="{_ID}-data">{embedded.json()}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _policy(script: str) -> str:
    """Nothing may be fetched, and no script may run but this one: whatever a label says."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _footer(dissections: Mapping[str, Dissection], contents: str) -> str:
    made = "".join(provenance_html(d) for d in dissections.values())
    return f"<p>{escape(contents)} Written by nbdissect {escape(__version__)}.</p>{made}"
