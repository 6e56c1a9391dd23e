"""The run view: one line of a notebook that says how far a run is, with a button that ends it."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from nbdissect.display.bundle import STATIC, read


class RunView(anywidget.AnyWidget):
    """How far one run is, in texts that `LiveView` writes.

    >>> RunView(title="conv5 of DemoNetwork", doing="running the network", share=0.25)  # doctest: +SKIP

    Attributes
    ----------
    title : str
        What is dissected.
    state : {"running", "done", "stopped", "failed"}
    doing : str
        What the run does, or how it ended.
    figures : str
        Images done, images per second, time left.
    share : float
        What is done, 0 to 1.
    hint : str
        What ends the run where no button can.
    cancellable : bool
        Whether there is a button: only where a click can arrive while it runs.
    cancel : int
        How often the button was pressed, set by the page. The first ends the network's part, the second the counting.
    notice : str
        What went wrong with showing the run, though the run goes on.
    """

    _esm = STATIC / "run.js"

    # As in the gallery: it lives in a shadow root.
    _style = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    state = traitlets.Enum(("running", "done", "stopped", "failed"), "running").tag(sync=True)
    doing = traitlets.Unicode("starting").tag(sync=True)
    figures = traitlets.Unicode("").tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    cancellable = traitlets.Bool(False).tag(sync=True)
    cancel = traitlets.Int(0).tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(_style=read("run.css"), **state)

    def __repr__(self) -> str:
        return f"<Run of {self.title}: {self.doing}>"
