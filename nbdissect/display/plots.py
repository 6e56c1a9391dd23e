"""The paper's bar graph."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.display.palette import category_colors
from nbdissect.text import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nbdissect.results.dissection import Dissection
    from nbdissect.results.summary import Summary

_INCHES_PER_BAR = 0.22
_MOST_LIMITS = 8


def bar_graph(d: Dissection, min_iou: float) -> Figure:
    """Return a Figure: the number of detectors of each concept, by category (report rule).

    Under it, the concepts that were out of reach and why: no detectors of a concept means
    something only where there could have been some.
    """
    # pyplot's import is what teaches a notebook to show figures.
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    summary = d.summary(min_iou)
    bars = _bars(d, min_iou)
    gap = 1
    positions, start, middles = [], 0, {}
    for category, counts in bars.items():
        positions.append(start + np.arange(len(counts)))
        middles[category] = start + (len(counts) - 1) / 2
        start += len(counts) + gap
    figure = plt.figure(figsize=(min(max(7.0, 1 + _INCHES_PER_BAR * start), 60.0), 4.2), layout="constrained")
    axes = figure.add_subplot()
    palette = category_colors(d.categories)
    for place, (category, counts) in zip(positions, bars.items(), strict=True):
        drawn = axes.bar(
            place,
            list(counts.values()),
            color=palette[category],
            width=0.8,
            label=f"{category} ({plural(len(counts), 'concept')})",
        )
        axes.bar_label(drawn, fontsize=7, padding=1)
    axes.set_xticks(
        np.concatenate(positions) if positions else [],
        [_short(d.concepts[c].name) for counts in bars.values() for c in counts],
        rotation=90,
        fontsize=8,
    )
    axes.set_ylabel("detectors")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{d.layer} of {d.model}: {summary.headline}", fontsize=10, loc="left")
    if bars:
        axes.legend(frameon=False, fontsize=8, ncols=len(bars), loc="upper right")
        axes.set_ylim(top=1.25 * max(max(counts.values()) for counts in bars.values()))
    else:
        axes.text(
            0.5, 0.5, f"No unit passes IoU {summary.comparison} {min_iou:g}", ha="center", transform=axes.transAxes
        )
        axes.set_yticks([])
    width = int(figure.get_figwidth() * 16)
    lines = [line for text in _footnotes(d, summary) for line in textwrap.wrap(text, width)]
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=8, x=0.01, ha="left")
    plt.close(figure)  # or the notebook shows it a second time
    return figure


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
    return name if len(name) <= 24 else f"{name[:23]}…"


def _footnotes(d: Dissection, summary: Summary) -> list[str]:
    notes = [d.warning] if d.warning else []
    limits = summary.out_of_reach
    if limits:
        listed = ", ".join(
            f"{limit.concept.name} (IoU\u00a0≤\u00a0{limit.ceiling:.3f})" for limit in limits[:_MOST_LIMITS]
        )
        more = f" and {len(limits) - _MOST_LIMITS} more" if len(limits) > _MOST_LIMITS else ""
        notes.append(
            f"Out of reach of IoU {summary.min_iou:g} whatever the units do, because their areas and the masks' differ too much: {listed}{more}."
        )
    return notes
