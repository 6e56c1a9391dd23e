"""Finds the data set that a call means: the one given, else that of the session, else the built-in drawings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdissect.settings import options

if TYPE_CHECKING:
    from nbdissect.types import ConceptData

DATA_VARIABLE = "NBDISSECT_DATA"
DATA_MEMBERS = ("concepts", "categories", "__len__", "__getitem__")


def resolve_data(data: Any = None) -> ConceptData:
    """Return the data set for `data`: the object itself, the directory it names, or the default where it is None."""
    if data is None:
        data = options.data if options.data is not None else os.environ.get(DATA_VARIABLE) or None
    if data is None:
        from nbdissect.builtin.world import World

        return World()
    if isinstance(data, (str, os.PathLike)):
        from nbdissect.data.broden import Broden

        return Broden(Path(data).expanduser())
    missing = [name for name in DATA_MEMBERS if not hasattr(data, name)]
    if missing:
        raise ValueError(
            f"data is a {type(data).__name__} without {missing[0]!r}. It must be nd.Broden(path), a path to such a directory, "
            "or an object with concepts, categories, len(data) and data[i]: see nbdissect.types.ConceptData."
        )
    return data  # type: ignore[no-any-return]
