"""Where data that is not ours lies, beside the checkout; what needs it skips where it is absent."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
MINIBRODEN = SHARED / "minibroden"
SQUEEZENET = SHARED / "weights" / "squeezenet1_1_imagenet.safetensors"
LITE = SHARED / "netdissect_lite" / "squeezenet1_1_features"
RESULTS = SHARED / "netdissect_results"


def squeezenet():
    """SqueezeNet 1.1 with ImageNet weights."""
    import torchvision
    from safetensors.torch import load_file

    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(load_file(SQUEEZENET))
    return model
