"""torch: tensors over storages that arrived, sparse tensors, element types, sizes and devices."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.state.codecs.tensors import home_device, set_tensor_state, tensor_over

from .limits import must, refuse, words
from .looking import inherits, is_class
from .memories import Departing
from .numbers import checked_shape, checked_span
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_DTYPES = words(
    "float16 bfloat16 float32 float64 complex32 complex64 complex128 uint8 uint16 uint32 "
    "uint64 int8 int16 int32 int64 bool float8_e4m3fn float8_e5m2"
)
_DEVICES = frozenset({"cpu", "cuda", "mps", "xpu", "meta"})
_COMPRESSED = {
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}
_OTHERS = ("dtype", "layout", "memory_format")


def takers(memory: Departing) -> dict[type, Callable[[Any], Parts]]:
    """Return how torch's kinds are taken apart; none if it is not imported here."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn") or not hasattr(torch, "Tensor"):
        return {}
    return {
        torch.Tensor: lambda tensor: _take_tensor(tensor, memory),
        torch.nn.Parameter: lambda tensor: _take_tensor(tensor, memory),
        torch.Size: lambda size: Parts("size", tuple(size)),
        torch.device: lambda device: Parts("device", (str(device),)),
        **{getattr(torch, kind): _take_name for kind in _OTHERS},
    }


def take_other(value: Any) -> Parts | None:
    """Take apart what torch's functions return: named tuples of its own."""
    torch: Any = sys.modules.get("torch")
    kind = type(value)
    if torch is None or kind.__module__ != "torch.return_types":
        return None
    return Parts("result", (kind.__name__, *tuple(value)))


def _take_name(value: Any) -> Parts:
    return Parts("torch name", (str(value).partition(".")[2],))


def _take_tensor(tensor: Any, memory: Departing) -> Parts:
    reduced = memory.tensor(tensor)
    if reduced is None:
        return _take_sparse(tensor)
    block, dtype, offset, shape, stride, gradient, is_parameter, device = reduced[1]
    facts = (dtype, offset, gradient, is_parameter, device)
    state = (dict(tensor.__dict__), tensor.grad if tensor.is_leaf else None)
    if getattr(tensor, "_backward_hooks", None):
        refuse("a tensor with hooks holds code")
    return Parts(
        "tensor", (block, *facts, *shape, *stride), state if any(_held(s) for s in state) else None
    )


def _held(state: Any) -> bool:
    return state is not None and (type(state) is not dict or bool(state))


def _take_sparse(tensor: Any) -> Parts:
    torch: Any = sys.modules["torch"]
    layout = str(tensor.layout).partition(".")[2]
    if tensor.is_quantized or tensor.device.type == "meta" or not tensor.is_leaf:
        refuse("a quantised, empty or derived tensor of this kind is not plain data")
    facts = (layout, tensor.requires_grad, home_device(tensor))
    plain = tensor.detach()
    if tensor.layout == torch.sparse_coo:
        coalesced = plain.is_coalesced()
        parts = (plain._indices(), plain._values(), coalesced)
    elif layout in _COMPRESSED:
        one, other = (getattr(plain, name)() for name in _COMPRESSED[layout])
        parts = (one, other, plain.values())
    else:
        refuse(f"a tensor of the layout {layout} is not plain data")
    return Parts("sparse", (*facts, *parts, *tensor.shape))


def _device(name: Any) -> str:
    kind, _, index = text(name, 20).partition(":")
    must(kind in _DEVICES and (not index or index.isdigit()), "a device is one that torch knows")
    return name  # type: ignore[no-any-return]


def _make_tensor(at: Arriving, parts: list[Any]) -> Any:
    import torch

    memory, dtype, offset, gradient, is_parameter, device, *numbers = parts
    must(text(dtype, 20) in _DTYPES, "elements have a type that torch knows")
    kind: Any = getattr(torch, dtype)
    must(len(numbers) % 2 == 0, "a tensor has a stride for each dimension")
    shape = checked_shape(numbers[: len(numbers) // 2])
    stride = [whole(n, 0, 1 << 46) for n in numbers[len(numbers) // 2 :]]
    checked_span(memory, offset, shape, [n * kind.itemsize for n in stride], kind.itemsize)
    at.spend(math.prod(shape) * kind.itemsize)
    exactly(gradient, bool, "a tensor has a gradient or not")
    exactly(is_parameter, bool, "a tensor is a parameter or not")
    must(
        not gradient or kind.is_floating_point or kind.is_complex, "whole numbers have no gradient"
    )
    place = (shape, tuple(stride), gradient, is_parameter, _device(device))
    return tensor_over(memory, dtype, offset, *place)


def _fill_tensor(at: Arriving, tensor: Any, parts: list[Any]) -> None:
    import torch

    attributes, gradient = parts_of(parts, 2)
    must(type(attributes) is dict, "a tensor has attributes")
    must(all(type(n) is str and n[:2] != "__" for n in attributes), "attributes have plain names")
    must(gradient is None or type(gradient) is torch.Tensor, "a gradient is a tensor")
    set_tensor_state(tensor, (attributes, gradient, None))


def _make_sparse(at: Arriving, parts: list[Any]) -> Any:
    import torch

    layout, gradient, device, first, second, third, *shape = parts
    size = checked_shape(shape)
    text(layout, 20)
    _device(device)
    exactly(gradient, bool, "a tensor has a gradient or not")
    if layout == "sparse_coo":
        _tensors(first, second)
        exactly(third, bool, "a sparse tensor is coalesced or not")
        found = torch.sparse_coo_tensor(
            first, second, size, check_invariants=True, is_coalesced=third or None
        )
    else:
        must(layout in _COMPRESSED, "a layout is one that torch knows")
        _tensors(first, second, third)
        found = torch.sparse_compressed_tensor(
            first, second, third, size, layout=getattr(torch, layout), check_invariants=True
        )
    return found.requires_grad_(gradient) if gradient else found


def _tensors(*values: Any) -> None:
    import torch

    must(all(type(v) is torch.Tensor for v in values), "a sparse tensor is made of tensors")


def _make_size(at: Arriving, parts: list[Any]) -> Any:
    import torch

    return torch.Size([whole(n, 0, 1 << 62) for n in parts])


def _make_device(at: Arriving, parts: list[Any]) -> Any:
    import torch

    return torch.device(_device(parts_of(parts, 1)[0]))


def _make_name(at: Arriving, parts: list[Any]) -> Any:
    import torch

    found = vars(torch).get(text(parts_of(parts, 1)[0], 40))
    known = tuple(getattr(torch, kind) for kind in _OTHERS)
    must(type(found) in known, "a name of torch's is that of a type, layout or format")
    return found


def _make_result(at: Arriving, parts: list[Any]) -> Any:
    import torch

    name, *held = parts
    kind: Any = vars(torch.return_types).get(text(name, 60))
    must(is_class(kind) and inherits(kind, tuple), "a result is one of torch's")
    must(all(type(part) is torch.Tensor for part in held), "a result is made of tensors")
    return kind(held)


ADAPTERS = {
    "tensor": Adapter(_make_tensor, _fill_tensor),
    "sparse": Adapter(_make_sparse),
    "size": Adapter(_make_size),
    "device": Adapter(_make_device),
    "torch name": Adapter(_make_name),
    "result": Adapter(_make_result),
}
