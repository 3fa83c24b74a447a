"""NumPy arrays and scalars as (dtype, shape, strides) over bytes sent out of band.

NumPy's own pickles do not keep views, do not load across major versions and
refuse the buffer protocol for some dtypes; these do none of that.
"""

from __future__ import annotations

import sys
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError

from .memory import Block, Memory, Spans, array_span

Reduced = tuple[Any, ...]


def reduce_array(array: Any, spans: Spans) -> Reduced | None:
    """Return how to pickle an exact ndarray; None if it holds Python objects."""
    dtype = array.dtype
    if dtype.hasobject or dtype.kind == "T":
        return None
    named = dtype.str if dtype.names is None and dtype.isbuiltin != 2 else dtype
    writable = bool(array.flags.writeable)
    if not array.nbytes:
        return array_empty, (named, array.shape)
    low, high = array_span(array)
    block = spans.block(low, high, array.nbytes, array, writable=writable)
    strides = array.strides
    start = array.__array_interface__["data"][0]
    if block is None:
        array = sys.modules["numpy"].ascontiguousarray(array)
        spans.kept.append(array)
        block, start, strides = copied_block(array), 0, array.strides
    offset = start - block.low
    return array_over, (block, named, offset, array.shape, strides, writable)


def reduce_subclass(array: Any, spans: Spans) -> Reduced | None:
    """Return how to pickle a matrix, masked or record array; None where its own way must do.

    Its own way would copy the elements and lose whom they are shared with.
    """
    np: Any = sys.modules["numpy"]
    kind = type(array)
    own = kind.__reduce__ is np.ndarray.__reduce__ and kind.__setstate__ is np.ndarray.__setstate__
    masked = kind is getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if not own and not masked:
        return None
    plain = array.view(np.ndarray)
    if array.dtype.type is np.record:  # named differently by versions; `recarray` sets it again
        plain = plain.view(np.dtype((np.void, array.dtype)))
    if kind is np.memmap:
        if array.mode not in ("r", "c"):
            raise CannotTravelError(
                f"it is mapped to the file {array.filename}, and a copy's changes would not reach "
                f"it; copy it first with numpy.array, or load the file in the cell that uses it"
            )
        return array_as, (plain, kind, {**vars(array), "_mmap": None})
    return array_as, (plain, kind, dict(vars(array)))


def array_as(plain: Any, kind: type, attributes: dict[str, Any]) -> Any:
    """Rebuild an array of a subclass over the elements of a plain one."""
    array = plain.view(kind)
    if attributes:
        vars(array).clear()
        vars(array).update(attributes)
    return array


def copied_block(array: Any) -> Block:
    """Return a block over a private contiguous copy: it is read, never patched."""
    flat = array.reshape(-1).view(sys.modules["numpy"].uint8)
    return Block(0, flat, locked=True)


def array_over(
    memory: Memory,
    dtype: Any,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    writable: bool,
) -> Any:
    """Rebuild an array over memory that arrived."""
    import numpy as np

    array: Any = np.ndarray(
        shape, dtype=np.dtype(dtype), buffer=memory.buffer, offset=offset, strides=strides
    )
    if not writable:
        array.flags.writeable = False
    return array


def array_empty(dtype: Any, shape: tuple[int, ...]) -> Any:
    """Rebuild an array without elements."""
    import numpy as np

    return np.empty(shape, dtype=np.dtype(dtype))


def reduce_scalar(scalar: Any) -> Reduced | None:
    """Return how to pickle a NumPy scalar; None if it has structure or holds an object."""
    dtype = scalar.dtype
    if dtype.names is not None or dtype.hasobject:
        return None
    return array_scalar, (dtype.str, scalar.tobytes())


def array_scalar(dtype: str, data: bytes) -> Any:
    """Rebuild a NumPy scalar."""
    import numpy as np

    return np.frombuffer(data, dtype=np.dtype(dtype))[0]
