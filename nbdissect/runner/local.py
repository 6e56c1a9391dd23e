"""A run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Run both passes in this process and return the counts; see the module's docstring.

    Parameters
    ----------
    inputs : RunInputs
    stop : StopRequest, optional
        Asked after every batch.
    report : callable
        Called after every batch with how far the run is, and what gives a look at it.
    checkpoint : Checkpoint, optional
        Where the run may go on from, and is written to now and then.
    """
    stop, kept = stop or StopRequest(), checkpoint
    this = TwoPassRun(inputs, records=checkpoint.records if checkpoint else None)
    preview = Preview(this)

    def ends(patience: int) -> bool:
        report(this.progress, preview.look)
        if kept is not None:
            kept.passed(this)
        return stop.requests > patience

    try:
        if kept is not None:
            kept.restore(this)
        if not this.thresholds:
            this.forward_pass(lambda _: ends(0))
            if kept is not None and this.seen < len(this.batches):
                kept.write(this)
                kept = None  # what follows concerns a part of the images only: the next run goes on from here
            this.find_thresholds()
        patience = min(1, stop.requests)
        this.count(lambda _: ends(patience))
        if kept is not None and this.counted < this.seen:
            kept.write(this)
        return this.result()
    finally:
        this.close()
