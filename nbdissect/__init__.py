"""Network Dissection in a notebook cell: ``%dissect model layer``.

Names are imported when first used: ``import nbdissect`` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbdissect.api import dissect
    from nbdissect.concepts.broden import Broden
    from nbdissect.concepts.protocol import Sample
    from nbdissect.diagnosis import doctor
    from nbdissect.display.gallery import gallery
    from nbdissect.layer_table import layers
    from nbdissect.magic import load_ipython_extension, unload_ipython_extension
    from nbdissect.models.demo import demo
    from nbdissect.results.archive import load
    from nbdissect.results.concept import Concept
    from nbdissect.results.dissection import Dissection
    from nbdissect.results.dissections import Dissections
    from nbdissect.results.tally_csv import read_csv
    from nbdissect.settings import options

__all__ = [
    "Broden",
    "Concept",
    "Dissection",
    "Dissections",
    "Sample",
    "demo",
    "dissect",
    "doctor",
    "gallery",
    "layers",
    "load",
    "load_ipython_extension",
    "options",
    "read_csv",
    "unload_ipython_extension",
]

_HOMES = {
    "Broden": "nbdissect.concepts.broden",
    "Concept": "nbdissect.results.concept",
    "Dissection": "nbdissect.results.dissection",
    "Dissections": "nbdissect.results.dissections",
    "Sample": "nbdissect.concepts.protocol",
    "demo": "nbdissect.models.demo",
    "dissect": "nbdissect.api",
    "doctor": "nbdissect.diagnosis",
    "gallery": "nbdissect.display.gallery",
    "layers": "nbdissect.layer_table",
    "load": "nbdissect.results.archive",
    "load_ipython_extension": "nbdissect.magic",
    "options": "nbdissect.settings",
    "read_csv": "nbdissect.results.tally_csv",
    "unload_ipython_extension": "nbdissect.magic",
}

try:
    __version__ = version("nbdissect")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'nbdissect' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
