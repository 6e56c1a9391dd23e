"""How long a pass takes, and how much of that has gone when each module returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from nbdissect.engine.activations import ModelOutOfMemoryError, recorded, run_model
from nbdissect.engine.devices import seconds_on
from nbdissect.engine.model_state import preserve_model_state, preserve_rng_state
from nbdissect.engine.threads import limited_threads
from nbdissect.notices import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from nbdissect.engine.activations import Forward
    from nbdissect.engine.probe import Probe

# A small batch says little: layers with many weights and small maps take most of its time.
_IMAGES = (2, 16)
# In the first passes torch prepares what it then keeps.
_WARMING = 2
_TIMED = 5
# Seconds within which further passes begin, and that a larger batch may take.
_PATIENCE = 0.6
_MOST_OF_A_PASS = 0.3


# The modules that returned in a pass, by id, and the seconds since the one before; last the model itself, as 0.
Pass: TypeAlias = list[tuple[int, float]]


@dataclass(frozen=True)
class PassTimes:
    """What passes of a few images took.

    Attributes
    ----------
    seconds : float
        For one image, in a pass to the end.
    images : int
        How many were in a pass.
    share : mapping of str to float
        Layer → part of a pass, 0 to 1, that has gone when it returns for the last time.
    """

    seconds: float = 0.0
    images: int = 0
    share: dict[str, float] = field(default_factory=dict)


def time_passes(
    model: nn.Module,
    probe: Probe,
    image: Any,
    transform: Callable[[Any], Any],
    device: torch.device,
    forward: Forward | None = None,
) -> PassTimes:
    """Return what a pass takes, from passes of an image, several at a time where that takes no longer than a moment.

    Between every two moments at which a module returns, the shortest time of all passes counts: what else the
    machine does then adds nothing. Where passes differ in their calls, or memory runs out, nothing is known.
    """
    # In one thread: on a busy machine several wait for each other longer than they compute.
    with preserve_model_state(model, device), preserve_rng_state(device), limited_threads(1):
        batcher = probe.batcher(transform, device)
        loaded = batcher.load(image, 0)

        def timed(images: int) -> Pass:
            return _timed(model, batcher.batch([loaded] * images, [0] * images), device, forward)

        try:
            images, passes = _passes(timed, device)
        except (ValueError, ModelOutOfMemoryError) as error:
            logger.debug("a pass could not be timed: %s", error)
            return PassTimes()
    if any([key for key, _ in one] != [key for key, _ in passes[0]] for one in passes):
        return PassTimes()
    names = {id(module): name for name, module in model.named_modules()}
    passed = 0.0
    when: dict[str, float] = {}
    for moments in zip(*passes, strict=True):
        passed += min(seconds for _, seconds in moments)
        when[names.get(moments[0][0], "")] = passed
    return PassTimes(passed / images, images, {name: time / passed for name, time in when.items()})


def _passes(timed: Callable[[int], Pass], device: torch.device) -> tuple[int, list[Pass]]:
    """Return how many images were in a pass, and what passes took: the last two where each takes long."""
    began = seconds_on(device)
    few, most = _IMAGES
    passes = [timed(few) for _ in range(_WARMING)]
    images = int(few * _MOST_OF_A_PASS / max(1e-6, _whole(passes[-1])))
    images = max(few, min(most, images))
    if images > few:
        timed(images)
        passes = [timed(images)]
    while len(passes) < _TIMED and seconds_on(device) - began < _PATIENCE:
        passes.append(timed(images))
    return images, passes


def _whole(one: Pass) -> float:
    return sum(seconds for _, seconds in one)


def _timed(model: nn.Module, batch: torch.Tensor, device: torch.device, forward: Forward | None) -> Pass:
    moments: list[tuple[int, float]] = []
    with recorded(model, lambda *_: None, lambda module, _: moments.append((id(module), seconds_on(device)))):
        start = seconds_on(device)
        run_model(model, batch, forward)
        moments.append((0, seconds_on(device)))
    earlier = [start, *(seconds for _, seconds in moments)]
    return [(key, late - early) for (key, late), early in zip(moments, earlier, strict=False)]
