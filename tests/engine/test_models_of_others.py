"""What people's networks rely on, and what wraps them: memory formats, dtypes, wrappers, threads, calls that differ."""

from __future__ import annotations

import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

import nbdissect as nd
from nbdissect.engine.model_lock import sole_use
from nbdissect.engine.model_state import preserve_rng_state
from nbdissect.engine.preprocessing import IMAGENET_MEAN, choose_transform, default_transform
from nbdissect.engine.threads import limited_threads
from support.data import Photos


def run(model, layer, data=None, **options):
    return nd.dissect(model, layer, data or Photos(20, (16, 16)), progress=False, quantile=0.05, **options)


def same(one, two):
    np.testing.assert_array_equal(one.thresholds, two.thresholds)
    np.testing.assert_array_equal(one.top_maps, two.top_maps)
    np.testing.assert_array_equal(one.intersection, two.intersection)


class LeNet(nn.Module):
    """Flattens by a view of its memory, as the tutorials do; `contiguous` does so without a fallback."""

    def __init__(self, *, contiguous=False):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.last, self.fc = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 4, 3), nn.Linear(4 * 10 * 10, 10)
        self.contiguous = contiguous

    def forward(self, x):
        x = self.last(self.conv(x.contiguous() if self.contiguous else x))
        return self.fc(x.view(-1, 4 * 10 * 10))


