"""Who may import whom: arrows point down, in no circle, and the few that point up are listed in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.imports import circles, imported_when_loaded, imports_of_the_package
from support.paths import ROOT
from support.settings import pyproject

CONTRACT = pyproject()["tool"]["importlinter"]["contracts"][0]
UP = [tuple(arrow.split(" -> ")) for arrow in CONTRACT["ignore_imports"]]


def contracts_hold(root):
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold():
    done = contracts_hold(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('  "magic | studies",\n  "api",\n', '  "api",\n  "magic | studies",\n', "nbdissect.magic is not allowed to import nbdissect.api"),
        ("ignore_imports = [\n", 'ignore_imports = [\n  "nbdissect.types -> nbdissect.api",\n', "No matches"),
        ('  "builtin",\n', "", "builtin"),
    ],
    ids=["an arrow up", "an arrow listed that is not there", "a room not listed"],
)  # fmt: skip
def test_a_contract_can_be_broken(tmp_path, old, new, said):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "pyproject.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    (tmp_path / "nbdissect").symlink_to(ROOT / "nbdissect")
    done = contracts_hold(tmp_path)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr


def test_no_circle():
    arrows = imports_of_the_package()
    assert circles(arrows), "with the arrows up there are some, or the list in pyproject.toml is not needed"
    for importer, imported in UP:
        arrows[importer] = arrows[importer] - {imported}
    assert circles(arrows) == []


@pytest.mark.parametrize(("importer", "imported"), UP)
def test_arrows_up_are_followed_when_called_not_when_loaded(importer, imported):
    assert imported not in imported_when_loaded(importer)


@pytest.mark.parametrize(
    ("arrows", "found"),
    [
        ({}, []),
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}}, [["a", "b"]]),
        ({"a": {"a"}}, [["a"]]),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": {"e"}, "e": {"c"}}, [["c", "d", "e"]]),
        ({"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}}, [["c", "d"], ["a", "b"]]),
    ],
)
def test_circles_are_found(arrows, found):
    assert circles(arrows) == found
