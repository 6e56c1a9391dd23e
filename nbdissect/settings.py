"""Settings of this session: ``nd.options.data = "~/broden1_224"``."""

from __future__ import annotations

from numbers import Real
from typing import Any

RENDERERS = ("auto", "widget", "html")


class Options:
    """Defaults for calls of this session.

    Attributes
    ----------
    data : data set, path, or None
        The data set to use. None: the directory in the environment variable NBDISSECT_DATA, else
        the built-in drawings.
    renderer : {"auto", "widget", "html"}
        What a notebook shows of a result. "widget": the gallery; "html": a plain summary; "auto":
        both, and only the summary stays where no front end draws the gallery.
    embed_mb : float
        Megabytes that all galleries of this session may add to the notebook, so that they can be
        browsed when it is opened without a kernel. Numbers are always stored; the images of the best
        units come first. 0: no images are stored.
    """

    _known = ("data", "renderer", "embed_mb")

    def __init__(self) -> None:
        self.data: Any = None
        self.renderer = "auto"
        self.embed_mb: float = 5

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._known:
            raise AttributeError(f"nbdissect has no option {name!r}; there are {', '.join(self._known)}.")
        if name == "renderer" and value not in RENDERERS:
            raise ValueError(f"renderer={value!r}; allowed are {', '.join(map(repr, RENDERERS))}.")
        # `not >=` refuses NaN too.
        if name == "embed_mb" and (isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= 0):
            raise ValueError(
                f"embed_mb={value!r}; a number of megabytes is needed, 0 or more. 0 keeps all images out of the notebook."
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return "\n".join(f"nd.options.{name} = {getattr(self, name)!r}" for name in self._known)


options = Options()
