"""Puts plain data together: records in order, each by a fixed table, nothing by the sender's word.

No recursion, no lookup of names outside the adapters' own lists, and nothing is
allocated beyond a small multiple of what arrived.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.errors import RemoteGPUError

from . import (
    classes,
    draws,
    frames,
    functions,
    images,
    instances,
    leaves,
    memories,
    numbers,
    tensors,
)
from .layout import (
    FILL,
    Layout,
)
from .limits import NotPlainError, broken, free_bytes, must, room_for
from .parts import Adapter, Arriving, Surroundings

_ADAPTERS: dict[str, Adapter] = {
    **classes.ADAPTERS,
    **draws.ADAPTERS,
    **frames.ADAPTERS,
    **functions.ADAPTERS,
    **images.ADAPTERS,
    **instances.ADAPTERS,
    **leaves.ADAPTERS,
    **memories.ADAPTERS,
    **numbers.ADAPTERS,
    **tensors.ADAPTERS,
}
_Filler = Callable[[Any, list[Any]], None]


def decode(head: bytes | memoryview, buffers: Sequence[Any], around: Surroundings) -> Decoded:
    """Put together what `encoder.encode` took apart.

    Raises `NotPlainError` for what breaks the format, `CannotTravelError` for
    classes and functions that may not come back; nothing else, whatever `head` holds.
    """
    return decode_with(_ADAPTERS, head, buffers, around)


def decode_with(
    adapters: Mapping[str, Adapter],
    head: bytes | memoryview,
    buffers: Sequence[Any],
    around: Surroundings,
) -> Decoded:
    """Put together with these adapters alone; see `decode`."""
    at = Arriving(around, buffers, free_bytes(), len(head))
    try:
        layout = Layout.unpack(head)
        room_for(layout.weight(), "The value")
        return Decoded(_Decoder(layout, at, adapters).run(), at.hooked)
    except RemoteGPUError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise NotPlainError(
            f"plain data from the machine cannot be put together: {kind}"
        ) from error


class Decoded:
    """A value that was put together.

    `hooked` says that classes in it decide how they are pickled: pickling it
    would run their code.
    """

    __slots__ = ("hooked", "value")

    def __init__(self, value: Any, hooked: bool) -> None:
        self.value = value
        self.hooked = hooked


class _Decoder:
    """One run over the records. `_values` has constants from its start, objects from its end."""

    def __init__(self, layout: Layout, at: Arriving, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters
        constants = layout.constants()
        self._count = len(constants)
        self._values: list[Any] = [*constants, *[None] * layout.objects]
        self._made = 0
        self._objects = layout.objects
        self._code = layout.code.tolist()
        self._whole = _Section(layout.whole)
        self._real = _Section(layout.real)
        self._at = at
        self._unfilled: dict[int, _Filler] = {}
        self._makers: tuple[Callable[[list[int]], Any], ...] = (
            *(self._tuple, self._list, self._dict, self._set, self._frozenset),
            *(self._numbers, self._floats, self._build),
        )

    def run(self) -> Any:
        """Carry out all records; return the one value that the last one names."""
        code, place, end = self._code, 0, len(self._code)
        root: Any = None
        while place < end:
            must(place + 2 <= end, "a record has an operation and a count")
            operation, count = code[place], code[place + 1]
            place += 2
            must(0 <= count <= end - place, "a record is as long as it says")
            refs = code[place : place + count]
            place += count
            if operation == FILL:
                self._fill(refs)
            elif 0 <= operation < FILL:
                root = self._makers[operation](refs)
                self._add(root)
            else:
                broken("an operation is known")
        must(self._made == self._objects, "there are as many objects as announced")
        must(type(root) is tuple and len(root) == 1, "the last record names the value")
        return root[0]

    def _add(self, value: Any) -> None:
        must(self._made < self._objects, "there are as many objects as announced")
        self._made += 1
        self._values[-self._made] = value

    def _parts(self, refs: list[int]) -> list[Any]:
        """Return what references stand for; all must be made already."""
        if refs and not (-self._made <= min(refs) and max(refs) < self._count):
            broken("a record refers to what is there")
        return list(map(self._values.__getitem__, refs))

    def _tuple(self, refs: list[int]) -> Any:
        parts = self._parts(refs)
        return self._noted(self._at.deeper(tuple(parts), parts), parts)

    def _noted(self, value: Any, parts: list[Any]) -> Any:
        """Note that hashing `value` runs code if hashing one of its parts does."""
        coded = self._at.coded
        if coded and any(id(part) in coded for part in parts):
            coded.add(id(value))
        return value

    def _list(self, refs: list[int]) -> Any:
        found = self._parts(refs)
        return found if refs else self._empty(found, lambda value, parts: value.extend(parts))

    def _dict(self, refs: list[int]) -> Any:
        found: dict[Any, Any] = {}
        if refs:
            self._put(found, self._parts(refs))
            return found
        return self._empty(found, self._put)

    def _put(self, value: dict[Any, Any], parts: list[Any]) -> None:
        must(len(parts) % 2 == 0, "a dictionary has pairs")
        keys = parts[::2]
        self._at.hashable(keys)
        value.update(zip(keys, parts[1::2], strict=True))

    def _set(self, refs: list[int]) -> Any:
        must(not refs, "a set is made empty")
        return self._empty(set(), self._unite)

    def _unite(self, value: set[Any], parts: list[Any]) -> None:
        self._at.hashable(parts)
        value.update(parts)

    def _frozenset(self, refs: list[int]) -> Any:
        parts = self._parts(refs)
        self._at.hashable(parts)
        return frozenset(parts)

    def _numbers(self, refs: list[int]) -> Any:
        return self._whole.take(refs)

    def _floats(self, refs: list[int]) -> Any:
        return self._real.take(refs)

    def _build(self, refs: list[int]) -> Any:
        must(len(refs) > 0, "a value has a kind")
        tag, *parts = self._parts(refs)
        adapter = self._adapters.get(tag) if type(tag) is str else None
        if adapter is None:
            broken("a value is of a known kind")
        made = self._noted(adapter.make(self._at, parts), parts)
        if adapter.fill is None:
            return made
        fill, at = adapter.fill, self._at
        return self._empty(made, lambda value, rest: fill(at, value, rest))

    def _empty(self, value: Any, filler: _Filler) -> Any:
        """Remember how the object that is about to be added is filled, once."""
        self._unfilled[self._made] = filler
        return value

    def _fill(self, refs: list[int]) -> None:
        must(len(refs) > 0 and refs[0] < 0, "what is filled is an object")
        filler = self._unfilled.pop(-refs[0] - 1, None)
        if filler is None:
            broken("an object is filled once")
        value, *parts = self._parts(refs)
        filler(value, parts)
        self._noted(value, parts)


class _Section:
    """Numbers handed out once, in order, so that no bytes can become many lists."""

    def __init__(self, numbers: array[Any]) -> None:
        self._numbers = numbers
        self._at = 0

    def take(self, refs: list[int]) -> list[Any]:
        """Return the next so many numbers as a list."""
        must(len(refs) == 1 and refs[0] >= 0, "a list of numbers has a length")
        start, self._at = self._at, self._at + refs[0]
        must(self._at <= len(self._numbers), "a list of numbers has all of them")
        return self._numbers[start : self._at].tolist()
