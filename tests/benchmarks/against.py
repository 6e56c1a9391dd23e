"""What a change costs: the CPU ratios of this checkout and of another one, interleaved.

    python tests/benchmarks/against.py OTHER [--rounds 9] [--images 256] [--cases features.12 layer1]
                                       [--warm]

OTHER is a checkout of an earlier commit (`git worktree add ../before COMMIT`). Every round starts one process per
checkout and case, in turn; each runs the plain loop and the dissection, and the ratio is taken inside it. The
table shows the medians, the quartiles of each side, and the median of the differences round by round. With --warm a
small run comes first, so that what a process pays once (imports) is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
CASES = {
    "features.12": ("squeezenet", ["features.12"]),
    "layer1": ("resnet18", ["layer1"]),
    "layer2": ("resnet18", ["layer2"]),
    "layer3": ("resnet18", ["layer3"]),
    "layer4": ("resnet18", ["layer4"]),
    "layers": ("resnet18", ["layer1", "layer2", "layer3", "layer4"]),
}
# The other checkout's own benchmarks may differ: only the package is taken from there.
CHILD = """
import sys, time, torch, torchvision, warnings
from pathlib import Path
warnings.simplefilter("ignore")
torch.set_num_threads(1)
import nbdissect as nd
shared, network, images, warm, layers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]
torch.manual_seed(0)
if network == "squeezenet":
    from safetensors.torch import load_file
    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(load_file(shared / "weights/squeezenet1_1_imagenet.safetensors"))
else:
    model = torchvision.models.resnet18(weights=None)
model.eval()
whole = nd.Broden(shared / "minibroden")
class First:
    concepts, categories, image_size = whole.concepts, whole.categories, whole.image_size
    concept_numbers = whole.concept_numbers
    def __init__(self, count): self.count = count
    def __len__(self): return self.count
    def __getitem__(self, index): return whole[range(self.count)[index]]
data = First(images)
T = torchvision.transforms
transform = T.Compose([T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
def plain():
    with torch.no_grad():
        for first in range(0, images, 32):
            model(torch.stack([transform(data[i].image) for i in range(first, min(first + 32, images))]))
def cpu(function):
    start = time.process_time(); function(); return time.process_time() - start
if warm == "warm":
    nd.dissect(model, layers, data=First(33), progress=False)
a = cpu(plain)
b = cpu(lambda: nd.dissect(model, layers, data=data, progress=False))
print(a, b)
"""


def ratio(checkout, args, network, layers):
    """Dissection / plain loop, measured in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    warm = "warm" if args.warm else "cold"
    command = [sys.executable, "-c", CHILD, str(args.shared), network, str(args.images), warm, *layers]
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd="/").stdout.split()
    return float(out[-1]) / float(out[-2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared" / "data")
    args = parser.parse_args()
    if not (args.shared / "minibroden").is_dir():
        print(f"Skipped: needs {args.shared / 'minibroden'}.")
        return
    print(
        f"{'':<14}{'other':>8}{'quartiles':>16}{'this':>8}{'quartiles':>16}{'difference':>12}   {args.rounds} rounds, {args.images} images"
    )
    for case in args.cases:
        before, now = [], []
        for k in range(args.rounds):
            for side, checkout in [(before, args.other.resolve()), (now, HERE)][:: 1 if k % 2 else -1]:
                side.append(ratio(checkout, args, *CASES[case]))

        def quartiles(values):
            low, middle, high = statistics.quantiles(values, n=4)
            return f"{middle:>8.3f}{f'{low:.3f}-{high:.3f}':>16}"

        difference = statistics.median(b - a for a, b in zip(before, now, strict=True))
        print(f"{case:<14}{quartiles(before)}{quartiles(now)}{difference:>+12.3f}", flush=True)


if __name__ == "__main__":
    main()
