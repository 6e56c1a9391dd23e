"""What an older version wrote is read, or refused by name, and never wrong."""

from __future__ import annotations

import shutil

import pytest

import nbdissect as nd
from nbdissect.runner.checkpoint import CheckpointError
from support import old_version


@pytest.fixture(scope="module")
def fresh():
    return old_version.dissect()


def test_its_archive_equals_a_fresh_run(fresh):
    old = nd.load(old_version.ARCHIVE)
    assert old == fresh
    assert fresh.differences(old) == []
    assert old.differences(fresh) == []
    assert old.over(range(5)) == fresh.over(range(5))
    assert old.data[old.data.indices[0]].image.size == (2, 2)
    assert old.provenance.layer == "conv"


def test_its_checkpoint_is_refused_by_name_and_left_alone(fresh, tmp_path):
    unfinished = shutil.copytree(old_version.CHECKPOINT, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    said = "run holds an unfinished run of an older version of nbdissect, .* remove this one to begin anew"
    with pytest.raises(CheckpointError, match=said):
        old_version.dissect(checkpoint=unfinished)
    after = {path.name: path.read_bytes() for path in unfinished.iterdir() if path.name != "lock"}
    assert after == before
    shutil.rmtree(unfinished)
    assert old_version.dissect(checkpoint=unfinished) == fresh


def test_its_cache_is_never_wrong(fresh, tmp_path):
    shutil.copytree(old_version.CACHE, tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    before = entry.read_bytes()
    assert old_version.dissect(cache=tmp_path / "cache") == fresh
    assert old_version.dissect(cache=tmp_path / "cache") == fresh, "found again"
    assert entry.read_bytes() == before
    # An entry is an archive: it opens by hand as well.
    assert nd.load(entry)["conv"] == fresh
