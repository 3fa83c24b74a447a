"""Torch tensors over storage bytes sent out of band; torch's own pickles copy them thrice.

A tensor of a device that does not exist here arrives on the CPU; its own
device is remembered and it goes back there.
"""

from __future__ import annotations

import sys
import weakref
from functools import lru_cache
from typing import Any

from .arrays import Reduced
from .memory import Block, Memory, Spans, memory_at

_away_from: dict[int, tuple[weakref.ref[Any], str]] = {}
"""id of a tensor here -> (the tensor, the device it came from, which this machine lacks)."""


def reduce_tensor(tensor: Any, spans: Spans) -> Reduced | None:
    """Return how to pickle a Tensor or Parameter; None where torch's own way must do."""
    torch = sys.modules["torch"]
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return None
    plain = tensor.detach().resolve_conj().resolve_neg()
    device = home_device(tensor)
    gradient = tensor.requires_grad and tensor.is_leaf
    if tensor.device.type != "cpu":
        plain = plain.cpu()
    block, offset = _block(plain, spans, live=plain.device == tensor.device)
    if block is None:  # spread thinly over a large storage: a compact copy
        plain = plain.contiguous()
        block, offset = _block(plain, spans, live=False)
    shape, stride = tuple(plain.shape), plain.stride()
    is_parameter = isinstance(tensor, torch.nn.Parameter)
    named = str(tensor.dtype).split(".", 1)[1]
    arguments = (block, named, offset, shape, stride, gradient, is_parameter, device)
    grad = tensor.grad if tensor.is_leaf else None
    hooks = getattr(tensor, "_backward_hooks", None)
    if not tensor.__dict__ and grad is None and not hooks:
        return tensor_over, arguments
    state = (dict(tensor.__dict__), grad, hooks or None)
    return tensor_over, arguments, state, None, None, set_tensor_state


def _block(plain: Any, spans: Spans, *, live: bool) -> tuple[Block | None, int]:
    """Return the block that holds a CPU tensor's bytes and the byte offset of its first one."""
    if not plain.numel():
        return Block(0, bytearray(), locked=True), 0
    low = plain.data_ptr()
    reach = sum((n - 1) * s for n, s in zip(plain.shape, plain.stride(), strict=True))
    high = low + (reach + 1) * plain.element_size()
    if not live:
        spans.kept.append(plain)
        return Block(low, memory_at(low, high - low), locked=True), 0
    nbytes = plain.numel() * plain.element_size()
    block = spans.block(low, high, nbytes, plain.untyped_storage(), writable=True)
    return block, low - block.low if block is not None else 0


def tensor_over(
    memory: Memory,
    dtype: str,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    gradient: bool,
    is_parameter: bool,
    device: str,
) -> Any:
    """Rebuild a tensor over memory that arrived, on its device if this machine has it."""
    import torch

    kind: Any = getattr(torch, dtype)
    if not len(memoryview(memory.buffer)):
        tensor = torch.empty(shape, dtype=kind)
    elif offset % kind.itemsize == 0:
        tensor = torch.empty(0, dtype=kind)
        tensor.set_(memory.storage(), offset // kind.itemsize, shape, stride)
    else:
        tensor = torch.frombuffer(memory.buffer, dtype=kind, offset=offset)
        tensor = tensor.as_strided(shape, stride, 0)
    here = _has(device)
    if device != "cpu" and here:
        tensor = tensor.to(device)
    if is_parameter:
        tensor = torch.nn.Parameter(tensor, requires_grad=gradient)
    elif gradient:
        tensor.requires_grad_(True)
    if not here:
        _remember(tensor, device)
    return tensor


def computed_tensor_over(graph: str, *arguments: Any) -> Any:
    """Rebuild a tensor that was computed: it names the gradient graph that stayed behind.

    What is computed from it goes on; a gradient that would have to go through it
    raises, where without a graph it would be wrong without a word.
    """
    import torch

    with torch.enable_grad():
        made: Any = _end_of(graph).apply(torch.zeros((), requires_grad=True), arguments)
    return made


@lru_cache(maxsize=64)
def _end_of(graph: str) -> Any:
    """Return the operation whose results look as if `graph` had made them."""
    import torch

    class End(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, anchor: Any, arguments: tuple[Any, ...]) -> Any:
            return tensor_over(*arguments)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            raise RuntimeError(
                f"The gradient graph behind a tensor ({graph}) stayed where the tensor was "
                "computed. Call backward() there, or compute the tensor on this side."
            )

    node: Any = End
    node._backward_cls.__name__ = graph
    return End


def set_tensor_state(tensor: Any, state: tuple[dict[str, Any], Any, Any]) -> None:
    """Give a rebuilt tensor its attributes, gradient and hooks."""
    attributes, gradient, hooks = state
    tensor.__dict__.update(attributes)
    if gradient is not None:
        tensor.grad = gradient
    if hooks is not None:
        tensor._backward_hooks = hooks


def home_device(tensor: Any) -> str:
    """Return the device a tensor belongs on, which may not exist on this machine."""
    entry = _away_from.get(id(tensor))
    if entry is not None and entry[0]() is tensor:
        return entry[1]
    return str(tensor.device)


def _remember(tensor: Any, device: str) -> None:
    key = id(tensor)
    _away_from[key] = (weakref.ref(tensor, lambda _: _away_from.pop(key, None)), device)


def _has(device: str) -> bool:
    import torch

    kind, _, index = device.partition(":")
    if kind == "cpu":
        return True
    module = getattr(torch, kind, None)
    if module is None or not getattr(module, "is_available", lambda: False)():
        return False
    return int(index or 0) < int(module.device_count())
