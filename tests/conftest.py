from __future__ import annotations

import os

# One thread per test process, its kernels included: several run side by side, and threads that wait for each other burn both cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from support.paths import LITE, MINIBRODEN, RESULTS, SQUEEZENET


def _needed(*paths):
    missing = [path for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"needs {missing[0]}, which holds other people's data and is not part of the project")


@pytest.fixture(scope="session")
def minibroden():
    """Path of real photographs in the Broden format."""
    _needed(MINIBRODEN)
    return MINIBRODEN


@pytest.fixture(scope="session")
def squeezenet():
    """SqueezeNet 1.1 with ImageNet weights."""
    from support.nets import squeezenet

    _needed(SQUEEZENET)
    return squeezenet()


@pytest.fixture(scope="session")
def lite_results():
    """Folder of what NetDissect-Lite wrote for SqueezeNet."""
    _needed(LITE)
    return LITE


@pytest.fixture(scope="session")
def published_results():
    """Folder of the published result files."""
    _needed(RESULTS)
    return RESULTS
