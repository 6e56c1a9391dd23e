"""One dissection from start to end.

In: checked arguments (`prepare`). Out: `Dissections`, over all images or over those seen until a stop.
`Job` is one call of `nbdissect.dissect`. It runs here (`local`), in a thread (`background`), or on an executor's
workers (`distributed`; what a worker runs stands in `shards`). Each drives a `TwoPassRun`, the state of a run while it
goes on, and returns a `RunOutcome`, its numbers, of which `Job` makes `Dissections`.
Called by `nbdissect.api`; calls `engine`, `provenance` and `results`.
"""

from __future__ import annotations

from nbdissect.runner.background import BackgroundRun
from nbdissect.runner.job import Job, prepare

__all__ = ["BackgroundRun", "Job", "prepare"]
