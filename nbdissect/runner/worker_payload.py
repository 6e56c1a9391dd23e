"""A run's inputs on their way to the workers: packed once, unpacked once by each."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

from nbdissect.engine.model_lock import sole_use
from nbdissect.notices import logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from nbdissect.engine.config import RunInputs

_of_thread = threading.local()


@dataclass(frozen=True)
class WorkerPayload:
    """RunInputs, packed; every worker unpacks them once.

    Attributes
    ----------
    key : str
    run : str
        What distinguishes this run from others that keep their cells in the same folder.
    folder : str
        Through which the sender and the workers of its machine meet.
    cells : str
        Where workers keep the cells of their shards.
    threads : int
        As many as the sender uses: convolutions may round differently with another number.
    content : bytes, or None
        The packed inputs; None: they lie in the folder.
    """

    key: str
    run: str
    folder: str
    cells: str
    threads: int
    content: bytes | None = None

    @property
    def stop(self) -> Path:
        """The file whose presence tells workers of this machine to end after their batch."""
        return Path(self.folder) / "stop"

    def unpack(self) -> RunInputs:
        """Return the inputs: a copy for this thread alone, since a model can be hooked for one run at a time only."""
        if getattr(_of_thread, "key", None) != self.key:
            _of_thread.inputs = None
            content = self.content
            if content is None:
                try:
                    content = (Path(self.folder) / "inputs").read_bytes()
                except OSError as error:
                    raise OSError(
                        f"This worker can't read {error.filename}, which the notebook's process wrote. Workers on other machines need a "
                        "directory that all share: set TMPDIR to one before the run, or use Dask's client.get_executor()."
                    ) from error
            _of_thread.inputs = _unpack(content)
            _of_thread.key = self.key
        return _of_thread.inputs  # type: ignore[no-any-return]


@contextmanager
def distribute(
    executor: Executor, inputs: RunInputs, kept: tuple[str, Path] | None = None
) -> Iterator[tuple[Any, Path]]:
    """Send the inputs once to where the workers find them; yields the payload and the file that stops the workers.

    Parameters
    ----------
    executor, inputs
    kept : (str, path), optional
        The run's key, and the folder for cells that outlive it.
    """
    with tempfile.TemporaryDirectory(prefix="nbdissect-", ignore_cleanup_errors=True) as folder:
        with sole_use(inputs.model):  # not with the hooks of another thread's run
            content = _pack(inputs)
        run, cells = kept or (uuid4().hex, Path(folder) / "cells")
        payload = WorkerPayload(uuid4().hex, run, folder, str(cells), torch.get_num_threads())
        # Only the client that Dask's executor hides can send something to every worker once, and clean up there.
        client = getattr(executor, "_client", None)
        if client is None or not hasattr(client, "scatter"):
            (Path(folder) / "inputs").write_bytes(content)
            yield payload, payload.stop
            return
        try:
            yield client.scatter(replace(payload, content=content), broadcast=True, hash=False), payload.stop
        finally:
            try:
                client.run(shutil.rmtree, folder, ignore_errors=True)
            except Exception:  # whatever Dask raises for a worker that is gone, which has nothing to clean up
                logger.info("Could not remove %s on the workers", folder, exc_info=True)


def workers_of(executor: Executor) -> int:
    """Return how many tasks an executor runs at a time; the number of processors where it doesn't say."""
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):
        return max(1, int(sum(client.nthreads().values())))
    return max(1, int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1))


def _pack(inputs: RunInputs) -> bytes:
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
        raise ValueError(
            f"Model, data, transform=, output= or forward= can't be sent to other processes: {type(error).__name__}: {error}. "
            f"Define their classes and functions in a module instead of a cell.{hint}"
        ) from error
    return content


def _unpack(content: bytes) -> RunInputs:
    try:
        return pickle.loads(content)  # type: ignore[no-any-return]  # noqa: S301 - what _pack has made
    except (AttributeError, ImportError) as error:
        raise ValueError(
            f"A worker can't unpack what was sent: {error}. Classes and functions from a notebook's cells travel only with "
            "cloudpickle (pip install cloudpickle), those of a module if the workers can import it."
        ) from error
