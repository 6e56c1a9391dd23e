"""From an image to what a network is fed: the transform that the model itself asks for, or the usual one."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from PIL import Image

from nbdissect.engine.wrappers import inner_models
from nbdissect.notices import logger, warn
from nbdissect.user_code import UserCodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from nbdissect.types import ConceptData

_Probe = TypeVar("_Probe")

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# What most networks for images were trained with, where neither model nor data say anything.
_USUAL_SIZE = (224, 224)
_RECORDED = re.compile(
    r"Normalize\(size=(\([\d, ]+\)), mean=(\([-+.e\d, ]+\)), std=(\([-+.e\d, ]+\))(?:, interpolation='(\w+)')?\)"
)
_SAME_COLOR = 0.05  # of processors that compute in 8 bits


@dataclass(frozen=True, repr=False)
class Normalize:
    """Resize the whole image to `size` and normalize it, as torchvision's presets do, without their crop.

    The masks cover the whole image: a center crop would shift every map against them.

    Attributes
    ----------
    size : (int, int)
        Height and width.
    mean, std : tuple of float
        Per channel, for values in 0..1.
    interpolation : str
        Name of Pillow's filter.
    """

    size: tuple[int, int]
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"

    def __repr__(self) -> str:
        # Bilinear goes without saying, as in the records of the first versions.
        how = "" if self.interpolation == "bilinear" else f", interpolation={self.interpolation!r}"
        return f"Normalize(size={self.size}, mean={self.mean}, std={self.std}{how})"

    @property
    def described(self) -> str:
        """Size and normalization in a few words."""
        if self.std == (1.0, 1.0, 1.0):
            how = "values in 0 … 1"
        elif (self.mean, self.std) == (IMAGENET_MEAN, IMAGENET_STD):
            how = "normalized as ImageNet"
        else:
            how = f"normalized by mean {_short(self.mean)}, std {_short(self.std)}"
        return f"{self.size[0]} × {self.size[1]} {how}"

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return one image as a tensor, float32 [3, H, W]."""
        return self.finish(torch.from_numpy(self.pixels(image)[None]))[0]

    def pixels(self, image: Image.Image) -> np.ndarray:
        """Return one image as uint8 [H, W, 3]."""
        if image.mode != "RGB":
            image = image.convert("RGB")
        if image.size != self.size[::-1]:
            image = image.resize(self.size[::-1], Image.Resampling[self.interpolation.upper()])
        return np.array(image)

    def finish(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return uint8 [B, H, W, 3] as float32 [B, 3, H, W], laid out ``channels_last`` as it came."""
        # By a tensor: CUDA would multiply by the reciprocal of a number, one bit off from what a CPU gives
        # (https://github.com/pytorch/pytorch/issues/191495).
        white, mean, std = (_on_device(values, pixels.device) for values in ((255.0,), self.mean, self.std))
        return pixels.to(torch.float32).div_(white).sub_(mean).div_(std).permute(0, 3, 1, 2)


def recorded_transform(text: str) -> Normalize | None:
    """Return the transform whose repr stands in the record of a result; None where it is no :class:`Normalize`."""
    found = _RECORDED.fullmatch(text)
    if not found:
        return None
    try:
        size, mean, std = (ast.literal_eval(part) for part in found.group(1, 2, 3))
        made = Normalize(size, mean, std, found[4] or "bilinear")
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # a file may say anything
        return None
    known = found[4] is None or found[4].upper() in Image.Resampling.__members__
    right = [tuple, tuple, tuple] == [type(part) for part in (size, mean, std)] and image_pair(size) == size
    return made if known and right and repr(made) == text else None


def _short(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


@lru_cache(maxsize=16)
def _on_device(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """Numbers that every batch needs, copied to its device once."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def default_transform(model: torch.nn.Module, size: tuple[int, int] | None) -> Normalize:
    """Return the transform for a model that came without one.

    The model is asked, also inside DataParallel, torch.compile or ``self.backbone``: torchvision's
    ``weights``, timm's ``pretrained_cfg`` and open_clip's ``preprocess_cfg`` know mean, standard
    deviation and interpolation; ``patch_embed.img_size``, ``image_size`` and ``config.image_size`` of
    transformers know the size. A network that normalizes inside gets values in 0..1. Where the model
    doesn't say, images get the `size` that the data set declares, or else 224 × 224, and ImageNet's
    mean and standard deviation.

    Parameters
    ----------
    size : (int, int), optional
        Height and width that the data set declares.
    """
    asked, _ = declared(model)
    interpolation = str(asked.get("interpolation", "bilinear")).lower()
    if interpolation.upper() not in Image.Resampling.__members__:
        interpolation = "bilinear"
    return Normalize(
        image_pair(asked.get("size")) or (image_pair(size) if size is not None else None) or _USUAL_SIZE,
        tuple(map(float, asked.get("mean", IMAGENET_MEAN))),
        tuple(map(float, asked.get("std", IMAGENET_STD))),
        interpolation,
    )


def declared(model: torch.nn.Module) -> tuple[dict[str, Any], Any]:
    """Return what a model says that it wants to be fed, and, if that is known, the size for which it was built.

    Of "size", "mean", "std" and "interpolation", those that it says.
    """
    inner = list(inner_models(model))
    asked: dict[str, Any] = {}
    for one in inner:
        for key, value in (*_own_size(one), *_told(one)):
            asked.setdefault(key, value)
    if any(map(_normalizes, inner)):
        asked["mean"], asked["std"] = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return asked, next((size for one in inner for _, size in _own_size(one)), None)


def _own_size(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """What a network was built for: it goes before what its weights were trained with."""
    config = getattr(model, "config", None)
    vision = getattr(config, "vision_config", None)
    for size in (
        getattr(getattr(model, "patch_embed", None), "img_size", None),
        getattr(model, "image_size", None),
        getattr(config, "image_size", None),
        getattr(vision, "image_size", None),
    ):
        if image_pair(size):
            yield "size", size


def _told(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    weights: Any = getattr(model, "weights", None)
    if callable(getattr(weights, "transforms", None)):
        preset = weights.transforms()
        if hasattr(preset, "mean") and hasattr(preset, "std"):
            yield "mean", preset.mean
            yield "std", preset.std
            filter_ = getattr(preset, "interpolation", None)
            if filter_ is not None:
                yield "interpolation", getattr(filter_, "value", filter_)
            if image_pair(crop := getattr(preset, "crop_size", None)):
                yield "size", crop
    # timm's, and open_clip's, whose visual part carries it.
    for name in ("pretrained_cfg", "preprocess_cfg"):
        told = getattr(model, name, None)
        if not isinstance(told, Mapping) or not {"mean", "std"} <= told.keys():
            continue
        yield "mean", told["mean"]
        yield "std", told["std"]
        if told.get("interpolation"):
            yield "interpolation", told["interpolation"]
        if image_pair(size := tuple(told["input_size"])[-2:] if told.get("input_size") else told.get("size")):
            yield "size", size


def _normalizes(model: torch.nn.Module) -> bool:
    """Whether a model normalizes inside: torchvision's detectors, or one that begins with a Normalize."""
    first = next(model.children(), None)
    inside = [getattr(model, "transform", None), first]
    return any(
        isinstance(part, torch.nn.Module)
        and (
            (hasattr(part, "image_mean") and hasattr(part, "image_std"))
            or (type(part).__name__.endswith("Normalize") and hasattr(part, "mean") and hasattr(part, "std"))
        )
        for part in inside
    )


def image_pair(size: Any) -> tuple[int, int] | None:
    """Height and width of what somebody calls a size; None where it isn't one."""
    if isinstance(size, (int, np.integer)) and not isinstance(size, bool):
        size = (size, size)
    if not isinstance(size, (tuple, list)) or not size or not all(isinstance(n, (int, np.integer)) for n in size):
        return None
    height, width = size[0], size[-1]
    return (int(height), int(width)) if height > 0 and width > 0 else None


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
    """Return the transform given, with a warning if it crops, or else the default for this model and data.

    An image processor of transformers stands for its size, mean, standard deviation and filter.
    """
    if transform is None:
        return default_transform(model, getattr(data, "image_size", None))
    processor = getattr(transform, "image_processor", transform)
    if hasattr(processor, "image_mean") and hasattr(processor, "do_normalize"):
        made = _of_processor(processor, getattr(data, "image_size", None))
        _check_processor(processor, made)
        return made
    if not callable(transform):
        raise ValueError(
            f"transform is a {type(transform).__name__}; a function from a PIL image to a tensor is needed."
        )
    warn_of_crop(transform)
    return transform  # type: ignore[no-any-return]


def transform_of_own_size(
    model: torch.nn.Module, data: ConceptData, sizes: Callable[[], Collection[tuple[int, int]]]
) -> Normalize | None:
    """Return the default transform that leaves images at the one size that they all have; None where a size is declared.

    For a network of small images, such as LeNet, that fails on 224 × 224. One image never decides alone.

    Parameters
    ----------
    sizes : callable
        Returns height and width of images from the beginning, the middle and the end of the data set.
    """
    undeclared = default_transform(model, None) != default_transform(model, (1, 1))
    if not undeclared or getattr(data, "image_size", None) is not None:
        return None
    found = set(sizes())
    return default_transform(model, found.pop()) if len(found) == 1 else None


def _of_processor(processor: Any, size: tuple[int, int] | None) -> Normalize:
    """Return what an image processor of transformers does, without its crop."""
    asked = (getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", False) else None) or getattr(
        processor, "size", None
    )
    if isinstance(asked, int):
        asked = {"height": asked, "width": asked}
    try:
        asked = dict(asked or {})
    except (TypeError, ValueError):
        asked = {}
    edge = asked.get("shortest_edge") or asked.get("longest_edge")
    height, width = asked.get("height") or edge, asked.get("width") or edge
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if processor.do_normalize:
        mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    number = getattr(processor, "resample", None)
    known = [
        name for name, value in Image.Resampling.__members__.items() if number is not None and int(value) == int(number)
    ]
    return Normalize(
        (int(height), int(width)) if height and width else image_pair(size) or _USUAL_SIZE,
        mean,
        std,
        known[0].lower() if known else "bilinear",
    )


def _check_processor(processor: Any, made: Normalize) -> None:
    """Refuse an image processor that does more than resizing and normalizing: swaps channels, scales otherwise.

    An image of one color shows: its size, crop and filter don't matter.
    """
    try:
        image = Image.new("RGB", made.size[::-1], (40, 120, 200))
        found = processor(images=image, return_tensors="pt")["pixel_values"]
        values = found.reshape(-1, *found.shape[-3:])[0].float()
        theirs, ours = (x[:, x.shape[1] // 2, x.shape[2] // 2] for x in (values, made(image)))
        differs = theirs.shape != ours.shape or float((theirs - ours).abs().max()) > _SAME_COLOR
    except Exception as error:  # it takes something else, or gives it: then its attributes must do
        logger.debug("an image processor could not be tried: %s", error)
        return
    if differs:
        kind = type(processor).__name__
        raise ValueError(
            f"transform={kind} does more than resizing and normalizing: a color that should become {_short(tuple(ours.tolist()))} "
            f"becomes {_short(tuple(theirs.tolist()))}. Call it yourself: "
            "transform=lambda image: processor(images=image, return_tensors='pt')['pixel_values'][0]."
        )


def probe_fitting(
    probe: Callable[[Any], _Probe], chosen: Any, transform: Any, model: torch.nn.Module, data: Any
) -> tuple[_Probe, Any]:
    """Probe with the chosen transform, or, if the network fails on images of the usual size, with their own.

    Parameters
    ----------
    probe : callable
        Transform → Probe.
    chosen : callable
    transform : callable or None
        What the user gave.
    data : data set
        Whose samples are checked.

    Returns
    -------
    Probe, and the transform with which it was made
    """

    def sizes() -> set[tuple[int, int]]:
        images = [data[index].image for index in {0, len(data) // 2, len(data) - 1}]
        return {(image.height, image.width) for image in images}

    try:
        return probe(chosen), chosen
    except UserCodeError:
        own = None if transform is not None else transform_of_own_size(model, data, sizes)
        if own is None:
            raise
        with suppress(UserCodeError):
            return probe(own), own
        raise
