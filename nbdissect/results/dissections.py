"""Dissections of several layers from one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nbdissect.text import printable

if TYPE_CHECKING:
    import os

    from nbdissect.display.gallery import Gallery
    from nbdissect.results.dissection import Dissection


class Dissections(Mapping[str, "Dissection"]):
    """A mapping from layer to :class:`Dissection`, in the order asked for."""

    def __init__(self, by_layer: Mapping[str, Dissection]) -> None:
        self._by_layer = dict(by_layer)

    def __getitem__(self, layer: str) -> Dissection:
        try:
            return self._by_layer[layer]
        except KeyError:
            raise KeyError(
                f"{layer!r} is not among the dissected layers: {printable(', '.join(self._by_layer))}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_layer)

    def __len__(self) -> int:
        return len(self._by_layer)

    @property
    def only(self) -> Dissection:
        """The first of them: the only one where one layer was asked for."""
        return next(iter(self._by_layer.values()))

    def differences(self, other: Dissections) -> list[str]:
        """Return a line for each part in which the results of two runs differ; empty if they are equal."""
        if list(self) != list(other):
            return [printable(f"layers: {', '.join(self)} / {', '.join(other)}")]
        return [f"{printable(layer)}: {line}" for layer, d in self.items() for line in d.differences(other[layer])]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dissections):
            return NotImplemented
        return self is other or not self.differences(other)

    # By identity, as for a single result.
    __hash__ = object.__hash__

    def save(self, path: str | os.PathLike[str], *, images: bool = True) -> None:
        """Write all layers to one file, images shared: see :meth:`Dissection.save`; ``nd.load(path)`` returns them."""
        from nbdissect.results.archive_writer import save

        save(self, path, images=images)

    def to_html(self, path: str | os.PathLike[str], *, images: bool = True, **options: float) -> None:
        """Write one self-contained page of all the layers, to switch between or to set side by side.

        See :meth:`Dissection.to_html`.
        """
        from nbdissect.display.html_page import to_html

        to_html(self, path, images=images, **options)

    def gallery(self, **state: Any) -> Gallery:
        """Return one gallery of all the layers, to switch between or to set side by side."""
        from nbdissect.display.gallery import gallery

        return gallery(self, **state)

    def __repr__(self) -> str:
        return "\n".join(repr(d) for d in self._by_layer.values())

    def text(self, **options: float) -> str:
        """Return what a terminal shows: the summaries as tables."""
        return "\n\n".join(d.text(**options) for d in self._by_layer.values())

    def _repr_html_(self, **options: float) -> str:
        return "".join(d._repr_html_(**options) for d in self._by_layer.values())

    def _ipython_display_(self) -> None:
        from nbdissect.display.cell_output import show_once

        show_once(self)
