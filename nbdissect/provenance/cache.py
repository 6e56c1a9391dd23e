"""Results kept in a directory under the digest of everything that determines them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdissect.notices import warn
from nbdissect.results.archive_format import ArchiveError
from nbdissect.results.archive_reader import load
from nbdissect.results.archive_writer import save
from nbdissect.results.dissections import Dissections

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        self.directory = Path(directory).expanduser()
        if self.directory.exists() and not self.directory.is_dir():
            raise ValueError(f"cache={str(directory)!r} is a file; the path of a directory is needed.")

    def path(self, key: str) -> Path:
        """Return the file that holds the result of this key, or would hold it."""
        return self.directory / f"{key}.nbd"

    def find(self, key: str, layers: Sequence[str]) -> Dissections | None:
        """Return the results of `layers` under `key`; None where there are none, or, with a warning, where they are damaged."""
        path = self.path(key)
        try:
            found = load(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ArchiveError, OSError) as error:
            warn(f"A result in the cache can't be used and is computed anew: {error}")
            return None
        if not isinstance(found, Dissections) or list(found) != list(layers):
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
