"""Several dissections in one gallery: which open as a comparison, and what a comparison refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import traitlets

import nbdissect as nd
from nbdissect.display.gallery import Gallery
from nbdissect.display.gallery_state import starting_state
from nbdissect.display.snapshot import embed
from nbdissect.results.comparable import same_data, two_versions
from nbdissect.results.provenance import Provenance
from support.dissections import Squares, dissection

MADE = Provenance(weights="blake2b:1", data="blake2b:2", layer="layer4")


@pytest.fixture(scope="module")
def trained():
    return replace(dissection(seed=1), provenance=MADE)


def version(d, **changes):
    """The same result as another network's, or another layer's, or over other data."""
    made = {name: changes.pop(name) for name in ("weights", "data") if isinstance(changes.get(name), str)}
    if "data" in made:
        changes["data"] = Squares(d.concepts)
    return replace(d, provenance=replace(MADE, **made), **changes)


def test_two_networks_over_one_data_set_open_as_a_comparison(trained):
    g = nd.gallery({"trained": trained, "untrained": version(trained, weights="blake2b:9")})
    assert (g.compare, g.change, g.current) == (["trained", "untrained"], [], "trained")


@pytest.mark.parametrize(
    "changes",
    [
        {"layer": "layer3"},  # two layers of one network: one by one
        {"data": "blake2b:other"},
    ],
)
def test_others_open_one_by_one(trained, changes):
    assert nd.gallery({"a": trained, "b": version(trained, **changes)}).compare == []


def test_two_networks_are_compared_whatever_their_layers_are_called(trained):
    other = version(trained, weights="blake2b:9", layer="features.12", model="Squeeze")
    assert nd.gallery({"a": trained, "b": other}).compare == ["a", "b"]


def test_three_open_one_by_one(trained):
    versions = {f"epoch {at}": version(trained, weights=f"blake2b:{at}") for at in range(3)}
    g = nd.gallery(versions)
    assert g.compare == []
    g.compare = list(versions)
    assert g.compare == ["epoch 0", "epoch 1", "epoch 2"]


@pytest.mark.parametrize("state", [{"current": "b"}, {"compare": []}, {"shown": ["a:3"]}])
def test_who_asks_for_one_of_two_gets_it(trained, state):
    g = nd.gallery({"a": trained, "b": version(trained, weights="blake2b:9")}, **state)
    assert g.compare == []


def test_a_page_opens_as_the_gallery_does(trained):
    both = {"a": trained, "b": version(trained, weights="blake2b:9")}
    page = json.loads(embed(both, 0.04, several=True, style="").json())
    assert page["state"]["compare"] == starting_state(both, 0.04).compare == ["a", "b"]
    assert [each["table"]["data_set"] for each in page["dissections"]] == ["a", "a"]


def test_without_digests_the_numbers_of_the_data_decide():
    a, b = dissection(seed=1), dissection(seed=2)
    assert a.data is not b.data
    assert same_data(a, b)
    assert two_versions(a, b)
    assert not same_data(a, replace(b, images=25))
    unknown = [replace(d, images=0, data=None) for d in (a, b)]  # as read from two tables
    assert not same_data(*unknown)


def test_the_page_is_told_which_are_over_one_data_set(trained):
    other = version(trained, data="blake2b:other", weights="blake2b:9")
    g = Gallery({"a": trained, "b": other, "c": version(trained, weights="blake2b:9")})
    assert [table["data_set"] for table in g._tables] == ["a", "b", "a"]


def test_what_can_not_be_compared_says_why(trained):
    names = ("dog", "cat", "cow", "hen", "pig", "goat")
    g = nd.gallery({"a": trained, "b": dissection(names=names)})
    assert g.compare == []
    with pytest.raises(traitlets.TraitError, match="a and b can't be compared: they have no concept in common"):
        g.compare = ["a", "b"]
    many = nd.gallery({str(at): trained for at in range(9)})
    with pytest.raises(traitlets.TraitError, match="compare takes two to eight of 0, 1"):
        many.compare = [str(at) for at in range(9)]


def test_what_became_of_a_concept_is_a_filter(trained):
    g = nd.gallery({"a": trained, "b": version(trained, weights="blake2b:9")}, change=["lost", "gained", "lost"])
    assert g.change == ["lost", "gained"]
    with pytest.raises(traitlets.TraitError, match="gained.*lost.*kept"):
        g.change = ["vanished"]


def test_one_object_is_one_data_set():
    data = Squares(dissection().concepts)
    a, b = dissection(data=data), dissection(data=data, seed=2)
    assert same_data(replace(a, images=3), b)
