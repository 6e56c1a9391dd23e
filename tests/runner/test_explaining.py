"""One image: which units fire on it, as the run would have it, and nothing left behind in the network."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbdissect as nd
from nbdissect.engine.model_lock import sole_use
from nbdissect.engine.preprocessing import Normalize, recorded_transform
from nbdissect.results.upsampling import resize
from nbdissect.runner.explaining import NetworkBusyError
from support.nets import hooks


class Scenes:
    """Random pictures whose masks are smaller or larger than the maps, and of another aspect from image to image."""

    concepts = (nd.Concept(3, "left", "object"), nd.Concept(8, "top", "part"))
    categories = ("object", "part")
    image_size = (24, 24)

    def __init__(self, images=11):
        self.images = images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        shape = ((17, 17), (24, 12), (5, 10))[index % 3]
        size = (2 * shape[0], 2 * shape[1], 3)
        pixels = np.random.default_rng(index).integers(0, 256, size, dtype=np.uint8)
        mask = np.zeros((1, *shape), np.int64)
        mask[:, :, : shape[1] // 2] = 3
        part = np.zeros((1, *shape), np.int64)
        part[:, : shape[0] // 2] = 8
        return nd.Sample(Image.fromarray(pixels), {"object": mask, "part": part} if index != 4 else {}, {}, shape)


def net(units=6):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, units, 3, stride=2, padding=1), nn.ReLU(inplace=True), nn.Dropout(0.5))
    with torch.no_grad():
        model[0].bias[-1] = -1e4  # ReLU leaves nothing of it
    return model


def dissect(model, layer="1", data=None, **more):
    more = {"quantile": 0.05, "batch_size": 4, "top": 3, "per_image": True, "progress": False, **more}
    return nd.dissect(model, layer, data=data or Scenes(), **more)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"semantics": "netdissect-lite"},
        {"layer": "0"},
        {"batch_size": 32},
        {"upsample": "receptive-field"},
    ],
)
def test_masks_of_an_image_of_the_data_set_are_those_that_were_counted_and_that_the_gallery_shows(options):
    model, data = net(), Scenes()
    d = dissect(model, data=data, **options)
    area = {(int(image), int(unit)): int(count) for image, unit, count in d.per_image.area}
    counted, shown = 0, 0
    for index in range(len(data)):
        e = d.explain(index, top=6)
        assert sorted(e.units) == list(range(6))
        assert e.masks.shape == (6, *data[index].shape)
        for k, unit in enumerate(e.units):
            if index in d.per_image.pixels[:, 0]:
                assert e.masks[k].sum() == area.get((index, int(unit)), 0)
                counted += 1
            for rank in np.flatnonzero(d.top_images[unit] == index):
                np.testing.assert_array_equal(e.maps[k], d.top_maps[unit, rank])
                mask = resize(d.top_maps[unit, rank], data[index].shape, d.receptive_field) > d.thresholds[unit]
                np.testing.assert_array_equal(e.masks[k], mask)
                shown += 1
    assert counted >= 60
    assert shown >= 15


def test_several_layers_of_one_run_are_explained_each_by_its_own_units():
    model = net()
    both = dissect(model, ["0", "1"])
    for name, d in both.items():
        e = d.explain(2, top=6)
        at = {int(unit): k for k, unit in enumerate(e.units)}
        unit, rank = next((u, r) for u in range(6) for r in range(3) if d.top_images[u, r] == 2)
        np.testing.assert_array_equal(e.maps[at[unit]], d.top_maps[unit, rank])
        assert f"of {name} fire" in e.title


def test_any_picture_may_be_a_path_an_array_or_an_image_and_is_read_upright(tmp_path):
    d = dissect(model := net())
    pixels = np.random.default_rng(7).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying
    image.save(tmp_path / "upright.png")
    Image.fromarray(np.rot90(pixels).copy()).save(tmp_path / "lying.png", exif=exif)
    found = [d.explain(one, top=6) for one in (image, pixels, tmp_path / "upright.png", str(tmp_path / "lying.png"))]
    for e in found:
        assert e.masks.shape == (6, 30, 50)
        assert e.index is None
        np.testing.assert_array_equal(e.maps, found[0].maps)
    for k, unit in enumerate(found[0].units):
        np.testing.assert_array_equal(found[0].masks[k], resize(found[0].maps[k], (30, 50)) > d.thresholds[unit])
    assert model is not None


def test_the_order_is_by_strength_and_what_never_fired_in_the_data_set_stands_last():
    d = dissect(model := net())
    assert model is not None
    e = d.explain(1, top=100)
    assert len(e.units) == 6
    assert e.units[-1] == 5
    assert np.isnan(e.strengths[-1])
    known = e.strengths[:-1]
    assert (np.diff(known) <= 0).all()
    highest = d.top_activations[:, 0].astype(float)
    peaks = e.maps.max(axis=(1, 2))
    limits = d.thresholds[e.units].astype(float)
    np.testing.assert_allclose(known, (peaks - limits)[:-1] / (highest[e.units] - limits)[:-1])
    np.testing.assert_array_equal(e.fires, peaks > d.thresholds[e.units])
    assert e.firing == e.fires.sum()
    assert list(d.explain(1, top=2).units) == list(e.units[:2])
    assert e.labels == tuple(d.units[int(unit)].label for unit in e.units)


def test_a_unit_that_fires_only_outside_the_data_set_stands_behind_those_with_a_scale_and_before_those_that_are_off():
    d = dissect(model := net())
    silent = replace(
        d, thresholds=np.where(np.arange(6) == 2, d.top_activations[:, 0] * 0.9, d.thresholds).astype(np.float32)
    )
    silent = replace(
        silent,
        top_activations=np.where((np.arange(6) == 2)[:, None], silent.thresholds[:, None], silent.top_activations),
    )
    index = int(d.top_images[2, 0])
    e = silent.explain(index, top=6)
    place = list(e.units).index(2)
    assert e.fires[place]
    assert np.isnan(e.strengths[place])
    assert e.fires[:place].all()
    assert not e.fires[place + 1 :].any()
    assert "fires here, though nowhere in the data set" in repr(e)
    assert (e.segmentation[e.masks[place] & ~e.masks[:place].any(axis=0)] == place).all()
    assert model is not None


def test_the_segmentation_gives_each_pixel_to_the_unit_that_is_strongest_there():
    d = dissect(model := net())
    e = d.explain(0, top=6)
    scale = d.top_activations[e.units, 0].astype(float) - d.thresholds[e.units]
    above = np.stack([resize(m, e.shape) for m in e.maps]).astype(float) - d.thresholds[e.units][:, None, None]
    share = np.where(e.masks, above / np.where(scale > 0, scale, np.inf)[:, None, None], -np.inf)
    np.testing.assert_array_equal(e.segmentation, np.where(e.masks.any(axis=0), share.argmax(axis=0), -1))
    assert (e.segmentation >= 0).any()
    assert model is not None


def test_the_network_comes_back_as_it_was_also_after_an_error():
    model = net()
    model.train()
    model[0].eval()
    d = dissect(model)
    other = net(7)
    state = torch.get_rng_state()

    def untouched():
        assert [module.training for module in model.modules()] == [True, False, True, True]
        assert hooks(model) == 0
        assert all(not module._forward_pre_hooks for module in model.modules())
        assert torch.equal(torch.get_rng_state(), state)

    d.explain(3)
    untouched()
    d.explain(Image.new("RGB", (9, 9)))
    untouched()
    with pytest.raises(ValueError, match="weights"):
        d.explain(3, model=other)
    with pytest.raises(ValueError, match="fails|RuntimeError|failed"):
        d.explain(Image.new("RGB", (9, 9)), model, transform=lambda image: torch.zeros(4, 9, 9))
    untouched()


def test_it_holds_the_network_no_longer_than_somebody_else_does():
    model = net()
    d = dissect(model)
    del model
    gc.collect()
    with pytest.raises(
        ValueError, match=r"The network that was dissected is gone\. Pass it: d\.explain\(image, model=model\)"
    ):
        d.explain(0)
    e = d.explain(0, model=net())
    assert e.masks.shape == (5, 17, 17)


def test_a_run_in_the_background_explains_with_the_network_that_it_was_given():
    model, data = net(), Scenes()
    run = nd.dissect(model, "1", data=data, quantile=0.05, progress=False, background=True)
    d = run.result()
    del run
    gc.collect()
    np.testing.assert_array_equal(
        d.explain(1).maps, nd.dissect(model, "1", data=data, quantile=0.05, progress=False).explain(1).maps
    )
    with torch.no_grad():
        model[0].weight += 1  # trained on
    with pytest.raises(ValueError, match="The weights of this Sequential are not those that were dissected"):
        d.explain(1)


def test_a_result_from_a_file_a_copy_or_a_pickle_asks_for_the_network(tmp_path):
    model, data = net(), Scenes()
    d = dissect(model, data=data)
    d.save(tmp_path / "d.nbd")
    loaded = nd.load(tmp_path / "d.nbd")
    assert b"explaining" not in (tmp_path / "d.nbd").read_bytes()
    picture = data[1].image
    whole = d.explain(picture, top=6)
    for one in (loaded, pickle.loads(pickle.dumps(d)), copy.deepcopy(d)):
        assert one.run is None
        with pytest.raises(ValueError, match="came from a file or another session, without its network. Pass it"):
            one.explain(picture)
        e = one.explain(picture, model, top=6)
        np.testing.assert_array_equal(e.maps, whole.maps)
        np.testing.assert_array_equal(e.units, whole.units)
        np.testing.assert_array_equal(e.masks, whole.masks)
    with pytest.raises(
        ValueError, match=r"Image 1 of the data set is not at hand, or only a small copy of it\. Pass the image itself"
    ):
        loaded.explain(1, model)
    assert replace(loaded, data=data).explain(1, model).masks.shape == (5, 24, 12)


def test_what_only_code_says_must_be_said_again_after_load(tmp_path):
    class Keyword(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, *, pixels):
            return (self.conv(pixels),)

    torch.manual_seed(0)
    model, data = Keyword(), Scenes(6)
    how = {"forward": lambda model, x: model(pixels=x), "output": lambda o: o[:, 1:], "transform": scaled}
    d = nd.dissect(model, "conv", data=data, quantile=0.05, progress=False, **how)
    picture = data[0].image
    here = d.explain(picture)
    assert len(d.thresholds) == 3
    d.save(tmp_path / "d.nbd")
    loaded = nd.load(tmp_path / "d.nbd")
    given = {}
    for name in ("forward", "output", "transform"):
        with pytest.raises(ValueError, match=f"pass {name}=, too"):
            loaded.explain(picture, model, **given)
        given[name] = how[name]
    np.testing.assert_array_equal(loaded.explain(picture, model, **given).masks, here.masks)
    with pytest.raises(ValueError, match="transform= goes with model="):
        d.explain(picture, transform=scaled)


def scaled(image):
    pixels = np.asarray(image.convert("RGB").resize((20, 20)), dtype=np.float32)
    return torch.from_numpy(pixels / 255).permute(2, 0, 1)


def test_a_result_of_the_cache_and_one_of_some_images_explain_too(tmp_path):
    model, data = net(), Scenes()
    first = dissect(model, data=data, cache=tmp_path)
    again = dissect(model, data=data, cache=tmp_path)
    np.testing.assert_array_equal(first.explain(2).maps, again.explain(2).maps)
    np.testing.assert_array_equal(first.over([1, 2]).explain(2).masks, first.explain(2).masks)


def test_another_data_set_in_the_place_of_the_runs_gives_its_own_images():
    model = net()
    d = dissect(model)
    other = dissect(model, data=Scenes(20))
    moved = replace(d, data=nd.LabeledImages.wrap(Scenes(20), lambda row: row, concepts=Scenes.concepts)[5:])
    np.testing.assert_allclose(
        moved.explain(4, top=6).maps, by_unit(d.explain(9, top=6), moved.explain(4, top=6)), atol=1e-5
    )
    assert other.explain(15).index == 15


def by_unit(e, like):
    return e.maps[[list(e.units).index(unit) for unit in like.units]]


def test_fully_connected_layers_and_tokens_are_explained_as_they_are_counted():
    torch.manual_seed(0)
    flat = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    d = nd.dissect(flat, "3", data=Scenes(), quantile=0.2, progress=False)
    e = d.explain(1, top=5)
    assert e.maps.shape == (5, 1, 1)
    for k in range(5):
        assert e.masks[k].all() == e.fires[k] == e.masks[k].any()

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, 6, 4, stride=4)
            self.norm = nn.LayerNorm(6)

        def forward(self, x):
            return self.norm(self.patch(x).flatten(2).transpose(1, 2))

    model = Tokens()
    d = nd.dissect(model, "norm", data=Scenes(), quantile=0.05, progress=False)
    for unit in range(6):
        index = int(d.top_images[unit, 0])
        e = d.explain(index, top=6)
        np.testing.assert_array_equal(e.maps[list(e.units).index(unit)], d.top_maps[unit, 0])


def test_a_run_under_way_says_so():
    d = replace(dissect(net()), provisional=True, run=None)
    with pytest.raises(ValueError, match="The run still goes on: one image can be explained once it is done"):
        d.explain(0)


def test_what_cannot_be_explained_is_an_error_that_says_what_to_do(tmp_path):
    model, data = net(), Scenes()
    d = dissect(model, data=data)
    with pytest.raises(ValueError, match="image is a list; a PIL image, a path, a uint8 array"):
        d.explain([1, 2])
    with pytest.raises(ValueError, match=r"image is a Sample of shape .* Of a sample, pass its \.image\."):
        d.explain(data[0])
    with pytest.raises(ValueError, match="image is a bool"):
        d.explain(True)
    for index in (-1, 11):
        with pytest.raises(
            ValueError, match=f"There is no image {index} in this data set: its 11 images go from 0 to 10"
        ):
            d.explain(index)
    with pytest.raises(FileNotFoundError, match="This image: there is no file"):
        d.explain(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"image is a float64 array of shape \[2, 2, 3\]"):
        d.explain(np.zeros((2, 2, 3)))
    for top in (0, 2.5, True):
        with pytest.raises(ValueError, match="the number of units to explain is needed, at least 1"):
            d.explain(0, top=top)
    with pytest.raises(ValueError, match="model is a str|model must be|model"):
        d.explain(0, "resnet")
    with pytest.raises(ValueError, match=r"kept no strongest images \(top=0\)"):
        dissect(model, data=data, top=0).explain(0)
    d.to_csv(tmp_path / "d.csv")
    with pytest.raises(ValueError, match="read from a table, which holds no thresholds"):
        nd.read_csv(tmp_path / "d.csv").explain(Image.new("RGB", (9, 9)), model)
    with pytest.raises(ValueError, match="gives maps of 6 × 6 for this image, and gave 12 × 12 in the run"):
        d.explain(Image.new("RGB", (9, 9)), model, transform=lambda image: torch.zeros(3, 12, 12))
    nan = lambda image: torch.full((3, 24, 24), torch.nan)  # noqa: E731
    with pytest.raises(ValueError, match="gave NaN or infinite activations for this image"):
        d.explain(Image.new("RGB", (9, 9)), model, transform=nan)


def test_a_network_whose_calls_differ_from_image_to_image_is_run_to_its_end():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            y = self.conv(x)
            return self.conv(y) if x.flatten(1).mean() < 0 else y

    torch.manual_seed(0)
    model, data = Twice(), Scenes()

    def dark_at_the_end(image):
        made = scaled(image)
        return made - 2 if image.size == (20, 10) else made

    d = nd.dissect(model, "conv", data=data, quantile=0.05, batch_size=1, transform=dark_at_the_end, progress=False)
    for unit in range(3):
        index = int(d.top_images[unit, 0])
        e = d.explain(index, top=3)
        np.testing.assert_array_equal(e.maps[list(e.units).index(unit)], d.top_maps[unit, 0])


def test_a_page_never_waits_for_a_run():
    model = net()
    d = dissect(model)
    held, done = threading.Event(), threading.Event()

    def hold():
        with sole_use(model):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(10)
        with pytest.raises(NetworkBusyError, match="at work in another cell"):
            d.run.explain_now(d, 0, 5)
    finally:
        done.set()
        thread.join()
    assert len(d.run.explain_now(d, 0, 5).units) == 5


def test_a_recorded_transform_is_the_one_that_was_recorded_or_none():
    for one in (Normalize((24, 30)), Normalize((7, 7), (0.5, 0.5, 0.5), (1e-05, 1.0, 1.0), "bicubic")):
        assert recorded_transform(repr(one)) == one
    for text in (
        "",
        "Compose(…)",
        "Normalize(size=(1,), mean=(1.0,), std=(1.0,))",
        "Normalize(size=((((, mean=(1), std=(1))",
    ):
        assert recorded_transform(text) is None
    assert recorded_transform(repr(Normalize((7, 7))).replace("))", "), interpolation='system')")) is None
