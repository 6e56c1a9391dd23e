"""The version, for whatever records it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nbdissect")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"
