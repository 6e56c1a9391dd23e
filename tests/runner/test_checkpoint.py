"""An unfinished run goes on to the same counts, or is refused by name: whatever happened to it, or to the data, meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import nbdissect as nd
from nbdissect.runner.checkpoint import Checkpoint, CheckpointError
from support.cases import Case, interrupt
from support.damage import EditedData, Moments, edits, killed_and_resumed
from support.paths import ROOT, TESTS

posix = pytest.mark.skipif(sys.platform == "win32", reason="no locks, pipes and signals on Windows")


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    return Moments(tmp_path_factory.mktemp("moments"))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_checkpoint_gives_no_other_counts(moments, tmp_path, seed):
    what = moments.damage(tmp_path / "run", np.random.default_rng(seed))
    assert moments.resume(tmp_path / "run") in ("equal", "refused"), what


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("file", ["run.state", "records-0.bin"])
def test_every_byte_counts(moments, tmp_path, moment, file):
    rng = np.random.default_rng(moment)
    shutil.copytree(moments.paths[moment], tmp_path / "run")
    content = bytearray((tmp_path / "run" / file).read_bytes())
    content[rng.integers(len(content))] ^= 1
    (tmp_path / "run" / file).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{file} (is damaged|no longer holds)[^$]* Remove .*run to begin anew"):
        moments.case.dissect(checkpoint=tmp_path / "run", per_image=True)


def test_without_its_state_there_is_no_run_to_go_on_with(moments, tmp_path):
    shutil.copytree(moments.paths[3], tmp_path / "run")
    (tmp_path / "run" / "run.state").unlink()
    seen = []
    d = moments.case.dissect(
        checkpoint=tmp_path / "run", per_image=True, progress=lambda p: seen.append((p.stage, p.done))
    )
    assert seen[0] == ("network", 4)
    assert d == moments.wanted


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on_and_gives_the_same(tmp_path, seed):
    d, first = killed_and_resumed(tmp_path, np.random.default_rng(seed).uniform(0, 0.6, 2))
    assert d == Case(400).dissect()
    # It really went on: no attempt began with the first batch, unless it was killed before there was a second.
    assert first[1] != "network 4\n" or first[2] != "network 4\n"


@pytest.mark.slow
@posix
@pytest.mark.parametrize("last", ["run.state", "records-0.bin", "lock"])
def test_a_kill_while_a_finished_run_is_cleared_away(tmp_path, last):
    """What is left must not be taken for a run that goes on: its cells may be gone already."""
    code = textwrap.dedent(f"""
        import os, pathlib, signal, sys
        sys.path[:0] = [{str(TESTS)!r}, {str(ROOT)!r}]
        from support.cases import Case
        from nbdissect.runner import checkpoint
        checkpoint._SECONDS = 1e9  # the state is that of the last line of the first pass
        real = checkpoint.Checkpoint.save_if_due
        checkpoint.Checkpoint.save_if_due = lambda self, run: run.thresholds or self.save(run)
        unlink = pathlib.Path.unlink
        def die(self, *args, **named):
            unlink(self, *args, **named)
            if self.name == {last!r}:
                os.kill(os.getpid(), signal.SIGKILL)
        pathlib.Path.unlink = die
        Case().dissect(checkpoint=sys.argv[1])
    """)
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "run.state").exists()
    assert Case().dissect(checkpoint=tmp_path / "run") == Case().dissect()
    assert not (tmp_path / "run").exists()


# --- data that were edited in between ---


def edited(name, index):
    case = Case()
    case.data = EditedData(case.data, edits(index)[name])
    return case


@pytest.mark.parametrize("stage", ["network", "labels"])
@pytest.mark.parametrize("name", edits(0))
def test_data_edited_between_kill_and_resume(tmp_path, name, stage):
    """Refused, or as a run over the new data gives it; never a mixture."""
    case = Case()
    index = next(
        k for k in range(9, 20) if case.data.samples[k][0].get("a") is not None and case.data.samples[k][1].get("s")
    )
    case.dissect(progress=interrupt(24, stage), checkpoint=tmp_path / "run")
    new = edited(name, index)
    try:
        d = new.dissect(checkpoint=tmp_path / "run")
    except CheckpointError as error:
        assert f"Image {index}: its " in str(error)  # noqa: PT017
        assert "Undo the change, or remove the directory to begin anew" in str(error)  # noqa: PT017
        assert case.dissect(checkpoint=tmp_path / "run") == case.dissect(), "undone, it goes on"
    else:
        assert stage == "network"
        assert name not in ("one pixel of the image", "another image", "masks of another size")
        assert d == new.dissect()


@pytest.mark.parametrize("name", edits(0))
def test_data_edited_where_the_run_has_not_been(tmp_path, name):
    Case().dissect(progress=interrupt(24), checkpoint=tmp_path / "run")
    index = next(k for k in range(40, 60) if Case().data.samples[k][1].get("s"))
    new = edited(name, index)
    assert new.dissect(checkpoint=tmp_path / "run") == new.dissect()


def test_the_record_of_a_resumed_run_is_that_of_the_data_it_counted(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24, "labels"), checkpoint=tmp_path / "run")
    d = case.dissect(checkpoint=tmp_path / "run")
    assert d.provenance.data == case.dissect().provenance.data
    assert d.provenance.uncounted == case.dissect().provenance.uncounted != ""


def test_data_with_a_digest_of_their_own_are_compared_too(tmp_path):
    from nbdissect.builtin.world import World

    model, _ = nd.demo()
    options = {"quantile": 0.05, "batch_size": 4, "checkpoint": tmp_path / "run"}
    assert not nd.dissect(model, "conv2", data=World(n=20), progress=interrupt(8), **options).complete

    class Shifted(World):
        def digest(self):
            return super().digest()

        def __getitem__(self, index):
            return super().__getitem__(index + 1 if index == 5 else index)

    with pytest.raises(CheckpointError, match="Image 5: its image changed since it was first read"):
        nd.dissect(model, "conv2", data=Shifted(n=20), progress=False, **options)


def test_an_interrupt_while_the_data_are_compared(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24), checkpoint=tmp_path / "run")

    class Interrupting:
        def __init__(self, data):
            self.data, self.concepts, self.categories, self.concept_numbers = (
                data,
                data.concepts,
                data.categories,
                (11,),
            )
            self.armed = True

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            if index == 8 and self.armed:
                self.armed = False
                os.kill(os.getpid(), signal.SIGINT)
            return self.data[index]

    wanted, case.data = case.dissect(), Interrupting(case.data)
    with pytest.raises(KeyboardInterrupt):
        case.dissect(checkpoint=tmp_path / "run")
    assert case.dissect(checkpoint=tmp_path / "run") == wanted


# --- what is refused by name ---


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24), checkpoint=tmp_path / "run")
    with pytest.raises(CheckpointError, match="unfinished run of something else"):
        case.dissect(quantile=0.1, checkpoint=tmp_path / "run")
    with pytest.raises(CheckpointError, match="unfinished run of something else"):
        Case(seed=1).dissect(checkpoint=tmp_path / "run", top=3)


def test_another_memory_limit_is_named(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24), checkpoint=tmp_path / "run", memory_mb=64)
    with pytest.raises(
        CheckpointError, match=r"begun with memory_mb=64, now it is 1024\. Call with memory_mb=64, or remove"
    ):
        case.dissect(checkpoint=tmp_path / "run")
    assert case.dissect(checkpoint=tmp_path / "run", memory_mb=64) == case.dissect()


def test_a_checkpoint_of_version_1(tmp_path):
    (tmp_path / "state.npz").write_bytes(b"PK")
    (tmp_path / "records-0.bin").write_bytes(b"")
    with pytest.raises(
        CheckpointError, match="an unfinished run of an older version of nbdissect, which this one can't go on with"
    ):
        Case().dissect(checkpoint=tmp_path)


def test_a_directory_that_holds_other_things(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(CheckpointError, match=r"holds other files, such as 'thesis\.tex'"):
        Case().dissect(checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="is a file; the path of a directory is needed"):
        Case().dissect(checkpoint=tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize("path", [3, "", True])
def test_what_is_no_path(path):
    with pytest.raises(CheckpointError, match=r"checkpoint=.*; the path of a directory is needed"):
        Case().dissect(checkpoint=path)


def test_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Case().dissect(checkpoint="~/run", progress=interrupt(24))
    assert (tmp_path / "run" / "run.state").exists()


@posix
def test_two_runs_on_one_checkpoint(tmp_path):
    held = Checkpoint(tmp_path / "run", "", {})
    try:
        with pytest.raises(CheckpointError, match="Another run is writing to the checkpoint"):
            Case().dissect(checkpoint=tmp_path / "run")
    finally:
        held.close(finished=True)


@posix
def test_a_lock_that_was_removed_protects_nothing(tmp_path, monkeypatch):
    """A run that ends removes its lock; whoever has opened that file in the same moment must take a new one."""
    import fcntl

    flock, removed = fcntl.flock, []

    def remove_first(descriptor, flags):
        flock(descriptor, flags)
        if not removed:
            removed.append((tmp_path / "run" / "lock").unlink())

    monkeypatch.setattr(fcntl, "flock", remove_first)
    first = Checkpoint(tmp_path / "run", "", {})
    with pytest.raises(CheckpointError, match="Another run"):
        Checkpoint(tmp_path / "run", "", {})
    first.close(finished=True)


def test_what_a_kill_left_of_a_write_is_removed(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24), checkpoint=tmp_path / "run")
    (tmp_path / "run" / ".run.state.0123.tmp").write_bytes(b"half")
    assert case.dissect(checkpoint=tmp_path / "run") == case.dissect()
    assert not (tmp_path / "run").exists()


# --- a full disk ---

_LIMITED = """
import resource, signal, sys, warnings
sys.path[:0] = [{tests!r}, {root!r}]
warnings.simplefilter("ignore")
from support.cases import Case
case = Case(200)
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
from nbdissect.runner import checkpoint
checkpoint._SECONDS, checkpoint._SHARE = 0, 1e9
try:
    d = case.dissect(checkpoint=sys.argv[1])
except OSError as error:
    sys.exit(f"{{error.errno}} {{error}}")
print(d.intersection.sum(), d.images)
"""


def limited(path, limit):
    code = _LIMITED.format(tests=str(TESTS), root=str(ROOT))
    return subprocess.run([sys.executable, "-c", code, path, str(limit)], check=False, capture_output=True, text=True)


@pytest.mark.slow
@posix
def test_a_full_disk_under_a_checkpoint_names_it_and_loses_nothing(tmp_path):
    failed = limited(str(tmp_path / "run"), 30_000)
    assert failed.returncode == 1
    assert f"{tmp_path / 'run'}" in failed.stderr
    assert (
        "can't be written: the file may not grow further. Free some space and call again: the run goes on"
        in failed.stderr
    )
    assert "checkpoint=" in failed.stderr
    assert (tmp_path / "run" / "run.state").exists()
    wanted = Case(200).dissect()
    done = limited(str(tmp_path / "run"), 0)
    assert done.stdout.split() == [str(wanted.intersection.sum()), "200"], done.stderr
