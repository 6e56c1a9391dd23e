"""An unfinished run on disk, which goes on from there after a crash: plain arrays and JSON, no pickle."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nbdissect.runner.two_pass import TwoPassRun

VERSION = 1
STATE = "state.npz"
_LOCK = "lock"
# Writing takes at most this share of the time, and is not worth it before some time has passed.
_SHARE = 0.03
_SECONDS = 0.5


class CheckpointError(ValueError):
    """A checkpoint that can't be used."""


class Checkpoint:
    """A directory that holds one unfinished run.

    Parameters
    ----------
    directory : path
    key : str
        Digest of all that determines the run's result, images and labels aside.

    Raises
    ------
    CheckpointError
        If another run writes to the directory now, or it holds something else.
    OSError
        If it can't be written to.
    """

    def __init__(self, directory: str | os.PathLike[str], key: str) -> None:
        self.directory = Path(directory).expanduser()
        self._key = key
        if self.directory.exists():
            if not self.directory.is_dir():
                raise CheckpointError(
                    f"checkpoint={str(directory)!r} is a file; the path of a directory is needed, which is made for it."
                )
            strangers = [file.name for file in self.directory.iterdir() if not _ours(file.name)]
            if strangers:
                raise CheckpointError(
                    f"checkpoint={str(directory)!r} holds other files, such as {strangers[0]!r}; give a directory of its own, "
                    "new or empty."
                )
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.directory / _LOCK)
        self._files: dict[str, IO[bytes]] = {}
        self._written = time.monotonic()
        self._cost = 0.0

    def open_file(self, layer: str) -> IO[bytes]:
        """Return the file that holds the surviving cells of a layer."""
        if layer not in self._files:
            path = self.directory / f"records-{len(self._files)}.bin"
            path.touch()
            self._files[layer] = path.open("r+b")
        return self._files[layer]

    def restore(self, run: TwoPassRun) -> bool:
        """Bring a fresh run to where the saved one was; return False where none was saved.

        Raises
        ------
        CheckpointError
            If what lies there is another run's, or damaged.
        """
        path = self.directory / STATE
        if not path.exists():
            return False
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            manifest = json.loads(bytes(arrays.pop("run")))
            version, key = manifest["version"], manifest["key"]
        except (ValueError, OSError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path} is damaged: {error}. Remove the directory to begin anew.") from error
        if version != VERSION or key != self._key:
            raise CheckpointError(
                f"{self.directory} holds an unfinished run of something else: another model, data set or setting, or another version. "
                "Take another directory, or remove this one to begin anew."
            )
        self._restore(run, manifest, arrays)
        return True

    def _restore(self, run: TwoPassRun, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        restore_cells(run, manifest)
        for number, (name, layer) in enumerate(run.layers.items()):
            layer.merge_state(_under(arrays, f"layer.{number}."))
            if f"thresholds.{number}" in arrays:
                run.set_thresholds(name, arrays[f"thresholds.{number}"])
        run.counted = manifest["counted"]
        if run.thresholds:
            run.tallies.merge_state(_under(arrays, "tallies."))

    def save_if_due(self, run: TwoPassRun) -> None:
        """Save the run if that is worth its time by now; called after every batch."""
        if time.monotonic() - self._written > max(_SECONDS, self._cost / _SHARE):
            self.save(run)

    def save(self, run: TwoPassRun) -> None:
        """Write the state of the run: whole, or not at all."""
        start = time.monotonic()
        manifest, arrays = describe_cells(run), {}
        for number, (name, layer) in enumerate(run.layers.items()):
            arrays.update({f"layer.{number}.{key}": array for key, array in layer.state_dict().items()})
            if name in run.thresholds:
                arrays[f"thresholds.{number}"] = run.thresholds[name]
        manifest.update(version=VERSION, key=self._key, counted=run.counted)
        if run.thresholds:
            arrays.update({f"tallies.{key}": array for key, array in run.tallies.state_dict().items()})
        for file in self._files.values():
            os.fsync(file.fileno())
        _replace(self.directory / STATE, {"run": np.frombuffer(json.dumps(manifest).encode(), np.uint8), **arrays})
        self._written = time.monotonic()
        self._cost = self._written - start

    def close(self, *, finished: bool) -> None:
        """Release the directory, and remove it if the run is finished."""
        for file in self._files.values():
            file.close()
        if finished:
            for path in list(self.directory.iterdir()):
                if _ours(path.name) and path.name != _LOCK:
                    path.unlink()
        self._lock.close()
        if finished:
            (self.directory / _LOCK).unlink(missing_ok=True)
            if not any(self.directory.iterdir()):
                self.directory.rmdir()


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
    """Give a fresh run the cells of a manifest that :func:`describe_cells` returned."""
    run.seen = manifest["seen"]
    run.shapes = [[(height, width) for height, width in shapes] for shapes in manifest["shapes"]]
    for entry in manifest["layers"]:
        layer = run.layer(entry["name"], (entry["size"][0], entry["size"][1]), entry["units"])
        layer.store.restore(entry["cells"], entry["bytes"])
        run.layers[entry["name"]] = layer


def _ours(name: str) -> bool:
    return name in (_LOCK, STATE, f"{STATE}.new") or (name.startswith("records-") and name.endswith(".bin"))


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _replace(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a file that appears whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _locked(path: Path) -> IO[bytes]:
    """Open and lock a file; the system unlocks it when the process dies."""
    file = path.open("ab")
    try:
        import fcntl
    except ImportError:  # Windows: two runs are not kept apart
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise CheckpointError(
            f"Another run is writing to the checkpoint {path.parent} now. Wait for it, or take another directory."
        ) from error
    return file
