"""What the live view costs: CPU time of a run that is watched against one that is not, in a real Jupyter kernel.

    python tests/benchmarks/live.py [--rounds 5] [--images 640]

The embedded network and, where they lie beside the checkout (see tests/support/paths.py), SqueezeNet over
photographs. Both runs of a round follow each other, and which comes first alternates; the table shows the
median of the rounds' ratios. Everything is counted that the kernel does meanwhile, in all its threads: messages, too. "inside" is the
CPU time that passes within the live view itself, which is measured more finely than a difference of two runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from jupyter_client.manager import start_new_kernel  # noqa: E402

from support.paths import MINIBRODEN, SQUEEZENET  # noqa: E402

WANTED = 1.03

SETUP = f"""
import sys, time
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / "benchmarks")!r}, {str(TESTS.parent)!r}]
import torch
import nbdissect as nd
from nbdissect.display.live_view import LiveView
torch.set_num_threads(1)

def cpu(progress):
    start = time.process_time()
    nd.dissect(model, layer, data=data, progress=progress)
    return time.process_time() - start

def one(live):
    view, inside = LiveView(single=True), 0.0
    report = view.report

    def timed(progress):
        nonlocal inside
        start = time.process_time()
        report(progress)
        inside += time.process_time() - start

    view.report = timed
    seconds = cpu(view if live else False)
    return seconds, view.updates, inside
"""
CASES = [
    ("embedded network, conv5", "model, data = nd.demo(); layer = 'conv5'"),
    (
        "SqueezeNet 1.1 features.12",
        (
            "from dissection import First; from support.nets import squeezenet; from support.paths import MINIBRODEN\n"
            "model, data, layer = squeezenet().eval(), First(nd.Broden(MINIBRODEN), {images}), 'features.12'"
        ),
    ),
]


def run(client, code):
    """Run a cell and return what it printed."""
    printed = []

    def hear(message):
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])
        elif message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))

    # A notebook's front end may be asked for input: somebody is there.
    client.execute_interactive(code, allow_stdin=True, output_hook=hear, timeout=1800)
    return "".join(printed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=640)
    args = parser.parse_args()
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        run(client, SETUP)
        print(f"{'':<30}{'alone, s':>10}{'watched, s':>12}{'updates':>9}{'inside':>9}{'ratio':>8}{'wanted':>10}")
        for title, case in CASES:
            if "squeezenet" in case and not (MINIBRODEN.is_dir() and SQUEEZENET.is_file()):
                print(f"{title}: skipped, needs {MINIBRODEN} and {SQUEEZENET}")
                continue
            run(client, case.format(images=args.images))
            run(client, "one(False), one(True)")  # imports, caches
            rounds = [
                eval(run(client, f"a = one({first}); b = one({not first}); print((b, a) if {first} else (a, b))"))
                for first in (bool(k % 2) for k in range(args.rounds))
            ]
            ratio = statistics.median(watched[0] / alone[0] for alone, watched in rounds)
            alone, watched = (statistics.median(pair[k][0] for pair in rounds) for k in (0, 1))
            updates = statistics.median(pair[1][1] for pair in rounds)
            share = statistics.median(pair[1][2] / pair[1][0] for pair in rounds)
            print(
                f"{title:<30}{alone:>10.2f}{watched:>12.2f}{updates:>9.0f}{share:>9.1%}{ratio:>8.3f}{'≤ ' + format(WANTED, '.2f'):>10}",
                flush=True,
            )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
