"""A CUDA device that isn't there: its tensors hold real values, in the CPU's memory, and obey a GPU's rules.

torch's own fake tensors hold no values. A run needs them: how many cells survive, which units rose and
whether the maps are finite decide what it does next, so ``nonzero`` and ``bool`` must answer. Here every
tensor on "cuda" wraps a CPU tensor. An operation is computed on what is wrapped, after a look at
where its arguments lie; what a real device refuses is refused, in torch's words:

* tensors of two devices in one operation, but for what CUDA allows: numbers (CPU tensors without axes) in
  pointwise operations, CPU indices into a CUDA tensor, copies;
* ``.numpy()`` of a CUDA tensor;
* where a test sets a limit, results that take more memory.

Every wait of the host for the device is noted: see :attr:`PretendCuda.waits`.

What it does not show: time, streams, the order in which kernels really run, how a GPU's kernels round, kernels
that a GPU doesn't have. There is no backward pass.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
import torch.utils._pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

# Operations whose result has a size, or a value, that the host must know before it goes on.
_WAITING = {
    aten._local_scalar_dense,
    aten._unique2,
    aten.bincount,
    aten.equal,
    aten.masked_select,
    aten.nonzero,
    aten.repeat_interleave,
    aten.unique_consecutive,
    aten.unique_dim,
}
# Pointwise as well, though torch doesn't tag them so.
_TAKING_NUMBERS = {aten.fill, aten.fill_, aten.index_fill, aten.index_fill_, aten.masked_fill, aten.masked_fill_}
_COPYING = {aten._to_copy, aten.copy_}
_INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}
_MASKS = (torch.bool, torch.uint8)
_CPU = torch.device("cpu")
DEVICES = 2


def possible():
    """Whether this torch lets a CUDA device be pretended, and none is really there."""
    return hasattr(torch._C, "_ensureCUDADeviceGuardSet") and not torch.cuda.is_available()


class PretendTensor(torch.Tensor):
    """A tensor that says it is on a CUDA device; `held` has its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held, device, requires_grad=False):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=device,
            requires_grad=requires_grad,
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _computed(function, args, kwargs or {}, PretendCuda.current)

    def numpy(self, *, force=False):
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, *_, **__):
        return self.numpy()

    def tolist(self):
        return self.cpu().tolist()

    def data_ptr(self):
        raise NotImplementedError("A pretended device's memory has no address.")

    def __repr__(self, **_):
        return f"{self.held!r} pretended on {self.device}"

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = _rebuilt(
                self.held.clone(), self.device, self.requires_grad, isinstance(self, torch.nn.Parameter)
            )
        return memo[id(self)]

    def __reduce_ex__(self, _protocol):
        return _rebuilt, (self.held, self.device, self.requires_grad, isinstance(self, torch.nn.Parameter))


def _rebuilt(held, device, requires_grad, parameter):
    tensor = PretendTensor(held, device, requires_grad)
    return torch.nn.Parameter(tensor, requires_grad) if parameter else tensor


class PretendCuda:
    """The device, while it is there.

    Attributes
    ----------
    waits : list of str
        What the host had to wait for so far: operations, and copies between host and device that block.
    most_bytes : int or None
        An operation whose result on the device takes more runs out of memory.
    emptied : int
        How often torch's cache of the device's memory was emptied.
    """

    current = None

    def __init__(self):
        self.waits = []
        self.most_bytes = None
        self.emptied = 0

    def empty_cache(self):
        self.emptied += 1


