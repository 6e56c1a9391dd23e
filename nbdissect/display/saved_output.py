"""What a notebook shows where no kernel runs: a plain summary, and, where scripts may run, the gallery.

One HTML output, beside the live gallery. A front end that trusts nothing keeps the summary: table,
details, images. One that runs scripts draws the same gallery as the kernel's from data in the
output, asking nobody for anything. Where a live gallery has been answered, it hides all of this.

The gallery's code (some 30 kB, deflated) stands in each output: an output can be cleared, run
again or copied elsewhere, and the others still work.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING
from uuid import uuid4

from nbdissect.display.bundle import read
from nbdissect.display.html_parts import UNLESS_SANITIZED
from nbdissect.display.session import session
from nbdissect.display.showable import checked
from nbdissect.display.snapshot import NOTEBOOK_CONCEPTS, NOTEBOOK_SIDE, GallerySnapshot, UnreadableError, embed
from nbdissect.display.summary_html import summary_html
from nbdissect.markup import NO_MATH, text_html
from nbdissect.notices import logger
from nbdissect.results.dissection import MIN_IOU
from nbdissect.settings import options

if TYPE_CHECKING:
    from nbdissect.display.gallery_state import GalleryState
    from nbdissect.results.dissection import Dissection

_MB = 1_000_000
# The live gallery comes first: where one is in the page already, it is waited for longer, and nothing is shown meanwhile.
_PATIENCE_MS = 1200
_PATIENCE_WITH_ONE_MS = 6000

# All but a line stands in attributes: what makes scripts harmless by showing their text drops attributes.
# Nothing is drawn before it is in sight, so that ten galleries cost as one. Where no kernel answers, JupyterLab and
# Notebook 7 say of the live gallery, the output before this one but for what was printed in between, that its model
# isn't there: not once this is drawn, unless the live one appears after all.
_LOADER = """
const id = "%s", summary = document.getElementById(id + "-summary"), holder = document.getElementById(id + "-data");
const read = async text => new Response(new Blob([Uint8Array.from(atob(text), c => c.charCodeAt(0))]).stream()
  .pipeThrough(new DecompressionStream("deflate"))).text();
