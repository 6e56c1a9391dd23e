"""The layers of a network as a terminal shows them: stage by stage, what is inside blocks left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdissect.display.layer_costs import cost, costs_explained
from nbdissect.text import plural, printable, printable_lines

if TYPE_CHECKING:
    from nbdissect.layer_list import Layers
    from nbdissect.layer_stages import Layer, Node, Stage

_MOST_IN_A_STAGE = 12
_MOST_UNREAD = 20


def layers_text(table: Layers) -> str:
    """Return the table as text, `*` at the layers to begin with."""
    if not len(table):
        return printable(table.why_empty)
    lines = [printable(f"Layers of {table.model}, read on {table.fed}")]
    if table.stages:
        lines += _choices(table)
        lines += ["", *_columns([row for stage in table.stages for row in _rows(table, stage)])]
        lines += ["", costs_explained(table)]
    lines += _unread(table)
    return "\n".join(lines)


def _choices(table: Layers) -> list[str]:
    found = table.recommendation
    names = " or ".join(printable(layer.name) for layer in found.layers)
    line = table.line.of(found.layers[0].name) if table.line.complete else ""
    return [f"* Begin with {names}: {found.reason}", *([printable_lines(f"  Next: {line}")] if line else [])]


def _rows(table: Layers, stage: Stage) -> list[tuple[str, str, str, str]]:
    height, width = stage.end.layer.size
    shown = stage.nodes[-_MOST_IN_A_STAGE:]
    if not any(node is stage.end for node in shown):
        shown = [stage.end, *shown[1:]]
    left = len(stage.nodes) - len(shown)
    more = f"  … {plural(left, 'layer')} before" if left else ""
    return [
        (f"{height} × {width}", "", "", ""),
        *([(more, "", "", "")] if more else []),
        *(_row(table, node) for node in shown),
    ]


def _row(table: Layers, node: Node) -> tuple[str, str, str, str]:
    layer = node.layer
    mark = "*" if any(layer is one for one in table.recommended) else " "
    inside = f" (+{node.count - 1} inside)" if node.inside else ""
    return f"{mark} {printable(layer.name)}", printable(layer.kind) + inside, printable(layer.read), cost(table, layer)


def _columns(rows: list[tuple[str, str, str, str]]) -> list[str]:
    rows = [("layer", "kind", "what was read", "cost"), *rows]
    wide = [max(len(row[k]) for row in rows if row[1]) for k in range(3)]
    return ["  ".join([*(row[k].ljust(wide[k]) for k in range(3)), row[3]]).rstrip() for row in rows]


def _unread(table: Layers) -> list[str]:
    unread: list[Layer] = [layer for layer in table if not layer.units]
    if not unread:
        return []
    lines = ["", f"{plural(len(unread), 'layer')} can't be dissected:"]
    lines += [
        f"  {printable(layer.name)} ({printable(layer.kind)}) {printable(layer.reason)}"
        for layer in unread[:_MOST_UNREAD]
    ]
    left = len(unread) - _MOST_UNREAD
    return [*lines, f"  … {left:,} more: each row has .reason"] if left > 0 else lines
