"""Files are read only if they are regular ones, and appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys

import pytest

from nbdissect.files import atomic_write, expand, full_disk_named, open_regular

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pipes, links and modes")


def test_a_file_appears_whole(tmp_path):
    with atomic_write(tmp_path / "a") as file:
        file.write(b"new")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_what_fails_in_the_middle_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "a") as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@posix
def test_the_mode_stays(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o640)
    with atomic_write(tmp_path / "a") as file:
        file.write(b"new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "b") as file:
            file.write(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o640


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to("a")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() == b"new"


@posix
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a directory"])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=rf" is {kind}; a regular file is needed|Is a directory"):
        open_regular(path)
    before = path.stat().st_mode
    with pytest.raises(OSError, match=f" is {kind}; a regular file is needed"), atomic_write(path):
        pytest.fail("never begun")
    assert path.stat().st_mode == before
    assert os.listdir(tmp_path) == ["a"]


def test_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with atomic_write("~/a") as file:
        file.write(b"here")
    with open_regular("~/a") as file:
        assert file.read() == b"here"
        assert file.name == str(tmp_path / "a")
    assert expand("~") == tmp_path


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_a_full_disk_is_named(tmp_path, number):
    (tmp_path / "a").write_bytes(b"old")
    with (
        pytest.raises(OSError, match=r"a can't be written: the .*\. Free some space, or choose another path") as caught,
        atomic_write(tmp_path / "a"),
    ):
        raise OSError(number, os.strerror(number))
    assert caught.value.errno == number
    assert (tmp_path / "a").read_bytes() == b"old"
    with pytest.raises(OSError, match="^[^:]*Permission"), full_disk_named(tmp_path):
        raise OSError(errno.EACCES, "Permission denied")
