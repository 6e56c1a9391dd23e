"""One call of `nbdissect.dissect`: runs it where it is to run, and makes results of what it found."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.engine.config import RunInputs
from nbdissect.engine.labels import LabelReader
from nbdissect.engine.model_lock import sole_use
from nbdissect.engine.model_state import preserve_rng_state
from nbdissect.engine.paper_preprocessing import paper_transform
from nbdissect.engine.preprocessing import Normalize, choose_transform, probe_fitting
from nbdissect.engine.probe import probe_layers
from nbdissect.engine.receptive_fields import with_fields
from nbdissect.engine.threads import limited_threads
from nbdissect.notices import warn
from nbdissect.provenance.cache import Cache
from nbdissect.provenance.data_digest import DataChangedError, DigestingDataset
from nbdissect.provenance.fingerprint import Fingerprint
from nbdissect.results.dissection import Dissection
from nbdissect.results.dissections import Dissections
from nbdissect.results.per_image import PerImage
from nbdissect.runner import distributed, local
from nbdissect.runner.checkpoint import Checkpoint
from nbdissect.runner.explaining import RunRecord
from nbdissect.runner.interrupts import StopRequest, interruptible
from nbdissect.runner.shard_checkpoint import ShardCheckpoint
from nbdissect.samples import check_repeatable, comes_with_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    import torch
    from numpy.typing import NDArray

    from nbdissect.engine.config import RunConfig
    from nbdissect.engine.counting import Counts
    from nbdissect.runner.outcome import LayerOutcome, RunOutcome
    from nbdissect.types import Concept, ConceptData, Progress


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
    lent: torch.nn.Module | None = None,
) -> Job:
    """Return the job of a call whose arguments are checked; probes the model, digests it, and reads a few images to check the data.

    Parameters
    ----------
    model, data, config
    concepts : tuple of Concept
        Ascending by number.
    transform : callable or None
    cache, checkpoint : path or None
    executor : Executor or None
    lent : torch.nn.Module, optional
        What the user gave, where `model` is a copy of it.
    """
    opened = None if cache is None else Cache(cache)
    labels = LabelReader(concepts, data.categories, config.semantics, getattr(data, "concept_numbers", ()))
    with preserve_rng_state(config.device), limited_threads(), sole_use(model):
        held = check_repeatable(data, config.probes)
        watched = DigestingDataset(data, record=checkpoint is not None, held=held, room=config.memory // 32)
        if config.protocol:
            transform = paper_transform(model, data)
        chosen = choose_transform(transform, model, data)
        first = [(index, watched[index].image) for index in config.probes]
        # Before anything else looks at the weights: lazy layers get theirs with their first batch.
        probe, chosen = probe_fitting(
            lambda chosen: probe_layers(
                model, config.layers, first, chosen, config.device, config.output, config.forward
            ),
            chosen,
            transform,
            model,
            watched,
        )
        if config.upsample == "receptive-field":
            probe = with_fields(probe, model, first, chosen, config.device, config.forward)
        fingerprint = Fingerprint(model, watched, concepts, config, chosen, probe)
    inputs = RunInputs(model, watched, config, chosen, labels, len(concepts), len(data.categories), probe)
    record = RunRecord.of(inputs, weakref.ref(model if lent is None else lent), data)
    return Job(inputs, data, concepts, fingerprint, record, opened, checkpoint, executor)


@dataclass(frozen=True)
class Job:
    """One call of `dissect`, checked: what to run, where to run it, and where its results are kept.

    Attributes
    ----------
    inputs : RunInputs
        Its data set digests what is read.
    data : data set
        As the user gave it.
    fingerprint : Fingerprint
    record : RunRecord
        For results, which are asked of one image later.
    cache : Cache or None
    checkpoint : path or None
    executor : Executor or None
    """

    inputs: RunInputs
    data: Any
    concepts: tuple[Concept, ...]
    fingerprint: Fingerprint
    record: RunRecord
    cache: Cache | None = None
    checkpoint: Any = None
    executor: Executor | None = None

    @property
    def title(self) -> str:
        """What is dissected, in words."""
        return f"{', '.join(self.inputs.config.layers)} of {type(self.inputs.model).__name__}"

    @property
    def described_title(self) -> str:
        """What is dissected, and what the network is fed where nobody but the package chose it."""
        chosen = self.inputs.transform
        return f"{self.title}, fed {chosen.described}" if isinstance(chosen, Normalize) else self.title

    def run_here(self, report: Callable[[Progress], None]) -> Dissections:
        """Run in this thread, until done or interrupted; random states are as before afterwards."""
        stop = StopRequest()
        with preserve_rng_state(self.inputs.config.device), limited_threads(), interruptible(stop):
            return self.run(stop, report)

    def run(self, stop: StopRequest, report: Callable[[Progress], None]) -> Dissections:
        """Run until done or asked to stop, and return the results."""
        outcome = self._execute(stop, report)
        found = self._make_dissections(outcome)
        whole = outcome.counted == len(self.inputs.config.images)
        uncounted = self._describe_uncounted(outcome.tallies.truth if whole else None)
        _warn_of(uncounted)
        # A run that was stopped doesn't read the rest of the data for their digest.
        provenance = {name: self.fingerprint.make_provenance(name, data=whole) for name in found}
        found = Dissections(
            {name: replace(d, provenance=replace(provenance[name], uncounted=uncounted)) for name, d in found.items()}
        )
        if self.cache is not None and whole:
            self._keep(found)
        return found

    def _keep(self, found: Dissections) -> None:
        """Save results in the cache, unless the data changed after their key was made."""
        assert self.cache is not None
        try:
            self.inputs.data.check_unchanged()
        except DataChangedError as error:
            warn(f"The result is not in the cache, and may mix old and new data: {error}")
            return
        self.cache.save(self.fingerprint.compute_key(), found)

    def cached(self) -> Dissections | None:
        """Return what the cache holds for this job."""
        if self.cache is None:
            return None
        with preserve_rng_state(self.inputs.config.device), limited_threads():
            key = self.fingerprint.compute_key()
            found = self.cache.find(
                key, {name: self.fingerprint.make_provenance(name) for name in self.inputs.config.layers}
            )
        if found is None:
            return None
        for text in {d.provenance.uncounted: None for d in found.values() if d.provenance}:
            _warn_of(text)
        return Dissections({name: replace(d, data=self.data, run=self.record) for name, d in found.items()})

    def _execute(self, stop: StopRequest, report: Callable[[Progress], None]) -> RunOutcome:
        config, finished = self.inputs.config, False
        checkpoint: Any = None
        if self.checkpoint is not None:
            kind = Checkpoint if self.executor is None else ShardCheckpoint
            key = self.fingerprint.compute_key(data=False)
            checkpoint = kind(self.checkpoint, key, {"memory_mb": config.memory >> 20})
        try:
            if self.executor is None:
                outcome = local.run(
                    self.inputs,
                    stop=stop,
                    report=lambda p, snapshot: report(replace(p, look=lambda: self._preview(snapshot))),
                    checkpoint=checkpoint,
                )
            else:
                outcome = distributed.run(self.executor, self.inputs, stop=stop, report=report, checkpoint=checkpoint)
            finished = outcome.counted == len(config.images)
        finally:
            if checkpoint is not None:
                checkpoint.close(finished=finished)
        return outcome

    def _preview(self, snapshot: Callable[[], RunOutcome | None]) -> Dissections | None:
        outcome = snapshot()
        return None if outcome is None else self._make_dissections(outcome, provisional=True)

    def _describe_uncounted(self, truth: NDArray[np.int64] | None) -> str:
        """Return sentences on the labels that were not counted; empty where all were.

        Parameters
        ----------
        truth : int64 [C], optional
            The pixels of each concept, where all images were counted.
        """
        labels, categories = self.inputs.labels, ", ".join(self.data.categories)
        sentences = []
        if skipped := sorted(labels.skipped - {0}):
            numbers = ", ".join(map(str, skipped[:5]))
            sentences.append(
                f"{len(skipped)} label numbers in the masks are no concept of the chosen categories "
                f"({categories}) and were not counted: {numbers}{', …' if len(skipped) > 5 else ''}."
            )
        # Files in the Broden format use 0 for none; in a data set of the user's own it is often the first class.
        if 0 in labels.skipped and truth is not None and not comes_with_package(self.data):
            missing = [
                f"{concept.name} ({concept.category})" for concept in itertools.compress(self.concepts, truth == 0)
            ]
            if missing:
                sentences.append(
                    f"A whole-image label 0 means no concept, and no image has a pixel of {', '.join(missing[:5])}"
                    f"{', …' if len(missing) > 5 else ''}: number your classes from 1."
                )
        if labels.strange_categories:
            strange = ", ".join(sorted(labels.strange_categories))
            sentences.append(f"Masks of {strange} were not counted: data.categories holds {categories}.")
        return " ".join(sentences)

    def _make_dissections(self, outcome: RunOutcome, *, provisional: bool = False) -> Dissections:
        return Dissections(
            {
                name: self._make_dissection(name, outcome, found, provisional=provisional)
                for name, found in outcome.layers.items()
            }
        )

    def _make_dissection(self, name: str, outcome: RunOutcome, found: LayerOutcome, *, provisional: bool) -> Dissection:
        config, counts = self.inputs.config, outcome.tallies.layers[name]
        complete = not provisional and outcome.counted == len(config.images)
        return Dissection(
            layer=name,
            model=type(self.inputs.model).__name__,
            semantics=config.semantics,
            quantile=config.quantile,
            categories=tuple(self.data.categories),
            concepts=self.concepts,
            thresholds=found.thresholds,
            intersection=counts.intersection,
            truth=outcome.tallies.truth,
            activation=counts.activation,
            top_images=found.top_images,
            top_activations=found.top_activations,
            top_maps=found.top_maps,
            silent=found.silent,
            category_pixels=outcome.tallies.category_pixels,
            images=outcome.counted,
            seen=0 if complete else outcome.seen,
            planned=0 if complete else len(config.images),
            pixels=outcome.tallies.pixels,
            per_image=_per_image(outcome, counts, len(self.data.categories)) if config.per_image else None,
            drawings=getattr(self.data, "drawings", False) and not _made_for_drawings(self.inputs.model),
            data=self.data,
            run=None if provisional else self.record,
            thresholds_given=config.given_thresholds is not None,
            provisional=provisional,
            receptive_field=self.inputs.probe.fields.get(name),
        )


def _warn_of(text: str) -> None:
    if text:
        warn(text)


def _made_for_drawings(model: torch.nn.Module) -> bool:
    from nbdissect.builtin.network import DemoNetwork

    return isinstance(model, DemoNetwork)


def _per_image(outcome: RunOutcome, counts: Counts, categories: int) -> PerImage:
    def stack(rows: list[Any], width: int, dtype: type = np.int64) -> Any:
        return np.concatenate(rows) if rows else np.empty((0, width), dtype)

    return PerImage(
        intersection=stack(counts.rows["intersection"], 4),
        area=stack(counts.rows["area"], 3),
        area_categories=stack(counts.rows["area_categories"], categories, bool),
        truth=stack(outcome.tallies.rows["truth"], 3),
        pixels=stack(outcome.tallies.rows["pixels"], 2),
        unlabeled=np.concatenate(counts.rows["unlabeled"]) if counts.rows["unlabeled"] else None,
    )
