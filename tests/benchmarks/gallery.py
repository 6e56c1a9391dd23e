"""How fast the gallery is: 2,048 units with 10 images each, in a real browser.

    python tests/benchmarks/gallery.py

First paint is from the call of ``render`` to the frame in which cards are on the screen, the widget's
state being there already. The wire between Python and the page goes through tests/support/browser.py, which
is slower than a notebook's.
"""

from __future__ import annotations

import statistics
import sys
import tracemalloc
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from playwright.sync_api import sync_playwright  # noqa: E402

from nbdissect.display.gallery import Gallery  # noqa: E402
from nbdissect.display.replies import answer, thumbnails_of  # noqa: E402
from support.browser import launch, opened, settle, show_all  # noqa: E402
from support.dissections import Squares, dissection  # noqa: E402

UNITS, IMAGES = 2048, 20_000

PAINT = """async () => {
  window.endView(); window.endModel();
  const { default: make } = await import('/gallery.js');
  await new Promise(requestAnimationFrame);
  const start = performance.now();
  window.widget = make();
  window.endModel = window.widget.initialize({model: window.model});
  window.endView = window.widget.render({model: window.model, el: document.getElementById('host')});
  const built = performance.now();
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const root = document.getElementById('host').shadowRoot;
  return {built: built - start, painted: performance.now() - start, cards: root.querySelectorAll('.card').length};
}"""
SCREENS = 200
SCROLL = """async screens => {
  const root = document.getElementById('host').shadowRoot;
  const frames = []; let last = performance.now(), most = 0;
  for (let i = 0; i < 3 * screens; i++) {
    scrollBy(0, innerHeight / 3);
    await new Promise(requestAnimationFrame);
    const now = performance.now(); frames.push(now - last); last = now;
    most = Math.max(most, root.querySelectorAll('.card').length);
  }
  return {frames, most};
}"""
SLIDER = """async () => {
  const root = document.getElementById('host').shadowRoot;
  const slider = root.querySelector('.level'); const times = [];
  for (let value = -50; value <= 50; value += 5) {
    slider.value = value; const start = performance.now();
    slider.dispatchEvent(new Event('input')); times.push(performance.now() - start);
  }
  return times;
}"""
FILTER = """async () => {
  const search = document.getElementById('host').shadowRoot.querySelector('.search'); const times = [];
  for (const text of ['w', 'wh', 'whe', 'wheel', '1', '17', '']) {
    search.value = text; const start = performance.now();
    search.dispatchEvent(new Event('input')); times.push(performance.now() - start);
  }
  return times;
}"""


def kernel_memory(gallery: Gallery, d: object) -> None:
    """Ask for every picture of every unit, as somebody who scrolls to the end does."""
    tracemalloc.start()
    for start in range(0, UNITS, 32):
        images = sorted(set(d.top_images[start : start + 32].ravel().tolist()))
        answer(gallery._dissections, {"kind": "pictures", "id": "1", "key": d.layer, "images": images})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"kernel: {thumbnails_of(d).size / 2**20:.1f} MiB of pictures kept, peak of Python's memory {peak / 2**20:.1f} MiB"
    )


def heap(page: Any) -> float:
    """Return the bytes that JavaScript holds after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"])


def measure_scrolling(page: Any) -> None:
    """Scroll through 200 screens of all units, and say how long frames took and what stayed in memory."""
    show_all(page)
    early = page.evaluate(SCROLL, 20)
    settle(page, 60_000)
    before = heap(page)
    late = page.evaluate(SCROLL, SCREENS - 20)
    settle(page, 60_000)
    after = heap(page)
    frames = sorted(early["frames"] + late["frames"])
    print(
        f"scrolling {SCREENS} screens: median frame {statistics.median(frames):.0f} ms, 95 % within "
        f"{frames[int(0.95 * len(frames))]:.0f} ms, at most {late['most']} cards; heap {before / 2**20:.1f} MiB after 20 "
        f"screens, {after / before:.2f} times that at the end"
    )
    assert late["most"] <= 60, "too many cards"


def main() -> None:
    """Print what was measured."""
    d = dissection(UNITS)
    d = dissection(UNITS, data=Squares(d.concepts, images=IMAGES, side=224))
    gallery = Gallery(d, only="all")
    state = sum(len(value["data"]) for value in gallery._tables[0].values() if isinstance(value, dict))
    print(f"state: {state / 1024:.0f} KiB of numbers for {UNITS:,} units, no images")
    with sync_playwright() as driver:
        browser = launch(driver)
        with opened(browser, gallery) as page:
            settle(page, 60_000)
            paints = [page.evaluate(PAINT) for _ in range(7)]
            built = statistics.median(paint["built"] for paint in paints)
            painted = statistics.median(paint["painted"] for paint in paints)
            print(
                f"first paint of {UNITS:,} units: {painted:.0f} ms ({built:.0f} ms of it script), {paints[0]['cards']} cards"
            )
            settle(page, 60_000)
            for name, script in (("threshold slider", SLIDER), ("search", FILTER)):
                times = page.evaluate(script)
                print(f"{name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms a step")
            measure_scrolling(page)
            assert painted <= 60, "first paint is over its budget"
    kernel_memory(gallery, d)


if __name__ == "__main__":
    main()
