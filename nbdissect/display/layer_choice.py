"""What puts the line of a clicked layer into the next cell: a widget that shows nothing, and knows the notebook."""

from __future__ import annotations

import anywidget
import traitlets

from nbdissect.display.bundle import STATIC


class LayerChoice(anywidget.AnyWidget):
    """The page's side of a table of layers, see ``js/src/layers.ts``: it is made with the widget, not with a view.

    Attributes
    ----------
    table : str
        Id of the table's element.
    cell : str
        Id of the cell whose output the table is.
    """

    _esm = STATIC / "layers.js"

    table = traitlets.Unicode("").tag(sync=True)
    cell = traitlets.Unicode("").tag(sync=True)
