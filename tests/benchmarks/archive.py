"""How large an archive is, and how fast it opens.

    python tests/benchmarks/archive.py

The first part saves the 512 units of SqueezeNet's features.12 with the 10 strongest of 2,040 photographs each; it needs
photographs and weights beside the checkout (see tests/support/paths.py) and is left out where they are absent. The second
opens 512 units × 1,200 concepts, made up.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import nbdissect as nd
from support.dissections import dissection
from support.nets import squeezenet
from support.paths import MINIBRODEN, SQUEEZENET


def timed(function):
    start = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - start[0], time.process_time() - start[1]


def report(d, path, budget=None):
    for images in (True, False):
        _, wall, cpu = timed(lambda images=images: d.save(path, images=images))
        size = path.stat().st_size / 1e6
        aim = f" (aim: {budget} MB)" if images and budget else ""
        print(
            f"  {'with' if images else 'without'} images: {size:.2f} MB{aim}; saved in {wall:.1f} s, {cpu:.1f} s of CPU time"
        )
        loads = [timed(lambda: nd.load(path)) for _ in range(5)]
        print(
            f"    opened in {statistics.median(wall for _, wall, _ in loads):.3f} s (median of 5); equal: {loads[0][0] == d}"
        )
        if images:
            parts = Counter()
            with zipfile.ZipFile(path) as file:
                for info in file.infolist():
                    parts[
                        info.filename.split("/")[2] if info.filename.count("/") == 3 else Path(info.filename).stem
                    ] += info.compress_size
            print("    " + ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in parts.most_common(4)))


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nbd"
        if MINIBRODEN.exists() and SQUEEZENET.exists():
            data = nd.Broden(MINIBRODEN)
            d, _, cpu = timed(lambda: nd.dissect(squeezenet(), "features.12", data=data, progress=False))
            _, _, digest = timed(data.digest)
            print(f"512 units × 10 of 2,040 photographs, {len(d.concepts)} concepts")
            print(
                f"  dissected in {cpu:.1f} s of CPU time, of which the digest of the data takes {digest:.2f} s, {digest / cpu:.1%} (aim: 3 %)"
            )
            report(d, path, 10)
        else:
            print("photographs or weights are not there: the first part is left out")
        print("512 units × 1,200 concepts × 10 images, made up")
        d = dissection(512, tuple(f"concept {k}" for k in range(1200)))
        report(d, path)


if __name__ == "__main__":
    main()