class Strides(nn.Module):
    """Reads its input's memory as it lies: right for contiguous batches only, without an error for others."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(torch.as_strided(x, x.shape, (x[0].numel(), x[0, 0].numel(), x.shape[3], 1)))


def test_a_view_of_the_memory_works_as_in_a_contiguous_batch():
    same(run(LeNet(), ["conv", "last"])["last"], run(LeNet(contiguous=True), ["conv", "last"])["last"])


def test_a_forward_that_would_give_other_values_in_channels_last_gets_contiguous_batches():
    torch.manual_seed(0)
    model = Strides()
    plain = nn.Sequential(model.conv)
    np.testing.assert_allclose(run(model, "conv").thresholds, run(plain, "0").thresholds, rtol=1e-5)


class Adaptive(nn.Module):
    """Calls a layer once for dark images and more often for light ones."""

    def __init__(self, times=3):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.out, self.times = nn.Conv2d(3, 3, 1), nn.Identity(), times

    def forward(self, x):
        for _ in range(1 if x.mean() < 0 else self.times):
            x = self.conv(x)
        return self.out(x)


class Shades(Photos):
    def __getitem__(self, index):
        return nd.Sample(Image.new("RGB", (8, 8), (0 if index < len(self) - 4 else 255,) * 3), {}, {"object": (1,)})


def test_a_layer_that_is_called_more_often_for_later_images_counts_with_its_last_call():
    model, data = Adaptive(), Shades(40, (8, 8))
    same(run(model, "conv", data, batch_size=4), run(model, "out", data, batch_size=4))


def test_such_a_network_is_refused_where_it_can_not_start_again(tmp_path):
    with pytest.raises(ValueError, match=r"called 3 times for images from 36 on, and 1 time for the first images"):
        run(Adaptive(), "conv", Shades(40, (8, 8)), batch_size=4, checkpoint=tmp_path / "run")


@pytest.mark.parametrize("wrap", [nn.DataParallel, nn.Sequential, lambda model: torch.compile(model, backend="eager")])
def test_names_and_sizes_are_found_through_wrappers(wrap):
    torch.manual_seed(0)
    net = nn.Sequential()
    net.conv, net.relu = nn.Conv2d(3, 4, 3), nn.ReLU()
    net.pretrained_cfg = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "input_size": (3, 24, 20), "interpolation": "bicubic"}
    same(run(wrap(net), "conv"), run(net, "conv"))
    assert default_transform(wrap(net), None) == default_transform(net, None)
    assert run(wrap(net), "conv").layer == "conv"


def test_a_compiled_part_is_run_as_written():
    from torch._dynamo.utils import counters

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    whole = run(net, "0")
    net[0] = torch.compile(net[0], backend="eager")
    counters.clear()
    same(run(net, "0"), whole)
    assert not counters["frames"]["total"]


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.conv = nn.Parameter(torch.zeros(8)), nn.Conv2d(3, 4, 3).double()

    def forward(self, x):
        return self.conv(x)


def test_batches_come_in_the_dtype_of_the_first_layer_that_computes():
    assert run(Mixed(), "conv").provenance.dtype == "float64"


def test_the_dtype_that_a_transform_chose_is_kept():
    def half(image):
        return torch.tensor(np.array(image)).permute(2, 0, 1).half() / 255

    fed = []
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    model.forward = lambda x: (fed.append(x.dtype), model[0](x.float()))[1]
    assert run(model, "0", transform=half).provenance.dtype == "float16"
    assert set(fed) == {torch.float16}


def test_autocast_is_off_for_the_run_and_on_afterwards():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    plain = run(model, "0")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same(run(model, "0"), plain)
        assert torch.is_autocast_enabled("cpu")


def test_lazy_layers_just_run():
    d = run(nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.LazyConv2d(4, 3)), "2")
    assert d.thresholds.shape == (4,)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda net: torch.jit.trace(net, torch.zeros(1, 3, 16, 16)), "scripted or traced"),
        (lambda net: net.to("meta"), "on the meta device and hold no values"),
        (lambda net: torch.export.export(net, (torch.zeros(2, 3, 16, 16),)).module(), "comes from torch.export"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_models_into_which_hooks_do_not_see_say_what_to_do(make, text):
    model = make(nn.Sequential(nn.Conv2d(3, 4, 3)).eval())
    for call in (lambda: run(model, "0"), lambda: nd.layers(model, Photos(1, (16, 16)))):
        with pytest.raises(ValueError, match=text):
            call()


# --- one model, several threads ---


def test_three_layers_of_one_model_in_a_pool_of_threads():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)).train()
    alone = {name: run(model, name, batch_size=4) for name in "012"}
    before, state = torch.get_num_threads(), torch.get_rng_state()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(8):
            found = dict(zip("012", pool.map(lambda name: run(model, name, batch_size=4), "012"), strict=True))
            for name, d in found.items():
                same(d, alone[name])
            assert model.training
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_who_waits_for_a_model_says_so_and_can_be_interrupted(caplog):
    from nbdissect.runner.interrupts import StopRequest, interruptible

    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    taken, free = threading.Event(), threading.Event()

    def hold():
        with sole_use(nn.DataParallel(net)):  # another wrapper, the same modules
            taken.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(30)
    try:
        import _thread

        timer = threading.Timer(0.3, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt), interruptible(StopRequest()), sole_use(net):
            raise AssertionError("not while another thread holds it")
        assert "waits until it is done" in caplog.text
    finally:
        free.set()
        holder.join()
    with sole_use(net), sole_use(net):  # free again, and the same thread may take it twice
        pass


def test_overlapping_runs_give_threads_and_random_numbers_back():
    first, second = threading.Event(), threading.Event()
    before, state = torch.get_num_threads(), torch.get_rng_state()
    cpu = torch.device("cpu")

    def other():
        with limited_threads(1), preserve_rng_state(cpu):
            first.set()
            torch.rand(3)
            second.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    assert first.wait(30)
    with limited_threads(), preserve_rng_state(cpu):
        torch.rand(3)
    second.set()
    thread.join()
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


# --- what a model is fed ---


def test_a_silent_model_gets_the_declared_size_or_the_usual_one_never_the_first_images():
    class Undeclared(Photos):
        def __init__(self):
            super().__init__(9, (16, 16))
            del self.image_size

    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    assert choose_transform(None, model, Undeclared()).size == (224, 224)
    assert choose_transform(None, model, Photos(3, (16, 12))).size == (16, 12)
    assert choose_transform(None, model, Undeclared()).mean == IMAGENET_MEAN
    d = run(LeNet(), "last", Undeclared())
    assert "size=(16, 16)" in d.provenance.transform, "the network fails on 224 × 224, and all images have one size"


def test_what_a_model_says_of_its_input():
    class Says(nn.Module):
        def __init__(self, **said):
            super().__init__()
            vars(self).update(said)

    class Config:
        image_size = 40

    class Embed:
        img_size = (28, 36)

    cfg = {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "input_size": (3, 518, 518)}
    assert default_transform(Says(image_size=33), None).size == (33, 33)
    assert default_transform(Says(config=Config()), (9, 9)).size == (40, 40)
    both = default_transform(Says(patch_embed=Embed(), pretrained_cfg=cfg), None)
    assert (both.size, both.mean) == ((28, 36), (0.1, 0.2, 0.3))
    clip = {"mean": (0.1,) * 3, "std": (0.2,) * 3, "size": 50, "interpolation": "bicubic"}
    told = default_transform(Says(preprocess_cfg=clip), None)
    assert (told.size, told.interpolation) == ((50, 50), "bicubic")
    assert "bicubic" in repr(told)


def test_a_network_that_normalizes_inside_gets_values_from_0_to_1():
    inside = torchvision.transforms.Normalize((0.5,) * 3, (0.5,) * 3)
    if not isinstance(inside, nn.Module):
        pytest.skip("this torchvision's Normalize is no module")
    found = default_transform(nn.Sequential(inside, nn.Conv2d(3, 4, 3)), (8, 8))
    assert (found.mean, found.std) == ((0.0,) * 3, (1.0,) * 3)


def test_an_image_processor_stands_for_what_it_does():
    class Processor:
        image_mean, image_std, do_normalize, size, resample = (
            (0.1,) * 3,
            (0.2,) * 3,
            True,
            {"height": 10, "width": 14},
            3,
        )

        def __call__(self, images):
            raise AssertionError("only read")

    found = choose_transform(Processor(), nn.Sequential(), Photos(1))
    assert (found.size, found.mean, found.std, found.interpolation) == ((10, 14), (0.1,) * 3, (0.2,) * 3, "bicubic")


class ColorProcessor:
    """What transformers' processors share: attributes, and a call."""

    image_mean, image_std, do_normalize, size, resample = (0.5,) * 3, (0.25,) * 3, True, {"longest_edge": 12}, 2
    order = (0, 1, 2)

    def __call__(self, *, images, return_tensors):
        assert return_tensors == "pt"
        pixels = torch.from_numpy(np.array(images)).permute(2, 0, 1)[list(self.order)]
        return {"pixel_values": (pixels[None] / 255 - 0.5) / 0.25}


