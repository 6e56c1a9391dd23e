"""Reads directories in the Broden format, and tells of each what was read or which error came.

Run by tests/data/test_broden_fuzz.py as a process of its own, with its memory bounded and each directory timed:
`python broden_child.py LIST`, LIST being a file with one directory per line.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

import numpy as np

from nbdissect.data.broden import Broden
from nbdissect.engine.labels import LabelReader
from support.broden_reference import describe

MEMORY = 1 << 30  # beside what is mapped before the first data set is read
SECONDS = 20


class Hang(BaseException):
    """No Exception, so that no handler takes it for a damaged file."""


def read(root):
    data = Broden(root)
    labels = LabelReader(data.concepts, data.categories, others=data.concept_numbers)
    images, truth = [], np.zeros(len(data.concepts), dtype=int)
    for index in range(len(data)):
        sample = data[index]
        images.append(describe(sample._entry.image, np.asarray(sample.image), sample.masks, sample.whole))
        found = labels.read(sample, index, sample.shape)
        truth[found.columns] += found.truth
    data.digest()
    counts = {str(concept.number): int(area) for concept, area in zip(data.concepts, truth, strict=True)}
    return {"concepts": [list(concept) for concept in data.concepts], "images": images, "truth": counts}


def main(listing):
    with contextlib.suppress(ImportError, ValueError, FileNotFoundError):  # Linux alone has all of it
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])  # torch alone maps gigabytes
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def hang(*_):
        raise Hang

    signal.signal(signal.SIGALRM, hang)
    for root in Path(listing).read_text(encoding="utf-8").splitlines():
        signal.alarm(SECONDS)
        try:
            outcome = {"read": read(root)}
        except Exception as error:
            outcome = {
                "error": str(error),
                "kind": type(error).__name__,
                "wanted": isinstance(error, (ValueError, OSError)),
            }
        except Hang:
            outcome = {"error": "a hang", "kind": "Hang", "wanted": False}
        signal.alarm(0)
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
