"""NumPy: arrays over memory that arrived, element types and scalars."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_remote_gpu.state.codecs.arrays import array_empty, array_over, array_scalar
from jupyter_remote_gpu.state.codecs.memory import Memory

from .limits import MAX_DIMENSIONS, must, refuse
from .looking import is_a
from .memories import Departing
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_SIMPLE = re.compile(r"[<>|=]?[?biufcmMSUV][0-9]{0,9}(\[[0-9]{0,9}[a-zA-Zμ]{1,2}\])?")
_FAR = 1 << 46


def takers(memory: Departing) -> dict[type, Callable[[Any], Parts]]:
    """Return how NumPy's own kinds are taken apart; none if it is not imported here."""
    np: Any = sys.modules.get("numpy")
    if np is None or not hasattr(np, "ndarray"):
        return {}
    found: dict[type, Callable[[Any], Parts]] = {
        np.ndarray: lambda array: _take_array(array, memory),
        np.ma.MaskedArray: _take_masked,
        np.matrix: _take_view,
        np.recarray: _take_view,
    }
    return found


def take_scalar(value: Any) -> Parts | None:
    """Take a scalar or an element type apart; None if it is neither."""
    np: Any = sys.modules.get("numpy")
    generic = getattr(np, "generic", None)
    if generic is None:
        return None
    if isinstance(value, np.dtype):
        return _take_dtype(value)
    if not isinstance(value, generic):
        return None
    if value.dtype.names is not None or value.dtype.hasobject:
        refuse("a NumPy record is not plain data (make it a tuple)")
    return Parts("scalar", (value.dtype, value.tobytes()))


def _take_array(array: Any, memory: Departing) -> Parts:
    reduced = memory.array(array)
    if reduced is None:
        if array.dtype.kind != "O":
            refuse(f"an array of {array.dtype} is not plain data")
        return Parts("objects", array.shape, tuple(array.reshape(-1).tolist()))
    build, arguments = reduced[0], reduced[1]
    if build is array_empty:
        return Parts("empty", (array.dtype, *array.shape))
    block, _, offset, shape, strides, writable = arguments
    return Parts("array", (block, array.dtype, offset, writable, *shape, *strides))


def _take_view(array: Any) -> Parts:
    """Take a matrix or record array apart: an array that is looked at in another way."""
    np: Any = sys.modules["numpy"]
    if array.dtype.hasobject:
        refuse("an array of objects in another form than NumPy's own is not plain data")
    plain = np.array(array, subok=False)
    if plain.dtype.names is not None:  # its elements are records of a class of NumPy's
        plain = plain.view(np.dtype((np.void, plain.dtype)))
    return Parts("view", (type(array).__name__, plain))


def _take_dtype(dtype: Any) -> Parts:
    if dtype.hasobject or dtype.kind == "T" or dtype.metadata:
        refuse(f"elements of {dtype} are not plain data")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return Parts("sub-array", (base, *shape))
    if dtype.names is None:
        return Parts("element", (dtype.str,))
    fields = [dtype.fields[name] for name in dtype.names]
    parts = [
        part
        for name, f in zip(dtype.names, fields, strict=True)
        for part in (name, f[0], f[1], f[2] if len(f) > 2 else None)
    ]
    return Parts("record", (dtype.itemsize, bool(dtype.isalignedstruct), *parts))


def _take_masked(array: Any) -> Parts:
    np: Any = sys.modules["numpy"]
    mask = None if array.mask is np.ma.nomask else array.mask
    return Parts("masked", (np.asarray(array.data), mask, array.fill_value, array.hardmask))


def checked_shape(shape: Sequence[Any]) -> tuple[int, ...]:
    """Return a shape of allowed numbers; raises `NotPlainError`."""
    must(len(shape) <= MAX_DIMENSIONS, "an array has not too many dimensions")
    return tuple(whole(n, 0, _FAR) for n in shape)


def checked_span(
    memory: Any, offset: Any, shape: Sequence[int], strides: Sequence[Any], size: int
) -> tuple[int, ...]:
    """Check that elements of `size` bytes at these byte strides lie within `memory`."""
    must(type(memory) is Memory, "an array lies in memory that arrived")
    steps = tuple(whole(step, -_FAR, _FAR) for step in strides)
    whole(offset, 0, _FAR)
    must(size > 0, "elements have a size")
    if math.prod(shape):
        reach = [(n - 1) * step for n, step in zip(shape, steps, strict=True)]
        low = offset + sum(r for r in reach if r < 0)
        high = offset + sum(r for r in reach if r > 0) + size
        must(low >= 0 and high <= len(memoryview(memory.buffer)), "an array lies in its memory")
    return steps


