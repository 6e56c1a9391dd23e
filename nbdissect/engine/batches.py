"""From samples to the batches that a model takes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from PIL import Image

from nbdissect.notices import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nbdissect.types import ConceptData

_T = TypeVar("_T")
_R = TypeVar("_R")

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalize:
    """Resize the whole image to `size` and normalize it, as torchvision's presets do, without their crop.

    The masks cover the whole image: a center crop would shift every map against them.

    Attributes
    ----------
    size : (int, int)
        Height and width.
    mean, std : tuple of float
        Per channel, for values in 0..1.
    """

    size: tuple[int, int]
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return one image as a tensor, float32 [3, H, W]."""
        return self.finish(torch.from_numpy(self.pixels(image)[None]))[0]

    def pixels(self, image: Image.Image) -> np.ndarray:
        """Return one image as uint8 [H, W, 3]."""
        if image.mode != "RGB":
            image = image.convert("RGB")
        if image.size != self.size[::-1]:
            image = image.resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.array(image)

    def finish(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return uint8 [B, H, W, 3] as float32 [B, 3, H, W], laid out ``channels_last`` as it came."""
        # By a tensor: CUDA would multiply by the reciprocal of a number, one bit off from what a CPU gives
        # (https://github.com/pytorch/pytorch/issues/191495).
        white, mean, std = (_on_device(values, pixels.device) for values in ((255.0,), self.mean, self.std))
        return pixels.to(torch.float32).div_(white).sub_(mean).div_(std).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
def _on_device(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """Numbers that every batch needs, copied to its device once."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def default_transform(model: torch.nn.Module, size: tuple[int, int]) -> Normalize:
    """Return the transform for a model that came without one.

    A torchvision weights object in ``model.weights``, or timm's ``model.pretrained_cfg``, gives
    input size, mean and standard deviation; otherwise images keep the data set's `size` and get
    the ImageNet normalization.
    """
    weights: Any = getattr(model, "weights", None)
    if callable(getattr(weights, "transforms", None)):
        preset = weights.transforms()
        if hasattr(preset, "mean") and hasattr(preset, "std"):
            crop = getattr(preset, "crop_size", None)
            crop = (crop * 2)[:2] if isinstance(crop, (list, tuple)) else (crop, crop) if crop else size
            return Normalize(tuple(crop), tuple(preset.mean), tuple(preset.std))
    config = getattr(model, "pretrained_cfg", None)
    if isinstance(config, dict) and {"mean", "std", "input_size"} <= config.keys():
        return Normalize(tuple(config["input_size"][-2:]), tuple(config["mean"]), tuple(config["std"]))
    return Normalize(size)


_MOVING = (
    "CenterCrop",
    "RandomCrop",
    "RandomResizedCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "RandomRotation",
)


def warn_of_crop(transform: Any) -> None:
    """Warn of a transform that crops or moves the image: every map would be shifted against the masks."""
    steps = getattr(transform, "transforms", None)
    names = [type(step).__name__ for step in steps] if isinstance(steps, (list, tuple)) else []
    if hasattr(transform, "crop_size") and hasattr(transform, "resize_size"):  # torchvision's preset of some weights
        names.append("CenterCrop")
    moving = next((name for name in names if name in _MOVING), None)
    if moving:
        warn(
            f"transform= contains {moving}, but masks cover the whole image: maps and masks would not lie on each other. "
            "Resize instead of cropping; leave out transform= to have the whole image resized and normalized."
        )


def choose_transform(
    transform: Any, model: torch.nn.Module, data: ConceptData
) -> Callable[[Image.Image], torch.Tensor]:
    """Return the transform given, with a warning if it crops, or else the default for this model and data."""
    if transform is None:
        size = getattr(data, "image_size", None)
        return default_transform(model, size or data[0].image.size[::-1])
    if not callable(transform):
        raise ValueError(
            f"transform is a {type(transform).__name__}; a function from a PIL image to a tensor is needed."
        )
    warn_of_crop(transform)
    return transform  # type: ignore[no-any-return]


class Batcher:
    """Loads images and makes batches of them.

    Parameters
    ----------
    transform : callable
        PIL image → tensor [channels, height, width]. A :class:`Normalize` is applied to whole batches.
    device, dtype
        Where the batch goes, and the dtype that the model takes.
    """

    def __init__(self, transform: Callable[[Image.Image], Any], device: torch.device, dtype: torch.dtype) -> None:
        self._transform = transform
        self._device = device
        self._dtype = dtype

    def load(self, image: Image.Image, index: int) -> Any:
        """Prepare image number `index`; may run in any thread.

        Raises
        ------
        ValueError
            If the transform gives anything but a tensor [channels, height, width].
        """
        if isinstance(self._transform, Normalize):
            return self._transform.pixels(image)
        made = self._transform(image)
        if not isinstance(made, torch.Tensor) or made.ndim != 3 or not made.is_floating_point():
            what = (
                f"a {str(made.dtype)[6:]} tensor of shape {list(made.shape)}"
                if isinstance(made, torch.Tensor)
                else f"a {type(made).__name__}"
            )
            raise ValueError(
                f"transform gave {what} for image {index}; it must give a float tensor of shape [channels, height, width]. "
                "torchvision.transforms.ToTensor() makes one of a PIL image."
            )
        return made

    def batch(self, loaded: Sequence[Any], images: Sequence[int]) -> torch.Tensor:
        """Return loaded images as one batch in ``channels_last``, which the convolutions of every device like best."""
        shapes = {tuple(item.shape) for item in loaded}
        if len(shapes) > 1:
            odd = next(k for k, item in enumerate(loaded) if item.shape != loaded[0].shape)
            raise ValueError(
                f"transform gave shape {list(loaded[odd].shape)} for image {images[odd]} but {list(loaded[0].shape)} for image {images[0]}; "
                "all images must come out in one shape. Resize them in the transform."
            )
        if isinstance(self._transform, Normalize):
            pixels = torch.from_numpy(np.stack(loaded)).to(self._device)
            return self._transform.finish(pixels).to(self._dtype)
        stacked = torch.stack(list(loaded)).to(self._device, self._dtype)
        return stacked.contiguous(memory_format=torch.channels_last)


def prefetch(function: Callable[[_T], _R], items: Iterable[_T], workers: int) -> Iterator[_R]:
    """Yield ``function(item)`` in order, computed up to two items per worker ahead in threads; 0 = when asked for.

    Threads, not processes: decoding releases the interpreter lock, nothing has to be pickled, and
    a transform or data set that was defined in a notebook cell works everywhere.
    """
    if workers < 1:
        yield from map(function, items)
        return
    rest = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="nbdissect") as pool:
        pending = deque(pool.submit(function, item) for item in islice(rest, 2 * workers))
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()
