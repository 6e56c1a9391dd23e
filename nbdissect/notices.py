"""What users are told beside results: warnings that point at their own line, errors of their own code, the log."""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

logger = logging.getLogger("nbdissect")
"""Is told every error that is swallowed so that a run, a page or a result survives it."""
logger.addHandler(logging.NullHandler())  # heard by whoever asks for it, and not printed into everybody's cell

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


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


def raised_by_user_code(error: BaseException) -> bool:
    """Whether an error, or what caused it, was raised by code of the user's own: their transform, model, data set.

    That is so where, from the innermost frame outward, their code comes before ours; libraries count
    for whoever called them. Such an error needs its traceback, while one of ours says all in its text.
    """
    link: BaseException | None = error
    while link is not None:
        frames = [frame for frame, _ in traceback.walk_tb(link.__traceback__)]
        owners = (owner for frame in reversed(frames) if (owner := _owner(frame)) != "library")
        if next(owners, "package") == "user":
            return True
        link = link.__cause__
    return False


def _owner(frame: FrameType) -> str:
    """Whose code a frame runs: "package", "library" or "user"."""
    file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
    if file.startswith(_PACKAGE):
        return "package"
    # What is made at run time, such as the methods of dataclasses, has a name in angle brackets; so have cells in a terminal.
    made = file.startswith("<") and not (
        module == "__main__" and file.startswith(("<ipython-input", "<stdin", "<doctest"))
    )
    installed = file.startswith(_LIBRARIES) or "site-packages" in file or "dist-packages" in file
    return "library" if made or installed else "user"
