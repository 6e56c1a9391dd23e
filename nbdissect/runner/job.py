"""One dissection from checked arguments to results: where it runs, what it reports, what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine.batches import choose_transform
from nbdissect.engine.config import RunInputs
from nbdissect.engine.labels import LabelReader
from nbdissect.engine.model_state import preserve_rng_state
from nbdissect.engine.threads import limited_threads
from nbdissect.notices import warn
from nbdissect.provenance.cache import Cache
from nbdissect.provenance.fingerprint import Fingerprint
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.results.per_image import PerImage
from nbdissect.runner import distributed, local
from nbdissect.runner.checkpoint import Checkpoint
from nbdissect.runner.interrupts import StopRequest, interruptible
from nbdissect.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    import torch

    from nbdissect.engine.config import RunConfig
    from nbdissect.engine.counting import Counts
    from nbdissect.runner.outcome import LayerOutcome, RunOutcome
    from nbdissect.types import Concept, ConceptData


def prepare(
    model: torch.nn.Module,
    data: ConceptData,
    concepts: tuple[Concept, ...],
    config: RunConfig,
    *,
    transform: Any,
    cache: Any,
    checkpoint: Any,
    executor: Executor | None,
) -> Job:
    """Return the job of a dissection whose arguments are checked; reads what the default transform must know.

    Parameters
    ----------
    model, data, config
    concepts : tuple of Concept
        Ascending by number.
    transform : callable or None
    cache, checkpoint : path or None
    executor : Executor or None
    """
    kept = None if cache is None else Cache(cache)
    labels = LabelReader(concepts, data.categories, config.semantics, getattr(data, "concept_numbers", ()))
    with preserve_rng_state(config.device), limited_threads():
        chosen = choose_transform(transform, model, data)
        fingerprint = Fingerprint(model, data, concepts, config, chosen)
    inputs = RunInputs(model, fingerprint.data, config, chosen, labels, len(concepts), len(data.categories))
    return Job(inputs, data, concepts, fingerprint, kept, checkpoint, executor)


@dataclass(frozen=True)
class Job:
    """A dissection to be run.

    Attributes
    ----------
    inputs : RunInputs
    data : data set
        As the user gave it.
    cache : Cache or None
    checkpoint : path or None
    executor : Executor or None
    """

    inputs: RunInputs
    data: Any
    concepts: tuple[Concept, ...]
    fingerprint: Fingerprint
    cache: Cache | None = None
    checkpoint: Any = None
    executor: Executor | None = None

    @property
    def title(self) -> str:
        """What is dissected, in words."""
        return f"{', '.join(self.inputs.config.layers)} of {type(self.inputs.model).__name__}"

    def run_here(self, report: Callable[[Progress], None]) -> Dissections:
        """Run in this thread, until done or interrupted; random states are as before afterwards."""
        stop = StopRequest()
        with preserve_rng_state(self.inputs.config.device), limited_threads(), interruptible(stop):
            return self.run(stop, report)

    def run(self, stop: StopRequest, report: Callable[[Progress], None]) -> Dissections:
        """Run until done or asked to stop, and return what was found."""
        result = self._executed(stop, report)
        found = self._results(result)
        whole = result.counted == len(self.inputs.config.images)
        uncounted = self._uncounted()
        _warn_of(uncounted)
        # A run that was stopped doesn't read the rest of the data for their digest.
        records = {name: self.fingerprint.provenance(name, data=whole) for name in found}
        found = Dissections(
            {name: replace(d, provenance=replace(records[name], uncounted=uncounted)) for name, d in found.items()}
        )
        if self.cache is not None and whole:
            self.cache.keep(self.fingerprint.key(), found)
        return found

    def cached(self) -> Dissections | None:
        """Return what the cache holds for this job."""
        if self.cache is None:
            return None
        with preserve_rng_state(self.inputs.config.device), limited_threads():
            found = self.cache.find(self.fingerprint.key(), list(self.inputs.config.layers))
        if found is None:
            return None
        for text in {d.provenance.uncounted: None for d in found.values() if d.provenance}:
            _warn_of(text)
        return Dissections({name: replace(d, data=self.data) for name, d in found.items()})

    def _executed(self, stop: StopRequest, report: Callable[[Progress], None]) -> RunOutcome:
        if self.executor is not None:
            return distributed.run(
                self.executor, self.inputs, stop=stop, report=lambda p: report(Progress(p.stage, p.done, p.total))
            )
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint(self.checkpoint, self.fingerprint.key(data=False))
        finished = False
        try:
            result = local.run(
                self.inputs,
                stop=stop,
                report=lambda p, look: report(Progress(p.stage, p.done, p.total, lambda: self._look(look))),
                checkpoint=checkpoint,
            )
            finished = result.counted == len(self.inputs.config.images)
        finally:
            if checkpoint is not None:
                checkpoint.close(finished=finished)
        return result

    def _look(self, look: Callable[[], RunOutcome | None]) -> Dissections | None:
        result = look()
        return None if result is None else self._results(result, provisional=True)

    def _uncounted(self) -> str:
        """Say which labels were not counted; nothing where all were."""
        labels, categories = self.inputs.labels, ", ".join(self.data.categories)
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

    def _results(self, result: RunOutcome, *, provisional: bool = False) -> Dissections:
        return Dissections(
            {
                name: self._dissection(name, result, found, provisional=provisional)
                for name, found in result.layers.items()
            }
        )

    def _dissection(self, name: str, result: RunOutcome, found: LayerOutcome, *, provisional: bool) -> Dissection:
        settings, counts = self.inputs.config, result.tallies.layers[name]
        complete = not provisional and result.counted == len(settings.images)
        return Dissection(
            layer=name,
            model=type(self.inputs.model).__name__,
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
            drawings=getattr(self.data, "drawings", False) and not _made_for_drawings(self.inputs.model),
            data=self.data,
            thresholds_given=settings.given_thresholds is not None,
            provisional=provisional,
        )


def _warn_of(text: str) -> None:
    if text:
        warn(text)


def _made_for_drawings(model: torch.nn.Module) -> bool:
    from nbdissect.builtin.network import DemoNetwork

    return isinstance(model, DemoNetwork)


def _per_image(result: RunOutcome, counts: Counts, categories: int) -> PerImage:
    def stack(rows: list[Any], width: int, dtype: type = np.int64) -> Any:
        return np.concatenate(rows) if rows else np.empty((0, width), dtype)

    return PerImage(
        intersection=stack(counts.rows["intersection"], 4),
        area=stack(counts.rows["area"], 3),
        area_categories=stack(counts.rows["area_categories"], categories, bool),
        truth=stack(result.tallies.rows["truth"], 3),
        pixels=stack(result.tallies.rows["pixels"], 2),
    )
