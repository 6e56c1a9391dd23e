"""How many units are detectors, of how many concepts: both counting rules, and what was out of reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nbdissect.results import scores
from nbdissect.text import percent, plural, printable

if TYPE_CHECKING:
    from nbdissect.results.layer_scores import LayerScores
    from nbdissect.types import Concept

# A concept over this share of the pixels is listed with its ceiling even where it can pass the cut.
LARGE = 0.05
_NEVER = "never occurs in these images"


@dataclass(frozen=True)
class Rule:
    """Counts under one rule, by category and, for all together, under "all"."""

    detectors: dict[str, int]
    unique: dict[str, int]


@dataclass(frozen=True)
class Limit:
    """A concept whose size limits its IoU.

    Attributes
    ----------
    concept : Concept
    coverage : float
        Its share of all mask pixels; NaN where the number of pixels is unknown (an imported file).
    ceiling : float
        The highest IoU that any unit of the layer could reach with it, given the areas.
    reachable : bool
        Whether that ceiling passes the cut.
    reason : str
        Why, in words.
    """

    concept: Concept
    coverage: float
    ceiling: float
    reachable: bool
    reason: str

    @property
    def occurs(self) -> bool:
        """Whether any image has a pixel of it."""
        return self.reason != _NEVER


@dataclass(frozen=True)
class Summary:
    """What a layer detects, counted by both rules of the literature: a table in a notebook, text elsewhere.

    Attributes
    ----------
    report : Rule
        A unit counts once, for its best concept over all categories; unique are distinct concepts.
    paper : Rule
        A unit counts in every category in which its best concept passes the cut; unique is the
        sum over categories of distinct names. ``detectors["all"]`` counts units once.
    limits : list of Limit
        Concepts that no unit could bring past the cut, and those over 5 % of the pixels.
    """

    layer: str
    model: str
    units: int
    min_iou: float
    report: Rule
    paper: Rule
    limits: list[Limit]
    facts: str
    notes: list[str] = field(default_factory=list)
    comparison: str = ">"

    @property
    def out_of_reach(self) -> list[Limit]:
        """The concepts that no unit could bring past the cut."""
        return [limit for limit in self.limits if not limit.reachable]

    @property
    def headline(self) -> str:
        """One line: how many detectors, of how many concepts."""
        return (
            f"{self.report.detectors['all']:,} of {plural(self.units, 'unit')} "
            f"{'is a detector' if self.report.detectors['all'] == 1 else 'are detectors'} "
            f"(IoU {self.comparison} {self.min_iou:g}), {plural(self.report.unique['all'], 'unique concept')}"
        )

    def __str__(self) -> str:
        lines = [f"{printable(f'{self.layer} of {self.model}')}: {self.headline}", self.facts, *self.notes, ""]
        lines.append(f"{'':<12}{'report rule':>20}{'paper rule':>22}")
        lines.append(f"{'':<12}{'detectors':>12}{'unique':>8}{'detectors':>14}{'unique':>8}")
        for name in self.report.detectors:
            lines.append(
                f"{printable(name):<12}{self.report.detectors[name]:>12,}{self.report.unique[name]:>8,}"
                f"{self.paper.detectors[name]:>14,}{self.paper.unique[name]:>8,}"
            )
        lines.append("Report rule: a unit counts once, for its best concept.")
        lines.append("Paper rule: a unit counts in every category in which it passes the cut.")
        lines.extend(_limit_lines(self.limits))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from nbdissect.display.summary_html import counts_html

        return counts_html(self)


def summarize(d: LayerScores, min_iou: float) -> Summary:
    """Count the detectors of `d` by both rules, at the cut `min_iou`."""
    return Summary(
        layer=d.layer,
        model=d.model,
        units=len(d.thresholds),
        min_iou=min_iou,
        report=_report(d, min_iou),
        paper=_paper(d, min_iou),
        limits=_limits(d, min_iou),
        facts=d.facts,
        notes=[d.warning] if d.warning else [],
        comparison="≥" if d.semantics == "netdissect-lite" else ">",
    )


def _report(d: LayerScores, min_iou: float) -> Rule:
    kept = d.best_concepts[d.is_detector(min_iou)]
    return _count(d, {name: kept[d.category_of[kept] == g] for g, name in enumerate(d.categories)}, len(kept))


def _paper(d: LayerScores, min_iou: float) -> Rule:
    winners = scores.best_by_category(d.iou, d.category_of, len(d.categories))
    if not d.concepts:
        return _count(d, {name: winners[:0, g] for g, name in enumerate(d.categories)}, 0)
    value = np.where(winners >= 0, np.take_along_axis(d.iou, np.maximum(winners, 0), axis=1), 0.0)
    kept = (winners >= 0) & scores.passes(value, min_iou, d.semantics)
    by_category = {name: winners[kept[:, g], g] for g, name in enumerate(d.categories)}
    return _count(d, by_category, int(kept.any(axis=1).sum()))


def _count(d: LayerScores, columns: dict[str, scores.Ints], units: int) -> Rule:
    detectors = {name: len(chosen) for name, chosen in columns.items()}
    unique = {name: len({d.concepts[c] for c in chosen}) for name, chosen in columns.items()}
    return Rule({**detectors, "all": units}, {**unique, "all": sum(unique.values())})


def _limits(d: LayerScores, min_iou: float) -> list[Limit]:
    if not len(d.thresholds) or not d.concepts:
        return []
    # A label counted twice can exceed the ceiling: what was reached was within reach.
    highest = np.nan_to_num(np.fmax(d.ceiling, d.iou), nan=-np.inf).max(axis=0)
    known = np.isfinite(highest) & ~np.isnan(d.truth)  # a table may not say how large a concept is
    coverage = d.truth / d.pixels if d.pixels else np.full(len(d.concepts), np.nan)
    reachable = scores.passes(highest, min_iou, d.semantics)
    largest_area = d.activation.max(axis=0)
    limits = []
    for c in np.nonzero(known & (~reachable | (coverage > LARGE)))[0]:
        area = largest_area[d.category_of[c]]
        if d.truth[c] == 0:
            reason = _NEVER
        elif not d.pixels:
            reason = f"covers {int(d.truth[c]):,} pixels, a unit's mask at most {int(area):,}"
        elif d.truth[c] > area:
            reason = f"covers {percent(coverage[c])} of the pixels, a unit's mask at most {percent(area / d.pixels)}"
        else:
            reason = f"covers only {int(d.truth[c]):,} pixels, the units' masks far more"
        limits.append(Limit(d.concepts[c], float(coverage[c]), float(highest[c]), bool(reachable[c]), reason))
    return sorted(limits, key=lambda limit: -limit.coverage)


def _limit_lines(limits: list[Limit], most: int = 12) -> list[str]:
    lines: list[str] = []
    for reachable, title in (
        (False, "Out of reach: no unit of this layer could pass the cut with"),
        (True, "Large, so limited:"),
    ):
        chosen = [limit for limit in limits if limit.occurs and limit.reachable is reachable]
        if chosen:
            lines += ["", title]
            lines += [
                f"  {printable(f'{limit.concept.name} ({limit.concept.category})')}: {limit.reason}; IoU ≤ {limit.ceiling:.3f}"
                for limit in chosen[:most]
            ]
            if len(chosen) > most:
                lines.append(f"  … and {len(chosen) - most:,} more: see .limits")
    if absent := [
        printable(f"{limit.concept.name} ({limit.concept.category})") for limit in limits if not limit.occurs
    ]:
        more = f" and {len(absent) - most:,} more" if len(absent) > most else ""
        lines += [
            "",
            f"Without a pixel in these images, {plural(len(absent), 'concept')}: {', '.join(absent[:most])}{more}",
        ]
    return lines
