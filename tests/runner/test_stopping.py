"""Runs that end early, go on later, or go on in the background."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

import nbdissect as nd
from support import dense
from support.cases import IMAGES, Case, assert_equal, interrupt


@pytest.mark.parametrize("after", [4, 24, 56])
def test_an_interrupt_leaves_the_result_over_the_images_seen(after):
    case = Case()
    d = case.dissect(progress=interrupt(after))
    assert not d.complete
    assert (d.images, d.seen, d.planned) == (after, after, IMAGES)
    assert_equal(d, case.first(after))
    assert f"Stopped after {after} of 60 images" in d.warning
    assert f"Stopped after {after} of 60 images" in repr(d)
    assert "Stopped after" in d.text()
    assert not case.model.layer._forward_hooks
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_while_labels_are_counted():
    case = Case()
    d = case.dissect(progress=interrupt(20, "labels"), per_image=True)
    assert (d.complete, d.images, d.seen, d.planned) == (False, 20, 60, 60)
    whole = case.dissect(per_image=True)
    np.testing.assert_array_equal(d.thresholds, whole.thresholds)
    np.testing.assert_array_equal(d.intersection, whole.over(range(20)).intersection)
    assert "labels of 20 of them" in d.warning


def test_a_second_interrupt_ends_the_counting_too():
    d = Case().dissect(progress=interrupt(24, times=2))
    assert (d.complete, d.images, d.seen) == (False, 4, 24)


def test_a_third_interrupt_is_one():
    case = Case()
    with pytest.raises(KeyboardInterrupt):
        case.dissect(progress=interrupt(24, times=3))
    assert not case.model.layer._forward_hooks
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_partial_result_is_kept_and_told_from_a_whole_one(tmp_path):
    case = Case()
    part, whole = case.dissect(progress=interrupt(24)), case.dissect()
    assert part.differences(whole)
    part.save(tmp_path / "part.nbd", images=False)
    again = nd.load(tmp_path / "part.nbd")
    assert again == part
    assert (again.complete, again.seen, again.planned) == (False, 24, 60)
    assert again.warning == part.warning
    assert whole.complete


def test_a_partial_result_is_not_cached(tmp_path):
    case = Case()
    case.dissect(progress=interrupt(24), cache=tmp_path)
    assert case.dissect(cache=tmp_path).complete


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path):
    case, path, seen = Case(), tmp_path / "run", []
    assert not case.dissect(progress=interrupt(24), checkpoint=path).complete
    d = case.dissect(progress=lambda p: seen.append((p.stage, p.done)), checkpoint=path)
    assert seen[0] == ("network", 28)
    assert d.complete
    assert d == case.dissect()
    assert not path.exists()


def test_a_run_interrupted_while_counting_goes_on_there(tmp_path):
    case, path, seen = Case(), tmp_path / "run", []
    case.dissect(progress=interrupt(20, "labels"), checkpoint=path, per_image=True)
    d = case.dissect(progress=lambda p: seen.append((p.stage, p.done)), checkpoint=path, per_image=True)
    assert seen[0] == ("labels", 24)
    assert d == case.dissect(per_image=True)


def test_out_of_memory_halves_the_batch_and_says_so_once():
    import torch

    case, sizes = Case(), []
    forward = case.model.forward

    def small(batch):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(batch)

    case.model.forward = small
    with pytest.warns(
        UserWarning, match="ran out of memory with batches of 16: the run goes on with smaller ones"
    ) as told:
        d = nd.dissect(
            case.model, "layer", data=case.data, transform=dense.spell, progress=False, batch_size=16, quantile=0.05
        )
    assert sum("ran out of memory" in str(warning.message) for warning in told) == 1
    assert_equal(d, case.first(IMAGES))
    begun = sizes.index(16)  # before that, a few images show what the layers give
    assert sizes[begun : begun + 4] == [16, 8, 4, 2]
    assert max(sizes[begun + 4 :]) == 2

    full = []

    def none(batch):
        full.extend([1] * (len(batch) == 4))
        if not full:  # the few images before the run
            return forward(batch)
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    case.model.forward = none
    with pytest.raises(ValueError, match="One image alone takes more memory than cpu has"):
        case.dissect()


class FailingInThread(dense.Playback):
    """Works while it is probed, and fails in the run's own thread."""

    def forward(self, x):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("bad weather")
        return super().forward(x)


