"""From what the pixels of somebody's masks hold to concepts, whose numbers are ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.data.pictures import LabelsError
from nbdissect.text import describe_type
from nbdissect.types import UNLABELED, Concept

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_UNKNOWN = -2
_TABLE = 1 << 16  # values below are looked up, larger ones are searched
_SHOWN = 5


class LabelMap:
    """The meaning of each value of a mask.

    Parameters
    ----------
    names : mapping of value to name, or sequence of names
        Values are whole numbers or colors (r, g, b). A value of the name None means nothing, like 0 where it
        has no name. Values of one name are one concept.
    category : str, or mapping of name to category
    ignore : value, or list of values, or None
        Pixels of which it isn't known what they show.

    Attributes
    ----------
    concepts : tuple of Concept
        Numbered from 1, in the order of `names`.
    categories : tuple of str
    colors : bool
        Whether values are colors.
    """

    def __init__(self, names: Any, *, category: Any = "object", ignore: Any = 255) -> None:
        named = read_names(names)
        kinds = {isinstance(value, tuple) for value in named}
        if len(kinds) > 1:
            raise LabelsError("names are given by number and by color; masks hold one of the two.")
        self.colors = kinds == {True}
        self.concepts, numbers = make_concepts((name for name in named.values() if name is not None), category)
        self.categories = tuple(dict.fromkeys(concept.category for concept in self.concepts))
        table = {0: 0} | {_as_number(value): 0 if name is None else numbers[name] for value, name in named.items()}
        for value in _read_ignored(ignore):
            if isinstance(value, tuple) == self.colors:  # 255, the default, is no color
                key = _as_number(value)
                if table.get(key):
                    raise LabelsError(
                        f"{value!r} is ignored, and is {named[value]!r} among the names; it must be one of the two."
                    )
                table[key] = UNLABELED
        self._keys = np.array(sorted(table), dtype=np.int64)
        self._numbers = np.array([table[int(key)] for key in self._keys], dtype=np.int32)
        self._table = np.full(_TABLE, _UNKNOWN, dtype=np.int32)
        small = self._keys < _TABLE
        self._table[self._keys[small]] = self._numbers[small]
        self._category_of = np.array(
            [-1, *(self.categories.index(concept.category) for concept in self.concepts)], dtype=np.int64
        )

    def masks(self, values: NDArray[Any], where: str) -> dict[str, NDArray[np.int32]]:
        """Return the concept numbers of a mask, per category one plane [1, h, w].

        Raises
        ------
        LabelsError
            If a value is neither named nor ignored; names the five commonest.
        """
        numbers = self._look_up(values)
        if (strange := numbers == _UNKNOWN).any():
            raise LabelsError(
                f"{where}: its mask holds {self._commonest(values[strange])}, neither named nor ignored. "
                "Add them to names=, with None for what is no concept, or to ignore=."
            )
        if len(self.categories) == 1:
            return {self.categories[0]: numbers[None]}
        group = self._category_of[np.maximum(numbers, 0)]
        return {
            category: np.where((group == g) | (numbers == UNLABELED), numbers, 0)[None]
            for g, category in enumerate(self.categories)
        }

    def _look_up(self, values: NDArray[Any]) -> NDArray[np.int32]:
        if values.dtype.kind == "b":
            values = values.astype(np.uint8)
        if values.size and int(values.min()) >= 0 and int(values.max()) < _TABLE:
            found: NDArray[np.int32] = self._table[values]
            return found
        place = np.minimum(np.searchsorted(self._keys, values), len(self._keys) - 1)
        return np.where(self._keys[place] == values, self._numbers[place], np.int32(_UNKNOWN)).astype(np.int32)

    def _commonest(self, strange: NDArray[Any]) -> str:
        found, counts = np.unique(strange, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        listed = [f"{self._shown(int(found[k]))} ({int(counts[k]):,} pixels)" for k in order[:_SHOWN]]
        more = f" and {len(found) - _SHOWN:,} more values" if len(found) > _SHOWN else ""
        return ", ".join(listed) + more

    def _shown(self, value: int) -> str:
        return str((value >> 16, value >> 8 & 255, value & 255)) if self.colors else str(value)


def read_names(names: Any) -> dict[Any, str | None]:
    """Return names by value: those given, or, of a sequence, by their place from 0 on.

    Raises
    ------
    LabelsError
    """
    if isinstance(names, Mapping):
        named = {_read_value(value): name for value, name in names.items()}
    elif isinstance(names, Iterable) and not isinstance(names, (str, bytes)):
        named = dict(enumerate(names))
    else:
        raise LabelsError(
            f'names is {describe_type(names)}; a mapping is needed, {{3: "cat"}} or {{(128, 0, 0): "cat"}}, or a list of names from 0 on.'
        )
    for value, name in named.items():
        if name is not None and (not isinstance(name, str) or not name):
            raise LabelsError(f"names[{value!r}] is {name!r:.80}; a name is needed, or None for what is no concept.")
    if not any(named.values()):
        raise LabelsError("names holds no name; at least one concept is needed.")
    return named


def make_concepts(names: Iterable[str], category: Any) -> tuple[tuple[Concept, ...], dict[str, int]]:
    """Return concepts numbered from 1 on, each name once, and their numbers by name."""
    ordered = list(dict.fromkeys(names))
    concepts = tuple(Concept(k, name, _category_of(name, category)) for k, name in enumerate(ordered, 1))
    return concepts, {concept.name: concept.number for concept in concepts}


def _category_of(name: str, category: Any) -> str:
    found = category.get(name) if isinstance(category, Mapping) else category
    if not isinstance(found, str) or not found:
        raise LabelsError(
            f"The category of {name!r} is {found!r:.80}; category= takes a name such as 'object', or a mapping of each name to its category."
        )
    return found


def _read_value(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 3 and all(map(_is_byte, value)):
        return tuple(map(int, value))
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0:
        return int(value)
    raise LabelsError(
        f"{value!r:.80} is no value of a mask: a whole number from 0 on, or a color (r, g, b) of 0 to 255, is needed."
    )


def _is_byte(value: Any) -> bool:
    return isinstance(value, Integral) and 0 <= int(value) <= 255


def _read_ignored(ignore: Any) -> list[Any]:
    if ignore is None:
        return []
    several = isinstance(ignore, Iterable) and not isinstance(ignore, tuple)
    return [_read_value(value) for value in (ignore if several else [ignore])]


def default_ignored(ignore: Any, names: Any) -> Any:
    """Return what is ignored: not the default 255 where that has a name."""
    named = names if isinstance(names, Mapping) else range(len(names)) if isinstance(names, Sequence) else ()
    return None if isinstance(ignore, int) and ignore == 255 and 255 in named else ignore


def _as_number(value: Any) -> int:
    return int((value[0] << 16) | (value[1] << 8) | value[2] if isinstance(value, tuple) else value)


# --- named decodings ---


def _decode_ade20k(pixels: NDArray[Any]) -> NDArray[np.int32]:
    """Class numbers of ADE20K's colored masks: red / 10 · 256 + green; blue tells instances apart."""
    if pixels.ndim != 3:
        raise LabelsError(f'decode="ade20k" reads the colors of *_seg.png; this mask has shape {list(pixels.shape)}.')
    classes: NDArray[np.int32] = pixels[..., 0].astype(np.int32) // 10 * 256 + pixels[..., 1]
    return classes


