"""An unfinished run on disk, which goes on from there after a crash: plain arrays and JSON, no pickle.

Nothing on the disk is believed unmeasured: files carry digests and checksums, and the images and labels that a
run has seen are read again and compared before it goes on.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine.batches import prefetch
from nbdissect.engine.spill import DamagedCellsError
from nbdissect.files import expand, full_disk_named, open_regular, sync_directory
from nbdissect.provenance.data_digest import DataChangedError
from nbdissect.runner.state_file import DamagedFileError, read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nbdissect.provenance.data_digest import DigestingDataset
    from nbdissect.runner.two_pass import TwoPassRun

    Digests = tuple[Mapping[int, bytes], Mapping[int, bytes]]

VERSION = 3
STATE = "run.state"
SHARDS = "shards.state"
_STATE_OF_VERSION_1 = "state.npz"
_LOCK = "lock"
CELLS = "cells"
# Saving takes at most this share of the time, and is not worth it before some time has passed.
_SHARE = 0.03
_SECONDS = 0.5
_REMEDY = (
    "Free some space and call again: the run goes on from what checkpoint= holds already. Or choose a directory on a "
    "larger disk."
)


_locks: set[IO[bytes]] = set()
"""The lock files that this process holds."""


class CheckpointError(ValueError):
    """A checkpoint that can't be used."""


