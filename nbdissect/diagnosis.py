"""What this session has: the first thing to look at, and to send along, when something doesn't work."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from nbdissect.display.session import session

_PACKAGES = (
    "nbdissect",
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "matplotlib",
    "ipython",
    "ipykernel",
    "ipywidgets",
    "anywidget",
    "jupyterlab",
    "notebook",
)


def doctor() -> None:
    """Print versions, threads, memory and device, and whether a notebook front end has answered a gallery."""
    print("\n".join(f"{name + ':':<14}{value}" for name, value in _findings().items()))


def _findings() -> dict[str, str]:
    found = {"python": f"{platform.python_version()} on {platform.platform()}"}
    found |= {name: _version(name) for name in _PACKAGES}
    found["threads"], found["device"] = _compute()
    found["memory"] = _memory()
    found["front end"] = _front_end()
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _memory() -> str:
    """Physical memory of the machine; a container may be allowed less."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return "unknown"
    return f"{total / 2**30:.1f} GB in the machine"


def _compute() -> tuple[str, str]:
    """Threads and device."""
    try:
        import torch

        from nbdissect.engine.threads import allowed_threads
    except (ImportError, OSError) as error:  # OSError: a library that torch needs can't be loaded
        return "unknown", f"unknown: torch can't be imported ({error})"
    allowed = allowed_threads()
    threads = f"{min(torch.get_num_threads(), allowed)} of {os.cpu_count()} (affinity and quota allow {allowed})"
    if torch.cuda.is_available():
        return threads, f"cuda ({torch.cuda.get_device_name()})"
    return threads, "mps" if torch.backends.mps.is_available() else "cpu"


def _front_end() -> str:
    if not session.in_notebook:
        return "none: this is no notebook"
    if session.answered:
        return "a notebook, which has answered"
    silence = session.silence
    if silence == "none shown":
        return "a notebook; no gallery is on display, so there was nothing to answer"
    if silence == "too early":
        return "a notebook, which may still be drawing its first gallery: run nd.doctor() in a cell of its own, some seconds later"
    return (
        "a notebook, which has not answered a gallery: is ipywidgets installed where the server runs, and the page "
        "reloaded since? nd.options.renderer = 'html' does without"
    )
