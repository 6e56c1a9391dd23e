"""What was found in a checkpoint and where it went, in words; and what is said where it doesn't fit."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbdissect.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from nbdissect.models.matching import Fit
    from nbdissect.models.state_dicts import Contents

_SHARD = re.compile(r"-\d{5}-of-\d{5}\.")


@dataclass(repr=False)
class CheckpointReport:
    """What :func:`nbdissect.load_checkpoint` found in a file, and what went into the model. Prints in words.

    Attributes
    ----------
    path : str
        The file that was read.
    model : str
        Class of the model.
    where : str
        The keys that lead to the weights in the file, joined by dots, such as ``net``; empty where the file is them.
    prefix : str
        What stood before the names in the file and was taken away, such as ``module.``.
    into : str
        What stands before the names in the model alone, such as ``backbone.``.
    loaded : list of str
        The model's tensors that hold the file's values now.
    missing_keys : list of str
        The model's tensors that are not in the file, and keep their values.
    unexpected_keys : list of str
        The file's tensors, without the prefix, that the model doesn't have.
    mismatched : dict of str to str
        The model's tensors whose shape or kind differs from the file's, which keep their values; and how they differ.
    notes : list of str
        What else was noticed: other sets of weights, other dtypes.
    """

    path: str
    model: str
    where: str
    prefix: str
    into: str
    loaded: list[str]
    missing_keys: list[str] = field(default_factory=list)
    unexpected_keys: list[str] = field(default_factory=list)
    mismatched: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every tensor of the model came from the file, and none of the file's was left over."""
        return not (self.missing_keys or self.unexpected_keys or self.mismatched)

    @property
    def _whole(self) -> int:
        return len(self.loaded) + len(self.missing_keys) + len(self.mismatched)

    def __repr__(self) -> str:
        # Short: a cell that ends in the call shows it below what was printed.
        return f"<CheckpointReport: {len(self.loaded):,} of the {plural(self._whole, 'tensor')} of {self.model}>"

    def __str__(self) -> str:
        place = f" from {self.where!r}" if self.where else ""
        place += f", without the prefix {self.prefix!r}" if self.prefix else ""
        place += f", into {self.into.rstrip('.')!r}" if self.into else ""
        first = f"{printable(self.path)}: {len(self.loaded):,} of the {plural(self._whole, 'tensor')} of {self.model} loaded{place}."
        return "\n".join([first, *self.differences(), *self.notes])

    def differences(self) -> list[str]:
        """Return a line for each kind of tensor that was not loaded."""
        lines = []
        if self.missing_keys:
            lines.append(f"Not in the file: {_listed(self.missing_keys)}.")
        if self.unexpected_keys:
            lines.append(f"Not in the model: {_listed(self.unexpected_keys)}.")
        if self.mismatched:
            lines.append(f"Different: {_listed([f'{name} ({why})' for name, why in self.mismatched.items()])}.")
        return lines


def describe_misfit(report: CheckpointReport, own: Mapping[str, torch.Tensor], fit: Fit, model: object) -> str:
    """Return the text of the error for a file that doesn't fit wholly.

    Parameters
    ----------
    report
    own : mapping of str to tensor
        The model's.
    fit, model
    """
    whole = len(report.loaded) + len(report.missing_keys) + len(report.mismatched)
    place = f" (at {fit.address!r})" if fit.address else ""
    lines = [
        f"{printable(report.path)} doesn't fit {report.model}: it has {len(report.loaded):,} of its {plural(whole, 'tensor')}{place}."
    ]
    lines += report.differences()
    if len(report.loaded) * 2 < whole:
        lines.append("It seems to belong to another network, or to one made with other settings.")
    lines += _renamed(report.missing_keys, report.unexpected_keys, own, fit)
    if hasattr(model, "from_pretrained") and report.unexpected_keys:  # transformers renames on its way out and in
        lines.append(
            f"Files of transformers may hold other names than its models: {report.model}.from_pretrained(directory) knows both."
        )
    lines += _shard_hint(report.path)
    partly = " strict=False loads what fits, and the rest of the model keeps its values." if fit.matched else ""
    lines.append(f"The model is as it was.{partly}")
    return "\n".join(lines)


