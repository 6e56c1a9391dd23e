"""Some images of a batch, of which all cells were kept."""

from __future__ import annotations

import numpy as np
import torch

from nbdissect.engine.sparse_maps import active_cells


def test_the_cells_of_some_images_are_those_of_these_images_alone():
    maps = torch.rand(6, 5, 5, 4, generator=torch.Generator().manual_seed(0))
    images, bound, shapes = torch.arange(10, 16), torch.full((4,), 0.6), [(20, 20)] * 6
    ((_, cells),) = active_cells(maps, bound, images, shapes)
    some = cells.of(12, 14)
    ((_, alone),) = active_cells(maps[2:5], bound, images[2:5], shapes[2:5])
    for name in ("image", "unit", "cell", "corners"):
        np.testing.assert_array_equal(getattr(some, name), getattr(alone, name))
    assert len(cells.of(16, 20)) == 0
