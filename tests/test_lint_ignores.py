"""Each lint rule that pyproject.toml ignores is broken somewhere: an ignore that silences nothing is removed."""

from __future__ import annotations

import json
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from support.needs import needed
from support.paths import ROOT
from support.settings import pyproject

LINT = pyproject()["tool"]["ruff"]["lint"]
EVERYWHERE = LINT["ignore"]
SOMEWHERE = [(where, code) for where, codes in LINT["per-file-ignores"].items() for code in codes]


@cache
def findings():
    """Return (path, code) of all that ruff would find if nothing was ignored, except by a comment."""
    needed("ruff")
    codes = ",".join({*EVERYWHERE, *(code for _, code in SOMEWHERE)})
    ruff = pyproject()["tool"]["ruff"]
    settings = f"line-length={ruff['line-length']}", f"target-version='{ruff['target-version']}'"
    settings = *settings, f"lint.pydocstyle.convention='{LINT['pydocstyle']['convention']}'"
    command = ["check", "--isolated", "--no-cache", "--exit-zero", "--output-format=json", "--select", codes]
    command += [word for setting in settings for word in ("--config", setting)]
    command += [f"--extend-exclude={name}" for name in ruff["extend-exclude"]]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {(Path(each["filename"]).relative_to(ROOT), each["code"]) for each in json.loads(done.stdout)}


def applies(where, path):
    """Whether the pattern of a per-file ignore is meant for a path; `*` crosses folders."""
    return fnmatch(path.as_posix(), where)


@pytest.mark.parametrize("ignored", EVERYWHERE)
def test_a_rule_ignored_everywhere_is_broken_where_no_other_ignore_holds(ignored):
    def ignored_here(path, code):
        return any(applies(where, path) and code.startswith(prefix) for where, prefix in SOMEWHERE)

    assert [path for path, code in findings() if code.startswith(ignored) and not ignored_here(path, code)]


@pytest.mark.parametrize(("where", "ignored"), SOMEWHERE)
def test_a_rule_ignored_for_some_files_is_broken_there(where, ignored):
    assert not ignored.startswith(tuple(EVERYWHERE))
    assert [path for path, code in findings() if code.startswith(ignored) and applies(where, path)]
