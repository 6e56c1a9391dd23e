"""The same result, count for count, whoever computes it: threads, processes, a cluster of which a worker dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.engine import layer_accumulator
from nbdissect.runner import shards, worker_payload
from support.cases import Case, assert_equal, interrupt
from support.data import Photos
from support.executors import Here
from support.needs import needed
from support.nets import Net


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert not list((tmp_path / "temporary").glob("nbdissect-*"))


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
def test_any_number_of_shards(workers, semantics):
    case, executor = Case(), Here(workers)
    d = case.dissect(executor=executor, per_image=True, semantics=semantics)
    assert d == case.dissect(per_image=True, semantics=semantics)
    batches = -(-d.images // 4)
    assert len(executor.tasks) == 2 * -(-batches // -(-batches // (4 * workers)))


def test_shards_that_end_in_any_order():
    case = Case(400)
    with ThreadPoolExecutor(3) as pool:
        assert case.dissect(executor=pool) == case.dissect()


def test_histograms_of_shards(monkeypatch):
    monkeypatch.setattr(layer_accumulator, "_LEAST_BITS", 4)
    monkeypatch.setattr(layer_accumulator, "_MOST_BITS", 4)
    from nbdissect import validation

    case, executor = Case(), Here(3)
    for semantics in ("paper", "netdissect-lite"):
        wanted = case.dissect(semantics=semantics)
        with monkeypatch.context() as scarce:
            scarce.setattr(validation, "parse_memory", lambda _: 2000)
            assert case.dissect(executor=executor, semantics=semantics) == wanted
    assert ("search_shard", range(2)) in executor.tasks


def test_cells_that_are_lost_are_computed_again(monkeypatch):
    """As on a cluster, where the second task for a shard may run on another machine."""
    case = Case()
    monkeypatch.setattr(shards, "_index", lambda payload, shard: Path(payload.folder) / f"{time.monotonic_ns()}.json")
    assert case.dissect(executor=Here(3)) == case.dissect()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("workers", [2, 3])
def test_a_process_pool(method, workers):
    """A real network: also its convolutions must not round differently there."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    torch.manual_seed(0)
    model, data = Net(), Photos(100)
    options = {"data": data, "quantile": 0.05, "batch_size": 8, "progress": False}
    wanted = nd.dissect(model, ["features", "features.0"], **options)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method)) as pool:
        d = nd.dissect(model, ["features", "features.0"], executor=pool, **options)
        again = nd.dissect(model, ["features", "features.0"], executor=pool, **options)
    assert d == again == wanted
    assert d["features"].provenance.data == wanted["features"].provenance.data


@pytest.mark.slow
def test_what_a_notebooks_cell_defines_goes_along():
    """cloudpickle sends the classes of __main__ by value; here, a class that no worker can import."""
    needed("cloudpickle")

    class Local(Net):
        pass

    torch.manual_seed(0)
    model, data = Local(), Photos(40)
    options = {
        "data": data,
        "quantile": 0.05,
        "batch_size": 8,
        "progress": False,
        "transform": lambda image: torch.tensor(np.array(image)).permute(2, 0, 1).float() / 255,
    }
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert nd.dissect(model, "features", executor=pool, **options) == nd.dissect(model, "features", **options)


def test_what_cant_be_sent():
    case = Case()
    case.model.lock = __import__("threading").Lock()
    with pytest.raises(ValueError, match="can't be sent to other processes: .*lock"):
        case.dissect(executor=Here())


def test_an_error_in_a_worker_is_the_same_error():
    case = Case()
    case.activations[37, 0] = np.nan
    case.model.activations["layer"] = torch.as_tensor(case.activations)
    with (
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(ValueError, match="NaN or infinite activations for image 37"),
    ):
        case.dissect(executor=pool)


def test_what_is_no_executor():
    with pytest.raises(ValueError, match=r"executor is a int; a concurrent\.futures\.Executor is needed"):
        Case().dissect(executor=4)


def test_an_interrupt_keeps_the_shards_that_are_done():
    case = Case()
    d = case.dissect(executor=Here(2), progress=interrupt(16))
    assert not d.complete
    assert d.images == d.seen == 32  # four shards were under way
    assert_equal(d, case.first(32))


def test_the_work_is_opened_once_per_worker(monkeypatch):
    opened = []
    unpack = worker_payload._unpack
    monkeypatch.setattr(worker_payload, "_unpack", lambda content: opened.append(1) or unpack(content))
    Case().dissect(executor=Here(3))
    assert len(opened) == 1


class Recorded(Photos):
    """Leaves a mark whenever it arrives in another process, and kills that process at one image, once."""

    def __init__(self, images, marks, victim):
        super().__init__(images)
        self.marks, self.victim = Path(marks), victim

    def __setstate__(self, state):
        self.__dict__.update(state)
        (self.marks / f"opened-{os.getpid()}-{time.monotonic_ns()}").touch()

    def __getitem__(self, index):
        if index == self.victim and multiprocessing.parent_process() is not None:
            flag = self.marks / "killed"
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.slow
def test_a_real_cluster_of_which_a_worker_is_killed(tmp_path):
    distributed = needed("distributed")
    torch.manual_seed(0)
    model, data = Net(), Recorded(160, tmp_path, 77)
    options = {"data": data, "quantile": 0.05, "batch_size": 8, "progress": False}
    wanted = nd.dissect(model, "features", **options)
    with (
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        d = nd.dissect(model, "features", executor=client.get_executor(), **options)
        again = nd.dissect(model, "features", executor=client.get_executor(retries=2), **options)
    assert (tmp_path / "killed").exists()
    assert d == again == wanted
    # Two runs; each worker opened the work once in each, the one that took the dead one's place too.
    by_process = {}
    for mark in tmp_path.glob("opened-*"):
        by_process.setdefault(mark.name.split("-")[1], []).append(mark)
    by_process.pop(str(os.getpid()), None)
    assert len(by_process) in (3, 4)
    assert max(map(len, by_process.values())) <= 2


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_that_was_shut_down(kind):
    pool = kind(1)
    pool.shutdown()
    with pytest.raises(
        ValueError, match=r"executor= takes no tasks: cannot schedule new futures after shutdown\. Make a new one"
    ):
        nd.dissect(Net(), "features", data=Photos(), quantile=0.05, progress=False, executor=pool)
