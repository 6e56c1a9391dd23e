"""What it costs to bound a run, to make it resumable, and how it grows.

    python tests/benchmarks/runs.py memory    peak memory with and without a budget
    python tests/benchmarks/runs.py cost      CPU time of checkpoints and of cells in files
    python tests/benchmarks/runs.py growth    time and memory against images, units, concepts; --plot writes docs/growth.png
    python tests/benchmarks/runs.py traffic   what a cluster sends for full Broden, from the sizes of what is sent

Needs ../shared but for `traffic`. Every measurement has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
import torchvision

import nbdissect as nd
from nbdissect.engine.config import RunConfig
from nbdissect.engine.counting import Tallies
from nbdissect.engine.layer_accumulator import LayerAccumulator

ROOT = Path(__file__).resolve().parents[2]
MINIBRODEN = ROOT.parent / "shared/data/minibroden"
NEVER = 1 << 20  # MB


class Part:
    """The first images of a data set, its concepts split into `times` each, by image."""

    def __init__(self, data, images, times=1):
        self._data, self._images, self._times = data, images, times
        self.categories, self.image_size = data.categories, data.image_size
        self.concepts = tuple(
            nd.Concept(c.number * times + k, f"{c.name} {k}" if times > 1 else c.name, c.category)
            for c in data.concepts
            for k in range(times)
        )

    def __len__(self):
        return self._images

    def __getitem__(self, index):
        sample = self._data[index % len(self._data)]
        if self._times == 1:
            return sample
        shift = index % self._times
        masks = {
            category: np.where(mask, mask.astype(np.int32) * self._times + shift, 0)
            for category, mask in sample.masks.items()
        }
        whole = {
            category: tuple(n * self._times + shift for n in numbers) for category, numbers in sample.whole.items()
        }
        return nd.Sample(sample.image, masks, whole, sample.shape)


def network(name):
    torch.manual_seed(0)
    if name == "resnet18":
        return torchvision.models.resnet18(weights=None).eval()
    # One layer of so many units, over maps of 14 × 14: what a unit costs, without much of a network.
    units = int(name)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 16, 16), torch.nn.ReLU(), torch.nn.Conv2d(32, units, 1), torch.nn.ReLU()
    ).eval()


def one(what):
    """Run one case; print seconds of CPU time, and MB over what was taken before."""
    torch.set_num_threads(1)
    model = network(what["network"])
    data = Part(nd.Broden(MINIBRODEN), what["images"], what.get("times", 1))
    if what.get("plain"):
        work = lambda: plain(model, what["layer"], data)  # noqa: E731
    else:
        with tempfile.TemporaryDirectory() as folder:
            options = {"memory_mb": what.get("memory_mb", NEVER)}
            if what.get("checkpoint"):
                options["checkpoint"] = Path(folder) / "run"
            work = lambda: nd.dissect(model, what["layer"], data=data, progress=False, **options)  # noqa: E731
            return measured(work)
    return measured(work)


def measured(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    print(json.dumps([seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]))


class Reached(Exception):  # noqa: N818 - no error
    pass


def plain(model, layer, data, batch_size=32):
    """The images through the network up to the layer, and nothing else."""

    def stop(*_):
        raise Reached

    model.get_submodule(layer).register_forward_hook(stop)
    mean, std = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    with torch.no_grad():
        for first in range(0, len(data), batch_size):
            pixels = np.stack([np.array(data[i].image) for i in range(first, min(first + batch_size, len(data)))])
            with suppress(Reached):
                model(torch.from_numpy(pixels).float().div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2))


def run(**what):
    command = [sys.executable, __file__, "--one", json.dumps(what)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def memory(images, rounds):
    print(f"\nPeak memory over {images:,} images with memory_mb=256 (wanted: at most 333 MB over model and batch)\n")
    print(
        f"{'ResNet-18':<12}{'plain, MB':>11}{'256: MB':>10}{'over':>8}{'no budget: MB':>15}{'over':>8}{'CPU, 256 / none':>17}"
    )
    for layer in ("bn1", "layer1"):
        common = {"network": "resnet18", "layer": layer, "images": images}
        rows = [[run(**common, plain=True), run(**common, memory_mb=256), run(**common)] for _ in range(rounds)]
        bare, tight, free = [statistics.median(row[k][1] for row in rows) for k in range(3)]
        ratio = statistics.median(row[1][0] / row[2][0] for row in rows)
        print(
            f"{layer:<12}{bare:>11.0f}{tight:>10.0f}{tight - bare:>8.0f}{free:>15.0f}{free - bare:>8.0f}{ratio:>17.2f}",
            flush=True,
        )


def cost(images, rounds):
    print(f"\nCPU time over that of the plain run, {images:,} images, {rounds} rounds\n")
    print(f"{'':<34}{'plain run, s':>14}{'ratio':>8}{'wanted':>10}")
    for title, wanted, layer, options in [
        ("checkpoint, ResNet-18 layer3", 1.05, "layer3", {"checkpoint": True}),
        ("checkpoint, ResNet-18 layer1", 1.05, "layer1", {"checkpoint": True}),
        ("cells in a file, ResNet-18 layer3", 1.15, "layer3", {"memory_mb": 48}),
        ("cells in a file, ResNet-18 layer1", 1.15, "layer1", {"memory_mb": 128}),
    ]:
        common = {"network": "resnet18", "layer": layer, "images": images}
        pairs = [(run(**common), run(**common, **options)) for _ in range(rounds)]
        seconds = statistics.median(plain[0] for plain, _ in pairs)
        ratio = statistics.median(with_it[0] / plain[0] for plain, with_it in pairs)
        print(f"{title:<34}{seconds:>14.1f}{ratio:>8.3f}{wanted:>10.2f}", flush=True)


GROWTH = {
    "images": [(n, {"network": "resnet18", "layer": "layer2", "images": n}) for n in (500, 1000, 2000)],
    "units": [(u, {"network": str(u), "layer": "3", "images": 500}) for u in (64, 128, 256, 512, 1024, 2048)],
    "concepts": [
        (111 * k, {"network": "resnet18", "layer": "layer3", "images": 500, "times": k}) for k in (1, 3, 6, 11)
    ],
}


def growth(plot):
    measures = {}
    print(f"\n{'':<12}{'':>8}{'CPU, s':>10}{'peak, MB':>10}{'CPU per':>12}")
    for axis, cases in GROWTH.items():
        for number, what in cases:
            seconds, megabytes = run(**what)
            measures.setdefault(axis, []).append((number, seconds, megabytes))
            print(
                f"{axis:<12}{number:>8,}{seconds:>10.1f}{megabytes:>10.0f}{1000 * seconds / number:>9.2f} ms",
                flush=True,
            )
    if plot:
        draw(measures)


def draw(measures):
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, rows = plt.subplots(2, 3, figsize=(9, 4.6), sharex="col", layout="constrained")
    titles = {
        "images": "images (ResNet-18 layer2)",
        "units": "units (500 images, 14 × 14 maps)",
        "concepts": "concepts (ResNet-18 layer3)",
    }
    for column, (axis, points) in enumerate(measures.items()):
        numbers = [point[0] for point in points]
        for row, (k, name, color) in enumerate(
            [(1, "CPU time, s", "#0072B2"), (2, "memory beside the model, MB", "#D55E00")]
        ):
            ax = rows[row][column]
            ax.plot(numbers, [point[k] for point in points], "o-", color=color, markersize=4)
            ax.set_ylim(0, 1.12 * max(point[k] for point in points))
            ax.set_xlim(0)
            ax.grid(alpha=0.25, linewidth=0.6)
            if not column:
                ax.set_ylabel(name)
        rows[1][column].set_xlabel(titles[axis])
    path = ROOT / "docs/growth.png"
    figure.savefig(path, dpi=110)
    print(f"\n{path}")


LAYERS = [
    ("ResNet-18 layer4", 512, (7, 7), 45),
    ("ResNet-152 layer4", 2048, (7, 7), 230),
    ("VGG-16 conv5_3", 512, (14, 14), 528),
    ("ResNet-18 stem", 64, (112, 112), 45),
]


def traffic(workers=8, images=63_305, concepts=1_197, categories=6):
    """From arrays of the very shapes that travel; model sizes are those of their weights, float32."""
    shards = 4 * workers
    print(f"\nFull Broden, {images:,} images, {workers} workers, {shards} shards; MB\n")
    print(f"{'':<20}{'work, once':>12}{'thresholds':>12}{'top images':>12}{'counts':>10}{'per worker':>12}{'all':>8}")
    for title, units, size, model in LAYERS:
        plan = RunConfig(["x"], range(images), 0.005, "paper", 10, 32, 0, torch.device("cpu"))
        layer = LayerAccumulator("x", plan, size, units)
        state = {name: array.nbytes for name, array in layer.state_dict().items()}
        top = sum(state[name] for name in ("images", "peaks", "maps"))
        if "values.counts" in state:  # a histogram from each shard, then the second digit's
            values = 2 * shards * state["values.counts"]
        else:  # the k-th shard sends what lies above the bound of those before it: a k-th of the largest
            values = sum(4 * units * int(0.005 * images * size[0] * size[1]) / k for k in range(1, shards + 1))
        tallies = Tallies({"x": units}, concepts, categories)
        counts = shards * sum(array.nbytes for array in tallies.state_dict().values())
        bounds = 2 * shards * 4 * units
        out = workers * (model << 20)
        total = out + values + shards * top + counts + bounds
        print(
            f"{title:<20}{model:>12.0f}{values / 2**20:>12.0f}{shards * top / 2**20:>12.0f}{counts / 2**20:>10.0f}"
            f"{total / workers / 2**20:>12.0f}{total / 2**20:>8.0f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=["memory", "cost", "growth", "traffic"])
    parser.add_argument("--images", type=int, default=2040)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", action="store_true")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args.one)
        return
    if "traffic" in args.tables:
        traffic()
    if not MINIBRODEN.is_dir():
        print(f"Skipped: needs {MINIBRODEN}.")
        return
    if "memory" in args.tables:
        memory(args.images, args.rounds)
    if "cost" in args.tables:
        cost(args.images, args.rounds)
    if "growth" in args.tables:
        growth(args.plot)


if __name__ == "__main__":
    main()
