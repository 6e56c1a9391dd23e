"""What users are told beside results: warnings that point at their own line, and the log of what is swallowed."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("nbdissect")
"""Is told every error that is swallowed so that a run, a page or a result survives it."""
logger.addHandler(logging.NullHandler())  # heard by whoever asks for it, and not printed into everybody's cell

_PACKAGE = str(Path(__file__).parent)


@contextmanager
def logged(what: str) -> Iterator[None]:
    """Log an error instead of raising it, where what goes on is worth more than what failed."""
    try:
        yield
    except Exception:  # whatever it is
        logger.warning(what, exc_info=True)


def warn(text: str) -> None:
    """Warn of something, at the innermost line that isn't the package's own."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - what `warnings` itself walks
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1  # type: ignore[assignment]
    warnings.warn(text, stacklevel=level)
