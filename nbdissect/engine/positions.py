"""Where the values of a tensor stand in the image: what each tensor operation makes of the positions of its input.

A tensor's axes are made of atoms. An atom is labeled "y" or "x" where its positions are rows or columns of the image,
"same" where all of them see the same (what was pooled over the whole image, and spread again), and "" where they are
something else: images, channels. Rows that stand in one axis with columns are two atoms of it, so that folding and
unfolding loses nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Atom = tuple[str, int]
"""Label and length."""
Axis = tuple[Atom, ...]

SPACE = ("y", "x")
_CLOSE = 1e-6  # of positions that were computed in two ways


class BrokenChainError(ValueError):
    """An operation after which it isn't known where a value stands; the text says why."""


@dataclass(frozen=True)
class Positions:
    """Where the values of one tensor stand.

    Attributes
    ----------
    axes : tuple
        The atoms of each axis.
    lines : mapping of "y" and "x" to (float, float)
        Center of the first position and step to the next, in pixels of the image; only those that `axes` has.
    """

    axes: tuple[Axis, ...]
    lines: Mapping[str, tuple[float, float]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return tuple(math.prod(length for _, length in axis) for axis in self.axes)

    @property
    def in_space(self) -> bool:
        """Whether any axis counts rows or columns."""
        return any(is_space(axis) for axis in self.axes)

    def label(self, axis: int) -> str:
        """Return the label of an axis of one atom; raises where rows or columns stand in it with something else."""
        atoms = self.axes[axis]
        if len(atoms) > 1 and is_space(atoms):
            raise BrokenChainError("works on rows and columns that are folded into one axis")
        return atoms[0][0] if len(atoms) == 1 else ""

    def moved(self, axis: int, length: int, first: float = 0.0, step: float = 1.0) -> Positions:
        """Return them after a window has moved along an axis.

        Parameters
        ----------
        axis, length : int
            The axis, and its new length.
        first, step : float
            Center of the first window, and how far it moves each time, both in positions of this axis.
        """
        label = self.label(axis)
        if label not in SPACE:
            return self.with_axis(axis, ((label, length),))
        begin, pace = self.lines[label]
        found = self.with_axis(axis, ((label, length),))
        return replace(found, lines={**self.lines, label: (begin + first * pace, step * pace)})

    def with_axis(self, axis: int, atoms: Axis) -> Positions:
        """Return them with other atoms in one axis."""
        axis %= len(self.axes)
        return of_axes((*self.axes[:axis], atoms, *self.axes[axis + 1 :]), self.lines)

    def spread(self, axis: int, length: int) -> Positions:
        """Return them with a single position, or one seen by all, repeated along an axis."""
        return self.with_axis(axis, (("same", length),))

    def without(self, axes: Sequence[int], *, keep: bool = False) -> Positions:
        """Return them after some axes were reduced to one value each, which stays as an axis of length 1 if `keep`."""
        gone = {axis % len(self.axes) for axis in axes}
        left = [() if k in gone else axis for k, axis in enumerate(self.axes) if keep or k not in gone]
        return of_axes(left, self.lines)

    def ordered(self, order: Sequence[int]) -> Positions:
        """Return them with the axes in another order."""
        return of_axes([self.axes[axis] for axis in order], self.lines)

    def viewed(self, shape: Sequence[int]) -> Positions:
        """Return them in another shape, in which the values stand in the same order."""
        left = list(_merged([atom for axis in self.axes for atom in axis]))
        axes = []
        for length in shape:
            axis: list[Atom] = []
            missing = length
            while missing > 1:
                label, there = left.pop(0)
                taken = math.gcd(there, missing)
                if label in SPACE and taken != there:
                    raise BrokenChainError("cuts the map into windows")
                if taken == 1:
                    raise BrokenChainError("folds axes into others that they don't fill")
                axis.append((label, taken))
                missing //= taken
                if taken != there:
                    left.insert(0, (label, there // taken))
            axes.append(tuple(axis))
        return of_axes(axes, self.lines)


def is_space(axis: Axis) -> bool:
    """Whether an axis counts rows or columns."""
    return any(label in SPACE for label, _ in axis)


def of_axes(axes: Sequence[Axis], lines: Mapping[str, tuple[float, float]]) -> Positions:
    """Return positions with the lines that these axes need; neighbors of one kind are one atom, an axis of length 1 none."""
    merged = [_merged(axis) for axis in axes]
    labels = [label for axis in merged for label, _ in axis if label in SPACE]
    if len(labels) != len(set(labels)):
        raise BrokenChainError("relates positions to positions")
    return Positions(tuple(merged), {label: lines[label] for label in labels})


def _merged(axis: Sequence[Atom]) -> Axis:
    atoms: list[Atom] = []
    for label, length in axis:
        if length == 1:
            continue
        if atoms and atoms[-1][0] == label and label not in SPACE:
            atoms[-1] = label, atoms[-1][1] * length
        else:
            atoms.append((label, length))
    return tuple(atoms)


def plain(shape: Sequence[int]) -> Positions:
    """Return the positions of a tensor that has none in the image."""
    return of_axes([(("", length),) for length in shape], {})


def joined(parts: Sequence[Positions], shape: Sequence[int], along: int | None = None) -> Positions:
    """Return the positions of what tensors give that are combined value by value, or set side by side.

    Parameters
    ----------
    parts : sequence of Positions
        Of tensors that broadcast to `shape`.
    shape : sequence of int
    along : int, optional
        The axis along which they are set side by side.

    Raises
    ------
    BrokenChainError
        If their values don't stand at the same places.
    """
    lines: dict[str, tuple[float, float]] = {}
    for part in parts:
        for label, line in part.lines.items():
            known = lines.setdefault(label, line)
            if max(abs(a - b) for a, b in zip(known, line, strict=True)) > _CLOSE:
                raise BrokenChainError(_apart(label, known, line))
    axes: list[Axis] = []
    for axis, length in enumerate(shape):
        if axis == along:
            if any(is_space(part.axes[axis]) for part in parts):
                raise BrokenChainError("sets maps side by side in space")
            axes.append((("", length),))
            continue
        found = {
            part.axes[place]
            for part in parts
            if (place := axis - len(shape) + len(part.axes)) >= 0 and part.shape[place] == length
        }
        in_space = [atoms for atoms in found if is_space(atoms)]
        others = [atoms for atoms in found if atoms not in in_space and any(label == "" for label, _ in atoms)]
        if len(in_space) > 1 or (in_space and others and length > 1):
            raise BrokenChainError("combines maps with values that stand at no place of their own, or at others")
        same = [(("same", length),)] if found else []
        axes.append((in_space or others or same or [(("", length),)])[0])
    return of_axes(axes, lines)


def _apart(label: str, one: tuple[float, float], other: tuple[float, float]) -> str:
    what = {"y": "rows", "x": "columns"}[label]
    return (
        f"joins branches whose {what} stand apart: they begin at {one[0]:g} and {other[0]:g} px of the image, "
        f"with steps of {one[1]:g} and {other[1]:g} px"
    )
