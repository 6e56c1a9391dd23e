"""How often intervals and label sets hold what they should, over draws from a population that is known.

    python tests/benchmarks/coverage.py [--draws 24] [--images 300 680] [--level 0.9]

The population is minibroden (see tests/support/paths.py), dissected once at SqueezeNet's features.12. Every draw
takes some of its images, with replacement, and asks for intervals and sets; thresholds stay those of the population.
*Sets* are those of the population's detectors; *intervals* are those of the population's label of each detector, and
of the label that the draw itself gives, which is the better of two for having been chosen.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import nbdissect as nd
from support.nets import squeezenet
from support.paths import MINIBRODEN, SQUEEZENET


def one_draw(population, images, level, seed):
    """Return, for one draw, the hits of sets, of both kinds of intervals, the sets' sizes, and effective images."""
    d = population.over(np.random.default_rng(seed).choice(population.per_image.pixels[:, 0], images))
    start = time.process_time()
    sure = d.confidence(level, seed=seed)
    seconds = time.process_time() - start
    units = np.flatnonzero(population.is_detector())
    label = population.best_concepts[units]
    numbers = [population.concepts[c].number for c in label]
    sets = np.array([number in sure.sets[unit] for unit, number in zip(units, numbers, strict=True)])
    truth = population.iou[units, label]
    held = (sure.low[units, label] <= truth) & (truth <= sure.high[units, label])
    own = np.flatnonzero(d.is_detector())
    chosen = d.best_concepts[own]
    true_own = population.iou[own, chosen]
    own_held = (sure.low[own, chosen] <= true_own) & (true_own <= sure.high[own, chosen])
    return {
        "sets": sets,
        "sizes": np.array([len(sure.sets[unit]) for unit in units]),
        "effective": sure.effective_images[units, np.maximum(d.best_concepts[units], 0)],
        "intervals": held,
        "own": own_held,
        "right": d.best_concepts[units] == label,
        "seconds": np.array([seconds]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=24)
    parser.add_argument("--images", type=int, nargs="*", default=[300, 680])
    parser.add_argument("--level", type=float, default=0.9)
    args = parser.parse_args()
    if not (MINIBRODEN.is_dir() and SQUEEZENET.is_file()):
        print(f"Skipped: needs {MINIBRODEN} and {SQUEEZENET}.")
        return
    population = nd.dissect(
        squeezenet().eval(), "features.12", data=nd.Broden(MINIBRODEN), per_image=True, progress=False
    )
    print(f"{population.detectors()} detectors of {len(population.thresholds)}, {args.draws} draws, level {args.level}")
    heads = ["images", "sets", "where ≥ 5", "mean size", "interval", "of own label", "label right", "CPU, s"]
    print("".join(f"{head:>14}" for head in heads))
    for images in args.images:
        draws = [one_draw(population, images, args.level, seed) for seed in range(args.draws)]
        every = {name: np.concatenate([draw[name] for draw in draws]) for name in draws[0]}
        row = [
            every["sets"].mean(),
            every["sets"][every["effective"] >= 5].mean(),
            every["sizes"].mean(),
            every["intervals"].mean(),
            every["own"].mean(),
            every["right"].mean(),
            np.median(every["seconds"]),
        ]
        print(f"{images:>14}" + "".join(f"{value:>14.3f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
