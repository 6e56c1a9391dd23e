"""What some tests need besides the package."""

from __future__ import annotations

import importlib
import os

import pytest


def needed(module):
    """Return a module; where it isn't installed the test is skipped, but in CI it fails."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{error}: pip install 'nbdissect[test]'"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message, allow_module_level=True)
