"""Twenty interrupts of a real Jupyter kernel, at random moments of a run: each leaves a valid result and nothing else."""

from __future__ import annotations

import os
import random
import sys
import textwrap
import time

import pytest

from support.needs import needed
from support.paths import ROOT

needed("ipykernel")
start_new_kernel = needed("jupyter_client.manager").start_new_kernel


INTERRUPTS, IMAGES, PATIENCE = 20, 160, 120

SETUP = f"""
import dataclasses, gc, os, signal, tempfile, threading, warnings
import numpy as np
import nbdissect as nd

warnings.simplefilter("ignore")
model, world = nd.demo()

class First:
    def __init__(self, images):
        self.images = images
    def __getattr__(self, name):
        return getattr(world, name)
    def __len__(self):
        return self.images
    def __getitem__(self, index):
        return world[range(self.images)[index]]

data, handler, hooks = First({IMAGES}), signal.getsignal(signal.SIGINT), len(model.conv5._forward_hooks)
options = dict(progress=False, batch_size=8)
modes = [module.training for module in model.modules()]

def pulse(progress):
    if progress.stage == "network" and progress.done == 8:
        print("runs", flush=True)

# Once before: the first run imports what it needs, which an interrupt may well hit.
whole = nd.dissect(model, "conv5", data=data, **options)
"""
RUN = """
d = None
d = nd.dissect(model, "conv5", data=data, progress=pulse, batch_size=8)
"""
CHECK = """
seen = d.seen or d.images
first = nd.dissect(model, "conv5", data=First(seen), per_image=True, **options)
over = first.over(range(d.images))
print({
    "complete": d.complete, "images": d.images, "seen": seen, "planned": d.planned,
    "thresholds": bool(np.array_equal(d.thresholds, first.thresholds)),
    "top images": bool(np.array_equal(d.top_images, first.top_images)),
    "counts": all(np.array_equal(getattr(d, name), getattr(over, name)) for name in ("intersection", "truth", "activation")),
    "hooks": len(model.conv5._forward_hooks) == hooks,
    "modes": [module.training for module in model.modules()] == modes,
    "handler": signal.getsignal(signal.SIGINT) is handler,
    "threads": [thread.name for thread in threading.enumerate() if "nbdissect" in thread.name],
    "files": os.listdir(tempfile.gettempdir()),
    "text": repr(d)[:400],
})
"""


class Kernel:
    """A running kernel, and what its cells print."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def start(self, code):
        """Send a cell; its output is read by the two below."""
        self.cell = self.client.execute(textwrap.dedent(code))

    def _message(self):
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == self.cell:
                return message["msg_type"], message["content"]

    def await_output(self):
        """Return as soon as the cell has printed something."""
        while True:
            kind, content = self._message()
            if kind == "stream":
                return
            assert kind != "error", content
            assert (kind, content.get("execution_state")) != ("status", "idle"), "it ended without a word"

    def finish(self):
        """Wait for the cell's end and return what it printed, and its error."""
        printed, error = "", ""
        while True:
            kind, content = self._message()
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif kind == "error":
                error = "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                return printed, error

    def run(self, code):
        self.start(code)
        printed, error = self.finish()
        assert not error, error
        return printed


@pytest.fixture
def kernel(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary), "IPYTHONDIR": str(tmp_path / "ipython")}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, startup_timeout=PATIENCE)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are signals here")
def test_twenty_interrupts_at_random_moments(kernel):
    kernel.run(SETUP)
    kernel.start(RUN)
    kernel.await_output()
    start = time.perf_counter()
    kernel.finish()
    lasts = time.perf_counter() - start
    dice, partial = random.Random(7), 0
    for attempt in range(2 * INTERRUPTS):
        kernel.start(RUN)
        kernel.await_output()
        time.sleep(dice.uniform(0, 0.8 * lasts))
        kernel.manager.interrupt_kernel()
        _, error = kernel.finish()
        if "KeyboardInterrupt" in error:
            # On a machine that is busy otherwise it may come when the run is over, and hit what comes after.
            assert "nbdissect" not in error, error
            continue
        assert not error, f"interrupt {attempt}: {error}"
        found = eval(kernel.run(CHECK))  # what the cell printed: names, numbers, texts
        assert found == found | {
            "thresholds": True,
            "top images": True,
            "counts": True,
            "hooks": True,
            "modes": True,
            "handler": True,
            "threads": [],
            "files": [],
        }, found
        assert 0 < found["images"] <= found["seen"] <= IMAGES
        assert found["complete"] == (found["images"] == IMAGES)
        assert ("Stopped after" in found["text"]) != found["complete"]
        partial += not found["complete"]
        if partial == INTERRUPTS:
            break
    assert partial == INTERRUPTS, "too few of them came while the run went on"
