"""How many threads this process may really use."""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


def allowed_threads(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Return the number of threads that affinity and the cgroup's CPU quota allow, at least 1.

    A JupyterHub gives a container two CPUs' worth of time on a machine of 64: affinity still says
    64, and 64 threads then wait for each other inside the quota.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _cgroup_folders(root, membership) if (quota := _quota(folder)) is not None]
    return max(1, math.floor(min([affinity, *quotas])))


def _cgroup_folders(root: Path, membership: Path) -> Iterator[Path]:
    """The cgroup of this process and all its parents: each may set a quota, the smallest holds."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 1 mounts the controller in a folder of its own; version 2 has one tree.
        base = root / "cpu" if controllers else root
        folder = base / path.lstrip("/")
        yield from (folder, *(parent for parent in folder.parents if parent.is_relative_to(base)))


def _quota(folder: Path) -> float | None:
    """CPUs' worth of time that a cgroup folder allows; None where it sets no limit."""
    try:
        if (file := folder / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError):
        return None


@contextmanager
def limited_threads() -> Iterator[int]:
    """Let torch use no more threads than are allowed; restore its setting afterwards."""
    before = torch.get_num_threads()
    threads = min(before, allowed_threads())
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
