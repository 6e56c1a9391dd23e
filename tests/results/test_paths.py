"""Results go to and come from regular files, wherever a path leads; nothing else is read or replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

import nbdissect as nd
from support.dissections import dissection
from support.paths import ROOT

WRITERS = {"save": ".nbd", "to_csv": ".csv", "to_html": ".html"}
READERS = {"load": ".nbd", "read_csv": ".csv"}

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and modes")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "home"


def test_a_tilde_is_the_home_directory(home):
    d = dissection(3)
    for name, extension in WRITERS.items():
        getattr(d, name)(f"~/a{extension}")
        assert (home / f"a{extension}").exists()
    nd.Dissections({"a": d}).save("~/several.nbd")
    nd.Dissections({"a": d}).to_html("~/several.html")
    assert nd.load("~/a.nbd") == d
    assert nd.load("~/several.nbd")["a"] == d
    assert nd.read_csv("~/a.csv").layer == "a"
    assert not os.listdir()


@needs_posix
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_no_regular_file_is_not_replaced(tmp_path, writer):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "folder", "link"):
        before = os.lstat(tmp_path / name)
        with pytest.raises(OSError, match=r"is a (pipe|directory); a regular file is needed"):
            getattr(dissection(2), writer)(tmp_path / name)
        after = os.lstat(tmp_path / name)  # whose times may have moved: looking is allowed
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "link", "pipe"]


@needs_posix
@pytest.mark.parametrize("writer", WRITERS)
def test_a_private_file_stays_private(tmp_path, writer):
    path = tmp_path / "a"
    getattr(dissection(2), writer)(path)
    path.chmod(0o600)
    getattr(dissection(3), writer)(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_posix
@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_leads_to_the_file_that_is_replaced(tmp_path, writer):
    getattr(dissection(2), writer)(tmp_path / "a")
    (tmp_path / "link").symlink_to("a")
    before = (tmp_path / "a").read_bytes()
    getattr(dissection(3), writer)(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() != before


LIMITED = """
import resource, sys
import nbdissect as nd
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    getattr(nd, sys.argv[1])(sys.argv[2])
except OSError as error:
    print(error)
"""


@needs_posix
@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_and_a_device_without_end_are_not_read(tmp_path, reader):
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "a pipe"), ("/dev/zero", "a device")):
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, reader, path],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=ROOT,
        )
        assert done.stdout == f"{path} is {what}; a regular file is needed. Choose another path.\n"


@needs_posix
def test_a_table_that_can_not_be_finished_leaves_the_old_one(tmp_path):
    """A limit on the size of files stands in for a full disk."""
    code = (
        "import resource, sys; sys.path.insert(0, 'tests'); from support.dissections import dissection\n"
        "d, path = dissection(400), sys.argv[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))\n"
        "try:\n    d.to_csv(path)\nexcept OSError as error:\n    print(error)\n"
    )
    dissection(2).to_csv(tmp_path / "a.csv")
    before = (tmp_path / "a.csv").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.csv"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "a.csv" in done.stdout
    assert (tmp_path / "a.csv").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.csv"]
