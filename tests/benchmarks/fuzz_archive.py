"""Opens changed archives and shows whatever opens in every form: exceptions, contradictions, memory, seconds.

    python tests/benchmarks/fuzz_archive.py [mutants] [seed]

Each mutant is opened in a process of its own, forked from this one, so that its memory can be measured.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import nbdissect as nd
from support.archive_mutants import bases, mutant
from support.showing import is_inert, show

_SECONDS = 2.0
_FACTOR, _MORE = 20, 200 << 20


def measured(path: Path, other: nd.Dissection) -> dict:
    """Open and show one file in a child, and return what came of it."""
    reading, writing = os.pipe()
    before = _resident()
    child = os.fork()
    if not child:
        _in_child(path, other, writing)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    _, status, usage = os.wait4(child, 0)
    outcome = json.loads(text) if text else {"wrong": [f"ended with status {status}"], "opened": True, "seconds": {}}
    return {**outcome, "memory": max(0, usage.ru_maxrss * 1024 - before)}


def _in_child(path: Path, other: nd.Dissection, writing: int) -> None:
    seconds, wrong, opened = {}, [], False
    try:
        began = time.process_time()
        try:
            result = nd.load(path)
            opened = True
        except (ValueError, OSError) as error:
            text = str(error)
            if not is_inert(text) or str(path) not in text:
                wrong.append(f"error text: {text!r:.200}")
        seconds["load"] = time.process_time() - began
        if opened:
            shown = show(result, other, path.parent)
            seconds |= shown.seconds
            wrong += shown.wrong
    except BaseException:
        wrong.append("raw: " + traceback.format_exc()[-600:])
    with os.fdopen(writing, "w") as file:
        json.dump({"wrong": wrong, "opened": opened, "seconds": seconds}, file)
    os._exit(0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main(mutants: int, seed: int) -> int:
    """Print the figures; return how many mutants were not as they must be."""
    rng = np.random.default_rng(seed)
    counts, slowest, largest, bad = Counter(), (0.0, "", ""), (0.0, 0, 0, ""), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = bases(folder)
        other = nd.load(folder / "plain.nbd")
        show(nd.load(folder / "full.nbd"), other, folder)  # what is imported once is not a mutant's
        for number in range(mutants):
            done = mutant(originals[number % len(originals)], folder / "mutant.nbd", rng)
            size = (folder / "mutant.nbd").stat().st_size
            outcome = measured(folder / "mutant.nbd", other)
            form, seconds = max(outcome["seconds"].items(), key=lambda item: item[1], default=("", 0.0))
            slowest = max(slowest, (seconds, form, done))
            share = outcome["memory"] / (_FACTOR * size + _MORE)
            largest = max(largest, (share, outcome["memory"], size, done))
            problems = outcome["wrong"]
            problems += [f"{form} took {seconds:.1f} s"] if seconds > _SECONDS else []
            problems += [f"{outcome['memory'] >> 20} MiB for {size:,} bytes"] if share > 1 else []
            counts["opened" if outcome["opened"] else "refused"] += 1
            bad += bool(problems)
            for problem in problems:
                counts[problem.split(":")[0]] += 1
                print(f"{number} {done[:160]}\n    {problem}", flush=True)
    print(
        f"{mutants} mutants, seed {seed}: {counts['opened']} opened, {counts['refused']} refused, {bad} not as they must be"
    )
    print(f"slowest form: {slowest[0]:.2f} s of the processor, {slowest[1]} of {slowest[2][:100]}")
    print(
        f"most memory: {largest[1] >> 20} MiB for a file of {largest[2]:,} bytes, {100 * largest[0]:.0f} % of what is allowed ({largest[3][:100]})"
    )
    return bad


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    sys.exit(bool(main(*(arguments + [1_000, 0][len(arguments) :]))))
