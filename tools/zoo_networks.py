"""The networks of the zoo, with random weights, and what each library itself says of their maps.

A network's truth is a function of a batch that returns maps [N, units, h, w] as the library makes
them, or as its documentation lays them out. None of it knows how nbdissect reads a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

Truth = Callable[[torch.Tensor], Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Network:
    """One network of the zoo.

    Attributes
    ----------
    library, name : str
    make : callable
        Makes the network and its truth.
    size : int, optional
        Height and width of the images, where the network's own are not to be taken.
    """

    library: str
    name: str
    make: Callable[[], tuple[nn.Module, Truth]]
    size: int | None = None


# --- timm ---

_TIMM = """
resnet18 resnext50_32x4d seresnet50 resnetv2_18 res2net50_14w_8s resnest14d skresnet18 ecaresnet26t legacy_seresnet18
regnety_002 densenet121 dla34 dpn68b vgg11_bn hrnet_w18_small ese_vovnet19b_dw tresnet_m selecsls42 legacy_xception inception_v3
inception_v4 cspnext_s cs3darknet_focus_s rdnet_tiny dm_nfnet_f0 repvgg_a0 botnet26t_256 halonet26t lambda_resnet26t
efficientnet_b0 mobilenetv3_small_050 mobilenetv4_conv_small mobilenetv4_hybrid_medium ghostnet_100 mnasnet_050 mixnet_s rexnet_100 hardcorenas_a
lcnet_050 tinynet_e mobileone_s0 starnet_s1 fasternet_t0 repghostnet_050 repvit_m0_9 shvit_s1 hgnetv2_b0 hgnet_tiny
convnext_atto convnextv2_atto inception_next_atto poolformer_s12 poolformerv2_s12 caformer_s18 edgenext_xx_small
fastvit_t8 mambaout_femto focalnet_tiny_srf efficientvit_b0 efficientvit_m0 efficientvim_m1 lowformer_b0 cpubone_nano csatv2 swiftformer_xs iformer_t
swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 swinv2_tiny_window8_256 maxvit_rmlp_pico_rw_256 coatnet_nano_rw_224 coat_lite_tiny
nest_tiny nextvit_small pvt_v2_b0 twins_svt_small twins_pcpvt_small mvitv2_tiny davit_tiny gcvit_xxtiny volo_d1_224 visformer_tiny
mobilevit_xxs mobilevitv2_050 tiny_vit_5m_224 efficientformer_l1 efficientformerv2_s0 levit_128s pit_ti_224 sequencer2d_s vitamin_small_224
vit_tiny_patch16_224 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 deit3_small_patch16_224 vit_small_patch14_reg4_dinov2
vit_small_patch16_dinov3 vit_relpos_small_patch16_224 vit_srelpos_small_patch16_224 vit_small_r26_s32_224 vit_base_patch16_siglip_224
vit_medium_patch16_reg4_gap_256 beit_base_patch16_224 cait_xxs24_224 convit_tiny xcit_nano_12_p16_224 eva02_tiny_patch14_224 mixer_s32_224
gmlp_s16_224 resmlp_12_224 tnt_s_patch16_224 hiera_tiny_224 samvit_base_patch16 sam2_hiera_tiny crossvit_tiny_240
"""
_TIMM_SIZES = {"vit_small_patch14_reg4_dinov2": 224, "samvit_base_patch16": 224}


def _timm(name: str) -> tuple[nn.Module, Truth]:
    import timm

    options = {"img_size": _TIMM_SIZES[name]} if name in _TIMM_SIZES else {}
    model = timm.create_model(name, pretrained=False, **options)
    return model, partial(_intermediates, model)


def _intermediates(model: Any, batch: torch.Tensor) -> list[torch.Tensor]:
    """Return the maps of each stage, of a timm network or of a tower of open_clip."""
    found = model.forward_intermediates(batch, output_fmt="NCHW", intermediates_only=True)
    if isinstance(found, dict):
        found = found["image_intermediates"]
    return [maps[0] if isinstance(maps, (tuple, list)) else maps for maps in found]  # with prefix tokens


# --- torchvision ---

# Layers whose maps are wanted, and how torchvision lays them out: first = [N, C, h, w], last = [N, h, w, C],
# tokens = a class token, then a grid of 14 × 14 or 7 × 7.
_TORCHVISION: dict[str, tuple[tuple[str, ...], str]] = {
    "alexnet": (("features.5", "features.12"), "first"),
    "vgg11": (("features.10", "features.20"), "first"),
    "resnet18": (("layer1", "layer2", "layer3", "layer4"), "first"),
    "resnext50_32x4d": (("layer2", "layer4"), "first"),
    "wide_resnet50_2": (("layer2", "layer4"), "first"),
    "densenet121": (("features.denseblock1", "features.denseblock4", "features.norm5"), "first"),
    "googlenet": (("inception3b", "inception5b"), "first"),
    "inception_v3": (("Mixed_5d", "Mixed_7c"), "first"),
    "squeezenet1_1": (("features.6", "features.12"), "first"),
    "mobilenet_v2": (("features.6", "features.18"), "first"),
    "mobilenet_v3_small": (("features.3", "features.12"), "first"),
    "mnasnet0_5": (("layers.8", "layers.16"), "first"),
    "shufflenet_v2_x0_5": (("stage2", "stage3", "stage4", "conv5"), "first"),
    "efficientnet_b0": (("features.3", "features.8"), "first"),
    "efficientnet_v2_s": (("features.3", "features.7"), "first"),
    "regnet_y_400mf": (("trunk_output.block1", "trunk_output.block4"), "first"),
    "convnext_tiny": (("features.1", "features.3", "features.5", "features.7"), "first"),
    "maxvit_t": (("blocks.0", "blocks.1", "blocks.3"), "first"),
    "swin_t": (("features.1", "features.3", "features.5", "features.7", "norm"), "last"),
    "swin_v2_t": (("features.1", "features.3", "features.5", "features.7", "norm"), "last"),
    "vit_b_16": (("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_11", "encoder.ln"), "tokens"),
    "vit_b_32": (("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_11", "encoder.ln"), "tokens"),
}
_DETECTORS = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "ssdlite320_mobilenet_v3_large",
    "fcos_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
)
_SEGMENTERS = ("fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")


def _torchvision(name: str) -> tuple[nn.Module, Truth]:
    from torchvision import models
    from torchvision.models.feature_extraction import create_feature_extractor

    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = models.get_model(name, weights=None, **options).eval()
    layers, layout = _TORCHVISION[name]
    extract = create_feature_extractor(model, list(layers))

    def truth(batch: torch.Tensor) -> list[torch.Tensor]:
        return [_first(maps, layout, 1) for maps in extract(batch).values()]

    return model, truth


def _first(maps: torch.Tensor, layout: str, prefix: int) -> torch.Tensor:
    """Return maps [N, C, h, w] of the layout that a library documents; tokens lie on a square grid."""
    if layout == "first":
        return maps
    if layout == "last":
        return maps.permute(0, 3, 1, 2)
    side = round((maps.shape[1] - prefix) ** 0.5)
    return maps[:, prefix:].transpose(1, 2).reshape(len(maps), -1, side, side)


def _detector(name: str) -> tuple[nn.Module, Truth]:
    from torchvision import models

    options = {} if "320" in name else {"min_size": 224, "max_size": 224}
    model = models.get_model(name, weights=None, weights_backbone=None, **options).eval()

    def truth(batch: torch.Tensor) -> list[torch.Tensor]:
        images, _ = model.transform(list(batch))
        maps = [*model.backbone(images.tensors).values()]
        body = getattr(model.backbone, "body", None)
        return maps + ([] if body is None else [*body(images.tensors).values()])

    return _Listed(model), truth


class _Listed(nn.Module):
    """Gives a detector the list of images that it takes."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, batch: torch.Tensor) -> Any:
        """Detect in each image."""
        return self.detector(list(batch))