def describe_stranger(path: str, model: str, own: Mapping[str, torch.Tensor], contents: Contents) -> str:
    """Return the text of the error for a file in which nothing fits."""
    if not contents.sets:
        return describe_no_weights(path, contents)
    largest = max(contents.sets, key=lambda source: len(source.tensors))
    place = f" at {largest.where!r}" if largest.where else ""
    lines = [
        f"No tensor of {printable(path)} has name and shape of one of {model}: it belongs to another network, or its names are other.",
        f"The file{place}: {_shapes(largest.tensors)}.",
        f"{model}: {_shapes(own)}.",
        *_shard_hint(path),
        "The model is as it was. Make the network that was trained, or rename the tensors.",
    ]
    return "\n".join(lines)


def describe_no_weights(path: str, contents: Contents) -> str:
    """Return the text of the error for a file without named tensors."""
    name, ask = printable(path), "Ask for a file of torch.save(model.state_dict(), path)."
    if contents.optimizers:
        place = f" (at {contents.optimizers[0]!r})" if contents.optimizers[0] else ""
        return f"{name} holds the state of an optimizer{place} and no weights of a network. {ask}"
    if contents.unnamed:
        place = f" (at {contents.unnamed[0]!r})" if contents.unnamed[0] else ""
        return (
            f"{name} holds a list of tensors without names{place}. By their order alone, two equal layers could be swapped and "
            f"nobody would see it. {ask}"
        )
    return f"{name} holds no tensors with names; it holds {printable(contents.described)}. {ask}"


def describe_choice(path: str, model: str, fits: Sequence[Fit]) -> str:
    """Return the text of the error for sets that fit equally well."""
    name, first = printable(path), fits[0]
    if all(fit.source is first.source and fit.prefix == first.prefix for fit in fits):
        places = [printable(fit.into.rstrip(".")) for fit in fits]
        return (
            f"{name} fits {len(places)} places in {model} equally well: {_listed(places)}. Load it into the one that is meant: "
            f"nd.load_checkpoint(model.{places[0]}, …)."
        )
    choices = [f"key={fit.address!r}" for fit in fits]
    return (
        f"{name} holds {len(fits)} sets of weights that fit {model} equally well, with other values: say which one is meant, "
        f"{' or '.join([', '.join(choices[:-1]), choices[-1]])}. The model is as it was."
    )


def describe_unknown_key(path: str, key: str, addresses: Sequence[str], contents: Contents) -> str:
    """Return the text of the error for a key under which nothing fits."""
    if any(source.where == key for source in contents.sets):
        what = f"What {printable(path)} holds at {key!r} has no tensor of the model's names and shapes"
    else:
        what = f"{printable(path)} has no weights at {key!r}"
    known = list(dict.fromkeys(addresses))
    hint = f"Weights that fit lie at {_listed([repr(place) for place in known])}." if known else ""
    return f"{what}. {hint or describe_no_weights(path, contents) if not contents.sets else hint or 'Nothing else in it fits either.'}"


def _renamed(
    missing: Sequence[str], unexpected: Sequence[str], model: Mapping[str, torch.Tensor], fit: Fit
) -> list[str]:
    """Name pairs of one shape and nearly one name; they are never loaded, since by shape alone equal layers are swapped."""
    pairs = []
    for name in missing[:50]:
        if name not in model:
            continue
        same = []
        for other in unexpected[:500]:
            tensor = fit.source.tensors.get(fit.prefix + other.removeprefix(fit.into))
            if tensor is not None and tensor.shape == model[name].shape:
                same.append(other)
        if near := difflib.get_close_matches(name, same, n=1, cutoff=0.7):
            pairs.append(f"{near[0]!r} for {name!r}")
    if not pairs:
        return []
    return [f"Perhaps renamed: {_listed(pairs, 3)}. If so, change the keys of torch.load(path, weights_only=True)."]


def _shard_hint(path: str) -> list[str]:
    if not _SHARD.search(path):
        return []
    return ["It is one shard of several: give the index beside it, which ends in .index.json, or the directory."]


def _shapes(tensors: Mapping[str, torch.Tensor]) -> str:
    return _listed([f"{name} {list(tensor.shape)}" for name, tensor in tensors.items()])


def _listed(names: Sequence[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(map(printable, names[:most])) + (f" and {rest:,} more" if rest > 0 else "")
