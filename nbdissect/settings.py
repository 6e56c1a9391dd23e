"""Settings of this session: ``nd.options.data = "~/broden1_224"``."""

from __future__ import annotations

from typing import Any

RENDERERS = ("auto", "widget", "html")


class Options:
    """What is used where a call doesn't say.

    Attributes
    ----------
    data : data set, path, or None
        Probe data set. None: the directory in the environment variable NBDISSECT_DATA, else the
        embedded drawings.
    renderer : {"auto", "widget", "html"}
        How a result is shown in a notebook. "widget": as the gallery; "html": as a plain summary;
        "auto": as both, of which the summary stays where no front end draws the gallery.
    embed_mb : float
        Megabytes that the outputs of this session may put into the notebook, over all galleries, so
        that they can be browsed when it is opened without a kernel. The best units' images come
        first; numbers always go in. 0: no pictures in any output.
    """

    _known = ("data", "renderer", "embed_mb")

    def __init__(self) -> None:
        self.data: Any = None
        self.renderer = "auto"
        self.embed_mb: float = 5

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._known:
            message = f"nbdissect has no option {name!r}; there are {', '.join(self._known)}."
            raise AttributeError(message)
        if name == "renderer" and value not in RENDERERS:
            message = f"renderer={value!r}; allowed are {', '.join(map(repr, RENDERERS))}."
            raise ValueError(message)
        # `not >=`, so that NaN is refused too.
        if name == "embed_mb" and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0):
            message = f"embed_mb={value!r}; a number of megabytes is needed, 0 or more. 0 keeps all pictures out of the notebook."
            raise ValueError(message)
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return "\n".join(f"nd.options.{name} = {getattr(self, name)!r}" for name in self._known)


options = Options()
