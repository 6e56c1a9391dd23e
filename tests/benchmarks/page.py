"""How large a page and a notebook's output are: 512 units of SqueezeNet with 10 photographs each.

python tests/benchmarks/page.py
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

import nbdissect as nd  # noqa: E402
from nbdissect.display import saved_output  # noqa: E402
from nbdissect.display.bundle import STATIC  # noqa: E402
from nbdissect.display.snapshot import embed  # noqa: E402
from support.nets import squeezenet  # noqa: E402
from support.paths import MINIBRODEN, SQUEEZENET  # noqa: E402

MOST_PAGE = 8_000_000


def result() -> nd.Dissection:
    """Return SqueezeNet over photographs; the embedded network over drawings where those are absent."""
    if SQUEEZENET.exists() and MINIBRODEN.exists():
        return nd.dissect(squeezenet(), "features.12", data=nd.Broden(MINIBRODEN), progress=False)
    model, data = nd.demo()
    return nd.dissect(model, "conv5", data=data, progress=False)


def main() -> None:
    """Print what was measured."""
    d = result()
    print(f"{d.layer} of {d.model}: {len(d.units)} units, {d.top_images.shape[1]} images each")
    (gallery,) = [embed({d.layer: d}, 0.04, several=False, style="").gallery]
    (one,), (album,) = gallery["dissections"], gallery["albums"]
    print(
        f"parts, as base64: photographs {len(album['text']) / 1e6:.2f} MB ({len(album['images'])}), maps {len(one['maps']) / 1e6:.2f} MB "
        f"({d.top_maps.nbytes / 1e6:.2f} MB as float32), masks {len(one['masks']) / 1e6:.2f} MB, numbers {len(one['numbers']) / 1e6:.2f} MB, "
        f"code {(STATIC / 'page.js').stat().st_size / 1e6:.2f} MB"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.html"
        for images in (True, False):
            start = time.perf_counter()
            d.to_html(path, images=images)
            size = os.path.getsize(path)
            print(f"to_html(images={images}): {size / 1e6:.2f} MB in {time.perf_counter() - start:.1f} s")
            assert size <= MOST_PAGE, "the page is over its budget"
    for megabytes in (5, 2, 0.5, 0):
        nd.options.embed_mb = megabytes
        saved_output._written.clear()
        start = time.perf_counter()
        size = len(saved_output.static_html(d, "nbdissect-1"))
        print(f"output with embed_mb = {megabytes}: {size / 1e6:.2f} MB in {time.perf_counter() - start:.1f} s")
        assert megabytes < 1 or size <= megabytes * 1e6, "the output is over its budget"


if __name__ == "__main__":
    main()
