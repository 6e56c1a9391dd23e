"""The whole pipeline on every device that there is, a pretended GPU among them: the same results, count for count."""

from __future__ import annotations

import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.engine import layer_accumulator, sparse_maps, thresholds, top_images
from nbdissect.engine.devices import choose_device, on_host
from support import dense
from support.cases import IMAGES, Case, assert_equal, interrupt
from support.data import KINDS, Photos, make_activations, make_data
from support.pretend_cuda import PretendCuda, PretendTensor, possible, pretend_cuda

PRETENDED = ["pretended"] if possible() else []
ELSEWHERE = PRETENDED + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()


def at(name):
    """Return what yields the name of a device as long as it is there."""
    return pretend_cuda() if name == "pretended" else nullcontext()


@pytest.fixture(params=["cpu", *ELSEWHERE])
def device(request):
    with at(request.param):
        yield "cuda" if request.param == "pretended" else request.param


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request):
    with at(request.param):
        yield "cuda" if request.param == "pretended" else request.param


@pytest.fixture
def pretended():
    if not PRETENDED:
        pytest.skip("a GPU is there, or this torch doesn't let one be pretended")
    with pretend_cuda() as cuda:
        yield cuda


def run(model, layer, data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels outside the concepts, tiny data: tested elsewhere
        return nd.dissect(model, layer, data=data, **{"progress": False, "quantile": 0.05, "batch_size": 7, **options})


def play(activations, data, **options):
    return run(dense.Playback(layer=activations), "layer", data, transform=dense.spell, **options)


class Exact(torch.nn.Module):
    """Convolutions of small integers, which add up to the same in any order and, once rounded, in any precision."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.second = torch.nn.Conv2d(3, 6, 2, stride=2), torch.nn.Conv2d(6, 5, 2)
        for parameter in self.parameters():
            parameter.data = torch.randint(-2, 3, parameter.shape, generator=generator).float()

    def forward(self, x):
        return self.second(self.first(x).relu())


def integers(image):
    return torch.tensor(np.array(image) // 32).permute(2, 0, 1).float()


# --- the dense reference ---


@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
def test_several_layers_over_masks_of_mixed_shapes(device, semantics):
    rng = np.random.default_rng(0)
    layers = {"a": make_activations(rng, KINDS, 40, (5, 5)), "b": make_activations(rng, KINDS[:3], 40, (3, 4))}
    data = make_data(rng, 40, [(9, 9), (7, 11), (5, 5)])
    found = run(
        dense.Playback(**layers),
        ["b", "a"],
        data,
        transform=dense.spell,
        semantics=semantics,
        per_image=True,
        device=device,
    )
    for name, activations in layers.items():
        d = found[name]
        assert_equal(d, dense.dissect(activations, data, 0.05, semantics))
        everything = d.over(d.per_image.pixels[:, 0])
        for counts in ("intersection", "truth", "activation"):
            np.testing.assert_array_equal(getattr(everything, counts), getattr(d, counts))


def test_given_thresholds(device):
    rng = np.random.default_rng(1)
    activations, data = make_activations(rng, KINDS, 30, (6, 6)), make_data(rng, 30, [(12, 12), (8, 10)])
    given = rng.normal(size=len(KINDS)).astype(np.float32)
    assert_equal(
        play(activations, data, thresholds=given, device=device),
        dense.dissect(activations, data, 0.05, thresholds=given),
    )


@pytest.mark.parametrize("kind", ["fully connected", "tokens", "channels last"])
def test_kinds_of_layers(device, kind):
    rng = np.random.default_rng(2)
    activations = make_activations(rng, KINDS, 40, (1, 1) if kind == "fully connected" else (4, 4))
    data = make_data(rng, 40, [(8, 8)])
    given = torch.from_numpy(activations)
    if kind == "fully connected":
        given = given[:, :, 0, 0]
    elif kind == "tokens":
        given = torch.cat([torch.full((40, 1, len(KINDS)), 99.0), given.flatten(2).transpose(1, 2)], 1)
    else:
        given = given.contiguous(memory_format=torch.channels_last)
    options = {"output": lambda o: o[:, 1:]} if kind == "tokens" else {}
    assert_equal(play(given, data, device=device, **options), dense.dissect(activations, data, 0.05))


def test_long_streams_through_small_buffers(device, monkeypatch):
    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", 1)
    rng = np.random.default_rng(3)
    activations = np.sort(make_activations(rng, KINDS, 120, (4, 4)), axis=0)
    data = make_data(rng, 120, [(6, 6)])
    assert_equal(play(activations, data, device=device), dense.dissect(activations, data, 0.05))


def test_torchs_default_dtype_and_device_change_nothing(device):
    case, identity = Case(), torch.nn.Sequential(torch.nn.Identity())
    wanted = run(identity, "0", Photos(40))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device(device):
            found = [case.dissect(device=where) for where in (device, "cpu")]
            d = run(identity, "0", Photos(40), device=device)
    finally:
        torch.set_default_dtype(torch.float32)
    for one in found:
        assert_equal(one, case.first(IMAGES))
        assert one.thresholds.dtype == one.top_activations.dtype == one.top_maps.dtype == np.float32
    assert d == wanted


# --- the CPU's results ---


def test_maps_larger_than_their_masks(elsewhere):
    rng = np.random.default_rng(4)
    activations, data = make_activations(rng, KINDS, 30, (16, 16)), make_data(rng, 30, [(9, 9), (20, 20), (9, 20)])
    assert play(activations, data, device=elsewhere) == play(activations, data)


def test_a_real_network(elsewhere):
    """Decoded, normalised and convolved there; also by the default transform, whose arithmetic is the same everywhere."""
    wanted = run(Exact(), ["first", "second"], Photos(40), transform=integers)
    assert run(Exact(), ["first", "second"], Photos(40), transform=integers, device=elsewhere, num_workers=2) == wanted
    identity = torch.nn.Sequential(torch.nn.Identity())
    assert run(identity, "0", Photos(40), device=elsewhere) == run(identity, "0", Photos(40))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(elsewhere, dtype):
    try:
        wanted = run(Exact().to(dtype), ["first", "second"], Photos(40), transform=integers)
    except ValueError as error:  # older torch has no half precision on the CPU
        pytest.skip(str(error))
    model = Exact().to(dtype)
    d = run(model, ["first", "second"], Photos(40), transform=integers, device=elsewhere)
    assert d == wanted
    assert model.first.weight.dtype == dtype


@pytest.mark.slow
@pytest.mark.parametrize("semantics", ["paper", "netdissect-lite"])
def test_little_memory(elsewhere, scarce, semantics):
    rng = np.random.default_rng(0)
    activations, data = make_activations(rng, ["normal"] * 4, 200, (7, 7)), make_data(rng, 200, [(9, 9)])
    options = {"quantile": 0.02, "batch_size": 4, "semantics": semantics}
    wanted = scarce(activations, data, 1 << 30, **options)
    assert not any(scarce.told.values())
    assert scarce(activations, data, 20_000, device=elsewhere, **options) == wanted
    assert all(scarce.told.values()), scarce.told


def test_threads_of_an_executor(elsewhere):
    case = Case()
    with ThreadPoolExecutor(3) as pool:
        assert case.dissect(executor=pool, device=elsewhere) == case.dissect()
    with ThreadPoolExecutor(2) as pool:
        wanted = run(Exact(), "second", Photos(40), transform=integers)
        model = Exact().to(elsewhere)  # travels from there
        assert run(model, "second", Photos(40), transform=integers, executor=pool) == wanted


def test_a_checkpoint(elsewhere, tmp_path):
    case, path = Case(), tmp_path / "run"
    assert not case.dissect(progress=interrupt(24), checkpoint=path, device=elsewhere).complete
    first = []
    d = case.dissect(progress=lambda p: first.append(p.done), checkpoint=path, device=elsewhere)
    assert first[0] == 28
    assert d == case.dissect()


def test_a_look_at_a_run_that_goes_on(elsewhere):
    case, looks = Case(400), []
    d = case.dissect(progress=lambda p: looks.append(p.look()), device=elsewhere)
    part = [look["layer"] for look in looks if look is not None][20]
    np.testing.assert_array_equal(part.thresholds, case.first(part.seen)[0])
    np.testing.assert_array_equal(part.top_images, case.first(part.seen)[1])
    assert d == case.dissect()


def test_in_the_background(elsewhere):
    model = Exact().to(elsewhere)
    d = run(model, "second", Photos(40), transform=integers, background=True).result()
    assert d == run(Exact(), "second", Photos(40), transform=integers)


def test_a_cache(elsewhere, tmp_path):
    options = {"transform": integers, "device": elsewhere, "cache": tmp_path}
    d = run(Exact(), "second", Photos(40), **options)
    assert run(Exact(), "second", Photos(40), **options).provenance.date == d.provenance.date


# --- where the model is ---


def where(model):
    return [tensor.device for tensor in (*model.parameters(), *model.buffers())]


def test_the_model_goes_there_and_comes_back(elsewhere):
    model, seen = Exact(), []
    model.register_buffer("mean", torch.zeros(1))
    weight = model.first.weight
    values = weight.detach().clone()
    model.first.register_forward_hook(
        lambda module, inputs, output: seen.append((output.device.type, *{d.type for d in where(module)}))
    )
    d = run(model, "second", Photos(20), transform=integers, device=elsewhere)
    assert set(seen) == {(elsewhere, elsewhere)}
    assert {d.type for d in where(model)} == {"cpu"}
    assert model.first.weight is weight
    assert torch.equal(weight, values)
    assert d.provenance.device == f"{elsewhere}:0"

    def fail(_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(model, "second", Photos(20), transform=integers, device=elsewhere, progress=fail)
    assert {d.type for d in where(model)} == {"cpu"}
    assert model.first.weight is weight
    assert {layer.name for layer in nd.layers(model, Photos(), transform=integers, device=elsewhere)} == {
        "first",
        "second",
    }
    assert {d.type for d in where(model)} == {"cpu"}


def test_a_model_that_is_there_stays_there(elsewhere):
    model = Exact().to(elsewhere)
    wanted = run(Exact(), "second", Photos(20), transform=integers)
    for device in (None, "auto", elsewhere):
        d = run(model, "second", Photos(20), transform=integers, device=device)
        assert d == wanted
        assert d.provenance.device == f"{elsewhere}:0"
        assert {d.type for d in where(model)} == {elsewhere}
    assert run(model, "second", Photos(20), transform=integers, device="cpu") == wanted
    assert {d.type for d in where(model)} == {elsewhere}


def test_auto_finds_it(elsewhere):
    assert choose_device("auto", torch.device("cpu")).type == elsewhere


class Spread(Exact):
    """Its second half on another device, as in large models; its forward sees to the way between."""

    def __init__(self, first, second):
        super().__init__()
        self.first.to(first)
        self.second.to(second)

    def forward(self, x):
        return self.second(self.first(x).relu().to(self.second.weight.device))


def test_a_model_on_two_devices(elsewhere):
    wanted = run(Spread("cpu", "cpu"), ["first", "second"], Photos(20), transform=integers)
    for first, second in ((elsewhere, "cpu"), ("cpu", elsewhere)):
        model = Spread(first, second)
        before = where(model)
        d = run(model, ["first", "second"], Photos(20), transform=integers)
        assert d == wanted
        assert torch.device(d["first"].provenance.device).type == first
        assert where(model) == before
    with pytest.raises(
        ValueError, match=rf"lie on {elsewhere}:0, cpu, and the batch on cpu: .* move the model to one device"
    ):
        run(Spread(elsewhere, "cpu"), "first", Photos(20), transform=integers, device="cpu")


# --- memory that runs out ---


class Hungry(dense.Playback):
    """Needs 100 kB per image on the way."""

    def forward(self, x):
        torch.zeros((len(x), 100_000), dtype=torch.uint8, device=x.device)
        return super().forward(x)


def test_out_of_memory_halves_the_batch_and_says_so_once(pretended):
    case = Case()
    pretended.most_bytes = 500_000
    with pytest.warns(
        UserWarning, match="cuda:0 ran out of memory with batches of 16: the run goes on with smaller ones"
    ) as told:
        d = nd.dissect(
            Hungry(layer=case.activations),
            "layer",
            data=case.data,
            transform=dense.spell,
            progress=False,
            batch_size=16,
            quantile=0.05,
            device="cuda",
        )
    assert sum("ran out of memory" in str(warning.message) for warning in told) == 1
    assert pretended.emptied == 2  # 16 → 8 → 4
    assert_equal(d, case.first(IMAGES))


def test_a_model_that_finds_no_room_comes_back(pretended):
    model = Exact()
    pretended.most_bytes = model.second.weight.nbytes - 1
    assert model.first.weight.nbytes < model.second.weight.nbytes
    with pytest.raises(torch.cuda.OutOfMemoryError, match="CUDA out of memory"):
        run(model, "second", Photos(20), transform=integers, device="cuda")
    assert {d.type for d in where(model)} == {"cpu"}


# --- how often the host waits ---

# Image numbers and pixels go to the device.
PER_BATCH = 2
# Whether the maps are finite; which units have a new top image; which values, and which cells, lie above the
# bound (two times, how many?); the cells come back.
PER_LAYER = 5
# Now and then also: whether the buffers are full; where they were, the bound comes back, which has risen.
AT_MOST_PER_LAYER = 7
# Of these, for masks of one shape: how many cells; the cells. Of several: for each, the numbers of its images go there as well.
PER_SHAPE = 2
PER_SHAPE_OF_SEVERAL = 3


@pytest.mark.slow
@pytest.mark.parametrize("shapes", [[(6, 6)], [(6, 6), (5, 7)]])
@pytest.mark.parametrize("layers", [["first"], ["first", "second"]])
def test_the_host_waits_seldom(pretended, monkeypatch, layers, shapes):
    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", 30_000)
    marks = []

    class Masked(Photos):
        def __getitem__(self, index):
            mask = np.ones((1, *shapes[index // 2 % len(shapes)]), np.uint8)
            return nd.Sample(super().__getitem__(index).image, {"object": mask}, {})

    def mark(progress):
        marks.append((progress.stage, len(pretended.waits)))

    run(Exact(), layers, Masked(320), device="cuda", progress=mark, batch_size=8, quantile=0.2)
    waits = {"network": [], "labels": []}
    for (_, before), (stage, after) in pairwise(marks):
        waits[stage].append(pretended.waits[before:after])
    # Before, maps are held back until there is a bound.
    steady = waits["network"][10:]
    assert len(steady) > 20
    more = PER_SHAPE_OF_SEVERAL * len(shapes) - PER_SHAPE if len(shapes) > 1 else 0
    usual = Counter(map(len, steady)).most_common(1)[0][0]
    told = [dict(Counter(batch)) for batch in steady]
    assert usual <= PER_BATCH + len(layers) * (PER_LAYER + more), told
    assert max(map(len, steady)) <= PER_BATCH + len(layers) * (AT_MOST_PER_LAYER + more), told
    # Labels are counted by the host, to which all has come by now.
    assert not any(waits["labels"][1:]), waits["labels"]


def test_arrays_come_back_together(device):
    tensors = [
        torch.arange(3, dtype=torch.int16),
        torch.arange(6, dtype=torch.float32).view(2, 3) / 3,
        torch.zeros((4, 0), dtype=torch.float32),
        torch.arange(5, dtype=torch.int32),
        torch.tensor([True, False, True]),
    ]
    for array, tensor in zip(on_host(*(tensor.to(device) for tensor in tensors)), tensors, strict=True):
        assert array.dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(array, tensor.numpy())


# --- that mistakes are found ---


def planted(monkeypatch, name):
    """Plant a tensor on the wrong device, as a forgotten ``device=`` would."""
    if name == "bound":
        bound = layer_accumulator.LayerAccumulator.bound.fget
        monkeypatch.setattr(layer_accumulator.LayerAccumulator, "bound", property(lambda self: bound(self).cpu()))
    elif name == "positions":
        positions = thresholds.true_positions
        monkeypatch.setattr(thresholds, "true_positions", lambda mask: positions(mask).cpu())
    elif name == "corners":
        positions = sparse_maps.true_positions
        monkeypatch.setattr(sparse_maps, "true_positions", lambda mask: positions(mask).cpu())
    else:
        kind = {"values": thresholds.TopValues, "exemplars": top_images.Exemplars}[name]
        start = kind.__init__
        monkeypatch.setattr(kind, "__init__", lambda self, *args: start(self, *args[:-1], torch.device("cpu")))


@pytest.mark.parametrize("name", ["bound", "positions", "corners", "values", "exemplars"])
def test_a_tensor_on_the_wrong_device_is_refused(pretended, monkeypatch, name):
    monkeypatch.setattr(layer_accumulator, "_HELD_BYTES", 1)
    planted(monkeypatch, name)
    case = Case()
    assert_equal(case.dissect(device="cpu"), case.first(IMAGES))  # where nobody would have noticed
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        case.dissect(device="cuda")


class TestPretendedCuda:
    """The pretended device keeps a real one's rules."""

    MIXED = "Expected all tensors to be on the same device, but found at least two devices, cuda:"

    def test_what_lies_on_two_devices_does_not_mix(self, pretended):
        here, there = torch.ones(3), torch.ones(3, device="cuda")
        for mixed in (
            lambda: here + there,
            lambda: there + here,
            lambda: there.add_(here),
            lambda: here.add_(there[0]),
            lambda: torch.ones(()).add_(there[0]),
            lambda: torch.cat([here, there]),
            lambda: torch.cat([there, torch.ones(3, device="cuda:1")]),
            lambda: there @ here,
            lambda: there.gather(0, torch.tensor([1])),
            lambda: there.index_select(0, torch.tensor([1])),
            lambda: torch.where(here > 0, there, there),
            lambda: torch.nn.functional.linear(there, torch.ones(2, 3)),
            lambda: there.__setitem__(torch.tensor([0, 1]), torch.ones(2)),
        ):
            with pytest.raises(RuntimeError, match=self.MIXED):
                mixed()
        with pytest.raises(RuntimeError, match="indices should be either on cpu or on the same device"):
            here[torch.tensor([1], device="cuda")]
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            there.numpy()
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            np.asarray(there)

    def test_what_cuda_allows(self, pretended):
        there = torch.arange(4.0, device="cuda")
        assert (there + torch.tensor(1.0)).tolist() == [1, 2, 3, 4]
        assert there[torch.tensor([2, 0])].tolist() == [2, 0]
        there[torch.tensor([0])] = 7
        there[1:3] = torch.zeros(2)
        assert there.cpu().numpy().tolist() == [7, 0, 0, 3]
        assert (there.device, there.is_cuda, there[1:].shape) == (torch.device("cuda", 0), True, (3,))
        assert there.add_(1) is there
        assert torch.tensor([1, 2], device="cuda:1").device == torch.device("cuda", 1)

    def test_a_copy_is_one(self, pretended):
        here = torch.zeros(3)
        there = here.to("cuda")
        there += 1
        back = there.cpu()
        there += 1
        assert (here.tolist(), back.tolist(), there.tolist()) == ([0] * 3, [1] * 3, [2] * 3)

    def test_every_wait_is_noted(self, pretended):
        there = torch.arange(4.0, device="cuda")
        for waiting, names in (
            (lambda x: x.cpu(), ["_to_copy cuda → cpu"]),
            (lambda x: x.tolist(), ["_to_copy cuda → cpu"]),
            (lambda x: torch.ones_like(x, device="cpu").to("cuda"), ["_to_copy cpu → cuda"]),
            (lambda x: torch.tensor([1, 2], device="cuda"), ["_to_copy cpu → cuda"]),
            (lambda x: x[1:].copy_(torch.ones(3)), ["copy_ cpu → cuda"]),
            (lambda x: bool(x.sum()), ["_local_scalar_dense"]),
            (lambda x: x[0].item(), ["_local_scalar_dense"]),
            (lambda x: x.nonzero(), ["nonzero"]),
            (lambda x: x.masked_select(x > 1), ["masked_select"]),
            (lambda x: x[x > 1], ["index by mask"]),
            (lambda x: x[[1, 2]], ["_to_copy cpu → cuda"]),
            (lambda x: x[torch.tensor([1])], ["index cpu → cuda"]),
            (lambda x: x.unique(), ["_unique2"]),
            (lambda x: x.long().bincount(), ["bincount"]),
            (lambda x: x.equal(x + 1), ["equal"]),
            (lambda x: (x + 1).topk(2).values.amax(), []),
            (lambda x: torch.ones(3).to("cuda", non_blocking=True), []),
            (lambda x: x.to(torch.float16)[1:].clone(), []),
        ):
            pretended.waits.clear()
            waiting(there)
            assert pretended.waits == names

    def test_it_is_gone_afterwards(self):
        if not PRETENDED:
            pytest.skip("a GPU is there, or this torch doesn't let one be pretended")
        with pretend_cuda():
            assert torch.cuda.is_available()
            assert type(torch.ones(1, device="cuda")) is PretendTensor
        assert PretendCuda.current is None
        assert not torch.cuda.is_available()
        with pytest.raises((RuntimeError, AssertionError)):
            torch.ones(1, device="cuda")
        assert type(torch.tensor([1.0])) is torch.Tensor
        with pytest.raises(ValueError, match="device='cuda' can't be used here"):
            choose_device("cuda", None)