def test_an_image_processor_that_does_more_is_refused():
    assert choose_transform(ColorProcessor(), nn.Sequential(), Photos(1)).size == (12, 12)
    flipping = ColorProcessor()
    flipping.order = (2, 1, 0)
    match = r"transform=ColorProcessor does more than resizing and normalizing: a color that should become -1.37, .* Call it yourself: transform=lambda image: processor\("
    with pytest.raises(ValueError, match=match):
        choose_transform(flipping, nn.Sequential(), Photos(1))


@pytest.mark.parametrize(
    "name", ["ViTImageProcessor", "CLIPImageProcessor", "SiglipImageProcessor", "BitImageProcessor"]
)
def test_image_processors_of_transformers(name):
    transformers = pytest.importorskip("transformers")
    processor = getattr(transformers, name)()
    picture = Photos(1, (30, 30))[0].image
    found = choose_transform(processor, nn.Sequential(), Photos(1))(picture)
    theirs = processor(images=picture, return_tensors="pt")["pixel_values"][0]  # of a square, they crop nothing
    torch.testing.assert_close(found, theirs, rtol=0, atol=0.05)  # they round in another place
    held = types.SimpleNamespace(image_processor=processor)
    assert choose_transform(held, nn.Sequential(), Photos(1)).size == tuple(found.shape[1:])


@pytest.mark.parametrize("name", ["MobileViTImageProcessor", "EfficientNetImageProcessor"])
def test_image_processors_of_transformers_that_do_more(name):
    transformers = pytest.importorskip("transformers")
    with pytest.raises(ValueError, match=f"transform={name} does more than resizing and normalizing"):
        choose_transform(getattr(transformers, name)(), nn.Sequential(), Photos(1))


# --- memory ---


class Hungry(nn.Module):
    """Fails on large batches, as torch does where a CPU's memory runs out."""

    def __init__(self, error, most):
        super().__init__()
        self.conv, self.error, self.most = nn.Conv2d(3, 4, 3), error, most

    def forward(self, x):
        if len(x) > self.most:
            raise self.error
        return self.conv(x)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
)
def test_out_of_memory_on_a_cpu_halves_the_batch(error):
    torch.manual_seed(0)
    model = Hungry(error, 5)
    with pytest.warns(UserWarning, match=r"cpu ran out of memory with batches of 16.*batch_size="):
        d = run(model, "conv", batch_size=16)
    same(d, run(nn.Sequential(model.conv), "0", batch_size=4))
    model.most = 0
    with pytest.raises(ValueError, match=r"memory|Memory"):
        run(model, "conv", batch_size=16)
