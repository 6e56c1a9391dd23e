"""Cells in a file come back as they were, or not at all; a full disk is named."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from nbdissect.engine.sparse_maps import SparseCells
from nbdissect.engine.spill import CellStore, DamagedCellsError

SHAPE = (9, 9)


def cells(count, seed=0):
    rng = np.random.default_rng(seed)
    return SparseCells(
        (5, 5),
        np.arange(count, dtype=np.int32),
        rng.integers(0, 8, count).astype(np.int16),
        rng.integers(0, 25, count).astype(np.int16),
        rng.normal(size=(4, count)).astype(np.float32),
    )


@pytest.fixture
def opened(tmp_path):
    """Open the file of cells; closed after the test."""
    files = []

    def open_file(mode):
        files.append((tmp_path / "cells").open(mode))
        return files[-1]

    yield open_file
    for file in files:
        file.close()


def stored(opened, batches=3):
    store = CellStore(0, opened("w+b"))
    for seed in range(batches):
        store.append([(SHAPE, cells(20, seed)), ((4, 4), cells(0))], None)
    store.append(None, None)
    return store


def same(one, other):
    return one.grid == other.grid and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("image", "unit", "cell", "corners")
    )


def test_what_was_spilled_comes_back(opened):
    store = stored(opened)
    assert store.nbytes == 0
    again = CellStore(0, opened("r+b"))
    again.restore(store.index(), store.filed_bytes)
    for one in (store, again):
        for seed in range(3):
            (shape, kept), (_, none) = one.read(seed)
            assert shape == SHAPE
            assert same(kept, cells(20, seed))
            assert len(none) == 0
        assert one.read(3) is None
        one.close()


@pytest.mark.parametrize("place", [0, 300, -1])
def test_what_changed_in_the_file_is_found(tmp_path, opened, place):
    store = stored(opened)
    content = bytearray((tmp_path / "cells").read_bytes())
    content[place] ^= 4
    (tmp_path / "cells").write_bytes(content)
    again = CellStore(0, opened("r+b"))
    with pytest.raises(
        DamagedCellsError, match=r"cells no longer holds what was written to it: bytes [\d,]+ to [\d,]+ have changed"
    ):
        again.restore(store.index(), store.filed_bytes)


def test_what_was_cut_off_is_missed(tmp_path, opened):
    store = stored(opened)
    os.truncate(tmp_path / "cells", store.filed_bytes - 1)
    with pytest.raises(DamagedCellsError):
        store.read(2)
    assert same(store.read(0)[0][1], cells(20, 0))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("buffering", [0, 1 << 16])
def test_a_full_disk_is_named_with_what_to_set(monkeypatch, buffering):
    with Path("/dev/full").open("r+b", buffering=0) as file:
        store = CellStore(0, file)
        with pytest.raises(OSError, match=r"/dev/full can't be written: the disk is full\. .*checkpoint=") as caught:
            store.append([(SHAPE, cells(5000))], None)
    assert caught.value.errno == errno.ENOSPC
    full = os.open("/dev/full", os.O_RDWR)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(full, "r+b", buffering=buffering))
    store = CellStore(0)
    with pytest.raises(
        OSError, match=rf"{tempfile.gettempdir()} can't be written: the disk is full\. .*memory_mb=.*TMPDIR"
    ):
        store.append([(SHAPE, cells(5000))], None)
    store.close()
