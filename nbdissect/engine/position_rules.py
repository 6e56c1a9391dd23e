"""What torch's operations make of the positions of their input, one rule each; an operation without a rule ends the chain.

The names are those of ``torch.ops.aten``, to which all of torch comes down. A window of size k, dilation d, padding p and
step s has its first center at (k − 1) · d / 2 − p. Where padding or ``ceil_mode`` cut a window off at the edge, its center
stays where it would be without, as in the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nbdissect.engine.positions import BrokenChainError, Positions, is_space, joined, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rule = Callable[["Operation"], Positions | None]


class Operation:
    """One operation as it ran.

    Attributes
    ----------
    name : str
    args : list
        All arguments by their place, defaults filled in.
    shape : tuple of int
        Of what it returned, or of the first tensor in it.
    """

    def __init__(
        self,
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        shape: tuple[int, ...],
        known: Callable[[Any], Positions | None],
    ) -> None:
        self.name = str(func.overloadpacket.__name__)
        plain_name = self.name.removesuffix("_")
        of_values = getattr(torch.ops.aten, plain_name, func.overloadpacket)
        self.pointwise = any(
            torch.Tag.pointwise in getattr(of_values, overload).tags for overload in of_values.overloads()
        )
        self.shape = shape
        self._known = known
        self._values: dict[str, Any] = {}
        for k, argument in enumerate(func._schema.arguments):  # noqa: SLF001 - nothing else names an operation's arguments
            given = args[k] if k < len(args) else kwargs.get(argument.name, argument.default_value)
            self._values[argument.name] = given

    def get(self, *names: str, default: Any = None) -> Any:
        """Return an argument by its name, or by the first of several that there is."""
        return next((self._values[name] for name in names if name in self._values), default)

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All tensors among the arguments."""
        return list(_tensors(self._values.values()))

    @property
    def parts(self) -> list[Positions]:
        """The positions of all tensors that come from the image."""
        return [known for tensor in self.tensors if (known := self._known(tensor)) is not None]

    @property
    def input(self) -> Positions:
        """The positions of the first tensor, which must come from the image."""
        found = self._known(self.tensors[0])
        if found is None or len(self.parts) > 1:
            raise BrokenChainError("works with what comes from the image in a way that isn't known")
        return found


def _tensors(values: Any) -> Any:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def follow(op: Operation) -> Positions | None:
    """Return the positions of what an operation returned; None where it isn't a function of places.

    Raises
    ------
    BrokenChainError
    """
    rule = _RULES.get(op.name.removesuffix("_"))
    if rule is not None:
        return rule(op)
    if op.pointwise or op.name.removesuffix("_") in _POINTWISE:
        return joined(op.parts, op.shape)
    if not any(part.in_space for part in op.parts):
        return plain(op.shape)
    raise BrokenChainError(f"uses the operation {op.name}, which moves or mixes positions in a way that isn't known")


def _pair(value: Any, axes: int) -> list[Any]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * axes if len(values) == 1 else values


# --- windows ---


def _windows(op: Operation, size: Sequence[int], *, transposed: bool = False) -> Positions:
    """A window that moves over the last axes."""
    found, axes = op.input, len(size)
    ndim = len(found.axes)
    if is_space(found.axes[ndim - axes - 1]):
        raise BrokenChainError("mixes positions as if they were channels")
    stride = _pair(op.get("stride") or list(size), axes)
    padding, dilation = _pair(op.get("padding", default=0), axes), _pair(op.get("dilation", default=1), axes)
    for k in range(axes):
        axis = ndim - axes + k
        first = (size[k] - 1) * dilation[k] / 2 - padding[k]
        move = (-first / stride[k], 1 / stride[k]) if transposed else (first, stride[k])
        found = found.moved(axis, op.shape[axis], *move)
    if ndim - axes - 1 >= 0:
        found = found.with_axis(ndim - axes - 1, (("", op.shape[ndim - axes - 1]),))
    return found


def _convolution(op: Operation) -> Positions:
    weight = op.get("weight")
    return _windows(op, list(weight.shape[2:]), transposed=bool(op.get("transposed", default=False)))


def _pool(op: Operation) -> Positions:
    size = op.get("kernel_size")
    axes = 3 if op.name.rstrip("_").startswith(("max_pool3d", "avg_pool3d")) else 2
    return _windows(op, _pair(size, axes))


