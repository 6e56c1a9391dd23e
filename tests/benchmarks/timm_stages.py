"""Every stage of timm's networks, as nbdissect reads it, against timm's own maps of it.

    python tests/benchmarks/timm_stages.py [NAME]...

Networks have random weights. A stage is every module whose output holds the values of one of the maps that
``forward_intermediates(output_fmt="NCHW")`` returns, in whatever order. It is *right* if nbdissect's reading
gives just those maps, *refused* if nbdissect says that it can't tell, and *wrong* otherwise. None may be wrong.
"""

from __future__ import annotations

import argparse
import sys
import time

import timm
import torch
from PIL import Image

from nbdissect.engine.layouts import Layout, part_of, tensors_in
from nbdissect.engine.preprocessing import default_transform
from nbdissect.engine.probe import probe_model

NAMES = """
resnet18 resnext50_32x4d seresnet50 regnety_002 densenet121 efficientnet_b0 mobilenetv3_small_050 mobilenetv4_conv_small
convnext_atto convnextv2_atto hgnetv2_b0 repvgg_a0 inception_next_tiny poolformer_s12 metaformer_baseline:poolformerv2_s12
edgenext_xx_small fastvit_t8 mambaout_femto swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 swinv2_tiny_window8_256
maxvit_rmlp_pico_rw_256 nest_tiny pvt_v2_b0 twins_svt_small mvitv2_tiny davit_tiny focalnet_tiny_srf volo_d1_224
vit_tiny_patch16_224 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 vit_small_patch14_reg4_dinov2 vit_small_patch16_dinov3
beit_base_patch16_224 cait_xxs24_224 xcit_nano_12_p16_224 eva02_tiny_patch14_224 mixer_s32_224 tnt_s_patch16_224 levit_128s
efficientformer_l1 hiera_tiny_224 samvit_base_patch16 coat_lite_tiny crossvit_tiny_240
""".replace("metaformer_baseline:", "").split()


def stages(name):
    """Count the right, refused and wrong readings of a network's stages; yields what was refused or wrong."""
    torch.manual_seed(0)
    options = {"img_size": 224} if name.startswith(("vit_small_patch14", "samvit")) else {}
    model = timm.create_model(name, pretrained=False, **options).eval()
    transform = default_transform(model, None)
    image = Image.effect_noise(transform.size[::-1], 80).convert("RGB")
    probe = probe_model(model, [(0, image)], transform, torch.device("cpu"))
    batch = torch.stack([transform(image), transform(image.rotate(180))])
    outputs = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, output, key=key: outputs.__setitem__(key, _copied(output)))
        for key, module in model.named_modules()
        if key
    ]
    with torch.no_grad():
        wanted = model.forward_intermediates(batch, output_fmt="NCHW", intermediates_only=True)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        yield from _compare(probe, outputs, wanted)


def _copied(output):
    if isinstance(output, torch.Tensor):
        return output.clone()
    return [(part, tensor.clone()) for part, tensor in tensors_in(output)]


def _compare(probe, outputs, wanted):
    for number, maps in enumerate(wanted):
        if isinstance(maps, (tuple, list)):  # with prefix tokens
            maps = maps[0]  # noqa: PLW2901
        found = False
        for layer in probe.layers:
            output = outputs.get(layer.name)
            tensors = [((), output)] if isinstance(output, torch.Tensor) else output or []
            for part, tensor in tensors:
                if not _holds(tensor, maps):
                    continue
                found = True
                if not isinstance(layer.found, Layout):
                    yield number, layer.name, "refused", layer.found.reason
                    continue
                whole = tensor if part == layer.found.part else None
                read = None if whole is None else _read(layer.found, whole)
                right = read is not None and read.shape == maps.shape and torch.allclose(read, maps, atol=1e-5)
                yield number, layer.name, "right" if right else "wrong", str(layer.found)
        if not found:
            yield number, "", "nowhere", f"no module returns {tuple(maps.shape)}"


def _read(layout, tensor):
    from dataclasses import replace

    return replace(layout, part=()).maps(part_of(tensor, None, ()), "layer").permute(0, 3, 1, 2)


def _holds(tensor, maps):
    """Whether a tensor holds the values of maps [N, C, h, w], in any order, with or without tokens in front."""
    if tensor.ndim < 3 or not tensor.is_floating_point():
        return False
    patches = maps.shape[2] * maps.shape[3]
    if (
        tensor.ndim == 3
        and tensor.shape[0] == len(maps)
        and tensor.shape[2] == maps.shape[1]
        and tensor.shape[1] > patches
    ):
        return torch.allclose(tensor[:, -patches:].transpose(1, 2).reshape(maps.shape), maps, atol=1e-5)
    if tensor.numel() != maps.numel() or tensor.shape[0] != len(maps):
        return False
    return torch.allclose(tensor.flatten().sort().values, maps.flatten().sort().values, atol=1e-5)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    total = {"right": 0, "refused": 0, "wrong": 0, "nowhere": 0, "failed": 0}
    good = 0
    for name in parser.parse_args().names or NAMES:
        start = time.monotonic()
        counts, remarks = dict.fromkeys(total, 0), []
        try:
            for number, layer, verdict, text in stages(name):
                counts[verdict] += 1
                if verdict != "right":
                    remarks.append(f"    stage {number} {layer}: {verdict}: {text}")
        except Exception as error:  # a network that timm doesn't have, or that has no maps
            counts["failed"] += 1
            remarks.append(f"    {type(error).__name__}: {str(error)[:150]}")
        for verdict, count in counts.items():
            total[verdict] += count
        good += counts["right"] > 0 and not counts["wrong"]
        print(f"{name:<40} {counts} {time.monotonic() - start:.1f} s", *remarks[:6], sep="\n", flush=True)
    print(f"{good} networks with stages read right and none wrong; in all {total}")
    sys.exit(total["wrong"] > 0)


if __name__ == "__main__":
    main()