class CheckpointDirectory:
    """A directory that holds one unfinished run, and is locked while that goes on.

    Parameters
    ----------
    directory : path
    key : str
        Digest of all that determines the run's result, images and labels aside.
    settings : mapping of str to int
        What does not change the result, but must be the same when the run goes on.

    Raises
    ------
    CheckpointError
        If another run writes to the directory now, or it holds something else.
    OSError
        If it can't be written to.
    """

    def __init__(self, directory: Any, key: str, settings: Mapping[str, int]) -> None:
        if not isinstance(directory, (str, os.PathLike)) or not os.fspath(directory):
            raise CheckpointError(f"checkpoint={directory!r}; the path of a directory is needed, which is made for it.")
        self.directory = expand(directory)
        self.key = key
        self._settings = dict(settings)
        if self.directory.exists():
            self._check()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.directory / _LOCK)
        for path in self.directory.glob(".*.tmp"):  # left by a kill in the middle of a write
            path.unlink()

    def _check(self) -> None:
        if not self.directory.is_dir():
            raise CheckpointError(
                f"checkpoint={str(self.directory)!r} is a file; the path of a directory is needed, which is made for it."
            )
        names = [file.name for file in self.directory.iterdir()]
        if _STATE_OF_VERSION_1 in names:
            raise CheckpointError(
                f"{self.directory} holds an unfinished run of an older version of nbdissect, which this one can't go on with. "
                "Take another directory, or remove this one to begin anew."
            )
        strangers = [name for name in names if not _is_ours(name)]
        if strangers:
            raise CheckpointError(
                f"checkpoint={str(self.directory)!r} holds other files, such as {strangers[0]!r}; give a directory of its own, "
                "new or empty."
            )

    def write(self, name: str, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a file that :meth:`read` believes to be this run's."""
        head = {"version": VERSION, "key": self.key, "name": name, "settings": self._settings}
        with full_disk_named(self.directory, _REMEDY):
            write_state(self.directory / name, {**head, **manifest}, arrays, remedy=_REMEDY)

    def read(self, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """Return a file's manifest and arrays; None where there is no such file.

        Raises
        ------
        CheckpointError
            If it is another run's, or damaged.
        """
        path = self.directory / name
        try:
            manifest, arrays = read_state(path)
        except FileNotFoundError:
            return None
        except (DamagedFileError, OSError) as error:
            raise CheckpointError(f"{error} Remove {self.directory} to begin anew.") from error
        if manifest["version"] != VERSION or manifest["key"] != self.key or manifest["name"] != name:
            raise CheckpointError(
                f"{self.directory} holds an unfinished run of something else: another model, data set or setting, or another version. "
                "Take another directory, or remove this one to begin anew."
            )
        for setting, value in manifest["settings"].items():
            if self._settings.get(setting) != value:
                raise CheckpointError(
                    f"{self.directory} holds this run begun with {setting}={value}, now it is {self._settings.get(setting)}. "
                    f"Call with {setting}={value}, or remove the directory to begin anew."
                )
        return manifest, arrays

    def other_data(self, error: DataChangedError) -> CheckpointError:
        """Return the error for data that changed since the run began."""
        return CheckpointError(
            f"The run in {self.directory} can't go on, since the data are no longer those with which it began. {error} "
            "Undo the change, or remove the directory to begin anew."
        )

    def close(self, *, finished: bool) -> None:
        """Release the directory, and remove it if the run is finished."""
        if finished:
            # The states first: what is left by a kill in between must not look like a run to go on with.
            ours = [path for path in self.directory.iterdir() if _is_ours(path.name) and path.name != _LOCK]
            for path in [path for path in ours if path.suffix == ".state"]:
                path.unlink()
            sync_directory(self.directory)
            for path in ours:
                if path.name == CELLS:
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            if os.name == "nt":  # which removes no open file, and has no locks
                self._lock.close()
            # While it is locked: once released it may be the next run's.
            (self.directory / _LOCK).unlink()
        _locks.discard(self._lock)
        self._lock.close()
        if finished:
            with suppress(OSError):  # another run is in there already
                self.directory.rmdir()


class Checkpoint(CheckpointDirectory):
    """The directory of a run in one process: its state in one file, surviving cells in another for each layer."""

    def __init__(self, directory: Any, key: str, settings: Mapping[str, int]) -> None:
        super().__init__(directory, key, settings)
        self._files: dict[str, IO[bytes]] = {}
        self._saved = time.monotonic()
        self._cost = 0.0

    def open_file(self, layer: str) -> IO[bytes]:
        """Return the file that holds the surviving cells of a layer."""
        if layer not in self._files:
            path = self.directory / f"records-{len(self._files)}.bin"
            if not path.exists():
                path.touch()
            self._files[layer] = open_regular(path, write=True)
        return self._files[layer]

    def restore(self, run: TwoPassRun, *, stop: Callable[[], bool] = lambda: False) -> bool:
        """Bring a fresh run to where the saved one was; return False where none was saved.

        Raises
        ------
        CheckpointError
            If the state is another run's, or damaged, or if data that the run relies on have changed.
        KeyboardInterrupt
            If `stop()` before that is known.
        """
        if (self.directory / SHARDS).exists():
            raise CheckpointError(
                f"{self.directory} holds this run begun with executor=. Pass one again, take another directory, or remove this one "
                "to begin anew."
            )
        found = self.read(STATE)
        if found is None:
            return False
        manifest, arrays = found
        try:
            restore_cells(run, manifest)
        except DamagedCellsError as error:
            raise CheckpointError(f"{error} Remove {self.directory} to begin anew.") from error
        for number, (name, layer) in enumerate(run.layers.items()):
            layer.merge_state(under(arrays, f"layer.{number}."))
            if f"thresholds.{number}" in arrays:
                run.set_thresholds(name, arrays[f"thresholds.{number}"])
        run.counted = manifest["counted"]
        run.inputs.labels.skipped.update(manifest["skipped"])
        run.inputs.labels.strange_categories.update(manifest["strange"])
        if run.thresholds:
            run.tallies.merge_state(under(arrays, "tallies."))
        self._verify(run, unpack_digests(arrays), stop)
        return True

    def _verify(self, run: TwoPassRun, digests: Digests, stop: Callable[[], bool]) -> None:
        """Compare the images and labels that the saved run has seen with what they are now."""
        data: DigestingDataset = run.inputs.data
        seen = [
            (index, shape)
            for batch, shapes in zip(run.batches, run.shapes, strict=False)
            for index, shape in zip(batch, shapes, strict=True)
        ]
        try:
            data.merge(digests)
            for _ in prefetch(lambda one: data.verify(*one), seen, run.config.num_workers):
                if stop():
                    raise KeyboardInterrupt
        except DataChangedError as error:
            raise self.other_data(error) from error

    def save_if_due(self, run: TwoPassRun) -> None:
        """Save the run if that is worth its time by now; called after every batch."""
        if time.monotonic() - self._saved > max(_SECONDS, self._cost / _SHARE):
            self.save(run)

    def save(self, run: TwoPassRun) -> None:
        """Write the state of the run: whole, or not at all."""
        start = time.monotonic()
        manifest, arrays = describe_cells(run), pack_digests(_relied_on(run))
        for number, (name, layer) in enumerate(run.layers.items()):
            arrays.update({f"layer.{number}.{key}": array for key, array in layer.state_dict().items()})
            if name in run.thresholds:
                arrays[f"thresholds.{number}"] = run.thresholds[name]
        if run.thresholds:
            arrays.update({f"tallies.{key}": array for key, array in run.tallies.state_dict().items()})
        labels = run.inputs.labels
        manifest.update(
            counted=run.counted, skipped=sorted(labels.skipped.copy()), strange=sorted(labels.strange_categories.copy())
        )
        with full_disk_named(self.directory, _REMEDY):
            for file in self._files.values():
                os.fsync(file.fileno())
        self.write(STATE, manifest, arrays)
        self._saved = time.monotonic()
        self._cost = self._saved - start

    def close(self, *, finished: bool) -> None:
        """Release the directory, and remove it if the run is finished."""
        for file in self._files.values():
            with suppress(OSError):  # of what a full disk did not take; the saved state doesn't need it
                file.close()
        super().close(finished=finished)


def describe_cells(run: TwoPassRun) -> dict[str, Any]:
    """Move a run's cells to its files and return where in them they lie, as JSON takes it."""
    layers = []
    for name, layer in run.layers.items():
        if layer.warming:
            layer.warm()
        layer.store.spill()
        layers.append(
            {
                "name": name,
                "size": layer.size,
                "units": layer.units,
                "cells": layer.store.index(),
                "bytes": layer.store.filed_bytes,
            }
        )
    return {"seen": run.seen, "shapes": run.shapes, "layers": layers}


def restore_cells(run: TwoPassRun, manifest: Mapping[str, Any]) -> None:
    """Give a fresh run the cells of a manifest that :func:`describe_cells` returned.

    Raises
    ------
    DamagedCellsError
        If its files no longer hold them.
    """
    run.seen = manifest["seen"]
    run.shapes = [[(height, width) for height, width in shapes] for shapes in manifest["shapes"]]
    for entry in manifest["layers"]:
        layer = run.layer(entry["name"], (entry["size"][0], entry["size"][1]), entry["units"])
        layer.store.restore(entry["cells"], entry["bytes"])
        run.layers[entry["name"]] = layer


def _relied_on(run: TwoPassRun) -> Digests:
    """Return the digests of the images that the network saw, and of the labels that were counted."""
    seen, counted = ({i for batch in run.batches[:number] for i in batch} for number in (run.seen, run.counted))
    digests: Digests = run.inputs.data.digests(seen, counted)
    return digests


def pack_digests(digests: Digests) -> dict[str, NDArray[Any]]:
    """Return the digests of images and labels as arrays."""
    arrays: dict[str, NDArray[Any]] = {}
    for what, by_index in zip(("images", "labels"), digests, strict=True):
        arrays[f"{what}.index"] = np.array(sorted(by_index), np.int64)
        content = b"".join(by_index[index] for index in sorted(by_index))
        arrays[f"{what}.digest"] = (
            np.frombuffer(content, np.uint8).reshape(len(by_index), -1) if by_index else np.empty((0, 0), np.uint8)
        )
    return arrays


def unpack_digests(arrays: Mapping[str, NDArray[Any]]) -> Digests:
    """Return what :func:`pack_digests` was given."""
    images, labels = (
        {
            int(index): row.tobytes()
            for index, row in zip(arrays[f"{what}.index"], arrays[f"{what}.digest"], strict=True)
        }
        for what in ("images", "labels")
    )
    return images, labels


def _is_ours(name: str) -> bool:
    return (
        name in (_LOCK, CELLS)
        or name.endswith(".state")
        or (name.startswith(".") and name.endswith(".tmp"))
        or (name.startswith("records-") and name.endswith(".bin"))
    )


def under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _close_in_child() -> None:
    """Close, in a worker that was forked, what would keep the directory locked for as long as the worker lives."""
    for file in _locks:
        file.close()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def _locked(path: Path) -> IO[bytes]:
    """Open and lock a file; the system unlocks it when the process dies."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs are not kept apart
        return path.open("ab")
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A run that ended in this moment has removed the file that was locked: then it protects nothing.
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                    _locks.add(file)
                    return file
        except BlockingIOError as error:
            file.close()
            raise CheckpointError(
                f"Another run is writing to the checkpoint {path.parent} now. Wait for it, or take another directory."
            ) from error
        except OSError as error:
            file.close()
            raise CheckpointError(
                f"The checkpoint {path.parent} can't be locked: {error}. Take a directory on another file system."
            ) from error
        file.close()
