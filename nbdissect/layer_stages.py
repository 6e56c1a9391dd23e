"""How the layers of a network fall into stages, and which of them are worth a look first.

A stage is a run of layers whose maps have one size. Nothing is known here but what one image has shown, so that all
families are told apart by the same rules, and no list of architectures is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_RECOMMENDED = 3
# A module whose parts have so many map sizes is a body of several stages; a block that halves its maps has two.
_SIZES_OF_A_BODY = 3
# They reorder, drop or average what others found.
_KEEPING = re.compile(r"Dropout|DropPath|StochasticDepth|Identity|Flatten|Permute|Unflatten|Pool")
_HEAD = re.compile(r"(^|\.)(\w*classifier|fc|heads?|logits|segmentation_head|outc?)$")


@dataclass(frozen=True)
class Layer:
    """One module of a model as it returned from one image.

    Attributes
    ----------
    name : str
        Dotted name, as :func:`nbdissect.dissect` takes it.
    kind : str
        Class of the module.
    units : int
        Number of units; 0 where the layer can't be dissected.
    size : (int, int)
        Height and width of a unit's map.
    reason : str
        Why it can't be dissected; empty where it can.
    reading : str
        How its output was read where that isn't simply [N, units, height, width]: "channels last",
        "tokens, after 1 other token", "last of 5 calls".
    share : float, optional
        Part of the time of a whole pass, 0 to 1, that has gone when the layer returns; None where that isn't known.
    parameters : int
        Numbers that training sets in the module and its parts.
    """

    name: str
    kind: str
    units: int = 0
    size: tuple[int, int] = (0, 0)
    reason: str = ""
    reading: str = ""
    share: float | None = None
    parameters: int = 0

    @property
    def read(self) -> str:
        """What was read of its output: "96 units of 56 × 56, channels last"; why nothing was, where it can't be."""
        if not self.units:
            return self.reason
        what = f"{self.units:,} unit{'' if self.units == 1 else 's'} of {self.size[0]} × {self.size[1]}"
        return f"{what}, {self.reading}" if self.reading else what


@dataclass(frozen=True)
class Node:
    """A layer and the layers inside it, in the order in which they return.

    `body` says that these stand before it, not in it: a part of the network that holds several stages.
    """

    layer: Layer
    inside: list[Node] = field(default_factory=list)
    body: bool = False

    @property
    def count(self) -> int:
        """How many layers it is, with those inside."""
        return 1 + sum(node.count for node in self.inside)


@dataclass(frozen=True)
class Stage:
    """A run of layers whose maps have one size, and the one that stands for it: its last block, or else its last layer."""

    nodes: list[Node]
    end: Node

    @property
    def computes(self) -> bool:
        """Whether anything in it was trained: a pool alone finds nothing new."""
        return any(node.layer.parameters for node in self.nodes if not node.body)


@dataclass(frozen=True)
class Recommendation:
    """Layers to begin with, the latest first, and why these."""

    layers: list[Layer]
    reason: str


def stages_of(layers: Sequence[Layer]) -> list[Stage]:
    """Return the stages of a network, from all of its layers in the order in which they return."""
    top = _unfolded(_tree(layers))
    runs = [list(run) for _, run in groupby(top, key=lambda node: node.layer.size)]
    return [Stage(run, _end(run)) for run in runs]


def recommend(stages: Sequence[Stage]) -> Recommendation:
    """Return up to three layers: the ends of the last stages with maps, before the network's own classes."""
    nodes = [node for stage in stages for node in stage.nodes if not node.body]
    before = _without_head(nodes)
    kept = [[node for node in stage.nodes if any(node is one for one in before)] for stage in stages]
    found = [Stage(run, _end(run)) for run in kept if run]
    useful = [stage for stage in found if stage.computes] or found
    spatial = [stage for stage in useful if stage.end.layer.size != (1, 1)]
    # A stem before the first block says little.
    stem = next((k for k, stage in enumerate(spatial) if stage.end.inside), 0)
    chosen = (spatial[stem:] or useful)[-MOST_RECOMMENDED:]
    if len(chosen) == 1:
        return _within(chosen[0])
    layers = [stage.end.layer for stage in reversed(chosen)]
    many = "three" if len(chosen) == MOST_RECOMMENDED else "two"
    why = (
        f"The last layer of each of the last {many} stages, which are runs of layers with one map size. The deeper, the more "
        "units of a trained network detect whole things."
    )
    return Recommendation(layers, why)


