"""From a checkpoint that somebody else saved to a model that holds its weights."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.model_lock import sole_use
from nbdissect.files import expand
from nbdissect.models.checkpoint_reading import read_checkpoint
from nbdissect.models.checkpoint_report import (
    CheckpointReport,
    describe_choice,
    describe_misfit,
    describe_no_weights,
    describe_stranger,
    describe_unknown_key,
)
from nbdissect.models.matching import find_fits, is_counter, same_bits, why_not
from nbdissect.models.state_dicts import find_state_dicts, is_average
from nbdissect.text import describe_type, plural, printable
from nbdissect.validation import check_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbdissect.models.matching import Fit
    from nbdissect.models.state_dicts import Contents

_WORD = re.compile(r"(?:module\.|_orig_mod\.)*[^.]*")  # the first that says something


def load_checkpoint(
    model: torch.nn.Module, path: str | os.PathLike[str], *, key: str | None = None, strict: bool = True
) -> CheckpointReport:
    """Load the weights in somebody's checkpoint into a model, wherever they lie in the file.

    Files of torch.save (zipped or older), Lightning, safetensors (whole, or in shards by their index or
    directory) and TorchScript archives are read; of the last the weights alone. The weights may lie
    under any key (``net``, ``state_dict``, ``model_ema`` …) and behind any prefix (``module.``, ``_orig_mod.``,
    ``backbone.`` …): tensors find their places by name and shape, never by position. Prints what was
    found where.

    No code out of the file is run: it is read with ``weights_only=True``. NumPy numbers, a Namespace,
    paths and the like beside the weights are passed over.

    Parameters
    ----------
    model : torch.nn.Module
        Filled in place: its devices and dtypes stay.
    path : path
    key : str, optional
        Which set of weights is meant where several fit, such as ``"teacher"`` or ``"module.encoder_q"``;
        "" is the outermost one. By default the one that fits best, and running averages (EMA) before
        the weights that they average.
    strict : bool
        Whether a tensor that is missing, unexpected or of another shape is an error. Otherwise what fits
        is loaded, and the rest of the model keeps its values.

    Returns
    -------
    CheckpointReport
        ``where``, ``prefix``, ``loaded``, ``missing_keys``, ``unexpected_keys``, ``mismatched``.

    Raises
    ------
    ValueError
        If the file is no checkpoint, is damaged, would have to run code, or doesn't fit; or if several
        sets in it fit equally well. The model is then as it was, to the bit.
    OSError
        If there is no such file.

    Examples
    --------
    >>> report = nd.load_checkpoint(net, "LeNet.pth.tar")
    LeNet.pth.tar: 10 of the 10 tensors of LeNet loaded from 'net', without the prefix 'module.'.
    """
    check_model(model)
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise ValueError(f"path is {describe_type(path)}; the path of a checkpoint is needed, such as 'LeNet.pth.tar'.")
    if key is not None and not isinstance(key, str):
        raise ValueError(f"key is {describe_type(key)}; the name of a set in the file is needed, such as 'teacher'.")
    own = _own_tensors(model)
    file, content = read_checkpoint(expand(path))
    contents = find_state_dicts(content)
    with sole_use(model):
        fit, rivals = _choose(model, own, str(file), contents, key)
        report = _Loading(model, own, str(file), fit, rivals, chosen=key is not None).load(strict=strict)
    print(report)  # noqa: T201 - where it was found is said once, in the cell that asked
    return report


def _own_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's tensors by name; those that share their memory are one object."""
    kind = type(model).__name__
    tensors = {name: t for name, t in model.state_dict(keep_vars=True).items() if isinstance(t, torch.Tensor)}
    if not tensors:
        raise ValueError(f"{kind} has no parameters or buffers: there is nothing to load.")
    for name, tensor in tensors.items():
        if torch.nn.parameter.is_lazy(tensor):
            raise ValueError(
                f"{kind} is lazy: {name} gets its shape with the first batch. Run one first, such as "
                "model(torch.zeros(1, 3, 224, 224)), then load the checkpoint."
            )
        if tensor.is_meta:
            raise ValueError(
                f"Weights of {kind} are on the meta device and can't hold values. "
                "Make it with model.to_empty(device='cpu') first."
            )
    return tensors


