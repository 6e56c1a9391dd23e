"""How many threads this process may really use."""

from __future__ import annotations

import math
import os
import threading
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


class _InUse(threading.local):
    depth = 0


_lock = threading.Lock()
_imposed: list[int] = []  # what the runs under way have set, in any thread
_base = 1  # what was set before the first of them
_mine = _InUse()


@contextmanager
def limited_threads(most: int | None = None) -> Iterator[int]:
    """Let torch use no more threads than `most`, or than are allowed; restore its setting afterwards.

    Torch keeps the number per thread, but a new thread begins with what any other has set last: one that
    begins while another run has set fewer takes what was set before that run.
    """
    global _base  # noqa: PLW0603 - there is one torch
    with _lock:
        before = torch.get_num_threads()
        if not _imposed:
            _base = before
        elif not _mine.depth and before in _imposed:
            before = _base
        threads = min(before, allowed_threads()) if most is None else most
        torch.set_num_threads(threads)
        _imposed.append(threads)
        _mine.depth += 1
    try:
        yield threads
    finally:
        with _lock:
            _imposed.remove(threads)
            _mine.depth -= 1
            torch.set_num_threads(before)


def _after_fork() -> None:
    """In a child, other threads are gone, and with them whoever would have opened the lock."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _imposed.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
