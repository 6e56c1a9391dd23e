"""A run's inputs on its way to the workers: packed once, opened once by each."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from nbdissect.engine.config import RunInputs

_opened = threading.local()


@dataclass(frozen=True)
class WorkerPayload:
    """A run's inputs, packed, which every worker opens once.

    Attributes
    ----------
    key : str
    folder : str
        Where workers keep the cells of their shards.
    threads : int
        As many as the sender takes: convolutions may round differently with another number.
    content : bytes, or None
        None: lies in the folder.
    """

    key: str
    folder: str
    threads: int
    content: bytes | None = None

    @property
    def stop(self) -> Path:
        """The file that tells workers of this machine to end after their batch."""
        return Path(self.folder) / "stop"

    def open(self) -> RunInputs:
        """Return the inputs: this thread's own copy, since a model can only be hooked for one run at a time."""
        if getattr(_opened, "key", None) != self.key:
            _opened.inputs = None
            content = self.content
            if content is None:
                try:
                    content = (Path(self.folder) / "inputs").read_bytes()
                except OSError as error:
                    message = (
                        f"This worker can't read {error.filename}, which the notebook's process wrote. Workers on other machines need a "
                        "directory that all share: set TMPDIR to one before the run, or use Dask's client.get_executor()."
                    )
                    raise OSError(message) from error
            _opened.inputs = _unpacked(content)
            _opened.key = self.key
        return _opened.inputs  # type: ignore[no-any-return]


@contextmanager
def distribute(executor: Executor, inputs: RunInputs) -> Iterator[tuple[Any, Path]]:
    """Send the inputs to where the workers find it, once; yields the payload and the file that tells them to stop."""
    with tempfile.TemporaryDirectory(prefix="nbdissect-", ignore_cleanup_errors=True) as folder:
        content = _packed(inputs)
        payload = WorkerPayload(uuid4().hex, folder, torch.get_num_threads())
        # Dask's executor hides the one way to send something to every worker once, and to clean up there.
        client = getattr(executor, "_client", None)
        if client is None or not hasattr(client, "scatter"):
            (Path(folder) / "inputs").write_bytes(content)
            yield payload, payload.stop
            return
        try:
            yield client.scatter(replace(payload, content=content), broadcast=True, hash=False), payload.stop
        finally:
            with suppress(Exception):  # a worker that is gone has nothing to clean up
                client.run(shutil.rmtree, folder, ignore_errors=True)


def workers_of(executor: Executor) -> int:
    """How many tasks an executor runs at a time, as far as it tells."""
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):
        return max(1, int(sum(client.nthreads().values())))
    return max(1, int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1))


def _packed(inputs: RunInputs) -> bytes:
    try:
        try:
            pickler: Any = import_module(
                "cloudpickle"
            )  # classes and functions from a notebook's cells go along with it
        except ImportError:
            pickler = pickle
        content: bytes = pickler.dumps(inputs)
    except Exception as error:  # pickling runs the code of whatever is pickled
        hint = "" if pickler is not pickle else " Or let them travel: pip install cloudpickle."
        message = (
            f"Model, data or transform can't be sent to other processes: {type(error).__name__}: {error}. "
            f"Define their classes and functions in a module instead of a cell.{hint}"
        )
        raise ValueError(message) from error
    return content


def _unpacked(content: bytes) -> RunInputs:
    try:
        return pickle.loads(content)  # type: ignore[no-any-return]  # noqa: S301 - what _packed has just made
    except (AttributeError, ImportError) as error:
        message = (
            f"A worker can't make sense of what was sent: {error}. Classes and functions from a notebook's cells travel only with "
            "cloudpickle (pip install cloudpickle), those of a module if the workers can import it."
        )
        raise ValueError(message) from error