def _dtype(value: Any) -> Any:
    np: Any = sys.modules.get("numpy")
    must(np is not None and is_a(value, np.dtype), "an array has a type of elements")
    must(not value.hasobject, "elements are no objects")
    return value


def _make_array(at: Arriving, parts: list[Any]) -> Any:
    memory, dtype, offset, writable, *numbers = parts
    must(len(numbers) % 2 == 0, "an array has a stride for each dimension")
    shape = checked_shape(numbers[: len(numbers) // 2])
    size = _dtype(dtype).itemsize
    strides = checked_span(memory, offset, shape, numbers[len(numbers) // 2 :], size)
    at.spend(math.prod(shape) * size)
    exactly(writable, bool, "an array may be written or not")
    return array_over(memory, dtype, offset, shape, strides, writable)


def _make_empty(at: Arriving, parts: list[Any]) -> Any:
    dtype, *shape = parts
    found = checked_shape(shape)
    must(math.prod(found) * _dtype(dtype).itemsize == 0, "an empty array has no elements")
    return array_empty(dtype, found)


def _make_objects(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    shape = checked_shape(parts)
    count = math.prod(shape)
    at.spend(8 * count)
    at.named -= count
    must(at.named >= 0, "the elements of an array of objects are all in the head")
    return np.empty(shape, dtype=object)


def _fill_objects(at: Arriving, array: Any, parts: list[Any]) -> None:
    must(len(parts) == array.size, "an array of objects has as many as its shape says")
    flat = array.reshape(-1)
    for index, part in enumerate(parts):
        flat[index] = part


def _make_element(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    name = text(parts_of(parts, 1)[0], 40)
    must(_SIMPLE.fullmatch(name) is not None, "elements have a type that NumPy knows")
    return _dtype(np.dtype(name))


def _make_sub_array(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    base, *shape = parts
    found = checked_shape(shape)
    must(math.prod(found) * _dtype(base).itemsize < 1 << 31, "an element is not too large")
    return np.dtype((base, found))


def _make_record(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    size, aligned, *rest = parts
    must(len(rest) % 4 == 0, "a record has four facts a field")
    names, formats, offsets, titles = (rest[i::4] for i in range(4))
    described: dict[str, Any] = {
        "names": [text(name) for name in names],
        "formats": [_dtype(f) for f in formats],
        "offsets": [whole(offset, 0, 1 << 31) for offset in offsets],
        "itemsize": whole(size, 0, (1 << 31) - 1),
    }
    for dtype, offset in zip(formats, offsets, strict=True):
        must(offset + dtype.itemsize <= size, "the fields of a record lie within it")
    if any(title is not None for title in titles):
        described["titles"] = [None if t is None else text(t) for t in titles]
    make: Any = np.dtype
    return make(described, align=exactly(aligned, bool, "a record is aligned or not"))


def _make_scalar(at: Arriving, parts: list[Any]) -> Any:
    dtype, data = parts_of(parts, 2)
    exactly(data, bytes, "a number is made of bytes")
    must(_dtype(dtype).names is None and dtype.itemsize == len(data), "a number has its size")
    if not len(data):
        return dtype.type()
    return array_scalar(dtype.str, data)


def _make_view(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    name, array = parts_of(parts, 2)
    must(type(array) is np.ndarray and not array.dtype.hasobject, "a view is one of an array")
    return array.view({"matrix": np.matrix, "recarray": np.recarray}[text(name, 20)])


def _make_masked(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    data, mask, filling, hard = parts_of(parts, 4)
    must(type(data) is np.ndarray and not data.dtype.hasobject, "masked data is an array")
    exactly(hard, bool, "a mask is hard or not")
    if mask is not None:
        own = type(mask) is np.ndarray and mask.shape == data.shape
        must(own and mask.dtype == np.ma.make_mask_descr(data.dtype), "a mask fits its data")
    must(filling is None or is_a(filling, np.generic), "a filling is a number")
    kept = np.ma.nomask if mask is None else mask
    return np.ma.MaskedArray(data, mask=kept, fill_value=filling, hard_mask=hard)


ADAPTERS = {
    "array": Adapter(_make_array),
    "empty": Adapter(_make_empty),
    "objects": Adapter(_make_objects, _fill_objects),
    "element": Adapter(_make_element),
    "sub-array": Adapter(_make_sub_array),
    "record": Adapter(_make_record),
    "scalar": Adapter(_make_scalar),
    "masked": Adapter(_make_masked),
    "view": Adapter(_make_view),
}