_DECODINGS = {"ade20k": _decode_ade20k}


def choose_decoding(decode: Any) -> Callable[[Any], Any] | None:
    """Return the function that `decode` names or is; None for None."""
    if decode is None or callable(decode):
        return decode  # type: ignore[no-any-return]
    if decode not in _DECODINGS:
        raise LabelsError(
            f"decode={decode!r:.80}; allowed are None, {', '.join(map(repr, _DECODINGS))}, or a function from a mask's pixels to whole numbers."
        )
    return _DECODINGS[decode]


# --- planes ---


def stack_planes(
    parts: Sequence[tuple[int, NDArray[np.bool_]]], unlabeled: NDArray[np.bool_] | None, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Return concepts, each with its pixels, as few planes [planes, h, w]: what overlaps lies in different ones.

    Parameters
    ----------
    parts : sequence of (number, bool [h, w])
        Several parts of one concept are one.
    unlabeled : bool [h, w], optional
        Pixels of which nothing is known; they hold nothing but that.
    """
    planes: list[NDArray[np.int32]] = []
    for number, pixels in parts:
        # A pixel that holds the concept already may hold it again.
        plane = next((p for p in planes if not ((p != 0) & (p != number) & pixels).any()), None)
        if plane is None:
            plane = np.zeros(shape, dtype=np.int32)
            planes.append(plane)
        plane[pixels] = number
    if unlabeled is not None and unlabeled.any():
        planes = planes or [np.zeros(shape, dtype=np.int32)]
        for plane in planes:
            plane[unlabeled] = UNLABELED
    return np.stack(planes) if planes else np.zeros((0, *shape), dtype=np.int32)
