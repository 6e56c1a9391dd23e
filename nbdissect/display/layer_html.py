"""The layers of a network as a place to choose from: stages first, what is inside them folded.

Plain HTML, so that it is the same in a live notebook, a saved one and an exported page. A script in it makes a click
copy the line that dissects the layer. In JupyterLab and Notebook 7 a widget without a view, `LayerChoice`, puts it
into the next cell instead.
"""

from __future__ import annotations

import base64
from functools import cache
from html import escape
from typing import TYPE_CHECKING
from uuid import uuid4

from nbdissect.display.bundle import read
from nbdissect.display.html_parts import UNLESS_SANITIZED
from nbdissect.display.layer_costs import cost, costs_explained
from nbdissect.display.session import session
from nbdissect.markup import NO_MATH, name_html, text_html
from nbdissect.settings import options
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from nbdissect.layer_line import CodeLine
    from nbdissect.layer_list import Layers
    from nbdissect.layer_stages import Layer, Node, Stage


def layers_html(table: Layers) -> str:
    """Return the table as HTML, as an output of the running cell."""
    if not len(table):
        return f'<p class="{NO_MATH}">{name_html(table.why_empty)}</p>'
    name = f"nbdissect-layers-{uuid4().hex}"
    _listen(name)
    stages = "".join(_stage(table, stage) for stage in table.stages)
    line = table.line
    return (
        f'<div id="{name}" class="nbl {NO_MATH}" data-lm-suppress-shortcuts="true" '
        f'data-before="{escape(line.before)}" data-after="{escape(line.after)}">'
        f"<style>{read('layers.css').strip()}</style>{_head(table)}{stages}{_unread(table)}"
        f"{_foot(table)}{_script(name)}</div>"
    )


def _listen(name: str) -> None:
    """Let clicks reach the next cell, where there is a notebook that says which cell this is."""
    cell = session.running().cell
    if not session.in_notebook or not session.watched or not cell or options.renderer == "html":
        return
    from nbdissect.display.layer_choice import LayerChoice

    session.register(LayerChoice(table=name, cell=cell))


def _head(table: Layers) -> str:
    model = f"<p><strong>Layers of {name_html(table.model)}</strong>, read on {name_html(table.fed)}</p>"
    if not table.stages:
        return model
    found, line = table.recommendation, table.line
    buttons = " ".join(_button(layer, line) for layer in found.layers)
    example = line.of(found.layers[0].name)
    how = f"Next: <code>{text_html(example)}</code>" if line.complete else "nd.dissect takes a layer by its name."
    return (
        f'{model}<div class="try"><strong>Begin with</strong> {buttons} <span>{name_html(found.reason)}</span></div>'
        f'<p class="say" role="status">{how}</p>'
    )


def _stage(table: Layers, stage: Stage) -> str:
    """Return a stage as the row of its end, with all else of it folded."""
    others = [node for node in stage.nodes if node is not stage.end]
    within = "".join(_node(table, node) for node in [*stage.end.inside, *others] if _shown(node))
    hidden = sum(node.count for node in stage.nodes) - 1
    height, width = stage.end.layer.size
    return _row(table, stage.end, within, f"{plural(hidden, 'more layer')} of the stage {height} × {width}", "n s")


def _node(table: Layers, node: Node) -> str:
    within = "".join(_node(table, one) for one in node.inside if _shown(one))
    inside = plural(node.count - 1, "layer")
    if not node.layer.units:
        return within
    return _row(table, node, within, f"{inside} inside {printable(node.layer.name)}", "n")


def _shown(node: Node) -> bool:
    return bool(node.layer.units) or any(map(_shown, node.inside))


def _row(table: Layers, node: Node, within: str, title: str, kind: str) -> str:
    layer = node.layer
    star = ' <b title="Begin with this one">★</b>' if any(layer is one for one in table.recommended) else ""
    fold = f"<details><summary><span>{name_html(title)}</span></summary>{within}</details>" if within else ""
    return (
        f'<div class="{kind}"><div class="r"><span>{_button(layer, table.line)}{star}</span> <i>{name_html(layer.kind)}</i> '
        f"<span>{_unbroken(name_html(layer.read))}</span> <i>{cost(table, layer)}</i></div>{fold}</div>"
    )


def _unbroken(html: str) -> str:
    """Keep the two sides of a map in one line."""
    return html.replace(" × ", "\u00a0×\u00a0")


def _button(layer: Layer, line: CodeLine) -> str:
    shown, word = printable(layer.name), line.word(layer.name)
    written = f' data-w="{escape(word)}"' if word != shown else ""
    return f'<button type="button"{written}>{escape(shown)}</button>'


def _unread(table: Layers) -> str:
    unread = [layer for layer in table if not layer.units]
    if not unread:
        return ""
    rows = "".join(
        f'<div class="n"><div class="r"><code>{name_html(layer.name)}</code> <i>{name_html(layer.kind)}</i> '
        f'<span class="w">{name_html(layer.reason)}</span></div></div>'
        for layer in unread
    )
    return f'<details class="u"><summary>{plural(len(unread), "layer")} can’t be dissected</summary>{rows}</details>'


def _foot(table: Layers) -> str:
    return f'<p class="foot">{name_html(costs_explained(table))}</p>' if table.stages else ""


def _script(name: str) -> str:
    # All but a line stands in an attribute: what makes scripts harmless by showing their text drops attributes.
    return (
        f'<div id="{name}-code" class="{UNLESS_SANITIZED}" style="display:none" data-code="data:text/javascript;base64,{_code()}">'
        f'<script type="module">import(document.getElementById("{name}-code").dataset.code).then(m => m.attach("{name}"))</script></div>'
    )


@cache
def _code() -> str:
    return base64.b64encode(read("layers.js").encode()).decode("ascii")