const beside = %s, live = beside && document.querySelector("[data-nbdissect]");
const watched = document.getElementById(id).parentElement;
// Notebook 7 puts an output of two galleries' height into a box that scrolls.
if (live) summary.style.cssText = "height:0;overflow:hidden";
let line = beside ? summary.closest(".jp-OutputArea-child")?.previousElementSibling : null;
while (line?.querySelector("[data-mime-type^='application/vnd.jupyter.std']")) line = line.previousElementSibling;
const hush = () => {
  line.style.display = /^(Loading|Error displaying) widget/.test(line.textContent.trim()) ? "none" : "";
};
const start = async () => {
  const url = URL.createObjectURL(new Blob([await read(holder.dataset.code)], {type: "text/javascript"}));
  try { await (await import(url)).draw(id); } finally { URL.revokeObjectURL(url); }
  if (!line) return;
  hush();
  new MutationObserver(hush).observe(line, {childList: true, characterData: true, subtree: true});
};
let timer;
const watch = new IntersectionObserver(([{isIntersecting}]) => {
  clearTimeout(timer);
  if (isIntersecting) timer = setTimeout(() => {
    watch.disconnect();
    summary.style.cssText = "";
    start().catch(error => console.warn("The summary stays, the gallery can't be drawn:", error));
  }, live ? %d : %d);
});
watch.observe(watched);
"""


def static_html(
    result: Dissection | Mapping[str, Dissection],
    name: str,
    min_iou: float = MIN_IOU,
    state: GalleryState | None = None,
    *,
    beside: bool = False,
) -> str:
    """Return the output, an element of the id `name`, within what is left of ``nd.options.embed_mb``.

    `name` is that of the gallery that it stands in for, so that one shown twice hides both outputs;
    `state` is what that gallery looks like; `beside` says that the gallery is the output before this.
    The numbers of all units always go in. Images go in while there is room, those of the best units
    first; the output says what was left out, and how to get it. Nothing that is wrong with the images
    keeps the numbers from being shown.
    """
    dissections = checked(result)
    room = options.embed_mb * _MB - session.saved_bytes()
    strips = options.embed_mb > 0
    summary = _summary(dissections, min_iou, images=strips)
    if strips and len(summary) > room:
        summary = _summary(dissections, min_iou, images=False)
    id_ = f"in-nbdissect-{uuid4().hex}"
    loader = base64.b64encode(
        (_LOADER % (id_, "true" if beside else "false", _PATIENCE_WITH_ONE_MS, _PATIENCE_MS)).encode()
    ).decode("ascii")
    start = f'<script type="module">import(document.getElementById("{id_}-data").dataset.start)</script>'
    budget = room - len(summary) - len(_code()) - 3 * len(loader)
    embedded, trouble = _embedded(dissections, min_iou, several=isinstance(result, Mapping), state=state, budget=budget)
    remark = " ".join(part for part in (embedded.describe("This output"), trouble or _rest(embedded)) if part)
    # Where there are no images at all the gallery says so itself.
    embedded.gallery["remark"] = remark if embedded.embedded else trouble or _rest(embedded)
    data = embedded.json().replace("'", "\\u0027")
    html = (
        f'<div id="{name}"><div id="{id_}"></div><div id="{id_}-summary" class="{NO_MATH}">{summary}{_advice(remark)}</div>'
        f'<div id="{id_}-data" data-gallery=\'{data}\' data-code="{_code()}" class="{UNLESS_SANITIZED}" style="display:none" '
        f'data-start="data:text/javascript;base64,{loader}">{start}</div></div>'
    )
    session.note_saved(len(html))
    return html


def _summary(dissections: Mapping[str, Dissection], min_iou: float, *, images: bool) -> str:
    return "".join(summary_html(d, min_iou, images=images) for d in dissections.values())


def _embedded(
    dissections: Mapping[str, Dissection], min_iou: float, *, several: bool, state: GalleryState | None, budget: float
) -> tuple[GallerySnapshot, str]:
    """What goes in, and what kept images out, in words."""
    style = read("gallery.css")
    gallery = partial(
        embed, dissections, min_iou, several=several, style=style, state=state, concepts=NOTEBOOK_CONCEPTS
    )
    try:
        return gallery(maps=options.embed_mb > 0, side=NOTEBOOK_SIDE, budget=budget), ""
    except UnreadableError as error:
        trouble = f"{error}."
    except Exception as error:  # whatever is wrong with the images: the numbers stand without them
        logger.warning("The images could not be embedded", exc_info=True)
        trouble = f"Its images could not be embedded: {type(error).__name__}: {error}."
    except KeyboardInterrupt:  # the result is there: whoever stops the reading of its images shall keep it
        trouble = "The reading of its images was interrupted."
    return gallery(maps=False), trouble


def _rest(embedded: GallerySnapshot) -> str:
    if embedded.embedded == embedded.units:
        return ""
    if not options.embed_mb:
        return "nd.options.embed_mb = 0 keeps pictures out; d.to_html(path) writes a page with them."
    return (
        f"The limit is {options.embed_mb:g} MB over all galleries of this session: raise nd.options.embed_mb and run the "
        "cell again, or write a page with all of it: d.to_html(path)."
    )


def _advice(remark: str) -> str:
    return (
        f'<div style="opacity:.75;margin:.6em 0">{text_html(remark)} To browse all units, trust this notebook, or run the cell in a live '
        "one. If the interactive gallery does not appear there, <code>nd.doctor()</code> tells what is missing.</div>"
    )


@cache
def _code() -> str:
    return base64.b64encode(zlib.compress(read("page.js").encode("utf-8"), 9)).decode("ascii")