class _Mode(TorchDispatchMode):
    """Sees every operation of a thread: also those that make tensors, of which none is a pretended one yet."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _computed(function, args, kwargs or {}, PretendCuda.current)


@contextmanager
def _in_this_thread():
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device=) in two steps, of which the copy can be seen
    try:
        with _Mode():
            yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


@contextmanager
def pretend_cuda():
    """Let there be CUDA devices in all threads that start within; yields a PretendCuda."""
    this = PretendCuda()
    run = threading.Thread.run

    def run_with_mode(thread):
        with _in_this_thread():
            run(thread)

    with ExitStack() as held:
        held.enter_context(mock.patch.object(PretendCuda, "current", this))
        held.enter_context(mock.patch.object(threading.Thread, "run", run_with_mode))
        held.enter_context(
            mock.patch.multiple(
                torch.cuda,
                _lazy_init=lambda: None,
                is_available=lambda: True,
                device_count=lambda: DEVICES,
                current_device=lambda: 0,
                empty_cache=this.empty_cache,
                get_rng_state=lambda *_: torch.get_rng_state(),
                set_rng_state=lambda *_: None,
            )
        )
        # As torch's own fake tensors do where no GPU is: a guard that doesn't ask the driver. It stays, but without
        # a GPU nothing else uses it.
        torch._C._ensureCUDADeviceGuardSet()
        # By default Module.to() writes into the parameter; a tensor of another class needs the other way,
        # which also keeps every parameter the object that it was.
        held.callback(
            torch.__future__.set_swap_module_params_on_conversion,
            torch.__future__.get_swap_module_params_on_conversion(),
        )
        torch.__future__.set_swap_module_params_on_conversion(True)
        held.enter_context(_in_this_thread())
        yield this


def _computed(function, args, kwargs, pretend):
    """Compute an operation as the device would, or refuse it."""
    packet = function.overloadpacket
    tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    wanted = kwargs.get("device")
    if packet in _COPYING:
        source = tensors[-1].device
        device = tensors[0].device if wanted is None else wanted
        blocking = not (kwargs.get("non_blocking") or (packet is aten.copy_ and len(args) > 2 and args[2]))
        if source.type != device.type and (blocking or device.type == "cpu"):
            _wait(pretend, function, f" {source.type} → {device.type}")
    else:
        indices = [t for t in args[1] if t is not None] if packet in _INDEXING else []
        device = _common_device(function, tensors, indices) if wanted is None else wanted
        if device.type == "cuda":
            _note_waits(pretend, function, indices)
    device = torch.device("cuda", device.index or 0) if device.type == "cuda" else device
    if wanted is not None:
        kwargs = {**kwargs, "device": _CPU if device.type == "cuda" else wanted}
    wrappers = {id(t.held): t for t in tensors if isinstance(t, PretendTensor)}
    args, kwargs = pytree.tree_map_only(PretendTensor, lambda t: t.held, (args, kwargs))
    result = function(*args, **kwargs)
    for held, wrapper in ((wrapper.held, wrapper) for wrapper in wrappers.values()):
        if held.shape != wrapper.shape or held.stride() != wrapper.stride():
            raise NotImplementedError(f"{function} changes a tensor's shape in place, which is not pretended.")
    if device.type != "cuda":
        return result

    def wrapped(tensor):
        if id(tensor) in wrappers:  # what an operation in place returns
            return wrappers[id(tensor)]
        if pretend is not None and pretend.most_bytes is not None and tensor.nbytes > pretend.most_bytes:
            raise torch.cuda.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {tensor.nbytes / 2**20:.2f} MiB.")
        return PretendTensor(tensor, device)

    return pytree.tree_map_only(torch.Tensor, wrapped, result)


def _common_device(function, tensors, indices):
    """The device of an operation's arguments, by CUDA's rules."""
    there = {t.device for t in tensors if t.device.type == "cuda"}
    if not there:
        return _CPU
    here = [t for t in tensors if t.device.type == "cpu"]
    if indices:
        if tensors[0].device.type == "cpu":
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        here = [t for t in here if t.ndim and all(t is not index for index in indices)]
    elif torch.Tag.pointwise in function.tags or function.overloadpacket in _TAKING_NUMBERS:
        # A number on the CPU can be an argument of CUDA's kernel, but not its result.
        here = [t for t in here if t.ndim or (t is tensors[0] and function._schema.is_mutable)]
    if here or len(there) > 1:
        both = sorted(map(str, there | {t.device for t in here}), reverse=True)
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {both[0]} and {both[1]}! ({function})"
        )
    return there.pop()


def _note_waits(pretend, function, indices):
    if function.overloadpacket in _WAITING:
        _wait(pretend, function)
    for index in indices:
        if index.device.type == "cpu":
            _wait(pretend, function, " cpu → cuda")
        if index.dtype in _MASKS:
            _wait(pretend, function, " by mask")


def _wait(pretend, function, what=""):
    if pretend is not None:
        pretend.waits.append(f"{function.overloadpacket.__name__}{what}")