def slow(_):
    time.sleep(0.01)


class TestBackground:
    def test_the_same_result(self):
        case = Case()
        run = case.dissect(background=True)
        assert run.result() == case.dissect()
        assert run.done()
        assert repr(run) == "<Run of layer of Playback: done>"

    def test_cancel(self):
        case, reached = Case(400), threading.Event()
        run = case.dissect(background=True)
        run.listen(lambda run: reached.set() or slow(run))
        assert reached.wait(30)
        run.cancel()
        d = run.result(30)
        assert not d.complete
        assert 0 < d.images < 400
        assert_equal(d, case.first(d.images))
        assert "stopped" in repr(run)
        assert not [t for t in threading.enumerate() if t.name.startswith("nbdissect")]

    def test_the_users_model_is_left_alone(self):
        case = Case()
        case.model.train()
        run = case.dissect(background=True)
        assert case.model.training
        assert not case.model.layer._forward_hooks
        run.result()
        assert case.model.training

    def test_two_at_once(self):
        one, two = Case(200), Case(200, seed=1)
        runs = [one.dissect(background=True), two.dissect(background=True), one.dissect(background=True)]
        a, b, c = (run.result() for run in runs)
        assert a == c == one.dissect()
        assert b == two.dissect()

    def test_an_error_reaches_whoever_asks(self):
        case = Case()
        case.model = FailingInThread(layer=case.activations)
        run = case.dissect(background=True)
        with pytest.raises(ValueError, match="FailingInThread failed on a batch"):
            run.result()
        assert "failed" in repr(run)

    def test_patience(self):
        case = Case(400)
        run = case.dissect(background=True)
        run.listen(slow)
        with pytest.raises(
            TimeoutError, match=r"layer of Playback still runs after 0\.001 s: .*run\.cancel\(\) ends it"
        ):
            run.result(0.001)
        run.cancel()
        run.result()


def test_a_look_at_a_run_that_goes_on():
    case, looks = Case(400), []

    def look(progress):
        looks.append(progress.look())

    d = case.dissect(progress=look)
    seen = [found["layer"] for found in looks if found is not None]
    assert len(seen) > 50
    assert all(not part.complete and part.provisional for part in seen)
    assert seen[0].warning.startswith("Provisional: after ")
    middle = seen[len(seen) // 4]
    assert middle.seen < 400
    first = case.first(middle.seen)
    np.testing.assert_array_equal(middle.thresholds, first[0])
    np.testing.assert_array_equal(middle.top_images, first[1])
    assert 0 < middle.images <= middle.seen
    assert seen[-1].images == 400
    np.testing.assert_array_equal(seen[-1].intersection, d.intersection)
    assert d == case.dissect()


def arrays_of(d):
    per_image = [array for array in vars(d.per_image).values() if array is not None] if d.per_image else []
    return [
        d.thresholds,
        d.intersection,
        d.truth,
        d.activation,
        d.top_images,
        d.top_activations,
        d.top_maps,
        d.silent,
        *per_image,
    ]


@pytest.mark.parametrize("per_image", [False, True])
def test_a_look_shares_no_memory_with_the_run(per_image):
    case, looks = Case(400), []

    def look(progress):
        found = progress.look()
        if found is not None:
            looks.append((found["layer"], [array.copy() for array in arrays_of(found["layer"])]))

    d = case.dissect(progress=look, per_image=per_image)
    for found, before in looks:
        for array, copy in zip(arrays_of(found), before, strict=True):
            np.testing.assert_array_equal(array, copy)
            assert not any(np.shares_memory(array, other) for other in arrays_of(d))
            array[...] = 0  # whoever looks may do as they like
    assert d == case.dissect(per_image=per_image)


def test_a_look_from_another_thread_waits_for_the_end_of_a_batch():
    """In the middle of one, the run's thread is changing what would be looked at."""
    case = Case(400)
    wanted, reached = case.dissect(), threading.Event()
    run = case.dissect(background=True)
    run.listen(lambda run: run.progress.done >= 100 and reached.set())
    assert reached.wait(30)
    looks = [run.progress.look() for _ in range(20)]
    assert run.result() == wanted
    seen = [found["layer"].seen for found in looks if found is not None]
    assert seen == sorted(seen)
    last = run.progress.look()["layer"]
    assert last.images == 400
    np.testing.assert_array_equal(last.intersection, wanted.intersection)
