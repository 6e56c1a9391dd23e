"""What users are told beside results: warnings that point at their own line, and the log of what is swallowed."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

logger = logging.getLogger("nbdissect")
"""Hears of what is swallowed so that a run, a page or a result survives it."""

_PACKAGE = str(Path(__file__).parent)


def warn(text: str) -> None:
    """Warn of something, at the innermost line that isn't the package's own."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - what `warnings` itself walks
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1  # type: ignore[assignment]
    warnings.warn(text, stacklevel=level)
