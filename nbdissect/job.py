"""One dissection from checked arguments to results: where it runs, what it tells, what comes of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine import plan
from nbdissect.engine.checkpoint import Checkpoint
from nbdissect.engine.run import run
from nbdissect.engine.shards import run_with
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.results.per_image import PerImage

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    import torch

    from nbdissect.engine.plan import Work
    from nbdissect.engine.result import LayerResult, Result
    from nbdissect.engine.stopping import Stop
    from nbdissect.engine.tally import Counts
    from nbdissect.origin import Origin
    from nbdissect.results.cache import Cache
    from nbdissect.results.concept import Concept


def _nothing_yet() -> None:
    return None


@dataclass(frozen=True)
class Progress(plan.Progress):
    """How far a run is: `done` of `total` images in a stage ("network" or "labels").

    Attributes
    ----------
    look : callable
        Returns what can be told by now, as provisional :class:`Dissections`; None where that is
        nothing yet. Each call counts the labels of some more images, which takes a moment.
    """

    look: Callable[[], Dissections | None] = _nothing_yet


@dataclass(frozen=True)
class Job:
    """A dissection to be run.

    Attributes
    ----------
    work : Work
    data : data set
        As the user gave it.
    shelf : Cache or None
    checkpoint : path or None
    executor : Executor or None
    """

    work: Work
    data: Any
    concepts: tuple[Concept, ...]
    origin: Origin
    shelf: Cache | None = None
    checkpoint: Any = None
    executor: Executor | None = None

    def run(self, stop: Stop, tell: Callable[[Progress], None]) -> Dissections:
        """Run until done or stopped, and return what was found."""
        result = self._executed(stop, tell)
        found = self._results(result)
        whole = result.counted == len(self.work.plan.images)
        uncounted = self._uncounted()
        _warn_of(uncounted)
        # A run that was stopped doesn't read the rest of the data for their digest.
        records = {name: self.origin.provenance(name, data=whole) for name in found}
        found = Dissections(
            {name: replace(d, provenance=replace(records[name], uncounted=uncounted)) for name, d in found.items()}
        )
        if self.shelf is not None and whole:
            self.shelf.keep(self.origin.key(), found)
        return found

    def kept(self) -> Dissections | None:
        """Return what the cache holds for this job."""
        found = self.shelf.find(self.origin.key(), list(self.work.plan.layers)) if self.shelf is not None else None
        if found is None:
            return None
        for text in {d.provenance.uncounted: None for d in found.values() if d.provenance}:
            _warn_of(text)
        return Dissections({name: replace(d, data=self.data) for name, d in found.items()})

    def _executed(self, stop: Stop, tell: Callable[[Progress], None]) -> Result:
        if self.executor is not None:
            return run_with(
                self.executor, self.work, stop=stop, tell=lambda p: tell(Progress(p.stage, p.done, p.total))
            )
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint(self.checkpoint, self.origin.key(data=False))
        finished = False
        try:
            result = run(
                self.work,
                stop=stop,
                tell=lambda p, look: tell(Progress(p.stage, p.done, p.total, lambda: self._look(look))),
                checkpoint=checkpoint,
            )
            finished = result.counted == len(self.work.plan.images)
        finally:
            if checkpoint is not None:
                checkpoint.close(finished=finished)
        return result

    def _look(self, look: Callable[[], Result | None]) -> Dissections | None:
        result = look()
        return None if result is None else self._results(result, provisional=True)

    def _uncounted(self) -> str:
        """Say which labels were not counted; nothing where all were."""
        labels, categories = self.work.labels, ", ".join(self.data.categories)
        told = []
        if labels.skipped:
            numbers = ", ".join(map(str, sorted(labels.skipped)[:5]))
            told.append(
                f"{len(labels.skipped)} label numbers in the masks are no concept of the chosen categories "
                f"({categories}) and were not counted: {numbers}{', …' if len(labels.skipped) > 5 else ''}."
            )
        if labels.strange_categories:
            strange = ", ".join(sorted(labels.strange_categories))
            told.append(f"Masks of {strange} were not counted: data.categories holds {categories}.")
        return " ".join(told)

    def _results(self, result: Result, *, provisional: bool = False) -> Dissections:
        return Dissections(
            {
                name: self._dissection(name, result, found, provisional=provisional)
                for name, found in result.layers.items()
            }
        )

    def _dissection(self, name: str, result: Result, found: LayerResult, *, provisional: bool) -> Dissection:
        settings, counts = self.work.plan, result.tallies.layers[name]
        complete = not provisional and result.counted == len(settings.images)
        return Dissection(
            layer=name,
            model=type(self.work.model).__name__,
            semantics=settings.semantics,
            quantile=settings.quantile,
            categories=tuple(self.data.categories),
            concepts=self.concepts,
            thresholds=found.thresholds,
            # Copies of what a run that goes on will add to.
            intersection=counts.intersection.copy(),
            truth=result.tallies.truth.copy(),
            activation=counts.activation.copy(),
            top_images=found.top_images,
            top_activations=found.top_activations,
            top_maps=found.top_maps,
            images=result.counted,
            seen=0 if complete else result.seen,
            planned=0 if complete else len(settings.images),
            pixels=result.tallies.pixels,
            per_image=_per_image(result, counts, len(self.data.categories)) if settings.per_image else None,
            drawings=getattr(self.data, "drawings", False) and not _made_for_drawings(self.work.model),
            data=self.data,
            thresholds_given=settings.given_thresholds is not None,
            provisional=provisional,
        )


def _warn_of(text: str) -> None:
    if text:
        warnings.warn(text, stacklevel=4)


def _made_for_drawings(model: torch.nn.Module) -> bool:
    from nbdissect.models.demo import DemoNetwork

    return isinstance(model, DemoNetwork)


def _per_image(result: Result, counts: Counts, categories: int) -> PerImage:
    def stack(rows: list[Any], width: int, dtype: type = np.int64) -> Any:
        return np.concatenate(rows) if rows else np.empty((0, width), dtype)

    return PerImage(
        intersection=stack(counts.rows["intersection"], 4),
        area=stack(counts.rows["area"], 3),
        area_categories=stack(counts.rows["area_categories"], categories, bool),
        truth=stack(result.tallies.rows["truth"], 3),
        pixels=stack(result.tallies.rows["pixels"], 2),
    )
