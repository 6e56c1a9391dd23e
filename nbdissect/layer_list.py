"""The layers of a model, as a sequence that shows itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

from nbdissect.layer_line import NAME_ONLY, CodeLine
from nbdissect.layer_stages import Layer, Recommendation, Stage, recommend, stages_of


class Layers(Sequence[Layer]):
    """The layers of a model in the order in which they return; shows itself as a table, stage by stage.

    In a notebook a click on a layer writes the line that dissects it into the next cell, or copies it.

    Attributes
    ----------
    model : str
        Class of the model.
    fed : str
        What the layers were read on, in words.
    images : int
        How many images a dissection would be over.
    seconds : float
        What one of them takes in a pass to the end of the network; 0 where that isn't known.
    measured : int
        How many were in a pass when that was measured.
    device : str
        Where that was.
    line : CodeLine
        The line of code that dissects one of them.
    """

    def __init__(
        self,
        model: str,
        layers: list[Layer],
        fed: str = "",
        *,
        images: int = 0,
        seconds: float = 0.0,
        measured: int = 0,
        device: str = "cpu",
        line: CodeLine = NAME_ONLY,
    ) -> None:
        self.model, self.fed, self.images, self.seconds = model, fed, images, seconds
        self.measured, self.device = measured, device
        self.line = line
        self._layers = layers

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> list[Layer]: ...

    def __getitem__(self, index: int | slice) -> Layer | list[Layer]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    @cached_property
    def stages(self) -> list[Stage]:
        """The layers in runs of one map size."""
        return stages_of(self._layers)

    @cached_property
    def recommendation(self) -> Recommendation:
        """Layers to begin with, and why these."""
        return recommend(self.stages)

    @property
    def recommended(self) -> list[Layer]:
        """Up to three layers to begin with, the latest first."""
        return self.recommendation.layers

    def __repr__(self) -> str:
        from nbdissect.display.layer_text import layers_text

        return layers_text(self)

    def _repr_html_(self) -> str:
        from nbdissect.display.layer_html import layers_html

        return layers_html(self)

    @property
    def why_empty(self) -> str:
        """What to say where there are none."""
        return f"{self.model} has no layers to list: it called no module of its own on {self.fed}."
