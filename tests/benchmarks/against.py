"""What a change costs: the CPU ratios of this checkout and of another one, in one process and in turn.

    python tests/benchmarks/against.py OTHER [--rounds 9] [--images 256] [--cases features.12 layer1]

OTHER is a checkout of an earlier commit (`git worktree add ../before COMMIT`). Every round runs both dissections and
the plain loop one after the other in the same process, with the same model: CPU time itself drifts by a tenth from
minute to minute, and from process to process, on a machine that others use. The table shows the medians of
dissection / plain loop, and median and quartiles of the differences round by round. Imports are left out.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parents[2]
CASES = {
    "features.12": ("squeezenet", ["features.12"]),
    "layer1": ("resnet18", ["layer1"]),
    "layer2": ("resnet18", ["layer2"]),
    "layer3": ("resnet18", ["layer3"]),
    "layer4": ("resnet18", ["layer4"]),
    "layers": ("resnet18", ["layer1", "layer2", "layer3", "layer4"]),
}


class Checkout:
    """A checkout whose package can be imported beside that of another one: only one is in force at a time."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.modules: dict[str, object] = {}

    def __enter__(self):
        sys.path.insert(0, self.root)
        sys.modules.update(self.modules)
        return sys.modules.get("nbdissect")

    def __exit__(self, *_):
        sys.path.remove(self.root)
        self.modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "nbdissect"}
        for name in self.modules:
            del sys.modules[name]

    def dissect(self, model, layers, folder, images, transform):
        """Return the CPU seconds of a dissection."""
        with self:
            import nbdissect as nd

            if not nd.__file__.startswith(self.root):
                raise RuntimeError(f"nbdissect was imported from {nd.__file__}, not from {self.root}.")
            data = First(nd.Broden(folder), images)
            return cpu(lambda: nd.dissect(model, layers, data=data, transform=transform, progress=False))


class First:
    """The first images of a data set."""

    def __init__(self, data, count):
        self.data, self.count = data, count
        self.concepts, self.categories, self.image_size = data.concepts, data.categories, data.image_size
        self.concept_numbers = data.concept_numbers

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.data[range(self.count)[index]]


def cpu(function):
    """Return the CPU seconds that a call takes."""
    gc.collect()
    start = time.process_time()
    function()
    return time.process_time() - start


def network(name, shared):
    """Return a network: SqueezeNet with its weights, or ResNet-18 with random ones."""
    import torch
    import torchvision
    from safetensors.torch import load_file

    torch.manual_seed(0)
    if name == "resnet18":
        return torchvision.models.resnet18(weights=None).eval()
    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(load_file(shared / "weights/squeezenet1_1_imagenet.safetensors"))
    return model.eval()


def plain_loop(model, data, transform):
    """Run the network over the images, and nothing else."""
    import torch

    with torch.no_grad():
        for first in range(0, len(data), 32):
            model(torch.stack([transform(data[k].image) for k in range(first, min(first + 32, len(data)))]))


def measure(case, other, args):
    """Yield plain loop, the other's dissection and this one's, in CPU seconds, round by round."""
    import torchvision.transforms as T

    name, layers = CASES[case]
    folder, model = args.shared / "minibroden", network(name, args.shared)
    transform = T.Compose([T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    sides = [Checkout(other), Checkout(HERE)]
    for side in sides:
        side.dissect(model, layers, folder, 33, transform)
    with sides[0]:
        import nbdissect as nd

        data = First(nd.Broden(folder), args.images)
    plain_loop(model, First(data, 33), transform)
    for number in range(args.rounds):
        order = sides if number % 2 else sides[::-1]
        seconds = {side: side.dissect(model, layers, folder, args.images, transform) for side in order}
        yield cpu(lambda: plain_loop(model, data, transform)), *map(seconds.get, sides)


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared" / "data")
    args = parser.parse_args()
    if not (args.shared / "minibroden").is_dir():
        print(f"Skipped: needs {args.shared / 'minibroden'}.")
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != HERE]
    print(
        f"{'':<14}{'other':>8}{'this':>8}{'difference':>12}{'quartiles':>18}   {args.rounds} rounds, {args.images} images"
    )
    for case in args.cases:
        rounds = list(measure(case, args.other.resolve(), args))
        before, now = (statistics.median(sides[k] / plain for plain, *sides in rounds) for k in (0, 1))
        low, middle, high = statistics.quantiles([(sides[1] - sides[0]) / plain for plain, *sides in rounds], n=4)
        print(f"{case:<14}{before:>8.3f}{now:>8.3f}{middle:>+12.3f}{f'{low:+.3f} to {high:+.3f}':>18}", flush=True)


if __name__ == "__main__":
    main()
