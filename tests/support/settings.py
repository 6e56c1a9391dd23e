"""What pyproject.toml says."""

from __future__ import annotations

import sys

from support.needs import needed
from support.paths import ROOT


def pyproject():
    """Return pyproject.toml as a dictionary."""
    reader = needed("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return reader.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
