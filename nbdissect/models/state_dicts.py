"""The sets of named tensors in what a checkpoint holds, wherever they lie in it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

_DEPTH = 8
_MOST = 100_000  # dicts and lists that are looked into


@dataclass(frozen=True)
class StateDict:
    """One set of named tensors.

    Attributes
    ----------
    where : str
        The keys that lead to it, joined by dots; empty where the file is this set.
    tensors : dict of str to tensor
    others : dict of str to anything
        What else has a name in it.
    versions : mapping of module to dict
        What torch notes of the modules that made it.
    """

    where: str
    tensors: dict[str, torch.Tensor]
    others: dict[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Contents:
    """What a checkpoint holds.

    Attributes
    ----------
    sets : list of StateDict
    optimizers : list of str
        Where an optimizer's state lies.
    unnamed : list of str
        Where tensors lie in a list, without names.
    described : str
        Its keys, or its kind, in a few words.
    """

    sets: list[StateDict] = field(default_factory=list)
    optimizers: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    described: str = ""


def find_state_dicts(content: Any) -> Contents:
    """Return the sets of named tensors in a checkpoint, outermost first; those of optimizers aside."""
    found = Contents(described=_describe(content))
    seen: set[int] = set()
    waiting: deque[tuple[Any, tuple[str, ...]]] = deque([(content, ())])
    while waiting and len(seen) < _MOST:
        thing, where = waiting.popleft()
        if id(thing) in seen or len(where) > _DEPTH:
            continue
        seen.add(id(thing))
        place = ".".join(where)
        if isinstance(thing, Mapping):
            if "param_groups" in thing:
                found.optimizers.append(place)
                continue
            _add_set(found, thing, place)
            inside = [(str(key), value) for key, value in thing.items()]
        elif isinstance(thing, (list, tuple)) and thing and all(isinstance(value, torch.Tensor) for value in thing):
            found.unnamed.append(place)
            continue
        else:
            inside = (
                [(str(number), value) for number, value in enumerate(thing)] if isinstance(thing, (list, tuple)) else []
            )
        waiting.extend((value, (*where, key)) for key, value in inside if isinstance(value, (Mapping, list, tuple)))
    return found


def is_average(address: str) -> bool:
    """Whether a name says that a set holds running averages (EMA) of the weights: ``model_ema``, ``ema.module``."""
    return "ema" in re.split(r"[^a-z]+", address.lower())


def _add_set(found: Contents, thing: Mapping[Any, Any], place: str) -> None:
    named = {key: value for key, value in thing.items() if isinstance(key, str)}
    tensors = {key: value.detach() for key, value in named.items() if isinstance(value, torch.Tensor)}
    if tensors:
        others = {key: value for key, value in named.items() if key not in tensors}
        versions = getattr(thing, "_metadata", None)
        found.sets.append(StateDict(place, tensors, others, versions if isinstance(versions, Mapping) else {}))


def _describe(content: Any) -> str:
    if isinstance(content, Mapping):
        keys = [str(key) for key in content]
        return f"the keys {', '.join(map(repr, keys[:6]))}{', …' if len(keys) > 6 else ''}" if keys else "an empty dict"
    return f"a {type(content).__name__}"
