"""Weights as a safetensors file: tensors by name, and nothing that runs when it is read.

Written here and not by the library: it runs in the user's environment on a
machine, which may not have that one. Standard library alone.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import UnsafeWeightsError

FILE = "model.safetensors"
_KINDS = {
    "float64": ("F64", 8),
    "int64": ("I64", 8),
    "uint64": ("U64", 8),
    "float32": ("F32", 4),
    "int32": ("I32", 4),
    "uint32": ("U32", 4),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "int16": ("I16", 2),
    "uint16": ("U16", 2),
    "float8_e4m3fn": ("F8_E4M3", 1),
    "float8_e5m2": ("F8_E5M2", 1),
    "int8": ("I8", 1),
    "uint8": ("U8", 1),
    "bool": ("BOOL", 1),
}
"""The format's names for kinds of numbers, and their bytes; widest first, as it aligns them."""
_PIECE_BYTES = 16 << 20


def state_of(model: Any) -> Mapping[str, Any] | None:
    """Return the tensors of a model or a state dict by name; None if it is neither."""
    if callable(getattr(model, "state_dict", None)):
        model = model.state_dict()
    return model if isinstance(model, Mapping) and model else None


def write_weights(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write torch tensors or NumPy arrays to a file; blocks.

    Tied tensors are written once: the others' names lead to theirs in the file's
    metadata, as `safetensors.torch.save_model` has it. Raises UnsafeWeightsError,
    naming it, for a value that is no plain tensor.
    """
    tied: dict[str, str] = {}
    kept: dict[str, Any] = {}
    seen: dict[object, str] = {}
    for name, tensor in tensors.items():
        _kind(name, tensor)
        first = seen.setdefault(_memory(tensor, name), name)
        if first == name:
            kept[name] = tensor
        else:
            tied[name] = first
    order = sorted(kept, key=lambda name: (-_kind(name, kept[name])[1], name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **tied}}
    at = 0
    for name in order:
        kind, width = _kind(name, kept[name])
        shape = [int(length) for length in kept[name].shape]
        end = at + width * _product(shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in order:
            for piece in _bytes(kept[name]):
                file.write(piece)


def _kind(name: str, tensor: Any) -> tuple[str, int]:
    """Return how the format calls a tensor's kind of numbers, and their bytes."""
    kind = _KINDS.get(str(getattr(tensor, "dtype", "")).removeprefix("torch."))
    layout = str(getattr(tensor, "layout", "torch.strided"))
    if kind is None or layout != "torch.strided" or getattr(tensor, "is_meta", False):
        what = getattr(tensor, "dtype", None) or type(tensor).__name__
        raise UnsafeWeightsError(
            f"{name!r} is no plain tensor ({what}), so it cannot be in a safetensors file.",
            hint="Give the weights alone: `push_to_hub({name: tensor, …}, …)` takes any of them.",
        )
    return kind


def _memory(tensor: Any, name: str) -> object:
    """Return what two tensors have in common that are the same memory."""
    if not hasattr(tensor, "data_ptr") or not tensor.numel():
        return name
    return tensor.data_ptr(), tensor.device, tensor.dtype, tuple(tensor.shape), tensor.stride()


def _bytes(tensor: Any) -> Iterator[memoryview]:
    if hasattr(tensor, "data_ptr"):
        whole = tensor.detach().resolve_neg().cpu().contiguous()
        count = whole.numel() * whole.element_size()
        # Without NumPy, which a machine's environment need not have; `whole` lives until the end.
        view = memoryview((ctypes.c_char * count).from_address(whole.data_ptr() if count else 0))
    else:
        little = tensor.astype(tensor.dtype.newbyteorder("<"), copy=False)
        view = memoryview(little.tobytes())
    for at in range(0, len(view), _PIECE_BYTES):
        yield view[at : at + _PIECE_BYTES]


def _product(shape: list[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count
