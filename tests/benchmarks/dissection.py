"""What a dissection costs: CPU time against the plain loop, memory, and the same numbers whatever the batch.

    python tests/benchmarks/dissection.py [time] [memory] [equality] [--images 2040] [--rounds 3]

Needs photographs in the Broden format and SqueezeNet weights beside the checkout (see tests/support/paths.py).
Ratios are taken inside one round, the two programs in turn; the table shows their median.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torchvision

import nbdissect as nd
from support.nets import squeezenet
from support.paths import MINIBRODEN, SQUEEZENET

# Case, network, layers, and the ratio we want to stay below.
CASES = [
    ("SqueezeNet 1.1 features.12", "squeezenet", ["features.12"], 0.80),
    ("ResNet-18 layer1", "resnet18", ["layer1"], 0.55),
    ("ResNet-18 layer2", "resnet18", ["layer2"], 0.70),
    ("ResNet-18 layer3", "resnet18", ["layer3"], 0.85),
    ("ResNet-18 layer4", "resnet18", ["layer4"], 1.00),
    ("ResNet-18 layer1 … layer4", "resnet18", ["layer1", "layer2", "layer3", "layer4"], 1.15),
]


class First:
    """The first images of a data set."""

    def __init__(self, data, images):
        self._data, self._images = data, min(images, len(data))
        self.concepts, self.categories = data.concepts, data.categories
        self.image_size, self.concept_numbers = data.image_size, data.concept_numbers

    def __len__(self):
        return self._images

    def __getitem__(self, index):
        return self._data[range(self._images)[index]]


def network(name):
    torch.manual_seed(0)
    return (squeezenet() if name == "squeezenet" else torchvision.models.resnet18(weights=None)).eval()


def plain_loop(model, data, batch_size=32):
    """What a user would write: decode, normalise, run to the end."""
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    with torch.no_grad():
        for first in range(0, len(data), batch_size):
            images = [transform(data[i].image) for i in range(first, min(first + batch_size, len(data)))]
            model(torch.stack(images))


def cpu(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def times(data, rounds):
    print(
        f"\nCPU time of a dissection / of the plain loop over the same {len(data):,} images, one thread, {rounds} rounds\n"
    )
    print(f"{'':<30}{'plain, s':>10}{'dissect, s':>12}{'ratio':>8}{'wanted':>10}")
    for title, name, layers, wanted in CASES:
        model = network(name)
        plain, ours = [], []
        for _ in range(rounds):
            plain.append(cpu(lambda: plain_loop(model, data)))
            ours.append(cpu(lambda: nd.dissect(model, layers, data=data, progress=False)))
        ratio = statistics.median(o / p for o, p in zip(ours, plain, strict=True))
        print(
            f"{title:<30}{statistics.median(plain):>10.1f}{statistics.median(ours):>12.1f}{ratio:>8.2f}{'≤ ' + format(wanted, '.2f'):>10}",
            flush=True,
        )
    print(
        f"{'NetDissect-Lite, features':<30}{'':>10}{'':>12}{2.12:>8.2f}   (as measured elsewhere, on images already in memory)"
    )


def peak(program, images):
    """Peak memory in MB of one program in a process of its own, and the bytes of surviving records."""
    output = subprocess.run(
        [sys.executable, __file__, "--one", program, "--images", str(images)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in output.stdout.split()[-2:]]


def one(program, data):
    model = network("squeezenet")
    kept = 0
    if program == "plain":
        plain_loop(model, data)
    else:
        from nbdissect.engine.layer_accumulator import LayerAccumulator

        forget = LayerAccumulator.forget_values

        def count(layer, thresholds):
            nonlocal kept
            forget(layer, thresholds)
            kept += layer.store.nbytes

        LayerAccumulator.forget_values = count
        nd.dissect(model, "features.12", data=data, progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, kept)


def memory(images):
    print("\nPeak memory over the plain loop's, SqueezeNet 1.1 features.12 (wanted ≤ 400 MB)\n")
    print(f"{'images':>8}{'plain, MB':>12}{'dissect, MB':>13}{'over, MB':>10}{'records, MB':>13}{'bytes/image':>13}")
    for number in sorted({images // 4, images // 2, images}):
        plain, _ = peak("plain", number)
        ours, kept = peak("dissect", number)
        print(
            f"{number:>8,}{plain:>12,}{ours:>13,}{ours - plain:>10,}{kept / 2**20:>13.1f}{kept / number:>13,.0f}",
            flush=True,
        )


def equality(data):
    model = network("squeezenet")
    layers = ["features.5", "features.12"]

    def run(**options):
        return nd.dissect(model, options.pop("layers", layers), data=data, progress=False, **options)

    reference = run()
    print(f"\nThe same numbers? SqueezeNet 1.1, {len(data):,} images, against batches of 32\n")
    print(f"{'':<34}{'max |ΔT|/T':>12}{'Σ|ΔI| / ΣI':>12}{'wanted':>22}")
    for title, wanted, other in [
        ("3 workers", "equal", run(num_workers=3)),
        ("layers in the other order", "equal", run(layers=layers[::-1])),
        ("batches of 5", "≤ 1e-5, ≤ 1e-4", run(batch_size=5)),
        ("batches of 1", "≤ 1e-5, ≤ 1e-4", run(batch_size=1)),
    ]:
        for layer in layers:
            a, b = reference[layer], other[layer]
            delta = (np.abs(a.thresholds - b.thresholds) / np.abs(a.thresholds)).max()
            moved = np.abs(a.intersection - b.intersection).sum() / a.intersection.sum()
            print(f"{layer + ', ' + title:<34}{delta:>12.1e}{moved:>12.1e}{wanted:>22}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=["time", "memory", "equality"])
    parser.add_argument("--images", type=int, default=2040)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not MINIBRODEN.is_dir() or not SQUEEZENET.is_file():
        print(f"Skipped: needs {MINIBRODEN} and {SQUEEZENET}.")
        return
    torch.set_num_threads(1)
    data = First(nd.Broden(MINIBRODEN), args.images)
    if args.one:
        one(args.one, data)
        return
    if "time" in args.tables:
        times(data, args.rounds)
    if "memory" in args.tables:
        memory(len(data))
    if "equality" in args.tables:
        equality(First(data, 512))


if __name__ == "__main__":
    main()
