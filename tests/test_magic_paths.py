"""Paths on a ``%dissect`` line: ``~`` is home, and what isn't a file is neither replaced nor waited for."""

from __future__ import annotations

import os
import sys

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from support.broden_maker import make_broden
from support.data import Photos
from support.nets import Net

LINE = "model features --data photos -q 0.05"
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes")


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbdissect")
    shell.user_ns.update(model=Net(), photos=Photos())
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "home"


def dissect(shell, line):
    with capture_output() as out:
        d = shell.run_line_magic("dissect", line)
    return d, out.stderr


def test_a_tilde_is_the_home_directory(shell, home):
    make_broden(home / "broden")
    d, _ = dissect(shell, "model features --data ~/broden -q 0.05 --html ~/page.html --cache '~/kept results'")
    assert d.images == 4
    assert "features" in (home / "page.html").read_text(encoding="utf-8")
    assert os.listdir(home / "kept results")
    assert not os.listdir()


def test_nobodys_home(shell, home):
    d, printed = dissect(shell, f"{LINE} --html ~nobody-of-this-name/page.html")
    assert isinstance(d, nd.Dissection), "a page that can't be written loses no result"
    assert "~nobody-of-this-name/page.html: there is no such user. Write the directory out." in printed
    with pytest.raises(UsageError, match="neither a variable nor a directory"):
        dissect(shell, "model features --data ~nobody-of-this-name/broden")


@needs_posix
def test_a_pipe_stays_a_pipe(shell, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    d, printed = dissect(shell, f"{LINE} --html {tmp_path / 'pipe'}")
    assert isinstance(d, nd.Dissection)
    assert "is a pipe; a regular file is needed" in printed
    assert os.listdir(tmp_path) == ["pipe"]
    for option in ("--cache", "--data"):
        with pytest.raises(UsageError):
            dissect(shell, f"model features {option} {tmp_path / 'pipe'}")
    assert os.listdir(tmp_path) == ["pipe"]