def _segmenter(name: str) -> tuple[nn.Module, Truth]:
    from torchvision import models

    model = models.get_model(name, weights=None, weights_backbone=None).eval()
    return model, lambda batch: [*model.backbone(batch).values()]


# --- segmentation_models_pytorch ---

_SMP = (
    ("Unet", "resnet18"),
    ("Unet", "mobilenet_v2"),
    ("Unet", "mit_b0"),
    ("UnetPlusPlus", "resnet18"),
    ("MAnet", "resnet18"),
    ("Linknet", "densenet121"),
    ("FPN", "efficientnet-b0"),
    ("PSPNet", "vgg11_bn"),
    ("PAN", "resnet18"),
    ("DeepLabV3", "resnet18"),
    ("DeepLabV3Plus", "timm-skresnet18"),
    ("UPerNet", "tu-convnext_atto"),
    ("Segformer", "mit_b0"),
)


def _smp(architecture: str, encoder: str) -> tuple[nn.Module, Truth]:
    import segmentation_models_pytorch as smp

    model = getattr(smp, architecture)(encoder_name=encoder, encoder_weights=None).eval()

    def truth(batch: torch.Tensor) -> list[torch.Tensor]:
        maps = model.encoder(batch)
        decoded = model.decoder(maps)
        return [*maps[1:], decoded, model.segmentation_head(decoded)]  # the first is the image

    return model, truth


# --- open_clip ---

_OPEN_CLIP = "ViT-S-32 ViT-S-16 ViT-B-32 RN50 ViT-B-16-SigLIP convnext_tiny coca_ViT-B-32 MobileCLIP-S1 ViTamin-S PE-Core-T-16-384 EVA02-B-16 vit_medium_patch16_gap_256"


def _open_clip(name: str, *, tower: bool = True) -> tuple[nn.Module, Truth]:
    import open_clip

    model = open_clip.create_model(name, pretrained=None).eval()
    visual = model.visual
    return visual if tower else model, partial(_intermediates, visual)


def networks() -> Iterator[Network]:
    """Yield all networks of the zoo."""
    from zoo_transformers import transformers_networks

    for name in _TORCHVISION:
        yield Network("torchvision", name, partial(_torchvision, name))
    for name in _DETECTORS:
        yield Network("torchvision", name, partial(_detector, name), 320 if "320" in name else 224)
    for name in _SEGMENTERS:
        yield Network("torchvision", name, partial(_segmenter, name), 224)
    for entry in _TIMM.split():
        name = entry.split(":")[-1]
        yield Network("timm", name, partial(_timm, name), 224 if name == "sam2_hiera_tiny" else _TIMM_SIZES.get(name))
    yield from transformers_networks(Network)
    for name in _OPEN_CLIP.split():
        yield Network("open_clip", name, partial(_open_clip, name))
    for architecture, encoder in _SMP:
        yield Network("segmentation_models", f"{architecture} {encoder}", partial(_smp, architecture, encoder), 128)
