"""Draw docs/gallery.png, the picture in the README: the embedded network's gallery, in a real browser.

Needs Playwright and a Chromium (``pip install '.[test]'``, then ``playwright install chromium``
unless the system has one). One command, whenever the gallery changes::

    python tools/readme_picture.py
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import nbdissect as nd

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "gallery.png"
WIDTH, HEIGHT = 1040, 860  # CSS pixels; a README is some 850 wide, where text must still be legible
SCALE = 1.5
MOST_BYTES = 300_000  # it is loaded each time somebody opens the README


def write_page(path: Path) -> None:
    """Dissect the embedded network and write its gallery as a page."""
    model, data = nd.demo()
    nd.dissect(model, "conv5", data=data, progress=False).to_html(path)


def wait_for_pictures(page: Page) -> None:
    """Return when no image in view is still to come."""
    page.get_by_role("gridcell").first.wait_for()
    page.wait_for_function(
        """() => {
          const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)];
          const images = roots.flatMap(root => [...root.querySelectorAll('[role=gridcell] canvas[data-state]')]);
          return images.length > 0 && images.every(image => image.dataset.state === 'here');
        }"""
    )


def whole_rows(page: Page) -> float:
    """Return where the last unit ends that is wholly in view, in CSS pixels: a picture that cuts one looks broken."""
    boxes = [cell.bounding_box() for cell in page.get_by_role("gridcell").all()]
    ends = [box["y"] + box["height"] for box in boxes if box is not None]
    return max(end for end in ends if end <= HEIGHT)


def screenshot(path: Path) -> Image.Image:
    """Return the page as a browser shows it, in light colors."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE, color_scheme="light"
        )
        page.goto(path.as_uri())
        wait_for_pictures(page)
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": whole_rows(page)}
        shot = page.screenshot(animations="disabled", clip=clip)
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def write_small_png(image: Image.Image, path: Path) -> int:
    """Write a PNG with as many colors as fit into the budget, and return how many that were."""
    for colors in (256, 192, 128, 96, 64):
        buffer = io.BytesIO()
        # k-means keeps the few pixels of an accent color, which a median cut alone gives away.
        image.quantize(colors, kmeans=8, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MOST_BYTES:
            path.write_bytes(buffer.getvalue())
            return colors
    raise SystemExit(
        f"The picture takes {buffer.tell():,} bytes even with 64 colors; {MOST_BYTES:,} are allowed. Make HEIGHT smaller."
    )


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Draw the picture in the README.")
    parser.add_argument("path", nargs="?", type=Path, default=PICTURE)
    path = parser.parse_args().path
    with TemporaryDirectory() as folder:
        page = Path(folder) / "gallery.html"
        write_page(page)
        colors = write_small_png(screenshot(page), path)
    print(f"{path}: {path.stat().st_size:,} bytes, {colors} colors")


if __name__ == "__main__":
    main()
