"""Calls code of the user's own, so that what it raises names the place and keeps its traceback."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class UserCodeError(ValueError):
    """Code of the user's own raised an error: the cause of this one, whose traceback shows where."""


def call_user_code(function: Callable[[], _T], what: str) -> _T:
    """Return ``function()``.

    Parameters
    ----------
    function : callable
    what : str
        For the error text, such as ``"Image 9: data[9]"``.

    Raises
    ------
    UserCodeError
        If the function raises anything but an OSError. The package's own errors pass as they are, since
        they say what is wrong and where; so does MemoryError, after which a run may go on with less.
    OSError
        Of the same kind, if it raises one.
    """
    try:
        return function()
    except MemoryError:
        raise
    except OSError as error:
        # Whoever catches a FileNotFoundError still does.
        kind = type(error) if type(error).__module__ == builtins.__name__ else OSError
        raise kind(_describe(what, error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] == __name__.partition(".")[0]:
            raise
        raise UserCodeError(_describe(what, error)) from error


def _describe(what: str, error: Exception) -> str:
    return f"{what} raised {type(error).__name__}" + (f": {error}" if str(error) else ".")
