"""What training adds: detectors of the embedded network by layer, trained and with random weights.

python tests/benchmarks/demo.py
"""

from __future__ import annotations

import resource
import time

import nbdissect as nd
from nbdissect.builtin.world import World

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"]
KINDS = ["object", "part", "scene", "material", "texture", "color"]


def main():
    # The drawings were tuned while looking at seed 0; nobody looked at seed 1 before it was counted here.
    for seed in (0, 1):
        print(f"\nWorld(seed={seed})\n")
        print("| layer | weights | detectors | unique | " + " | ".join(KINDS) + " |")
        print("|---|---|---:|---:|" + "---:|" * len(KINDS))
        for trained in (True, False):
            model, _ = nd.demo(trained=trained)
            for name, d in nd.dissect(model, LAYERS, data=World(seed=seed), progress=False).items():
                counts = d.summary().report
                weights = "trained" if trained else "random"
                row = [
                    name,
                    weights,
                    f"{counts.detectors['all']} of {len(d.units)}",
                    counts.unique["all"],
                    *(counts.unique[kind] for kind in KINDS),
                ]
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
    start, cpu = time.monotonic(), time.process_time()
    nd.dissect(model, "conv5", data=nd.demo()[1], progress=False)
    print(
        f"\nOne dissection of conv5, drawing the images included: {time.monotonic() - start:.1f} s, {time.process_time() - cpu:.1f} s CPU;",
        end=" ",
    )
    print(f"peak of the whole process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB")


if __name__ == "__main__":
    main()
