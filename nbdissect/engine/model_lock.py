"""One run at a time in one model: hooks and eval mode of one would reach into the passes of another."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nbdissect.notices import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

_SECONDS = 0.1
_changed = threading.Condition()
_used: dict[int, list[frozenset[int]]] = {}  # thread → the modules that it uses, as often as it took them
_waiting: set[int] = set()


@contextmanager
def sole_use(model: nn.Module) -> Iterator[None]:
    """Hold a model, and all that share a module with it, for this thread; wait while another thread has it.

    The same thread may take a model again. Who waits says so in the log, and can be interrupted.
    """
    wanted, me = frozenset(map(id, model.modules())), threading.get_ident()
    with _changed:
        if _taken(wanted, me):
            logger.warning("Another thread is running this %s: this one waits until it is done.", type(model).__name__)
            _waiting.add(me)
            try:
                while _taken(wanted, me):
                    _changed.wait(_SECONDS)  # not for ever: an interrupt is only seen in between
            finally:
                _waiting.discard(me)
        _used.setdefault(me, []).append(wanted)
    try:
        yield
    finally:
        with _changed:
            _used[me].remove(wanted)
            if not _used[me]:
                del _used[me]
            _changed.notify_all()


def is_used_elsewhere(model: nn.Module) -> bool:
    """Return whether another thread has a model, so that :func:`sole_use` would wait."""
    with _changed:
        return _taken(frozenset(map(id, model.modules())), threading.get_ident())


def waits() -> bool:
    """Return whether this thread waits for a model: an interrupt then has nothing to finish first."""
    return threading.get_ident() in _waiting


def _taken(wanted: frozenset[int], me: int) -> bool:
    return any(thread != me and any(wanted & modules for modules in held) for thread, held in _used.items())


def _after_fork() -> None:
    """In a child, the threads that held models are gone."""
    global _changed  # noqa: PLW0603
    _changed = threading.Condition()
    _used.clear()
    _waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
