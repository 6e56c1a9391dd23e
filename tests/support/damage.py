"""Ways to damage an unfinished run on disk, to edit the data under it, and to kill it; and what may come of that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import nbdissect as nd
from support.cases import Case, interrupt
from support.paths import ROOT, TESTS

REFUSED = (ValueError, OSError)


class Moments:
    """Checkpoints of one run at several moments, to be copied and damaged.

    Parameters
    ----------
    folder : path
        Where they are kept.
    executor : Executor, optional
    """

    def __init__(self, folder, executor=None):
        self.case, self.folder, self.executor = Case(), Path(folder), executor
        self.wanted = self.case.dissect(per_image=True)
        moments = [(4, "network"), (28, "network"), (56, "network"), (8, "labels"), (56, "labels")]
        if executor is not None:  # shards of two batches
            moments = [(8, "network"), (16, "network"), (8, "labels"), (16, "labels")]
        self.paths = [self._stopped(self.case, f"{stage}-{after}", after, stage) for after, stage in moments]
        other = Case(seed=1)
        self.others = [self._stopped(other, f"other-{stage}-{after}", after, stage) for after, stage in moments[1:4:2]]

    def _stopped(self, case, name, after, stage):
        path = self.folder / name
        assert not case.dissect(
            progress=interrupt(after, stage), checkpoint=path, per_image=True, executor=self.executor
        ).complete
        return path

    def resume(self, path, case=None):
        """Return what comes of a damaged checkpoint: "equal", "refused", or what is wrong with it."""
        try:
            d = (case or self.case).dissect(checkpoint=path, per_image=True, executor=self.executor)
        except REFUSED:
            return "refused"
        except Exception as error:
            return f"raw {type(error).__name__}: {error}"
        return "equal" if d == self.wanted else "OTHER COUNTS"

    def damage(self, path, rng):
        """Put a damaged copy of one of the moments at `path`, and say what was done to it."""
        k = int(rng.integers(len(self.paths)))
        shutil.copytree(self.paths[k], path)
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
        file = files[rng.integers(len(files))]
        kind = _DAMAGES[rng.integers(len(_DAMAGES))]
        inside = file.relative_to(path)
        kind(file, rng, [other / inside for other in (*self.paths, *self.others)])
        return f"{self.paths[k].name}: {kind.__name__} {inside}"


def _edit(file, change):
    file.write_bytes(change(bytearray(file.read_bytes())))


def flip_a_bit(file, rng, _):
    def change(content):
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        return content

    _edit(file, change)


def cut(file, rng, _):
    os.truncate(file, int(rng.integers(file.stat().st_size)))


def cut_by_one(file, _, __):
    os.truncate(file, file.stat().st_size - 1)


def empty(file, _, __):
    file.write_bytes(b"")


def delete(file, _, __):
    file.unlink()


def append(file, rng, _):
    _edit(file, lambda content: content + rng.bytes(int(rng.integers(1, 64))))


def zero_a_block(file, rng, _):
    def change(content):
        start = int(rng.integers(len(content)))
        end = min(len(content), start + int(rng.integers(1, 4096)))
        content[start:end] = bytes(end - start)
        return content

    _edit(file, change)


def scramble_a_block(file, rng, _):
    def change(content):
        start = int(rng.integers(len(content)))
        end = min(len(content), start + int(rng.integers(1, 512)))
        content[start:end] = rng.bytes(end - start)
        return content

    _edit(file, change)


def insert(file, rng, _):
    def change(content):
        at = int(rng.integers(len(content)))
        return content[:at] + rng.bytes(int(rng.integers(1, 32))) + content[at:]

    _edit(file, change)


def swap_two_blocks(file, rng, _):
    def change(content):
        size = len(content) // 4
        a, b = sorted(int(k) for k in rng.integers(len(content) - size + 1, size=2))
        content[a : a + size], content[b : b + size] = content[b : b + size], content[a : a + size]
        return content

    _edit(file, change)


def take_another_moments(file, rng, others):
    other = others[rng.integers(len(others))]
    if other.exists():
        shutil.copyfile(other, file)


def make_it_a_pipe(file, _, __):
    file.unlink()
    os.mkfifo(file)


def make_it_a_directory(file, _, __):
    file.unlink()
    file.mkdir()


_DAMAGES = [
    flip_a_bit,
    flip_a_bit,
    cut,
    cut_by_one,
    empty,
    delete,
    append,
    zero_a_block,
    scramble_a_block,
    insert,
    swap_two_blocks,
    take_another_moments,
    make_it_a_directory,
    *([make_it_a_pipe] if hasattr(os, "mkfifo") else []),
]


class EditedData:
    """A data set of which some samples are others."""

    def __init__(self, data, edits):
        self._data, self._edits = data, edits
        self.concepts, self.categories, self.concept_numbers = data.concepts, data.categories, data.concept_numbers

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        sample = self._data[index]
        return self._edits[index](sample) if index in self._edits else sample


def _one_pixel(sample):
    masks = {category: np.array(planes) for category, planes in sample.masks.items()}
    for planes in masks.values():
        if planes.size:
            planes[0, 0, 0] = 0 if planes[0, 0, 0] else 1
            break
    return replace(sample, masks=masks)


def _pixel(place):
    def change(sample):
        image = sample.image.copy()
        image.putpixel(place, (1, 0, 3))
        return replace(sample, image=image)

    return change


def _masks(change):
    return lambda sample: replace(
        sample, masks={c: change(np.asarray(m)) if len(m) else m for c, m in sample.masks.items()}
    )


def edits(index):
    """Ten ways to edit image `index` of a data set, by name."""
    ways = {
        "one pixel of a mask": _one_pixel,
        "no masks": lambda s: replace(s, masks={}, shape=s.shape),
        "another whole-image label": lambda s: replace(
            s, whole={**s.whole, "s": (7, 9) if 0 in s.whole["s"] else (0,)}
        ),
        "no whole-image labels": lambda s: replace(s, whole={}),
        "masks of another size": lambda s: replace(s, masks={}, shape=(5, 5)),
        "masks upside down": _masks(lambda mask: mask[:, ::-1]),
        "masks of one concept": _masks(lambda mask: np.where(mask == 0, 0, 3)),
        "a plane twice": _masks(lambda mask: np.concatenate([mask, mask])),
        "one pixel of the image": _pixel((1, 1)),
        "another image": _pixel((0, 0)),
    }
    return {name: {index: change} for name, change in ways.items()}


_CHILD = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
sys.path[:0] = [{tests!r}, {root!r}]
from support.cases import Case
from nbdissect.runner import checkpoint
checkpoint._SECONDS, checkpoint._SHARE = 0, 1e9  # after every batch
print("here", flush=True)
with ThreadPoolExecutor(2) as pool:
    d = Case(400).dissect(
        checkpoint=sys.argv[1],
        progress=lambda p: (print(p.stage, p.done, flush=True), time.sleep(0.003)),
        executor=pool if sys.argv[3] == "executor" else None,
    )
d.save(sys.argv[2], images=False)
"""


def killed_and_resumed(folder, moments, how="here"):
    """Run in processes of their own, of which each but the last is killed (-9) so many seconds after its first batch.

    Parameters
    ----------
    folder : path
    moments : sequence of float
    how : {"here", "executor"}

    Returns
    -------
    result : Dissection
    first : list of str
        What each process reported first.
    """
    folder = Path(folder)
    code = _CHILD.format(tests=str(TESTS), root=str(ROOT))
    command = [sys.executable, "-c", code, str(folder / "run"), str(folder / "d.nbd"), how]
    first = []
    for seconds in [*moments, None]:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "here\n"
            first.append(process.stdout.readline())
            if seconds is not None:
                time.sleep(seconds)
                process.kill()
            process.stdout.read()
    assert process.returncode == 0
    assert not (folder / "run").exists()
    return nd.load(folder / "d.nbd"), first
