"""How far a run is, how fast, and how it ended, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from nbdissect.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.types import Progress

_DOING = {"network": "running the network", "labels": "counting pixels"}


class ProgressText(NamedTuple):
    """How far a run is.

    Attributes
    ----------
    doing : str
        "running the network" or "counting pixels".
    figures : str
        "640 of 2,040 images · 85 images/s · 16 s left"; "640 of 2,040 images · 19 s left · ~27 s, 70 MB in all" once
        that is known.
    share : float
        Of the images, 0 to 1.
    """

    doing: str
    figures: str
    share: float


class ProgressTracker:
    """Follows one run from its reports.

    Attributes
    ----------
    left : float
        Seconds until the stage that it is in ends, as far as its pace tells.
    planned, seen, counted : int
        Images that the run was to see, and how many it saw and counted until now.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = self._last = self._stage_start = clock()
        self._stage = ""
        self.left = float("inf")
        self.planned = self.seen = self.counted = 0

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._start

    def update(self, progress: Progress) -> ProgressText:
        """Note how far the run is, and return it in words."""
        now = self._clock()
        if progress.stage != self._stage:
            # A stage begins with the last report of the one before it.
            self._stage, self._stage_start = progress.stage, self._last
        self._last = now
        self.planned = self.planned or progress.total
        if progress.stage == "network":
            self.seen = progress.done
        else:
            self.seen, self.counted = progress.total, progress.done
        rate = progress.done / max(now - self._stage_start, 1e-6)
        self.left = (progress.total - progress.done) / rate if rate else float("inf")
        done = f"{progress.done:,} of {plural(progress.total, 'image')}"
        if progress.estimate is None:
            figures = f"{done} · {rate:,.0f} images/s · {duration(self.left)} left"
        else:
            # Of the whole run, labels included; the most important first, since a narrow page cuts the end off.
            left = max(self.left, progress.estimate.seconds - self.seconds)
            whole = f"~{duration(progress.estimate.seconds)}, {megabytes(progress.estimate.bytes)} in all"
            figures = f"{done} · {duration(left)} left · {whole}"
        return ProgressText(_DOING.get(progress.stage, progress.stage), figures, progress.done / max(progress.total, 1))

    @property
    def stopping(self) -> bool:
        """Whether somebody ended the network's part: labels are counted of fewer images than were planned."""
        return self._stage == "labels" and self.seen < self.planned

    @property
    def complete(self) -> bool:
        """Whether all images that were to be counted are."""
        return self.counted == self.planned

    @property
    def outcome(self) -> str:
        """How it ended: "2,040 images in 24.1 s", or "stopped after 640 of 2,040 images"."""
        if self.complete:
            return f"{plural(self.planned, 'image')} in {duration(self.seconds, digits=1)}"
        labels = f"; labels of {self.counted:,} of them" if self.counted < self.seen else ""
        return f"stopped after {self.seen:,} of {plural(self.planned, 'image')}{labels}"


def megabytes(size: int) -> str:
    """Return bytes as people say them: "3 MB", "1.2 GB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)):,} MB"


def duration(seconds: float, digits: int = 0) -> str:
    """Return seconds as people say them: "16 s", "4 min 10 s", "2 h 5 min"."""
    if seconds < 120:
        return f"{seconds:.{digits}f} s"
    if seconds == float("inf"):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"
