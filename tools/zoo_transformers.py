"""The zoo's networks of transformers: small configurations, and how the library lays out their hidden states."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from torch import nn

_FEW = {"num_hidden_layers": 3}
_SMALL = {**_FEW, "hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96}
_SMALL_224 = {**_SMALL, "image_size": 224}


@dataclass(frozen=True)
class _Kind:
    """A kind of network of transformers.

    Attributes
    ----------
    model : str
        Class of the model.
    layout : str
        Of its hidden states, as the library documents them: "first" [N, C, h, w], "last" [N, h, w, C], "tokens"
        [N, T, C] on a square grid.
    prefix : int
        Tokens in front of the grid's.
    options : dict
        Of the configuration.
    size : int
        Height and width of the images.
    """

    model: str
    layout: str
    prefix: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    size: int = 224


_KINDS = (
    _Kind("ViTModel", "tokens", 1, _SMALL_224),
    _Kind("ViTForImageClassification", "tokens", 1, _SMALL_224),
    _Kind("DeiTModel", "tokens", 2, _SMALL_224),
    _Kind("BeitModel", "tokens", 1, _SMALL_224),
    _Kind("Data2VecVisionModel", "tokens", 1, _SMALL_224),
    _Kind("Dinov2Model", "tokens", 1, {**_SMALL_224, "patch_size": 14}),
    _Kind("Dinov2WithRegistersModel", "tokens", 5, {**_SMALL_224, "patch_size": 14, "num_register_tokens": 4}),
    _Kind("DINOv3ViTModel", "tokens", 5, {**_SMALL_224, "num_register_tokens": 4}),
    _Kind("ViTMSNModel", "tokens", 1, _SMALL_224),
    _Kind("ViTMAEModel", "patches", 0, _SMALL_224),
    _Kind("IJepaModel", "tokens", 0, _SMALL_224),
    _Kind("CLIPVisionModel", "tokens", 1, _SMALL_224),
    _Kind("MetaClip2VisionModel", "tokens", 1, _SMALL_224),
    _Kind("ChineseCLIPVisionModel", "tokens", 1, _SMALL_224),
    _Kind("SiglipVisionModel", "tokens", 0, _SMALL_224),
    _Kind("BlipVisionModel", "tokens", 1, _SMALL_224),
    _Kind("Aimv2VisionModel", "tokens", 0, _SMALL_224),
    _Kind("OwlViTVisionModel", "tokens", 1, _SMALL_224),
    _Kind("InternVLVisionModel", "tokens", 1, {**_SMALL, "image_size": [224, 224], "patch_size": [16, 16]}),
    _Kind("YolosModel", "yolos", 1, {**_SMALL, "image_size": [224, 224], "num_detection_tokens": 10}),
    _Kind("VitDetModel", "first", 0, {**_FEW, "hidden_size": 48, "num_attention_heads": 4, "image_size": 224}),
    _Kind(
        "SamVisionModel",
        "last",
        0,
        {
            **_FEW,
            "hidden_size": 48,
            "num_attention_heads": 4,
            "image_size": 224,
            "mlp_dim": 96,
            "window_size": 7,
            "global_attn_indexes": [2],
        },
    ),
    _Kind("SwinModel", "reshaped", 0, {"depths": [1, 1, 2, 1], "embed_dim": 24, "num_heads": [1, 2, 3, 4]}),
    _Kind("Swinv2Model", "reshaped", 0, {"depths": [1, 1, 2, 1], "embed_dim": 24, "num_heads": [1, 2, 3, 4]}),
    _Kind("DonutSwinModel", "reshaped", 0, {"depths": [1, 1, 2, 1], "embed_dim": 24, "num_heads": [1, 2, 3, 4]}),
    _Kind(
        "MaskFormerSwinBackbone",
        "backbone",
        0,
        {
            "depths": [1, 1, 2, 1],
            "embed_dim": 24,
            "num_heads": [1, 2, 3, 4],
            "image_size": 224,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
    ),
    _Kind("FocalNetModel", "reshaped", 0, {"depths": [1, 1, 2, 1], "embed_dim": 24}),
    _Kind("HieraModel", "reshaped last", 0, {"depths": [1, 1, 2, 1], "embed_dim": 24}),
    _Kind("ConvNextModel", "first", 0, {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}),
    _Kind("ConvNextV2Model", "first", 0, {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}),
    _Kind("DINOv3ConvNextModel", "first", 0, {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}),
    _Kind("ResNetModel", "first", 0, {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}),
    _Kind(
        "RegNetModel",
        "first",
        0,
        {"embedding_size": 16, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1], "groups_width": 8},
    ),
    _Kind(
        "BitModel",
        "first",
        0,
        {"embedding_size": 32, "hidden_sizes": [64, 96, 128, 160], "depths": [1, 1, 2, 1], "num_groups": 8},
    ),
    _Kind("HGNetV2Backbone", "backbone", 0, {"out_features": ["stage1", "stage2", "stage3", "stage4"]}),
    _Kind(
        "EfficientNetModel",
        "first",
        0,
        {"width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640, "image_size": 224},
    ),
    _Kind("MobileNetV2Model", "first"),
    _Kind("MobileViTModel", "first"),
    _Kind("MobileViTV2Model", "first", 0, {"width_multiplier": 0.5}),
    _Kind("PoolFormerModel", "first", 0, {"depths": [1, 1, 2, 1]}),
    _Kind("SwiftFormerModel", "first", 0, {"depths": [1, 1, 2, 1]}),
    _Kind("SegformerModel", "first", 0, {"depths": [1, 1, 1, 1]}),
    _Kind("GLPNModel", "first", 0, {"depths": [1, 1, 1, 1]}),
    _Kind("PvtModel", "tokens or class", 0, {"depths": [1, 1, 1, 1]}),
    _Kind("PvtV2Model", "first", 0, {"depths": [1, 1, 1, 1], "image_size": 224}),
    _Kind("CvtModel", "first", 0, {"depth": [1, 2, 3]}),
    _Kind("LevitModel", "tokens"),
    _Kind("TextNetModel", "first"),
    _Kind(
        "DPTModel",
        "tokens",
        1,
        {**_SMALL_224, "backbone_out_indices": [0, 1, 2], "neck_hidden_sizes": [16, 16, 16, 16]},
    ),
)


def _make(kind: _Kind) -> tuple[nn.Module, Any]:
    import transformers

    cls = getattr(transformers, kind.model)
    model = cls(cls.config_class(**kind.options)).eval()
    return model, partial(_hidden_states, model, kind)


def _hidden_states(model: nn.Module, kind: _Kind, batch: torch.Tensor) -> list[torch.Tensor]:
    """Return what the library calls hidden states, as maps [N, C, h, w]."""
    if kind.layout == "backbone":
        return list(model(batch).feature_maps)
    if kind.layout == "patches":  # the rest is shuffled at random
        return [model.embeddings.patch_embeddings.projection(batch)]
    out = model(pixel_values=batch, output_hidden_states=True)
    if kind.layout.startswith("reshaped"):
        last = kind.layout == "reshaped last"
        return [states.permute(0, 3, 1, 2) if last else states for states in out.reshaped_hidden_states]
    return [_maps(states, kind) for states in out.hidden_states if states.shape[1] != 3]  # which is the image


def _maps(states: torch.Tensor, kind: _Kind) -> torch.Tensor:
    if kind.layout == "first":
        return states
    if kind.layout == "last":
        return states.permute(0, 3, 1, 2)
    patches, prefix = states.shape[1], kind.prefix
    if kind.layout == "yolos":  # detection tokens stand behind the patches
        patches -= model_tokens(kind)
    if kind.layout == "tokens or class":  # a class token in the last stage alone
        prefix = 1 - (round(patches**0.5) ** 2 == patches)
    side = round((patches - prefix) ** 0.5)
    return states[:, prefix:patches].transpose(1, 2).reshape(len(states), -1, side, side)


def model_tokens(kind: _Kind) -> int:
    """Return how many detection tokens a kind has behind its patches."""
    return int(kind.options["num_detection_tokens"])


def transformers_networks(make_network: Callable[..., Any]) -> Iterator[Any]:
    """Yield the zoo's networks of transformers."""
    for kind in _KINDS:
        yield make_network("transformers", kind.model, partial(_make, kind), kind.size)
