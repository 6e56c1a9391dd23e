"""Which tensor of a file belongs where in a model: by name and shape, never by position.

Files and models differ in what stands before the names: ``module.`` of DataParallel, ``model.`` of a Lightning
module, ``encoder_q.`` of MoCo. Every prefix that occurs is tried, and the one counts with which the most tensors
have a place of the same name and shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbdissect.models.state_dicts import StateDict

    Names = dict[str, None]
    """Names in their order, to be looked up."""

# What only wraps a network. Before other names than these, nothing is both taken away and put in place.
_WRAPPERS = {
    *("module", "_orig_mod", "model", "net", "network", "backbone", "encoder", "trunk", "visual", "base_model"),
    *("student", "teacher", "ema", "ema_model", "model_ema", "online", "target", "encoder_q", "encoder_k"),
}
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Fit:
    """One way to put a set of a file into a model.

    Attributes
    ----------
    source : StateDict
    prefix : str
        What stands before the file's names and not in the model's, with its dot.
    into : str
        What stands before the model's names and not in the file's, with its dot.
    matched : dict of str to str
        The model's names to the file's, where also the shapes are the same.
    mismatched : dict of str to str
        The same, where they aren't.
    """

    source: StateDict
    prefix: str
    into: str
    matched: dict[str, str]
    mismatched: dict[str, str]

    @property
    def address(self) -> str:
        """Where in the file it lies, set and prefix."""
        return ".".join(part for part in (self.source.where, self.prefix.rstrip(".")) if part)

    @property
    def different(self) -> dict[str, str]:
        """What is mismatched and matters: a counter of batches doesn't."""
        return {place: name for place, name in self.mismatched.items() if not is_counter(place)}

    @cached_property
    def unexpected(self) -> int:
        """How many of the file's tensors behind the prefix have no name in the model."""
        inside = sum(name.startswith(self.prefix) for name in self.source.tensors)
        return inside - len(self.matched) - len(self.mismatched)

    def equals(self, other: Fit) -> bool:
        """Whether both put the same values into the same places."""
        return self.matched.keys() == other.matched.keys() and all(
            same_bits(self.source.tensors[name], other.source.tensors[other.matched[key]])
            for key, name in self.matched.items()
        )


def find_fits(model: Mapping[str, torch.Tensor], sources: Iterable[StateDict]) -> list[Fit]:
    """Return all ways to put sets into a model in which at least one name agrees, best first.

    Parameters
    ----------
    model : mapping of str to tensor
        The model's own.
    sources : iterable of StateDict
    """
    fits, of_model = [], _behind_prefixes(model)
    for source in sources:
        of_file = _behind_prefixes(source.tensors)
        for prefix, into in _hypotheses(of_file, of_model):
            matched: dict[str, str] = {}
            mismatched: dict[str, str] = {}
            for rest in _shared(of_file[prefix], len(prefix), of_model[into], len(into)):
                place, name = into + rest, prefix + rest
                same = why_not(source.tensors[name], model[place]) == ""
                (matched if same else mismatched)[place] = name
            if matched or mismatched:
                fits.append(Fit(source, prefix, into, matched, mismatched))
    return sorted(fits, key=lambda fit: (-len(fit.matched), -len(fit.mismatched), fit.unexpected))


def same_bits(one: torch.Tensor, two: torch.Tensor) -> bool:
    """Whether two tensors of one shape hold the same, also NaN, and in dtypes that torch doesn't compare."""
    if one is two:
        return True
    plain = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, two)]
    return one.dtype == two.dtype and torch.equal(*plain)


def why_not(tensor: torch.Tensor, place: torch.Tensor) -> str:
    """Return why a tensor of a file can't stand for one of the model; empty where it can."""
    if tensor.shape != place.shape:
        return f"{list(tensor.shape)} in the file, {list(place.shape)} in the model"
    if tensor.is_meta:
        return "no values in the file (a meta tensor)"
    if tensor.layout != torch.strided or tensor.is_quantized:
        return f"{'quantized' if tensor.is_quantized else str(tensor.layout)[6:]} in the file"
    if _kind(tensor) != _kind(place):
        return f"{str(tensor.dtype)[6:]} in the file, {str(place.dtype)[6:]} in the model"
    return ""


def is_counter(name: str) -> bool:
    """Whether a tensor only counts the batches of training: older files lack it, and eval mode doesn't read it."""
    return name.rpartition(".")[2] == _COUNTER


def _kind(tensor: torch.Tensor) -> str:
    if tensor.dtype == torch.bool:
        return "bool"
    return "float" if tensor.is_floating_point() else "complex" if tensor.is_complex() else "integer"


def _hypotheses(of_file: Mapping[str, Names], of_model: Mapping[str, Names]) -> list[tuple[str, str]]:
    """Pairs (prefix of the file, prefix of the model) in which one at least is only a wrapper."""
    whole_file, whole_model = len(of_file[""]), len(of_model[""])
    wrapping_model = [into for into, names in of_model.items() if len(names) == whole_model and _only_wraps(into)]
    wrapping_file = [
        prefix for prefix, names in of_file.items() if _only_wraps(prefix) and 2 * len(names) >= whole_file
    ]
    pairs = [(prefix, into) for prefix in of_file for into in wrapping_model]
    pairs += [(prefix, into) for prefix in wrapping_file for into in of_model]
    # With the same last word on both sides it is the pair without it, over fewer names.
    return list(dict.fromkeys(pair for pair in pairs if not _share_last_word(*pair)))


def _behind_prefixes(names: Iterable[str]) -> dict[str, Names]:
    """Return, for every dotted prefix of the names, the empty one first, the names that have it, in their order."""
    found: dict[str, Names] = {"": {}}
    for name in names:
        at = -1
        while True:
            found.setdefault(name[: at + 1], {})[name] = None
            at = name.find(".", at + 1)
            if at < 0:
                break
    return found


def _shared(one: Names, cut: int, two: Names, cut_two: int) -> list[str]:
    """Return what follows both prefixes, in the order of the first; goes through the shorter list."""
    prefix, into = next(iter(one))[:cut], next(iter(two))[:cut_two]
    if len(one) <= len(two):
        return [name[cut:] for name in one if into + name[cut:] in two]
    rests = {name[cut_two:] for name in two if prefix + name[cut_two:] in one}
    return [name[cut:] for name in one if name[cut:] in rests] if rests else []


def _only_wraps(prefix: str) -> bool:
    return all(word in _WRAPPERS for word in prefix.split(".")[:-1])


def _share_last_word(one: str, two: str) -> bool:
    return bool(one) and bool(two) and one.split(".")[-2] == two.split(".")[-2]
