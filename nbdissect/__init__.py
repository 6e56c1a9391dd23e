"""Network Dissection in a notebook cell: ``%dissect model layer``.

Names are imported when first used: ``import nbdissect`` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbdissect._version import __version__ as __version__

if TYPE_CHECKING:
    from nbdissect.api import dissect as dissect
    from nbdissect.builtin.network import demo as demo
    from nbdissect.data.broden import Broden as Broden
    from nbdissect.data.broden_writer import write_broden as write_broden
    from nbdissect.data.labeled_images import LabeledImages as LabeledImages
    from nbdissect.data.merged import merge as merge
    from nbdissect.diagnosis import doctor as doctor
    from nbdissect.display.gallery import gallery as gallery
    from nbdissect.layer_table import layers as layers
    from nbdissect.magic import load_ipython_extension as load_ipython_extension
    from nbdissect.magic import unload_ipython_extension as unload_ipython_extension
    from nbdissect.models.checkpoint_loading import load_checkpoint as load_checkpoint
    from nbdissect.results.archive_reader import load as load
    from nbdissect.results.dissection import Dissection as Dissection
    from nbdissect.results.dissections import Dissections as Dissections
    from nbdissect.results.tally_csv_reader import read_csv as read_csv
    from nbdissect.settings import options as options
    from nbdissect.types import Concept as Concept
    from nbdissect.types import Sample as Sample

_HOMES = {
    "Broden": "nbdissect.data.broden",
    "Concept": "nbdissect.types",
    "Dissection": "nbdissect.results.dissection",
    "Dissections": "nbdissect.results.dissections",
    "LabeledImages": "nbdissect.data.labeled_images",
    "Sample": "nbdissect.types",
    "demo": "nbdissect.builtin.network",
    "dissect": "nbdissect.api",
    "doctor": "nbdissect.diagnosis",
    "gallery": "nbdissect.display.gallery",
    "layers": "nbdissect.layer_table",
    "load": "nbdissect.results.archive_reader",
    "load_checkpoint": "nbdissect.models.checkpoint_loading",
    "load_ipython_extension": "nbdissect.magic",
    "merge": "nbdissect.data.merged",
    "options": "nbdissect.settings",
    "read_csv": "nbdissect.results.tally_csv_reader",
    "unload_ipython_extension": "nbdissect.magic",
    "write_broden": "nbdissect.data.broden_writer",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nbdissect' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
