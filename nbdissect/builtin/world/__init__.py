"""A drawn world with pixel-exact labels: the built-in data set.

``World`` is the data set; see :mod:`nbdissect.builtin.world.data`. The pieces, from the inside
out: ``patterns`` (tiles), ``canvas`` (painting with labels), one module per kind of thing,
``stage`` (sky, ground, placing), ``outdoors``/``town``/``indoors`` (the scenes).
"""

from __future__ import annotations

from nbdissect.builtin.world.data import World

__all__ = ["World"]
