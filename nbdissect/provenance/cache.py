"""Results kept in a directory under the digest of everything that determines them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbdissect.files import check_readable, expand
from nbdissect.notices import warn
from nbdissect.results.archive_format import ArchiveError
from nbdissect.results.archive_reader import load
from nbdissect.results.archive_writer import save
from nbdissect.results.dissections import Dissections

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.provenance import Provenance


class Cache:
    """A directory of results, one archive without images for each key.

    Entries appear whole or not at all, so that many programs can share the directory. A directory
    that can't be written to is still read.

    Parameters
    ----------
    directory : path
        Made when the first result is kept.

    Raises
    ------
    ValueError
        If `directory` is not a path, or the path of something that isn't a directory.
    """

    def __init__(self, directory: Any) -> None:
        if not isinstance(directory, (str, os.PathLike)) or not os.fspath(directory):
            raise ValueError(
                f"cache={directory!r}; the path of a directory is needed, such as cache='~/.cache/nbdissect'."
            )
        self.directory = expand(directory)
        if self.directory.exists() and not self.directory.is_dir():
            raise ValueError(f"cache={str(directory)!r} is a file; the path of a directory is needed.")

    def path(self, key: str) -> Path:
        """Return the file that holds the result of this key, or would hold it."""
        return self.directory / f"{key}.nbd"

    def find(self, key: str, made: Mapping[str, Provenance]) -> Dissections | None:
        """Return the results under `key`; None where there are none, or, with a warning, where they can't be used.

        Parameters
        ----------
        key : str
        made : mapping of layer to Provenance
            What must have made them.
        """
        path = self.path(key)
        try:
            check_readable(path)
            found = load(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ArchiveError, OSError) as error:
            warn(f"A result in the cache can't be used and is computed anew: {error}")
            return None
        if (
            not isinstance(found, Dissections)
            or list(found) != list(made)
            or not all(map(_same, found.values(), made.values()))
        ):
            warn(f"{path} holds another result than its name says; it is computed anew.")
            return None
        return found

    def save(self, key: str, results: Dissections) -> None:
        """Save results under `key`; warn where the directory can't be written to."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            save(results, self.path(key), images=False)
        except OSError as error:
            warn(f"The result is not in the cache: {error}. Choose a directory that can be written to.")


def _same(found: Dissection, made: Provenance) -> bool:
    """Return whether a result was made from what its key stands for, as far as its record tells."""
    return found.provenance is not None and not replace(found.provenance, uncounted="").differences(made)