def _adaptive_pool(op: Operation) -> Positions:
    found = op.input
    for k in range(len(_pair(op.get("output_size"), 1))):
        axis = len(found.axes) - 1 - k
        before, after = found.shape[axis], op.shape[axis]
        if after == 1:
            found = found.with_axis(axis, ())
        elif before % after:
            raise BrokenChainError(f"pools {before} positions to {after}: their centers are not evenly spaced")
        else:
            size = before // after
            found = found.moved(axis, after, (size - 1) / 2, size)
    return found


def _resize(op: Operation) -> Positions:
    """Interpolation: half-pixel centers, or corner to corner."""
    found = op.input
    corners = bool(op.get("align_corners", default=False))
    for axis in (len(op.shape) - 2, len(op.shape) - 1):
        before, after = found.shape[axis], op.shape[axis]
        if before == 1:
            found = found.spread(axis, after)
        elif corners:
            found = found.moved(axis, after, 0.0, (before - 1) / max(after - 1, 1))
        else:
            found = found.moved(axis, after, before / after / 2 - 0.5, before / after)
    return found


def _pad(op: Operation) -> Positions:
    found, pads = op.input, op.get("pad", "padding")
    for k in range(len(pads) // 2):
        axis = len(found.axes) - 1 - k
        if pads[2 * k] or pads[2 * k + 1]:
            found = found.moved(axis, op.shape[axis], -pads[2 * k])
    return found


def _slice(op: Operation) -> Positions:
    found, axis = op.input, op.get("dim") or 0
    start, step = op.get("start") or 0, op.get("step") or 1
    length = found.shape[axis]
    start = max(0, start + length) if start < 0 else min(start, length)
    if (start, step, op.shape[axis]) == (0, 1, length):
        return found
    return found.moved(axis, op.shape[axis], start, step)


# --- axes ---


def _view(op: Operation) -> Positions:
    return op.input.viewed(op.shape)


def _permute(op: Operation) -> Positions:
    return op.input.ordered(op.get("dims"))


def _transpose(op: Operation) -> Positions:
    order = list(range(len(op.shape)))
    a, b = (op.get("dim0"), op.get("dim1")) if op.name.startswith("transpose") else (0, len(order) - 1)
    order[a], order[b] = order[b], order[a]
    return op.input.ordered(order)


def _expand(op: Operation) -> Positions:
    found = op.input
    found = found.viewed([1] * (len(op.shape) - len(found.axes)) + list(found.shape))
    for axis, (before, after) in enumerate(zip(found.shape, op.shape, strict=True)):
        if before != after:
            found = found.spread(axis, after)
    return found


def _keep(op: Operation) -> Positions:
    """All that leaves values where they are, whatever else it looks at: normalization, copies, softmax."""
    found = op.input
    if op.shape != found.shape:
        raise BrokenChainError(f"uses the operation {op.name} in a way that isn't known")
    return found


def _reduce(op: Operation) -> Positions:
    if op.get("other") is not None:  # the larger of two, value by value
        return joined(op.parts, op.shape)
    found, axes = op.input, op.get("dim")
    axes = list(range(len(found.axes))) if axes is None or axes == [] else _pair(axes, 1)
    return found.without(axes, keep=bool(op.get("keepdim", default=False)))


def _select(op: Operation) -> Positions:
    axis = op.get("dim")
    if is_space(op.input.axes[axis]):
        raise BrokenChainError("takes single rows or columns out of a map")
    return op.input.without([axis])


def _split(op: Operation) -> Positions:
    axis = op.get("dim") or 0
    if is_space(op.input.axes[axis]):
        raise BrokenChainError("cuts the map into pieces")
    return op.input.with_axis(axis, (("", op.shape[axis]),))


def _unbind(op: Operation) -> Positions:
    return _select(op)


def _index(op: Operation) -> Positions:
    """Other channels, or in another order."""
    found, indices = op.input, op.get("indices")
    chosen = [k for k, index in enumerate(indices) if index is not None]
    if len(chosen) != 1 or is_space(found.axes[chosen[0]]) or len(op.shape) != len(found.axes):
        raise BrokenChainError("picks single positions")
    return found.with_axis(chosen[0], (("", op.shape[chosen[0]]),))


def _index_select(op: Operation) -> Positions:
    axis = op.get("dim")
    if is_space(op.input.axes[axis]):
        raise BrokenChainError("picks single positions")
    return op.input.with_axis(axis, (("", op.shape[axis]),))


def _cat(op: Operation) -> Positions:
    return joined(op.parts, op.shape, along=(op.get("dim") or 0) % len(op.shape))


def _stack(op: Operation) -> Positions:
    axis = (op.get("dim") or 0) % len(op.shape)
    parts = [part.viewed([*part.shape[:axis], 1, *part.shape[axis:]]) for part in op.parts]
    return joined(parts, op.shape, along=axis)


def _repeat(op: Operation) -> Positions:
    found = op.input
    found = found.viewed([1] * (len(op.shape) - len(found.axes)) + list(found.shape))
    for axis, (before, after) in enumerate(zip(found.shape, op.shape, strict=True)):
        if before != after:
            if is_space(found.axes[axis]):
                raise BrokenChainError("repeats the map")
            found = found.spread(axis, after) if before == 1 else found.with_axis(axis, (("", after),))
    return found


def _product(op: Operation) -> Positions:
    """A matrix product with weights, or, of what has no place any more, with anything."""
    a, b = (op.get(name) for name in (("mat1", "mat2") if op.name == "addmm" else ("self", "mat2")))
    known = [op._known(tensor) for tensor in (a, b)]  # noqa: SLF001 - one half of it
    left, right = known
    if any(part is not None and part.in_space for part in known) and (left is None or right is not None):
        raise BrokenChainError("relates positions to positions, as attention does")
    if left is None:
        return plain(op.shape)
    return left.with_axis(-1, (("", op.shape[-1]),))


def _copy(op: Operation) -> Positions | None:
    """Into memory that was there: known where all of it is overwritten."""
    source = op._known(op.get("src"))  # noqa: SLF001 - one half of it
    return None if source is None else joined([source], op.shape)


# By value too, though torch, or an older one, doesn't mark them so.
_POINTWISE = (
    "hardswish",
    "hardsigmoid",
    "hardtanh",
    "silu",
    "gelu",
    "mish",
    "log_sigmoid_forward",
    "masked_fill",
    "fill",
    "zero",
)
_NORMS = (
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_no_update",
    "_batch_norm_with_update",
    "_batch_norm_impl_index",
    "cudnn_batch_norm",
    "miopen_batch_norm",
    "native_layer_norm",
    "native_group_norm",
    "_fused_rms_norm",
    "_softmax",
    "_log_softmax",
    "clone",
    "detach",
    "alias",
    "contiguous",
    "_to_copy",
    "lift_fresh",
    "native_dropout",
    "_prelu_kernel",
)
_CONVOLUTIONS = ("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution", "_conv_depthwise2d")
_POOLS = ("max_pool2d", "max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d")
_ADAPTIVE = ("_adaptive_avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d")
_RESIZES = (
    "upsample_nearest2d",
    "_upsample_nearest_exact2d",
    "upsample_bilinear2d",
    "_upsample_bilinear2d_aa",
    "upsample_bicubic2d",
    "_upsample_bicubic2d_aa",
)
_PADS = ("constant_pad_nd", "reflection_pad2d", "replication_pad2d")
_VIEWS = ("view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "flatten")
_REDUCTIONS = ("mean", "sum", "amax", "amin", "max", "min", "var", "std", "var_mean", "linalg_vector_norm", "logsumexp")
_SPLITS = ("split", "split_with_sizes", "unsafe_split", "unsafe_chunk", "chunk", "tensor_split")

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_NORMS, _keep),
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_ADAPTIVE, _adaptive_pool),
    **dict.fromkeys(_RESIZES, _resize),
    **dict.fromkeys(_PADS, _pad),
    **dict.fromkeys(_VIEWS, _view),
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(_SPLITS, _split),
    **dict.fromkeys(("mm", "addmm", "bmm"), _product),
    "slice": _slice,
    "permute": _permute,
    "transpose": _transpose,
    "t": _transpose,
    "expand": _expand,
    "select": _select,
    "unbind": _unbind,
    "index": _index,
    "index_select": _index_select,
    "cat": _cat,
    "stack": _stack,
    "repeat": _repeat,
    "copy": _copy,
}
