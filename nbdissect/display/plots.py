"""The paper's bar graph."""

from __future__ import annotations

import sys
import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nbdissect.display.palette import category_colors
from nbdissect.display.session import session
from nbdissect.text import plural, printable, printable_lines, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.summary import Limit, Summary

_INCHES_PER_BAR = 0.22
_INCHES_PER_CATEGORY = 1.8
_MOST_LIMITS = 8
# Names from elsewhere are no formulas: neither of matplotlib's own, nor of LaTeX where that sets all text.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}


class BarGraph(Figure):
    """A figure that a notebook shows once, though it is pyplot's current figure until the cell ends."""

    def _ipython_display_(self) -> None:
        """Show it as any figure; at the end of the cell, where all open figures are shown, it is closed by then."""
        from matplotlib import get_backend
        from matplotlib import pyplot as plt

        if "inline" in get_backend() and _closes_figures():
            session.before_cell_ends(partial(plt.close, self))
        raise NotImplementedError


def _closes_figures() -> bool:
    """Whether the notebook's backend closes figures after each cell, as it does unless told otherwise."""
    config = sys.modules.get("matplotlib_inline.config")
    return config is None or bool(config.InlineBackend.instance().close_figures)


def bar_graph(d: Dissection, ax: Axes | None, min_iou: float) -> Figure:
    """Return a Figure: the number of detectors of each concept, by category (report rule).

    Under it, the concepts that were out of reach and why: no detectors of a concept means
    something only where there could have been some.

    Parameters
    ----------
    d : Dissection
    ax : matplotlib.axes.Axes or None
        Where to draw; None: in a figure of its own, which becomes pyplot's current one.
    min_iou : float

    Raises
    ------
    ValueError
        If `ax` is something else.
    """
    summary, bars = d.summary(min_iou), _bars(d, min_iou)
    if ax is None:
        # pyplot's import is what teaches a notebook to show figures.
        from matplotlib import pyplot as plt

        slots = sum(len(counts) + 1 for counts in bars.values())
        width = min(max(7.0, 1 + _INCHES_PER_BAR * slots), 60.0)
        figure = plt.figure(FigureClass=BarGraph, figsize=(width, 4.2), layout="constrained")
        axes = figure.add_subplot()
    else:
        axes, figure = ax, figure_of(ax)
        width = figure.get_figwidth() * axes.get_position().width
    _draw_bars(axes, d, bars, width)
    title = f"{printable(d.layer)} of {printable(d.model)}: {summary.headline}"
    axes.set_title(textwrap.fill(title, max(20, int(width * 13))), fontsize=10, loc="left", **PLAIN)
    if not bars:
        text = f"No unit passes IoU {summary.comparison} {min_iou:g}"
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        axes.set_yticks([])
    lines = [line for text in _footnotes(d, summary) for line in textwrap.wrap(text, max(20, int(width * 16)))]
    if lines and ax is None:
        figure.supxlabel("\n".join(lines), fontsize=8, x=0.01, ha="left", **PLAIN)
    elif lines:
        axes.set_xlabel("\n".join(lines), fontsize=8, loc="left", **PLAIN)
    return figure


def figure_of(ax: Any) -> Any:
    """The figure of some axes: as anything that can be drawn in has one."""
    if not (hasattr(ax, "bar") and hasattr(ax, "get_figure")):
        raise ValueError(
            f"ax={ax!r:.80}; matplotlib Axes are needed, such as those of fig, ax = plt.subplots(). "
            "The cut goes by its name: d.plot(min_iou=0.1)."
        )
    return ax.get_figure()


def _draw_bars(axes: Axes, d: Dissection, bars: dict[str, dict[int, int]], width: float) -> None:
    """Draw the bars of each category side by side, with the names of their concepts below."""
    positions: list[int] = []
    start, palette = 0, category_colors(d.categories)
    for category, counts in bars.items():
        places = range(start, start + len(counts))
        label = f"{printable(category)} ({plural(len(counts), 'concept')})"
        drawn = axes.bar(places, list(counts.values()), color=palette[category], width=0.8, label=label)
        axes.bar_label(drawn, fontsize=7, padding=1)
        positions += places
        start += len(counts) + 1
    shown = [d.concepts[c] for counts in bars.values() for c in counts]
    names = [_short(short_name(concept.name, concept.category)) for concept in shown]
    axes.set_xticks(positions, names, rotation=90, fontsize=8, **PLAIN)
    axes.set_ylabel("detectors")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    if bars:
        columns = max(1, min(len(bars), int(width / _INCHES_PER_CATEGORY)))
        legend = axes.legend(frameon=False, fontsize=8, ncols=columns, loc="upper right")
        legend.set_in_layout(False)  # a long name of a category must not leave the bars without room
        for text in legend.get_texts():
            text.set(**PLAIN)
        rows = -(-len(bars) // columns)
        axes.set_ylim(top=(1.15 + 0.1 * rows) * max(max(counts.values()) for counts in bars.values()))


def _bars(d: Dissection, min_iou: float) -> dict[str, dict[int, int]]:
    """Detectors of each concept (its column), most first, by category."""
    best = d.best_concepts[d.is_detector(min_iou)]
    bars: dict[str, dict[int, int]] = {}
    for category in d.categories:
        columns, counts = np.unique([c for c in best if d.concepts[c].category == category], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        if len(order):
            bars[category] = {int(columns[k]): int(counts[k]) for k in order}
    return bars


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 24 else f"{name[:23]}…"


def _footnotes(d: Dissection, summary: Summary) -> list[str]:
    notes = [printable_lines(d.warning)] if d.warning else []
    absent = [limit for limit in summary.out_of_reach if not limit.occurs]
    limited = [limit for limit in summary.out_of_reach if limit.occurs]
    if limited:
        notes.append(
            f"Out of reach of IoU {summary.min_iou:g} whatever the units do, because their areas and the masks' differ too much: "
            f"{_listed(limited, ceilings=True)}."
        )
    if absent:
        notes.append(f"Without a pixel in these images: {_listed(absent)}.")
    return notes


def _listed(limits: list[Limit], *, ceilings: bool = False) -> str:
    names = [
        _short(limit.concept.name) + (f" (IoU\u00a0≤\u00a0{limit.ceiling:.3f})" if ceilings else "")
        for limit in limits[:_MOST_LIMITS]
    ]
    more = f" and {len(limits) - _MOST_LIMITS} more" if len(limits) > _MOST_LIMITS else ""
    return ", ".join(names) + more