def _within(stage: Stage) -> Recommendation:
    """Recommend layers of the only stage: its end, and blocks a third and two thirds of the way there."""
    blocks = [node.layer for node in stage.nodes if node.inside and not _keeps(node.layer)]
    if len(blocks) >= MOST_RECOMMENDED:
        places = [len(blocks) * k // MOST_RECOMMENDED - 1 for k in (3, 2, 1)]
        return Recommendation(
            [blocks[place] for place in places],
            f"All {len(blocks)} blocks of this network have one map size. These are the last one, and those two thirds "
            "and one third of the way there: what units detect changes along the way.",
        )
    size = stage.end.layer.size
    if size == (1, 1):
        why = (
            "This network has no layers with maps: its units give one number for a whole image. "
            "This is the last layer before its outputs."
            if len(stage.nodes) > 1
            else "The only layer whose units are not the network's own classes."
        )
        return Recommendation([stage.end.layer], why)
    return Recommendation([stage.end.layer], "The last layer with maps.")


# --- the tree ---


def _tree(layers: Sequence[Layer]) -> list[Node]:
    """Return the layers as a tree, by their dotted names; what has no name here, such as a ModuleList, is passed over."""
    nodes = {layer.name: Node(layer) for layer in layers}
    top = []
    for name, node in nodes.items():
        outer = name
        while outer := outer.rpartition(".")[0]:
            if outer in nodes:
                nodes[outer].inside.append(node)
                break
        else:
            top.append(node)
    return top


def _unfolded(top: list[Node]) -> list[Node]:
    """Return the readable nodes at which people look first: bodies are replaced by their parts, blocks are not."""
    nodes = [part for node in top for part in _parts(node)]
    total = sum(node.count for node in nodes)
    # A body of few sizes: a transformer's encoder, a small network's convolutions.
    while len(_computing_sizes(nodes)) < MOST_RECOMMENDED:
        bodies = [node for node in nodes if node.inside and 2 * node.count > total and _readable(node.inside)]
        if not bodies:
            break
        body = bodies[0]
        nodes = [part for node in nodes for part in (_taken_apart(node) if node is body else [node])]
    return nodes


def _parts(node: Node) -> list[Node]:
    inside = _readable(node.inside)
    sizes = {part.layer.size for part in inside} - {(1, 1)}
    if node.layer.units and len(sizes) < _SIZES_OF_A_BODY:
        return [node]
    parts = [part for child in node.inside for part in _parts(child)]
    return [*parts, Node(node.layer, body=True)] if node.layer.units else parts


def _taken_apart(node: Node) -> list[Node]:
    return [*_readable(node.inside), Node(node.layer, body=True)]


def _readable(nodes: list[Node]) -> list[Node]:
    """Return nodes; in place of those that can't be dissected, what is readable inside them."""
    return [one for node in nodes for one in ([node] if node.layer.units else _readable(node.inside))]


def _computing_sizes(nodes: list[Node]) -> set[tuple[int, int]]:
    return {node.layer.size for node in nodes if node.layer.parameters and not node.body} - {(1, 1)}


# --- stages ---


def _keeps(layer: Layer) -> bool:
    return not layer.parameters and _KEEPING.search(layer.kind) is not None


def _end(nodes: list[Node]) -> Node:
    """Return the last block of a stage, or its last layer where it has no blocks."""
    found = [node for node in nodes if not node.body and not _keeps(node.layer)] or nodes
    blocks = [node for node in found if node.inside]
    return (blocks or found)[-1]


def _without_head(nodes: list[Node]) -> list[Node]:
    """Return nodes without those at the end that carry the network's own classes, unless nothing else is left."""
    if not nodes:
        return nodes
    last = nodes[-1].layer
    count = len(nodes)
    if last.size == (1, 1):
        # The outputs may have been maps before they were averaged.
        while count and (nodes[count - 1].layer.units == last.units or nodes[count - 1].layer.kind == "Softmax"):
            count -= 1
    else:
        while count and _HEAD.search(nodes[count - 1].layer.name):
            count -= 1
    return nodes[:count] or nodes
