"""Workers die, runs are killed: what was done is kept, and the counts are the same."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from nbdissect.runner.checkpoint import CheckpointError
from support.cases import Case, assert_equal, interrupt
from support.damage import EditedData, Moments, edits, killed_and_resumed
from support.executors import Deadly, Failing, Here, Interrupted, OddModel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and forks")
FORK = multiprocessing.get_context("fork") if sys.platform != "win32" else None


def pool(workers=2, **options):
    return ProcessPoolExecutor(workers, mp_context=FORK, **options)


def told(case, **options):
    """Dissect, and return the result with what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        d = case.dissect_loudly(**options)
    return d, " ".join(str(warning.message) for warning in caught)


def test_a_worker_that_dies_once(tmp_path):
    case, wanted = Case(), Case().dissect()
    case.data = Deadly(case.data, {21}, tmp_path)
    with pool() as executor:
        d, heard = told(case, executor=executor)
    assert (tmp_path / "killed-21").exists()
    assert d.complete
    assert d == wanted
    assert "A worker of the process pool died (out of memory, perhaps). A new pool goes on with what is left" in heard


def test_only_what_kills_its_worker_is_lost(tmp_path):
    case = Case()
    case.data = Deadly(case.data, {58}, tmp_path, once=False)
    with pool() as executor:
        d, heard = told(case, executor=executor)
    assert (d.complete, d.images) == (False, 56)
    assert_equal(d, case.first(56))
    assert (
        "Workers died over images 56–59, each time: these images are left out, and the result is not complete" in heard
    )


def test_what_was_lost_is_done_by_the_next_call(tmp_path):
    case, wanted = Case(), Case().dissect()
    plain, case.data = case.data, Deadly(case.data, {58}, tmp_path, once=False)
    with pool() as executor:
        assert not case.dissect(executor=executor, checkpoint=tmp_path / "run").complete
    case.data, tasks = plain, Here()
    d = case.dissect(executor=tasks, checkpoint=tmp_path / "run")
    assert d == wanted
    assert [number for name, number in tasks.tasks if name == "forward_shard"] == [range(14, 15)]
    assert not (tmp_path / "run").exists()


def fail():
    raise RuntimeError


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_pool_that_never_works(kind):
    case = Case()
    options = {"mp_context": FORK} if kind is ProcessPoolExecutor else {}
    with (
        kind(1, initializer=fail, **options) as executor,
        pytest.raises(
            ChildProcessError,
            match=r"Workers died while running the network, over images 0–\d+, .* leave executor= out",
        ),
    ):
        case.dissect(executor=executor)


def test_interrupts_are_the_notebooks_business():
    """A terminal sends them to the workers as well, where they would break the pool."""
    case, wanted = Case(), Case().dissect()
    case.data = Interrupted(case.data.concepts, case.data.categories, case.data.samples, case.data.concept_numbers)
    with pool() as executor:
        assert case.dissect(executor=executor) == wanted


def test_an_error_of_the_users_own_names_its_image_and_keeps_its_traceback():
    case = Case()
    case.data = Failing(case.data.concepts, case.data.categories, case.data.samples, case.data.concept_numbers)
    with pool() as executor, pytest.raises(ValueError, match=r"Image 37: .* raised OddError: no such thing") as caught:
        case.dissect(executor=executor)
    assert 'raise OddError("no such thing", 3)' in str(caught.value.__cause__)


def test_an_error_that_cant_be_sent_is_told_in_words():
    case = Case()
    case.model = OddModel(layer=case.activations)
    with pool() as executor, pytest.raises(ValueError, match="bad weather") as caught:
        case.dissect(executor=executor)
    assert 'raise OddError("bad weather", 3)' in str(caught.value.__cause__)


# --- checkpoint= beside executor= ---


@pytest.mark.parametrize(("after", "stage"), [(8, "network"), (8, "labels")])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_run_goes_on_with_the_shards_that_are_missing(tmp_path, after, stage, workers):
    case, path = Case(), tmp_path / "run"
    assert not case.dissect(executor=Here(2), checkpoint=path, progress=interrupt(after, stage)).complete
    executor, seen = Here(workers), []
    d = case.dissect(executor=executor, checkpoint=path, progress=lambda p: seen.append((p.stage, p.done)))
    assert d == case.dissect()
    assert d.provenance.uncounted == case.dissect().provenance.uncounted
    names = [name for name, _ in executor.tasks]
    assert names.count("forward_shard") == (4 if stage == "network" else 0)
    assert names.count("count_shard") == (8 if stage == "network" else 4)
    assert not path.exists()


def test_workers_that_live_on_hold_no_lock(tmp_path):
    case = Case()
    with pool() as executor:
        for _ in range(2):
            assert not case.dissect(executor=executor, checkpoint=tmp_path / "run", progress=interrupt(8)).complete
            list(executor.map(abs, range(4)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_goes_on_and_gives_the_same(tmp_path, seed):
    d, _ = killed_and_resumed(tmp_path, np.random.default_rng(seed).uniform(0, 0.6, 2), "executor")
    assert d == Case(400).dissect()


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    return Moments(tmp_path_factory.mktemp("moments"), Here(2))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_checkpoint_gives_no_other_counts(moments, tmp_path, seed):
    what = moments.damage(tmp_path / "run", np.random.default_rng(seed))
    assert moments.resume(tmp_path / "run") in ("equal", "refused"), what


@pytest.mark.parametrize("stage", ["network", "labels"])
@pytest.mark.parametrize("name", edits(0))
def test_data_edited_between_kill_and_resume(tmp_path, name, stage):
    case, new = Case(), Case()
    index = next(k for k in range(9, 20) if "a" in case.data.samples[k][0] and case.data.samples[k][1].get("s"))
    new.data = EditedData(case.data, edits(index)[name])
    options = {"executor": Here(2), "checkpoint": tmp_path / "run"}
    case.dissect(progress=interrupt(8, stage), **options)
    try:
        d = new.dissect(**options)
    except CheckpointError as error:
        assert f"Image {index}: its " in str(error)  # noqa: PT017
    else:
        assert d == new.dissect()


def test_runs_here_and_on_workers_keep_different_things(tmp_path):
    case, path = Case(), tmp_path / "run"
    case.dissect(executor=Here(2), checkpoint=path, progress=interrupt(8))
    with pytest.raises(CheckpointError, match="holds this run begun with executor=. Pass one again"):
        case.dissect(checkpoint=path)
    case.dissect(checkpoint=tmp_path / "here", progress=interrupt(8))
    with pytest.raises(CheckpointError, match="holds this run begun without executor=. Go on without it"):
        case.dissect(executor=Here(2), checkpoint=tmp_path / "here")
    assert case.dissect(executor=Here(2), checkpoint=path) == case.dissect(checkpoint=tmp_path / "here")
