"""Whether two results can be set against each other, concept by concept, and in what way they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbdissect.results.layer_scores import LayerScores


def same_data(a: LayerScores, b: LayerScores) -> bool:
    """Return whether two results are over one data set, as far as they tell.

    Their own object decides, then the digests of what was read. Where there is no digest: the same
    concepts, counted in as many images and pixels.
    """
    if a.data is b.data and a.data is not None:
        return True
    digests = [d.provenance.data if d.provenance else "" for d in (a, b)]
    if all(digests):
        return digests[0] == digests[1]
    return a.images > 0 and (a.images, a.pixels, a.concepts) == (b.images, b.pixels, b.concepts)


def same_network(a: LayerScores, b: LayerScores) -> bool:
    """Return whether two results are of one network, as far as they tell: of one class, and not of other weights."""
    weights = [d.provenance.weights if d.provenance else "" for d in (a, b)]
    return a.model == b.model and (not all(weights) or weights[0] == weights[1])


def two_versions(a: LayerScores, b: LayerScores) -> bool:
    """Return whether one asks at once what the second detects and the first doesn't.

    They are over one data set, and not two layers of one network: those are looked at one by one.
    """
    return same_data(a, b) and not (same_network(a, b) and a.layer != b.layer)


def have_concepts_in_common(a: LayerScores, b: LayerScores) -> bool:
    """Return whether any concept, of one name and category, is in both: every result numbers its own."""
    return not {concept[1:] for concept in a.concepts}.isdisjoint(concept[1:] for concept in b.concepts)
