"""One dissection from start to end.

In: checked arguments (`prepare`). Out: `Dissections`, over all images or over those seen until a stop.
A run goes on here (`local`), in a thread (`background`), or on an executor's workers (`distributed`).
Called by `nbdissect.api`; calls `engine`, `provenance` and `results`.
"""

from __future__ import annotations

from nbdissect.runner.background import BackgroundRun
from nbdissect.runner.job import Job, prepare

__all__ = ["BackgroundRun", "Job", "prepare"]
