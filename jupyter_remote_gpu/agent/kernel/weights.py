"""Weights as safetensors files: tensors by name, and nothing that runs when they are read.

Written here and not by the library: it runs in the user's environment on a
machine, which may not have that one. Standard library alone.
"""

from __future__ import annotations

import ctypes
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import DiskFullError, UnsafeWeightsError

FILE = "model.safetensors"
MOST_BYTES = 5_000_000_000
"""What is more goes into several files, as the Hub's own library makes them: each is sent once."""
_SPARE_BYTES = 100_000_000
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


def write_weights(folder: Path, tensors: Mapping[str, Any], most: int = MOST_BYTES) -> bool:
    """Write torch tensors or NumPy arrays as one file, or as several and an index; blocks.

    Tied tensors are written once: the others' names lead to theirs in the file's
    metadata, as `safetensors.torch.save_model` has it. Says whether there are such.
    Raises UnsafeWeightsError, naming it, for a value that is no plain tensor, and
    DiskFullError before anything is written.
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
    shards = _shards(kept, most)
    _require_room(folder, sum(shard.bytes for shard in shards))
    for number, shard in enumerate(shards, 1):
        own = {name: first for name, first in tied.items() if first in shard.tensors}
        _write(folder / _file(number, len(shards)), shard.tensors, own)
    if len(shards) > 1:
        where = {n: _file(i, len(shards)) for i, s in enumerate(shards, 1) for n in s.tensors}
        size = sum(shard.bytes for shard in shards)
        index = {"metadata": {"total_size": size}, "weight_map": where}
        (folder / f"{FILE}.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")
    return bool(tied)


@dataclass(slots=True)
class _Shard:
    tensors: dict[str, Any] = field(default_factory=dict)
    bytes: int = 0


def _shards(tensors: Mapping[str, Any], most: int) -> list[_Shard]:
    """Share tensors out to files of at most `most` bytes, in their order; one may be larger."""
    shards = [_Shard()]
    for name, tensor in tensors.items():
        weight = _kind(name, tensor)[1] * _product(tensor.shape)
        if shards[-1].tensors and shards[-1].bytes + weight > most:
            shards.append(_Shard())
        shards[-1].tensors[name] = tensor
        shards[-1].bytes += weight
    return shards


def _file(number: int, count: int) -> str:
    return FILE if count == 1 else f"model-{number:05}-of-{count:05}.safetensors"


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise DiskFullError(
            f"The weights take {needed / 1e9:.1f} GB as a file, and {folder.parent} has"
            f" {free / 1e9:.1f} GB free.",
            hint='Make room, or name another folder for such files: os.environ["TMPDIR"] = …,'
            " tempfile.tempdir = None.",
        )


def _write(path: Path, tensors: Mapping[str, Any], tied: Mapping[str, str]) -> None:
    order = sorted(tensors, key=lambda name: (-_kind(name, tensors[name])[1], name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **tied}}
    at = 0
    for name in order:
        kind, width = _kind(name, tensors[name])
        shape = [int(length) for length in tensors[name].shape]
        end = at + width * _product(shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in order:
            for piece in _bytes(tensors[name]):
                file.write(piece)


def _kind(name: str, tensor: Any) -> tuple[str, int]:
    """Return how the format calls a tensor's kind of numbers, and their bytes."""
    dtype = getattr(tensor, "dtype", "")
    # NumPy's text of a kind says the order of bytes, too, where it is not this computer's.
    kind = _KINDS.get(str(getattr(dtype, "name", dtype)).removeprefix("torch."))
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
    elif tensor.size:
        little = tensor.astype(tensor.dtype.newbyteorder("<"), order="C", copy=False)
        view = memoryview(little.reshape(-1).view("uint8"))
    else:
        view = memoryview(b"")
    for at in range(0, len(view), _PIECE_BYTES):
        yield view[at : at + _PIECE_BYTES]


def _product(shape: Any) -> int:
    count = 1
    for length in shape:
        count *= int(length)
    return count
