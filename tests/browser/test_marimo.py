"""The gallery in marimo: it renders, and a selection reaches Python."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from support.needs import needed
from support.paths import ROOT, SCREENSHOTS, TESTS

needed("marimo")

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from support.dissections import dissection
    from nbdissect.display.gallery import gallery
    g = mo.ui.anywidget(gallery(dissection(), only="all", sort="unit"))
    g
    return g, mo


@app.cell
def _(g, mo):
    mo.md(f"selected: {g.value['selected']}")
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def address(tmp_path):
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "-q", "-y", "run", "--headless", "--no-token", "-p", str(port)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(TESTS)])}
    process = subprocess.Popen([*command, str(tmp_path / "app.py")], env=environment, stdin=subprocess.DEVNULL)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_renders_and_a_selection_reaches_python(browser, address):
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    page.goto(address)
    page.get_by_role("grid", name="Units").wait_for(timeout=60_000)
    page.locator(".strip canvas[data-state=here]").first.wait_for(timeout=30_000)
    page.get_by_role("gridcell").nth(2).get_by_role("checkbox").check()
    page.get_by_text("selected: [2]").wait_for(timeout=15_000)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "marimo.png", full_page=True)
    page.close()