def _choose(
    model: torch.nn.Module, own: Mapping[str, torch.Tensor], file: str, contents: Contents, key: str | None
) -> tuple[Fit, list[Fit]]:
    """Return how the file's weights go into the model, and the other ways that fit as well."""
    kind = type(model).__name__
    every = find_fits(own, contents.sets)
    fits = every
    if key is not None:
        fits = [fit for fit in every if fit.address == key] or [fit for fit in every if _names(key, fit.address)]
        if not fits or not fits[0].matched:
            raise ValueError(describe_unknown_key(file, key, [fit.address for fit in every if fit.matched], contents))
    # Some names agree by accident, and a network of other settings has them all.
    if not fits or (not fits[0].matched and len(fits[0].mismatched) * 2 < len(own)):
        raise ValueError(
            describe_stranger(file, kind, own, contents) if contents.sets else describe_no_weights(file, contents)
        )
    best = fits[0]
    rivals = [fit for fit in fits[1:] if len(fit.matched) == len(best.matched) and not fit.equals(best)]
    # Of a file that hardly fits, it says nothing that several parts of it hardly fit equally well.
    if rivals and len(best.matched) * 2 >= min(len(own), len(best.source.tensors)):
        averages = [fit for fit in (best, *rivals) if is_average(fit.address)]
        if len(averages) != 1:
            raise ValueError(describe_choice(file, kind, [best, *rivals]))
        best = averages[0]
    return best, [
        fit
        for fit in every
        if fit is not best and (len(fit.matched) == len(best.matched) or _is_lesser_average(fit, own))
    ]


def _is_lesser_average(fit: Fit, own: Mapping[str, torch.Tensor]) -> bool:
    """Whether a way to fill the model has averaged weights, though not all that the model wants: buffers may be missing."""
    return is_average(fit.address) and 2 * len(fit.matched) >= len(own)


def _holds(wide: torch.dtype, narrow: torch.dtype) -> bool:
    """Whether one dtype holds every value of another; False also where torch doesn't say."""
    try:
        return torch.promote_types(wide, narrow) == wide
    except RuntimeError:  # of eight bits
        return False


def _names(key: str, address: str) -> bool:
    """Whether a key is a part of an address, at its dots."""
    return bool(key.strip(".")) and f".{key.strip('.')}." in f".{address}."


