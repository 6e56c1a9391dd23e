"""A run in this process: both passes over all images, with reports and a checkpoint along the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbdissect.engine.activations import OtherCallsError
from nbdissect.runner.estimate import Estimator
from nbdissect.runner.interrupts import StopRequest
from nbdissect.runner.preview import Preview
from nbdissect.runner.two_pass import TwoPassRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.engine.config import RunInputs
    from nbdissect.runner.checkpoint import Checkpoint
    from nbdissect.runner.outcome import RunOutcome
    from nbdissect.types import Progress


def run(
    inputs: RunInputs,
    *,
    stop: StopRequest | None = None,
    report: Callable[[Progress, Callable[[], RunOutcome | None]], None] = lambda _, __: None,
    checkpoint: Checkpoint | None = None,
) -> RunOutcome:
    """Drive one :class:`TwoPassRun` over all images to its end, or until a stop, and return what it found.

    Parameters
    ----------
    inputs : RunInputs
    stop : StopRequest, optional
        Read after every batch.
    report : callable
        Called after every batch with the progress, and with a function that returns the outcome so far.
    checkpoint : Checkpoint, optional
        From which the run goes on, and to which it is saved now and then.
    """
    stop, save_to = stop or StopRequest(), checkpoint
    this = TwoPassRun(inputs, open_file=checkpoint.open_file if checkpoint else None)
    preview, estimator = Preview(this), Estimator(this)

    def ends(patience: int) -> bool:
        preview.answer()
        report(replace(this.progress, estimate=estimator.update()), preview.snapshot)
        if save_to is not None:
            save_to.save_if_due(this)
        return stop.requests > patience

    try:
        if save_to is not None:
            save_to.restore(this, stop=lambda: stop.requests > 0)
        if not this.thresholds:
            try:
                this.forward_pass(lambda _: ends(0))
            except OtherCallsError:
                if checkpoint is not None:  # which holds what passes that stopped early have found
                    raise
                this.start_again()
                preview = Preview(this)
                this.forward_pass(lambda _: ends(0))
            if save_to is not None and this.seen < len(this.batches):
                save_to.save(this)
                save_to = None  # what follows concerns a part of the images only: the next run goes on from here
            this.find_thresholds()
        patience = min(1, stop.requests)
        this.count(lambda _: ends(patience))
        if save_to is not None and this.counted < this.seen:
            save_to.save(this)
        return this.result()
    finally:
        preview.end()
        this.close()
