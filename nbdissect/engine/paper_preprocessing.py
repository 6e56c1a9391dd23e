"""What the paper's networks were fed: Caffe's values, blue first, less the mean of each channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nbdissect.engine.preprocessing import Normalize, declared, image_pair

if TYPE_CHECKING:
    from nbdissect.types import ConceptData

CAFFE_MEAN = (124.6901, 118.6897, 109.5388)
"""Of red, green and blue, for values from 0 to 255: what the paper's program subtracts from all images (its script
``rundissect.sh``, whose order is blue, green, red)."""


@dataclass(frozen=True, repr=False)
class CaffeNormalize(Normalize):
    """Values from 0 to 255, in the order blue, green, red, less the mean of each."""

    mean: tuple[float, ...] = CAFFE_MEAN
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __repr__(self) -> str:
        return f"CaffeNormalize(size={self.size}, mean={self.mean}, order='blue, green, red')"

    @property
    def described(self) -> str:
        """Size and normalization in a few words."""
        return f"{self.size[0]} × {self.size[1]} as Caffe's networks were: values 0 … 255 less their mean, blue first"

    def finish(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return uint8 [B, H, W, 3] as float32 [B, 3, H, W], laid out ``channels_last`` as it came."""
        mean = torch.tensor(self.mean, dtype=torch.float32, device=pixels.device)
        return pixels.to(torch.float32).sub_(mean).flip(3).permute(0, 3, 1, 2)


def recorded_caffe(text: str) -> CaffeNormalize | None:
    """Return the transform whose repr stands in the record of a result; None where it is no :class:`CaffeNormalize`."""
    found = re.match(r"CaffeNormalize\(size=\((\d{1,6}), (\d{1,6})\)", text)
    made = found and CaffeNormalize((int(found[1]), int(found[2])))
    return made if made and repr(made) == text else None


def paper_transform(model: torch.nn.Module, data: ConceptData) -> Normalize:
    """Return what the protocol feeds a network.

    A network that declares mean and standard deviation, as torchvision's and timm's do, gets what it was trained
    with; any other gets Caffe's values. Images keep their size, as in the paper: that which the data set declares, unless the
    network was built for another.
    """
    asked, built_for = declared(model)
    size = image_pair(built_for) or image_pair(getattr(data, "image_size", None)) or image_pair(asked.get("size"))
    size = size or (224, 224)
    if "mean" not in asked:
        return CaffeNormalize(size)
    return Normalize(size, tuple(map(float, asked["mean"])), tuple(map(float, asked["std"])))
