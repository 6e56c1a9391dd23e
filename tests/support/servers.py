"""Real notebook servers, and what a person does in them: open a notebook, run its cells, read their output."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from support.paths import ROOT, SCREENSHOTS, TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

_APPS = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}
_MODULES = {"lab": "jupyterlab", "notebook": "notebook"}
_PATHS = {"lab": "/lab/tree/{name}?reset", "notebook": "/notebooks/{name}"}


class Server:
    """A running JupyterLab or Notebook 7."""

    def __init__(self, kind: str, folder: Path, port: int) -> None:
        self.kind, self.folder, self.port = kind, folder, port

    def write(self, name: str, cells: list[str]) -> None:
        """Write a notebook of code cells."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        code = [
            {
                "cell_type": "code",
                "id": f"c{at}",
                "source": source,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for at, source in enumerate(cells)
        ]
        notebook = {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(notebook), encoding="utf-8")

    def goto(self, page: Page, name: str) -> None:
        """Load the page of a notebook."""
        page.goto(f"http://127.0.0.1:{self.port}{_PATHS[self.kind].format(name=name)}")

    def open(self, page: Page, name: str) -> None:
        """Open a notebook and wait for its kernel: idle, and connected."""
        self.goto(page, name)
        page.wait_for_function(
            """() => { const session = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session;
              return session?.kernel?.status === 'idle' && session.kernel.connectionStatus === 'connected'; }""",
            timeout=90_000,
        )


@contextmanager
def serve(kind: str, folder: Path) -> Iterator[Server]:
    """Start a server of the kind ``lab`` or ``notebook`` over a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", _MODULES[kind], "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.password="),
        *(f"--ServerApp.root_dir={folder}", f"--{_APPS[kind]}.expose_app_in_browser=True"),
        "--LabApp.news_url=",
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(TESTS)]),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _await(process, port, folder)
            yield Server(kind, folder, port)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:  # it asks every kernel to end, and a busy machine takes its time
                process.kill()


def _await(process: subprocess.Popen[Any], port: int, folder: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=2).close()
        except OSError:
            time.sleep(0.25)
        else:
            return
    raise RuntimeError(f"The server did not come up:\n{(folder / 'server.log').read_text()[-3000:]}")


def run_all(page: Page) -> None:
    """Run every cell."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def run_cell(page: Page, index: int) -> None:
    """Select a cell and run it."""
    page.evaluate(
        """index => { const book = window.jupyterapp.shell.currentWidget.content;
          book.activeCellIndex = index; book.deselectAll();
          window.jupyterapp.commands.execute('notebook:run-cell'); }""",
        index,
    )


def output(page: Page, index: int, timeout: float = 60_000) -> str:
    """Return the text that a cell printed, once it has."""
    text = page.wait_for_function(
        """index => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
          const model = cell.model.sharedModel; const outputs = cell.model.outputs;
          if (!outputs.length || model.execution_count === null) return null;
          const texts = [];
          for (let i = 0; i < outputs.length; i++) {
            const data = outputs.get(i).toJSON();
            if (data.output_type === 'error') texts.push(data.ename + ': ' + data.evalue);
            const text = data.text ?? data.data?.['text/plain'];
            if (text) texts.push(Array.isArray(text) ? text.join('') : text);
          }
          return texts.join('\\n') || null; }""",
        arg=index,
        timeout=timeout,
    )
    return str(text.json_value())


def shot(page, server, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{server.kind}-{name}.png")


def settle(page):
    page.wait_for_function("() => document.querySelectorAll('*').length > 0")
    page.locator(".strip canvas[data-state=here]").first.wait_for()
    page.wait_for_timeout(300)


def units(page):
    return page.get_by_role("grid", name="Units")
