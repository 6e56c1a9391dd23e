"""What copied code calls a result: the user's own name of this very object, or none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbdissect.display.user_names import MOST_ENTRIES, user_names
from nbdissect.results.dissections import Dissections
from support.dissections import dissection
from support.paths import ROOT


@pytest.fixture(scope="module")
def d():
    return dissection()


@pytest.fixture(scope="module")
def other():
    return dissection()


def name_of(namespace, d):
    return user_names(namespace, {"layer4": d}, several=False).whole


def test_it_is_the_name_of_the_object_itself_and_not_of_an_equal_one(d, other):
    assert name_of({"d": other, "real": d}, d) == "real"
    assert name_of({"d": other}, d) == ""
    assert name_of({}, d) == ""


@pytest.mark.parametrize("name", ["_", "_5", "class", "not a name", ""])
def test_names_that_change_by_themselves_or_are_none_do_not_count(d, name):
    assert name_of({name: d}, d) == ""


def test_it_is_found_in_a_mapping_too(d, other):
    assert name_of({"results": {"d": other, "layer'3": d}}, d) == 'results["layer\'3"]'
    assert name_of({"found": Dissections({"layer4": d})}, d) == "found['layer4']"
    assert name_of({"epochs": {10: d}}, d) == "epochs[10]"
    assert name_of({"results": {"a": d}, "real": d}, d) == "real"
    assert name_of({"Out": {5: d}, "results": {"a": d}}, d) == "results['a']"
    assert name_of({"Out": {5: d}}, d) == "Out[5]"
    assert name_of({"odd": {(1, 2): d, None: d}}, d) == ""
    assert name_of({"huge": dict.fromkeys(range(MOST_ENTRIES + 1), d)}, d) == ""


def test_several_are_called_by_their_mapping_or_put_together(d, other):
    shown = {"trained": d, "un'trained": other}
    assert user_names({"results": dict(shown)}, shown, several=True) == (
        "results",
        ["results['trained']", 'results["un\'trained"]'],
    )
    swapped = {"results": {"un'trained": other, "trained": d}}  # which would show them the other way round
    whole, _each = user_names(swapped, shown, several=True)
    assert eval(whole, dict(swapped)) == shown
    assert list(eval(whole, dict(swapped))) == list(shown)
    assert user_names({"a": d, "b": other}, shown, several=True) == ("{'trained': a, \"un'trained\": b}", ["a", "b"])
    assert user_names({"a": d}, shown, several=True) == ("", ["a", ""])
    assert user_names({"results": {**shown, "more": d}}, shown, several=True).whole.startswith("{'trained': results[")


SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def names():
    return shell.user_ns["g"]._whole, shell.user_ns["g"]._names
run = lambda code: shell.run_cell(code, store_history=True).raise_error()
run("import sys; sys.path.insert(0, 'tests'); from support.dissections import dissection; real = dissection()")
run("g = real.gallery(); d = dissection()")
assert names() == ("real", ["real"]), names()
run("real = d")
assert names() == ("", [""]), names()
run("again = {'x': g.result}")
assert names() == ("again['x']", ["again['x']"]), names()
run("import copy; g.update(copy.copy(g.result))")
assert names() == ("", [""]), names()
callbacks = shell.events.callbacks["post_run_cell"]
assert sum(each.__name__ == "_cell_ran" for each in callbacks) == 1
"""


def test_a_gallery_follows_what_cells_name():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=ROOT)
