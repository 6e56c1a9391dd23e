"""What is said of a network that fails on a batch: what it was given, and what can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbdissect.engine.model_state import model_devices
from nbdissect.text import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

# What models of images and texts call the part that sees the image.
_VISUAL = (
    *("vision_model", "visual", "vision_tower", "vision_encoder", "visual_encoder", "image_encoder", "vision_backbone"),
    *("visual_model", "image_model"),
)
_ARGUMENTS = (
    "If it takes other arguments than a batch of images (keywords, a dict, several inputs, video), pass forward=, such as "
    "forward=lambda model, x: model(pixel_values=x). If it takes images of another size, pass transform=, a function from a "
    "PIL image to a tensor [channels, height, width]."
)


def describe_failure(
    model: torch.nn.Module, batch: torch.Tensor, error: BaseException, forward: Callable[..., Any] | None
) -> str:
    """Return the text of the error for a pass that failed."""
    kind, shape = type(model).__name__, list(batch.shape)
    if forward is None:
        what = f"{kind} failed on a batch of shape {shape}: {error}"
    else:
        what = f"forward={describe(forward)} failed with {kind} on a batch of shape {shape}: {error}"
    return f"{what}\n{_hint(model, batch, forward)}"


def describe_not_called(name: str, model: torch.nn.Module, forward: Callable[..., Any] | None) -> str:
    """Return the text of the error for a layer that a pass doesn't reach."""
    return (
        f"Layer {name!r} was not called while {type(model).__name__} ran. "
        "A layer must be called as a module (not through a scripted copy) to be dissected."
        + (" forward= must call the model that it is given, and no other." if forward is not None else "")
    )


def _hint(model: torch.nn.Module, batch: torch.Tensor, forward: Callable[..., Any] | None) -> str:
    if len(devices := model_devices(model)) > 1:
        return (
            f"Its parameters and buffers lie on {', '.join(map(str, devices))}, and the batch on {batch.device}: if its forward "
            "doesn't move what it computes from one to the next, move the model to one device with model.to()."
        )
    if forward is not None:
        return (
            f"It is called with the model and a batch, {str(batch.dtype)[6:]} [images, channels, height, width], "
            "such as forward=lambda model, x: model(pixel_values=x)."
        )
    part = visual_part(model)
    return (
        f"Its part that sees images is model.{part}: dissect that, as a model of its own.\n" if part else ""
    ) + _ARGUMENTS


def visual_part(model: torch.nn.Module) -> str:
    """Return the dotted name of the part of a model that sees images, where other parts see something else; or ""."""
    names = []
    for name, module in model.named_modules():
        above, _, last = name.rpartition(".")
        beside = [part for part in model.get_submodule(above).children() if next(part.parameters(), None) is not None]
        if last in _VISUAL and len(beside) > 1 and next(module.children(), None) is not None:
            names.append(name)
    return min(names, key=lambda name: name.count("."), default="")
