"""A data set that gives another sample each time it is read is found out before the run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.samples import check_repeatable, check_same


class Flipping:
    """Flips something at random, as for training."""

    categories = ("object",)
    concepts = (nd.Concept(1, "left", "object"), nd.Concept(2, "right", "object"))

    def __init__(self, part, images=9):
        self.part, self.images, self.reads, self.rng = part, images, 0, np.random.default_rng(0)

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        self.reads += 1
        mask = np.zeros((1, 8, 8), int)
        mask[..., :2] = 1
        sides = {
            name: -1 if self.part == name and self.rng.random() < 0.5 else 1 for name in ("image", "masks", "whole")
        }
        image = Image.fromarray((mask[0, :, :: sides["image"], None] * np.full(3, 255)).astype(np.uint8))
        return nd.Sample(
            image, {"object": mask[..., :: sides["masks"]]}, {"object": (1,) if sides["whole"] > 0 else (2,)}
        )


@pytest.mark.parametrize("part", ["image", "masks", "whole"])
def test_what_changes_is_named(part):
    with pytest.raises(
        ValueError,
        match=rf"Image \d: data\[\d\] gave another \.{part} when it was read again\. .*leave out random augmentation",
    ):
        nd.dissect(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), "0", data=Flipping(part), progress=False)


def test_a_flip_at_random_hardly_ever_goes_unnoticed():
    missed = 0
    for seed in range(300):
        data = Flipping("masks")
        data.rng = np.random.default_rng(seed)
        try:
            check_repeatable(data, [0, 4, 8])
        except ValueError:
            continue
        missed += 1
    assert missed <= 15  # one in 64 on average


def test_a_data_set_that_repeats_itself_is_read_some_times():
    data = Flipping("")
    check_repeatable(data, [0, 4, 8])
    assert data.reads == 9


def test_our_own_data_sets_are_not_read():
    class World(type(nd.demo()[1])):
        pass

    _, world = nd.demo()
    world._read = None
    check_repeatable(world, [0])
    check_repeatable(world[:3], [0])
    with pytest.raises(ValueError, match="gave another"):  # a subclass of ours is somebody's own

        class Mixed(World):
            def __getitem__(self, index):
                return super().__getitem__(index + np.random.randint(0, 50))

        check_repeatable(Mixed(n=60), [0, 1, 2])


def test_samples_of_other_sizes_differ():
    one, other = (nd.Sample(Image.new("RGB", (4, side))) for side in (4, 5))
    check_same(one, one, 0)
    with pytest.raises(ValueError, match=r"another \.image"):
        check_same(one, other, 0)
