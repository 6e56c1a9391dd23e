"""Every unit's strongest images so far, with its map in each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# Map values moved in one go; bounds the working memory.
_ELEMENTS = 1 << 20
_NAMES = ("images", "peaks", "maps")
# The smallest value of each unit is looked for in all units at once while it isn't known of this share of them.
_MANY = 1 / 8


class Exemplars:
    """The `top` images in which each unit reaches its highest values; a tie keeps the earlier image.

    Attributes
    ----------
    images : int64 [U, top]
        Strongest first; -1 = none.
    peaks : float32 [U, top]
    maps : float32 [U, top, h, w]
    floors : float32 [U]
        The unit's smallest value anywhere, while all of its weakest kept image may be no larger; -inf once
        something smaller than that image's peak was seen. So a kept image whose peak is the floor is one in
        which the unit is silent.
    """

    def __init__(self, units: int, top: int, size: tuple[int, int], device: torch.device) -> None:
        self.images = torch.full((units, top), -1, dtype=torch.int64, device=device)
        self.peaks = torch.full((units, top), -math.inf, dtype=torch.float32, device=device)
        self.maps = torch.zeros((units, top, *size), dtype=torch.float32, device=device)
        self.floors = torch.full((units,), math.inf, dtype=torch.float32, device=device)
        # Units whose floor is still looked for: as kept images only rise, nearly none after a few batches.
        self._unsettled = torch.arange(units if top else 0, device=device)
        self._batches = 0

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self.images.nbytes + self.peaks.nbytes + self.maps.nbytes

    def update(self, maps: torch.Tensor, images: torch.Tensor) -> None:
        """Take in maps [B, h, w, U] of the images [B], whose numbers exceed all seen before."""
        top = self.images.shape[1]
        if not top:
            return
        peaks = maps.amax((1, 2)).T
        # Strictly: an equal later image never displaces an earlier one. On a GPU the host waits here: most
        # units soon keep their images, and all that follows is for the others.
        units = (peaks.amax(1) > self.peaks[:, -1]).nonzero().squeeze(1)
        for part in torch.split(units, max(1, _ELEMENTS // (top * maps[0, ..., 0].numel()))):
            self._improve(part, peaks[part], maps, images)
        if len(self._unsettled):
            self._look_for_floors(maps)

    def _look_for_floors(self, maps: torch.Tensor) -> None:
        units = self._unsettled
        if len(units) > _MANY * len(self.floors):
            least = maps.amin((0, 1, 2))[units]
        else:
            least = maps.index_select(3, units).amin((0, 1, 2))
        self.floors[units] = torch.minimum(self.floors[units], least)
        self._batches += 1
        if not self._batches & (self._batches - 1):  # the host waits here: after 1, 2, 4, 8 … batches will do
            self._settle(units)

    def _settle(self, units: torch.Tensor) -> None:
        """Go on with those units of which nothing smaller than their weakest image was seen."""
        floors = self.floors[units]
        self.floors[units] = torch.where(floors < self.peaks[units, -1], -math.inf, floors)
        self._unsettled = units[self.floors[units] > -math.inf]

    def _improve(self, units: torch.Tensor, peaks: torch.Tensor, maps: torch.Tensor, images: torch.Tensor) -> None:
        """Take in the peaks [K, B] of units [K], some of which rise above what is kept."""
        top = self.images.shape[1]
        # topk leaves the order of ties open; a stable sort keeps the images ascending.
        candidates = torch.cat([self.peaks[units], peaks], 1)
        order = candidates.sort(dim=1, descending=True, stable=True).indices[:, :top]
        self.peaks[units] = candidates.gather(1, order)
        self.images[units] = torch.cat([self.images[units], images.expand(len(units), -1)], 1).gather(1, order)
        kept = order < top
        row = units[:, None].expand_as(order)
        self.maps[units] = torch.where(
            kept[..., None, None],
            self.maps[row, order.clamp(max=top - 1)],
            maps.permute(3, 0, 1, 2)[row, (order - top).clamp(min=0)],
        )

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what :meth:`merge_state` takes."""
        return {name: getattr(self, name).cpu().numpy() for name in (*_NAMES, "floors")}

    def merge_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take in the strongest among other images, wherever they stand in the data set."""
        both = {name: np.concatenate([getattr(self, name).cpu().numpy(), state[name]], axis=1) for name in _NAMES}
        # Highest first, ties by number; what is no image comes last.
        order = np.lexsort((both["images"], -both["peaks"]), axis=1)[:, : self.images.shape[1]]
        rows = np.arange(len(order))[:, None]
        for name in _NAMES:
            kept = torch.from_numpy(np.ascontiguousarray(both[name][rows, order]))
            setattr(self, name, kept.to(self.images.device))
        # A state of an older version says nothing of floors: then no image counts as one without a response.
        theirs = state.get("floors", np.full(len(order), -np.inf, dtype=np.float32))
        self.floors = torch.minimum(self.floors, torch.from_numpy(theirs).to(self.floors.device))
        if self.images.shape[1]:
            self._settle(torch.arange(len(self.floors), device=self.floors.device))

    def silent(self) -> NDArray[np.int64]:
        """Return in how many of its kept images each unit's maximum is its minimum anywhere, int64 [U]."""
        return ((self.peaks == self.floors[:, None]) & (self.images >= 0)).sum(1).cpu().numpy()
