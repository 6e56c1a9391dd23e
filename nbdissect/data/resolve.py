"""Finds the data set that a call means: the one given, else that of the session, else the built-in drawings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.samples import Subset
from nbdissect.settings import options
from nbdissect.text import describe_type
from nbdissect.user_code import call_user_code

if TYPE_CHECKING:
    from nbdissect.types import ConceptData

DATA_VARIABLE = "NBDISSECT_DATA"
DATA_MEMBERS = ("concepts", "categories", "__len__", "__getitem__")


def resolve_data(data: Any = None) -> ConceptData:
    """Return the data set for `data`: the object itself, the directory it names, or the default where it is None."""
    source = "data"
    if data is None and options.data is not None:
        data, source = options.data, "nd.options.data"
    elif data is None and os.environ.get(DATA_VARIABLE):
        data, source = os.environ[DATA_VARIABLE], f"The environment variable {DATA_VARIABLE}"
    if data is None:
        from nbdissect.builtin.world import World

        return World()
    if isinstance(data, (str, os.PathLike)):
        return _open_directory(data, source)
    torch_data = sys.modules.get("torch.utils.data")
    if torch_data is not None and type(data) is torch_data.Subset:
        return Subset(resolve_data(data.dataset), data.indices)
    if isinstance(data, type):
        raise ValueError(f"{source} is the class {data.__name__}; a data set is needed: {data.__name__}(…).")
    missing = [name for name in DATA_MEMBERS if not _has(data, name, source)]
    if missing:
        raise ValueError(
            f"{source} is {describe_type(data)} without {missing[0]!r}. It must be nd.Broden(path), a path to such a directory, "
            "or an object with concepts, categories, len(data) and data[i]: see nbdissect.types.ConceptData."
        )
    _check_image_size(data, source)
    return data  # type: ignore[no-any-return]


def _open_directory(path: str | os.PathLike[str], source: str) -> ConceptData:
    from nbdissect.data.broden import Broden

    if not os.fspath(path):
        raise ValueError(f"{source} is an empty path; the directory of a Broden data set is needed.")
    try:
        return Broden(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        # Where the call doesn't name the path, its user must hear where it comes from.
        raise error if source == "data" else type(error)(f"{source}: {error}") from None


def _check_image_size(data: Any, source: str) -> None:
    size = call_user_code(lambda: getattr(data, "image_size", None), f"{source}.image_size")
    if size is None:
        return
    sides = np.asarray(size)
    if sides.shape != (2,) or sides.dtype.kind not in "iu" or not (sides > 0).all():
        raise ValueError(
            f"{source}.image_size is {size!r:.80}; the height and width of images are needed, such as (224, 224), or None."
        )


def _has(data: Any, name: str, source: str) -> bool:
    return call_user_code(lambda: hasattr(data, name), f"{source}.{name}")