class _Loading:
    """One set of weights on its way into a model, which is as it was if that fails."""

    def __init__(
        self,
        model: torch.nn.Module,
        own: dict[str, torch.Tensor],
        file: str,
        fit: Fit,
        rivals: list[Fit],
        *,
        chosen: bool,
    ) -> None:
        self._model, self._own, self._file, self._fit, self._rivals = model, own, file, fit, rivals
        self._notes = [*([] if chosen else self._choice_notes()), *self._dtype_notes(), *self._left_notes()]

    def load(self, *, strict: bool) -> CheckpointReport:
        """Load, or raise a ValueError and leave the model as it was."""
        self._check_shared()
        if (strict and self._fit.different) or not self._fit.matched:
            self._refuse_misfit(self._report(*self._expected()))
        with self._undone_on_error():
            try:
                found = self._model.load_state_dict(self._state(), strict=False)
            except (RuntimeError, KeyError, TypeError, AttributeError) as error:  # by hooks of the model's own
                raise ValueError(
                    f"{type(self._model).__name__} refused the weights of {printable(self._file)}: {error} The model is as it was."
                ) from error
            report = self._report(found.missing_keys, found.unexpected_keys)
            if strict and not report.complete:
                self._refuse_misfit(report)
        return report

    def _refuse_misfit(self, report: CheckpointReport) -> None:
        raise ValueError(describe_misfit(report, self._own, self._fit, self._model))

    def _state(self) -> OrderedDict[str, Any]:
        """Return what the model's own ``load_state_dict`` gets: the file's tensors, under the model's names.

        Also those that have no place, which hooks of the model may know under older names.
        """
        fit = self._fit
        different = set(fit.mismatched.values())
        state: OrderedDict[str, Any] = OrderedDict()
        for name, value in (*fit.source.tensors.items(), *fit.source.others.items()):
            inside = isinstance(value, torch.Tensor) or name.endswith("_extra_state")
            if inside and self._is_behind_prefix(name) and name not in different:
                state[fit.into + name[len(fit.prefix) :]] = value
        state._metadata = {  # type: ignore[attr-defined]  # noqa: SLF001 - where torch itself keeps the versions of modules
            (fit.into + f"{module}."[len(fit.prefix) :]).rstrip("."): versions
            for module, versions in fit.source.versions.items()
            if f"{module}.".startswith(fit.prefix) or not module
        }
        return state

    def _expected(self) -> tuple[list[str], list[str]]:
        """Return missing and unexpected names, as far as the names alone tell."""
        state = self._state()
        return [name for name in self._own if name not in state], [name for name in state if name not in self._own]

    def _report(self, missing: list[str], unexpected: list[str]) -> CheckpointReport:
        fit = self._fit
        known = {id(self._own[place]) for place in fit.matched}
        # A tensor under two names may stand in the file under one of them.
        lacking = [
            name
            for name in missing
            if name not in fit.mismatched and not is_counter(name) and id(self._own.get(name)) not in known
        ]
        gone = {*missing, *fit.mismatched}
        loaded = [
            name
            for name, tensor in self._own.items()
            if name in fit.matched or id(tensor) in known or (name not in gone and not is_counter(name))
        ]
        # Buffers that the model computes itself and doesn't save; other versions of it did.
        computed = {name for name, _ in self._model.named_buffers()} - self._own.keys()
        return CheckpointReport(
            path=os.fspath(self._file),
            model=type(self._model).__name__,
            where=fit.source.where,
            prefix=fit.prefix,
            into=fit.into,
            loaded=loaded,
            missing_keys=lacking,
            unexpected_keys=[name for name in unexpected if name not in computed and not is_counter(name)],
            mismatched={
                place: why_not(fit.source.tensors[name], self._own[place]) for place, name in fit.different.items()
            },
            notes=self._notes,
        )

    def _check_shared(self) -> None:
        """Refuse two tensors of the file for one of the model."""
        first: dict[int, str] = {}
        for place, name in self._fit.matched.items():
            other = first.setdefault(id(self._own[place]), name)
            if not same_bits(self._fit.source.tensors[other], self._fit.source.tensors[name]):
                raise ValueError(
                    f"In {type(self._model).__name__} {place} is the same tensor under another name, and {printable(self._file)} holds "
                    f"two that differ: {printable(other)} and {printable(name)}. The model is as it was. Make it without sharing weights."
                )

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        kept = {
            name: value.detach().clone() if isinstance(value, torch.Tensor) else value
            for name, value in self._model.state_dict().items()
        }
        try:
            yield
        except BaseException:
            with torch.no_grad():
                for name, value in self._model.state_dict().items():
                    if isinstance(value, torch.Tensor):
                        value.copy_(kept[name])
            extra = {name: value for name, value in kept.items() if not isinstance(value, torch.Tensor)}
            if extra:
                self._model.load_state_dict(extra, strict=False)
            raise

    def _is_behind_prefix(self, name: str) -> bool:
        """Whether a tensor of the file belongs to this set of weights, and not to another that fits as well."""
        others = (fit.prefix for fit in self._rivals if fit.source is self._fit.source)
        return name.startswith(self._fit.prefix) and not any(
            len(prefix) > len(self._fit.prefix) and name.startswith(prefix) for prefix in others
        )

    def _choice_notes(self) -> list[str]:
        rivals = [fit for fit in self._rivals if not fit.equals(self._fit)]
        if not rivals:
            return []
        others = ", ".join(f"key={fit.address!r}" for fit in rivals)
        if not is_average(self._fit.address):
            return [
                f"A running average (EMA) in the file has {len(rivals[0].matched):,} of the model's tensors alone: {others}, strict=False."
            ]
        return [f"The running average (EMA) was preferred to the weights that it averages: {others}."]

    def _dtype_notes(self) -> list[str]:
        pairs: dict[tuple[torch.dtype, torch.dtype], int] = {}
        for place, name in self._fit.matched.items():
            pair = self._fit.source.tensors[name].dtype, self._own[place].dtype
            if pair[0] != pair[1]:
                pairs[pair] = pairs.get(pair, 0) + 1
        return [
            f"{plural(count, 'tensor')} of {str(there)[6:]} became {str(here)[6:]}, "
            + ("exactly." if _holds(here, there) else "rounded: model.to() sets the model's dtype.")
            for (there, here), count in pairs.items()
        ]

    def _left_notes(self) -> list[str]:
        left = [name for name in self._fit.source.tensors if not self._is_behind_prefix(name)]
        if not left:
            return []
        groups = list(dict.fromkeys(_WORD.match(name)[0] for name in left))  # type: ignore[index]
        listed = ", ".join(map(printable, groups[:5])) + (", …" if len(groups) > 5 else "")
        return [f"Left in the file, not behind this prefix: {listed} ({plural(len(left), 'tensor')})."]
