"""Data are read no more often than needed, and what changes while they are read is never mixed into one result."""

from __future__ import annotations

import collections
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.builtin.world import World
from nbdissect.provenance import data_digest
from nbdissect.provenance.data_digest import DataChangedError, DigestingDataset
from support.nets import Net


class Counted:
    """Samples that say how often each was asked for, and may change after some readings."""

    concepts, categories, image_size = (nd.Concept(1, "x", "a"), nd.Concept(2, "y", "a")), ("a",), (8, 8)

    def __init__(self, images=12, change=None, after=10**9):
        self.asked, self._images, self._change, self._after = collections.Counter(), images, change, after

    def __len__(self):
        return self._images

    def __getitem__(self, index):
        self.asked[index] += 1
        rng = np.random.default_rng(index)
        image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        sample = nd.Sample(image, {"a": rng.integers(0, 3, (1, 8, 8))})
        if self._change is not None and index == 5 and self.asked.total() > self._after:
            sample = self._change(sample)
        return sample


class Lazy(Counted):
    """The same, of which masks are made when they are asked for."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)

        class Read:
            image, whole, shape = sample.image, {}, (8, 8)
            masks = property(lambda _: sample.masks)

        return Read()


def dissect(data, **options):
    torch.manual_seed(0)
    return nd.dissect(Net(), "features", data=data, quantile=0.1, batch_size=4, progress=False, **options)


def keep_labels(monkeypatch, room):
    """Let so many bytes of labels be kept from the first pass for the second."""
    init = DigestingDataset.__init__
    monkeypatch.setattr(
        DigestingDataset, "__init__", lambda self, *args, **more: init(self, *args, **{**more, "room": room})
    )


def other_mask(sample):
    return replace(sample, masks={"a": np.ones((1, 8, 8), int)})


def other_image(sample):
    return replace(sample, image=Image.new("RGB", (8, 8)))


def test_how_often_a_sample_is_read(tmp_path):
    data = Counted()
    wanted = dissect(data)
    assert {data.asked[index] for index in range(12) if index not in (0, 6, 11)} == {1}
    data = Counted()
    assert dissect(data, cache=tmp_path) == wanted
    assert {data.asked[index] for index in range(12) if index not in (0, 6, 11)} == {2}, "the digest, and the run"
    assert max(data.asked.values()) <= 3
    data = Counted()
    assert dissect(data, cache=tmp_path) == wanted
    assert max(data.asked.values()) <= 3
    data = Lazy()
    assert dissect(data) == wanted


def test_without_room_for_labels_they_are_read_again(monkeypatch):
    wanted, data = dissect(Counted()), Counted()
    keep_labels(monkeypatch, 3 * 128)
    assert dissect(data) == wanted
    assert sorted(data.asked[index] for index in (1, 2, 3, 4, 5, 7, 8, 9, 10)) == [1, 1, 1, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("change", [other_mask, other_image])
def test_a_change_between_the_passes_is_an_error(monkeypatch, change):
    """Here after the first pass, by when every sample was read once, and the first, the middle and the last thrice."""
    monkeypatch.setattr(data_digest, "_is_lazy", lambda _: False)
    init = DigestingDataset.__init__
    monkeypatch.setattr(
        DigestingDataset, "__init__", lambda self, *args, **more: init(self, *args, **{**more, "room": 0})
    )
    data = Counted(change=change, after=3 * 3 + 9)
    if change is other_image:
        assert dissect(data) == dissect(Counted()), "nobody needs the image any more"
        return
    with pytest.raises(
        DataChangedError, match=r"Image 5: its labels changed since it was first read\. .* must be the same whenever"
    ):
        dissect(data)


@pytest.mark.parametrize("change", [other_mask, other_image])
def test_a_change_after_the_digest_is_not_cached(tmp_path, monkeypatch, change):
    keep_labels(monkeypatch, 0)
    data = Counted(change=change, after=3 * 3 + 9)
    with pytest.raises(DataChangedError, match="Image 5: its (labels|image) changed"):
        dissect(data, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_data_with_a_digest_of_their_own_that_change_during_the_run(tmp_path):
    class Changing(World):
        changed = ""

        def digest(self):
            return super().digest() + self.changed

    def edit(progress):
        data.changed = "!"

    data = Changing(n=12)
    model, _ = nd.demo()
    options = {"data": data, "quantile": 0.05, "cache": tmp_path, "batch_size": 4}
    with pytest.warns(
        UserWarning, match="The result is not in the cache, and may mix old and new data: The data set changed while"
    ):
        nd.dissect(model, "conv2", progress=edit, **options)
    assert not list(tmp_path.iterdir())


def test_a_subclass_that_reads_other_samples_does_not_keep_the_digest():
    class Shifted(World):
        def _read(self, position):
            return super()._read((position + 1) % 12)

    assert DigestingDataset(Shifted(n=12)).digest() != World(n=12).digest()


@pytest.mark.parametrize("flip", ["image", "masks", "both"])
def test_a_random_augmentation_is_an_error(flip):
    rng = np.random.default_rng(0)

    class Flipping(Lazy):
        def __getitem__(self, index):
            sample = Counted.__getitem__(self, index)
            if rng.random() < 0.5:
                if flip != "masks":
                    sample = replace(sample, image=sample.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
                if flip != "image":
                    sample = replace(sample, masks={"a": sample.masks["a"][..., ::-1]})
            return sample

    with pytest.raises(
        ValueError, match=r"Image \d+: data\[\d+\] gave another .* when it was read again\. .*random augmentation"
    ):
        dissect(Flipping())


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes")
def test_an_entry_of_the_cache_that_is_a_pipe(tmp_path):
    wanted = dissect(Counted(), cache=tmp_path)
    (entry,) = tmp_path.iterdir()
    entry.unlink()
    os.mkfifo(entry)
    with pytest.warns(UserWarning, match="is a pipe; a regular file is needed") as caught:
        assert dissect(Counted(), cache=tmp_path) == wanted
    assert [str(warning.message).split(":")[0] for warning in caught] == [
        "A result in the cache can't be used and is computed anew",
        "The result is not in the cache",
    ]
    assert not entry.is_file(), "the pipe is as it was"


def test_an_entry_of_other_data_under_this_name_is_not_believed(tmp_path):
    wanted = dissect(Counted(), cache=tmp_path / "a")
    dissect(Counted(13), cache=tmp_path / "b")
    (entry,), (other,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    entry.write_bytes(other.read_bytes())
    with pytest.warns(UserWarning, match="holds another result than its name says; it is computed anew"):
        assert dissect(Counted(), cache=tmp_path / "a") == wanted
    assert dissect(Counted(), cache=tmp_path / "a") == wanted


def test_a_cache_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    dissect(Counted(), cache="~/results")
    assert [path.suffix for path in (tmp_path / "results").iterdir()] == [".nbd"]
