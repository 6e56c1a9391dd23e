"""What comes of runs that are killed, of checkpoints that are damaged, and of data that are edited in between.

    python tests/benchmarks/damage.py [--kills 40] [--damages 200] [--seed 0]

Prints how many go on to the same counts and how many are refused. Anything else is a fault, named, with exit status 1.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from support.cases import Case, interrupt  # noqa: E402 - found by the path above
from support.damage import REFUSED, EditedData, Moments, edits, killed_and_resumed  # noqa: E402
from support.executors import Here  # noqa: E402

GOOD = ("equal", "refused", "as the new data")


def kills(folder, count, rng, how):
    """Kill (-9) at random moments, eight times in each run, and let a ninth process end it."""
    wanted, found = Case(400).dissect(), collections.Counter()
    for number in range(-(-count // 8)):
        (folder / str(number)).mkdir()
        d, _ = killed_and_resumed(folder / str(number), rng.uniform(0, 0.4, 8), how)
        found["equal" if d == wanted else "OTHER COUNTS"] += 8
    return found


def damages(folder, count, rng, executor):
    """Damage checkpoints of several moments, and resume them."""
    moments, found = Moments(folder, executor), collections.Counter()
    for number in range(count):
        what = moments.damage(folder / f"damaged-{number}", rng)
        outcome = moments.resume(folder / f"damaged-{number}")
        found[outcome] += 1
        if outcome not in GOOD:
            print(what, "→", outcome)
    return found


def edited(folder, rng, executor):
    """Edit data in ten ways, where the run has been and where it has not, and resume it."""
    found = collections.Counter()
    places = [k for k in range(60) if "a" in Case().data.samples[k][0] and Case().data.samples[k][1].get("s")]
    for stage in ("network", "labels"):
        for name in edits(0):
            for index in rng.choice(places, 3, replace=False).tolist():
                path = folder / f"{stage} {name} {index}"
                case, new = Case(), Case()
                new.data = EditedData(case.data, edits(index)[name])
                options = {"checkpoint": path, "executor": executor}
                case.dissect(progress=interrupt(8 if executor else 24, stage), **options)
                try:
                    d = new.dissect(**options)
                except REFUSED:
                    outcome = "refused"
                else:
                    outcome = "as the new data" if d == new.dissect() else "OTHER COUNTS"
                found[outcome] += 1
                if outcome not in GOOD:
                    print(f"{name}, image {index}, {stage} → {outcome}")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, bad = np.random.default_rng(options.seed), 0
    for how, executor in (("here", None), ("executor", Here(2))):
        for what, run in (
            ("killed", lambda folder, how=how: kills(folder, options.kills, rng, how)),
            ("damaged", lambda folder, executor=executor: damages(folder, options.damages, rng, executor)),
            ("edited", lambda folder, executor=executor: edited(folder, rng, executor)),
        ):
            with tempfile.TemporaryDirectory() as folder:
                found = run(Path(folder))
            bad += sum(count for outcome, count in found.items() if outcome not in GOOD)
            print(
                f"{how:9} {what:8} {', '.join(f'{count} {outcome}' for outcome, count in found.most_common())}",
                flush=True,
            )
    print(f"{bad} with other counts or raw errors")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
