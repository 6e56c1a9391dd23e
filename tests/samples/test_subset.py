"""``data[:10]``, ``data.sample(n)`` and torch's Subset are data sets, of which a dissection is one of those images."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.provenance.data_digest import DigestingDataset
from nbdissect.samples import Subset
from support.broden_maker import make_broden


@pytest.fixture
def broden(tmp_path):
    return nd.Broden(make_broden(tmp_path / "broden", images=10))


def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))


def counts(data, **options):
    d = nd.dissect(net(), "0", data=data, quantile=0.1, progress=False, **options)
    return d, [d.truth.tolist(), d.intersection.tolist(), d.activation.tolist(), d.thresholds.tolist()]


class Listed:
    """The same images in a data set of its own."""

    def __init__(self, data, indices):
        self.samples = [data[i] for i in indices]
        self.concepts, self.categories, self.image_size, self.concept_numbers = (
            data.concepts,
            data.categories,
            data.image_size,
            data.concept_numbers,
        )

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


@pytest.mark.parametrize(
    "indices", [slice(4), slice(None, None, 3), slice(-3, None), slice(None, None, -1), slice(100)]
)
def test_a_slice_is_dissected_like_its_images(broden, indices):
    few = broden[indices]
    chosen = list(range(10))[indices]
    assert (len(few), list(few.indices)) == (len(chosen), chosen)
    assert (few.concepts, few.categories, few.image_size, few.concept_numbers) == (
        broden.concepts,
        broden.categories,
        broden.image_size,
        broden.concept_numbers,
    )
    d, found = counts(few)
    assert found == counts(Listed(broden, chosen))[1]
    assert d.data is few
    assert d.top_images.max() < len(chosen)


def test_slices_of_slices(broden):
    assert [s.image.tobytes() for s in broden[2:][1:4][::-1]] == [broden[i].image.tobytes() for i in (5, 4, 3)]
    assert broden[:4][-1].image.tobytes() == broden[3].image.tobytes()


def test_numbers_of_any_whole_type_and_the_end(broden):
    for data in (broden, broden[:10], nd.demo()[1][:10]):
        for index in (np.int64(3), np.uint8(3), torch.tensor(3), -7):
            assert data[index].image.tobytes() == data[3].image.tobytes()
        assert len(list(data)) == 10
        for index in (10, -11, np.int64(10)):
            with pytest.raises(IndexError, match="The data set has 10 images, 0 to 9"):
                data[index]
        for index in (1.0, "1", None, [1]):
            with pytest.raises(TypeError, match=r"a whole number or a slice such as data\[:100\] is needed"):
                data[index]


def test_a_sample_is_drawn_once_per_seed(broden):
    few = broden.sample(4)
    assert len(few) == len(set(few.indices)) == 4
    assert list(few.indices) == sorted(few.indices)
    assert few.indices == broden.sample(4, seed=0).indices
    assert len({broden.sample(4, seed=seed).indices for seed in range(20)}) > 10
    assert sorted(broden.sample(10).indices) == list(range(10))
    for n in (0, 11, -1):
        with pytest.raises(ValueError, match=rf"sample\({n}\): the data set has 10 images"):
            broden.sample(n)


def test_drawing_a_sample_moves_nobodys_random_numbers(broden):
    import random

    before = random.getstate()
    broden.sample(4)
    assert random.getstate() == before


def test_the_drawn_world_too():
    _, world = nd.demo()
    few = world[:40]
    assert few.drawings
    assert few.credit == world.credit
    assert repr(few).startswith("<40 of 560 images of World")
    assert nd.dissect(net(), "0", data=few, quantile=0.1, progress=False).warning.startswith("Probed with drawings")


def test_the_digest_speaks_of_the_images_chosen(broden):
    digests = {DigestingDataset(data).digest() for data in (broden[:3], broden[3:6], broden[:4])}
    assert len(digests) == 3
    assert DigestingDataset(broden[:3]).digest() == DigestingDataset(broden[:3]).digest()
    d = nd.dissect(net(), "0", data=broden[:3], quantile=0.1, progress=False)
    assert d.provenance.data in digests
    assert not hasattr(broden[:3], "digest")


def test_a_subset_goes_to_another_process(broden):
    again = pickle.loads(pickle.dumps(broden[2:5]))
    assert again[0].image.tobytes() == broden[2].image.tobytes()


@pytest.mark.parametrize("indices", [range(1, 7), [5, 1, 3], torch.tensor([5, 1, 3])])
def test_torchs_subset_is_looked_through(broden, indices):
    d, found = counts(torch.utils.data.Subset(broden, indices))
    assert isinstance(d.data, Subset)
    assert list(d.data.indices) == [int(i) for i in indices]
    assert found == counts(Listed(broden, [int(i) for i in indices]))[1]


def test_torchs_subset_of_a_subset_and_random_split(broden):
    nested = torch.utils.data.Subset(torch.utils.data.Subset(broden, range(2, 10)), [0, 3])
    assert counts(nested)[1] == counts(broden[2:6:3])[1]
    part, _ = torch.utils.data.random_split(broden, [6, 4], torch.Generator().manual_seed(0))
    assert nd.dissect(net(), "0", data=part, quantile=0.1, progress=False).images == 6


def test_torchs_subset_of_something_else():
    with pytest.raises(ValueError, match="data is a list without 'concepts'"):
        nd.dissect(net(), "0", data=torch.utils.data.Subset([1, 2, 3], [0]), progress=False)


def test_an_empty_slice_says_so(broden):
    with pytest.raises(ValueError, match="The data set is empty"):
        nd.dissect(net(), "0", data=broden[5:5], progress=False)


def test_a_slice_in_a_pool_and_in_a_gallery(broden):
    from concurrent.futures import ThreadPoolExecutor

    few = broden[1:9]
    with ThreadPoolExecutor(2) as pool:
        assert counts(few, executor=pool)[1] == counts(few)[1]
