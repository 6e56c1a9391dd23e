"""After two batches a run says what it will take."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

import nbdissect as nd
from nbdissect.display import progress
from nbdissect.display.progress_text import ProgressTracker, megabytes
from nbdissect.engine import layer_accumulator
from nbdissect.runner.estimate import Estimator
from nbdissect.types import Estimate, Progress
from support.cases import Case, assert_equal
from support.executors import Here


def test_it_is_told_from_the_second_batch_on_while_the_network_runs():
    case, told = Case(), []
    d = case.dissect(progress=told.append)
    network = [p.estimate for p in told if p.stage == "network"]
    assert network[0] is None
    assert all(estimate.seconds > 0 and estimate.bytes > 0 for estimate in network[1:])
    assert {p.estimate for p in told if p.stage == "labels"} == {None}
    assert_equal(d, case.first(60))


def test_given_thresholds_need_no_search_and_less_memory():
    case, told, given = Case(), [], []
    d = case.dissect(progress=told.append)
    case.dissect(progress=given.append, thresholds=d.thresholds)
    assert given[1].estimate.bytes < told[1].estimate.bytes


def test_shared_among_workers_none_is_told():
    told = []
    Case().dissect(progress=told.append, executor=Here(2))
    assert {p.estimate for p in told} == {None}


class _Run:
    """Ten batches of 8 images; a batch takes 2 seconds, the first one 5, and an image's labels half a second."""

    def __init__(self, workers=0, *, lazy=True):
        self.batches, self.seen, self.counted, self.thresholds = [range(8)] * 10, 0, 0, {}
        self.config = SimpleNamespace(memory=1000, num_workers=workers)
        self.inputs = SimpleNamespace(data=SimpleNamespace(reads_labels_later=lazy))
        self.layers = {"a": SimpleNamespace(expected_bytes=lambda images: 7 * images)}
        self.now = 0.0

    def images(self, batches):
        return 8 * batches

    def read_labels(self, number, first, last):
        assert number == self.seen - 1
        self.now += 0.5 * (last - first)

    def batch(self):
        self.now += 2 if self.seen else 5
        self.seen += 1


@pytest.mark.parametrize(("workers", "labels"), [(0, 40), (2, 20)])
def test_time_is_that_of_both_passes(workers, labels):
    run = _Run(workers)
    estimator = Estimator(run, lambda: run.now)
    run.batch()
    assert estimator.update() is None
    run.batch()
    # 5 and 9 times 2 for the network, whatever it took to look at labels; half a second for each of 80 images.
    assert estimator.update() == Estimate(5 + 9 * 2 + labels, 560)
    run.batch()
    assert estimator.update() == Estimate(5 + 9 * 2 + labels, 560)
    run.thresholds = {"a": None}
    assert estimator.update() is None


def test_labels_that_come_with_the_images_take_no_time_of_their_own():
    run = _Run(lazy=False)
    estimator = Estimator(run, lambda: run.now)
    run.batch()
    estimator.update()
    run.batch()
    assert estimator.update() == Estimate(5 + 9 * 2, 560)


def test_memory_is_never_more_than_the_run_may_take():
    run = _Run()
    run.config.memory = 100
    estimator = Estimator(run, lambda: run.now)
    for _ in range(2):
        run.batch()
        estimate = estimator.update()
    assert estimate.bytes == 100


def test_a_run_that_begins_anew_is_measured_anew():
    run = _Run()
    estimator = Estimator(run, lambda: run.now)
    for _ in range(4):
        run.batch()
        estimator.update()
    run.seen = 0
    run.batch()
    assert estimator.update() is None


@pytest.mark.parametrize("held", [64 << 20, 1 << 20])
def test_memory_is_about_what_maps_cells_and_thresholds_take(monkeypatch, held):
    """On the embedded network: neither half nor three times of the most that was held."""
    model, data = nd.demo()
    told, kept = [], []
    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", held)
    update = layer_accumulator.LayerAccumulator.update

    def watched(self, *batch):
        update(self, *batch)
        kept.append(self._held_throughout + self._held_bytes + self.store.nbytes)

    monkeypatch.setattr(layer_accumulator.LayerAccumulator, "update", watched)
    nd.dissect(model, "conv5", data=data[:160], progress=told.append, batch_size=16)
    assert 1 / 2 < told[1].estimate.bytes / max(kept) < 3


def test_labels_that_cant_be_read_end_the_run_where_it_comes_to_them():
    case, told = Case(), []
    masks, whole, shape = case.data.samples[4]
    case.data.samples[4] = ({"a": [[[1.5]]]}, whole, shape)
    with pytest.raises(ValueError, match="Image 4"):
        case.dissect(progress=told.append)
    assert masks is not None


def test_in_words():
    now = 0.0
    tracker = ProgressTracker(lambda: now)
    now = 2.0
    text = tracker.update(Progress("network", 100, 400, estimate=Estimate(13.4, 71_000_000)))
    assert text.figures == "100 of 400 images · 11 s left · ~13 s, 71 MB in all"
    assert [megabytes(size) for size in (10, 999_000_000, 1_240_000_000)] == ["1 MB", "999 MB", "1.2 GB"]


def test_the_line_of_a_terminal_says_it(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0)
    Case().dissect(progress=True)
    assert " MB in all" in terminal.getvalue()
