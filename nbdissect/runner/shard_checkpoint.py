"""The unfinished run of an executor's workers on disk: what came back of each shard, and where their cells are."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.runner.checkpoint import (
    CELLS,
    SHARDS,
    STATE,
    CheckpointDirectory,
    CheckpointError,
    pack_digests,
    under,
    unpack_digests,
)
from nbdissect.runner.shards import CountOutcome, ForwardOutcome, Notes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


class ShardCheckpoint(CheckpointDirectory):
    """A directory with one file for what came back of each shard in each pass."""

    @property
    def cells(self) -> Path:
        """Where workers that see this directory keep the cells of their shards."""
        return self.directory / CELLS

    def begin(self, length: int) -> int:
        """Return how many batches a shard has: as many as when the run began, or `length` if it begins now."""
        if (self.directory / STATE).exists():
            raise CheckpointError(
                f"{self.directory} holds this run begun without executor=. Go on without it, take another directory, or remove "
                "this one to begin anew."
            )
        found = self.read(SHARDS)
        if found is not None:
            return int(found[0]["length"])
        # Nothing says what else is in here belongs to.
        for path in self.directory.glob("*.state"):
            path.unlink()
        shutil.rmtree(self.cells, ignore_errors=True)
        self.write(SHARDS, {"length": length}, {})
        return length

    def save_forward(self, shard: range, outcome: ForwardOutcome) -> None:
        """Keep what the network's pass over a shard gave."""
        layers = [[name, size, units] for name, (size, units, _) in outcome.layers.items()]
        arrays = {
            f"layer.{number}.{key}": array
            for number, (_, _, state) in enumerate(outcome.layers.values())
            for key, array in state.items()
        }
        self._save(_forward_name(shard), {"seen": outcome.seen, "layers": layers}, arrays, outcome.notes)

    def load_forward(self, shard: range) -> ForwardOutcome | None:
        """Return what the network's pass over a shard gave; None where that is not known."""
        found = self.read(_forward_name(shard))
        if found is None:
            return None
        manifest, arrays = found
        layers = {
            name: ((size[0], size[1]), units, under(arrays, f"layer.{number}."))
            for number, (name, size, units) in enumerate(manifest["layers"])
        }
        return ForwardOutcome(manifest["seen"], layers, _notes(manifest, arrays))

    def save_count(self, shard: range, outcome: CountOutcome, thresholds: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep what was counted over a shard."""
        manifest = {"counted": outcome.counted, "thresholds": _digest(thresholds)}
        arrays = {f"tallies.{key}": array for key, array in outcome.tallies.items()}
        self._save(_count_name(shard), manifest, arrays, outcome.notes)

    def load_count(self, shard: range, thresholds: Mapping[str, NDArray[np.float32]]) -> CountOutcome | None:
        """Return what was counted over a shard at these thresholds; None where that is not known."""
        found = self.read(_count_name(shard))
        if found is None or found[0]["thresholds"] != _digest(thresholds):
            return None
        manifest, arrays = found
        return CountOutcome(manifest["counted"], under(arrays, "tallies."), _notes(manifest, arrays))

    def known_digests(self, shard: range) -> Notes:
        """Return the digests of all that was read of a shard."""
        notes = Notes()
        for name in (_forward_name(shard), _count_name(shard)):
            found = self.read(name)
            if found is not None:
                images, labels = unpack_digests(found[1])
                notes.digests = ({**notes.digests[0], **images}, {**notes.digests[1], **labels})
        return notes

    def _save(self, name: str, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]], notes: Notes) -> None:
        more = {"skipped": sorted(notes.skipped), "strange": sorted(notes.strange)}
        self.write(name, {**manifest, **more}, {**arrays, **pack_digests(notes.digests)})


def _notes(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Notes:
    return Notes(unpack_digests(arrays), set(manifest["skipped"]), set(manifest["strange"]))


def _forward_name(shard: range) -> str:
    return f"forward-{shard.start}.state"


def _count_name(shard: range) -> str:
    return f"count-{shard.start}.state"


def _digest(thresholds: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, limits in thresholds.items():
        digest.update(f"{name} {len(limits)} ".encode())
        digest.update((limits + np.float32(0)).tobytes())  # of the two zeros, either may be found
    return digest.hexdigest()
