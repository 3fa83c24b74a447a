"""Takes a value apart into plain data: one walk without recursion, identity and cycles kept.

What cannot be plain data raises `CannotTravelError` with a reason to put after
"because". Nothing of a class is called: attributes are read as they are.
"""

from __future__ import annotations

import enum
import functools
import types
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_remote_gpu.state.codecs.memory import Block
from jupyter_remote_gpu.state.placeholders import Placeholder

from . import draws, frames, functions, images, leaves, numbers, tensors
from .classes import take_class
from .instances import Shape, shape_of, take_instance
from .layout import (
    BIG,
    BUILD,
    BYTES,
    DICT,
    FILL,
    FIXED,
    FLOAT,
    FROZENSET,
    INT,
    LIST,
    REAL,
    SET,
    TEXT,
    TUPLE,
    WHOLE,
    Layout,
)
from .limits import refuse
from .listed import function_name
from .looking import is_class
from .memories import Departing
from .parts import Parts, Surroundings

_ATOMS = frozenset({type(None), bool, int, float, str, bytes, type(...), type(NotImplemented)})
_ENTER, _BUILT, _FILLED = range(3)
_RUNS = ({float}, {int})
_INT64 = 1 << 63
_OPERATIONS = {"tuple": TUPLE, "list": LIST, "dict": DICT, "set": SET, "frozenset": FROZENSET}
_Waiting = tuple[int, Any, Sequence[Any]]


def encode(payload: Any, around: Surroundings, memory: Departing) -> bytes:
    """Return `payload` as plain data; what arrays live in is added to `memory`.

    Raises `CannotTravelError`.
    """
    encoder = _Encoder(around, memory)
    encoder.walk(payload)
    return encoder.finish(payload)


class _NotYet(Exception):
    """An object that is not made yet is referred to."""


class _Encoder:
    """One walk. `_made` maps the id of an object to its reference; `_kept` keeps ids unique."""

    def __init__(self, around: Surroundings, memory: Departing) -> None:
        self._around = around
        self._memory = memory
        self._layout = Layout()
        self._made: dict[int, int] = {}
        self._open: set[int] = set()
        self._kept: list[Any] = []
        self._late: list[_Waiting] = []
        self._known: dict[type, dict[Any, int]] = {str: {}, int: {}, bytes: {}}
        self._shapes: dict[type, Shape] = {}
        self._takers: dict[type, Callable[[Any], Parts | None]] = {
            tuple: lambda value: Parts("tuple", value),
            list: self._list,
            dict: self._dict,
            set: lambda value: Parts("set", (), tuple(value)),
            frozenset: lambda value: Parts("frozenset", tuple(value)),
            bytearray: lambda value: Parts("bytes", (), (bytes(value),)),
            types.FunctionType: self._function,
            types.BuiltinFunctionType: lambda value: functions.take_builtin(value, around),
            types.MethodType: functions.take_method,
            types.CellType: functions.take_cell,
            functools.partial: functions.take_partial,
            Block: lambda block: Parts("memory", (memory.number(block),)),
            **leaves.TAKERS,
            **numbers.takers(memory),
            **tensors.takers(memory),
            **draws.takers(),
            **frames.takers(),
            **images.takers(),
        }

    def walk(self, root: Any) -> None:
        """Emit the records that make `root` and all it refers to."""
        stack: list[tuple[int, Any, Parts]] = [(_ENTER, root, Parts(""))]
        while stack:
            stage, obj, parts = stack.pop()
            if stage == _ENTER:
                if type(obj) in _ATOMS or id(obj) in self._made or id(obj) in self._open:
                    continue
                found = self._apart(obj)
                if found is None:
                    continue
                self._open.add(id(obj))
                stack.append((_BUILT, obj, found))
                stack += [(_ENTER, part, found) for part in reversed(found.made_of)]
            elif stage == _BUILT:
                self._build(obj, parts)
                if parts.filled_with is not None:
                    stack.append((_FILLED, obj, parts))
                    stack += [(_ENTER, part, parts) for part in reversed(parts.filled_with)]
            else:
                self._fill(self._made[id(obj)], obj, parts.filled_with or ())
        if self._late:
            refuse("it refers to itself in a way that plain data cannot hold")

    def finish(self, root: Any) -> bytes:
        """Return the bytes; the last record names `root`."""
        self._record(TUPLE, [self._reference(root)])
        return self._layout.pack()

    def _apart(self, obj: Any) -> Parts | None:
        """Return the parts of an object, None if it was emitted at once."""
        kind = type(obj)
        self._kept.append(obj)
        taker = self._takers.get(kind)
        if taker is not None:
            found = taker(obj)
        elif kind is Placeholder or obj is self._around.namespace:
            refuse("a part of it is on another side")
        elif is_class(obj):
            found = take_class(obj, self._around)
        elif isinstance(obj, enum.Enum):
            found = leaves.take_member(obj)
        elif isinstance(obj, types.ModuleType):
            refuse(f"it holds the module {obj.__name__}")
        elif id(obj) in self._around.cells:
            found = functions.take_function(obj, self._around)
        else:
            found = self._instance(obj, kind)
        if found is not None:
            self._kept.append(found)
        return found

    def _instance(self, obj: Any, kind: type) -> Parts:
        found = numbers.take_scalar(obj) or tensors.take_other(obj) or frames.take_other(obj)
        if found is not None:
            return found
        if callable(obj) and function_name(obj) is not None:
            return functions.take_function(obj, self._around)
        if kind not in self._shapes:
            take_class(kind, self._around)  # its class must be one that may come back
            self._shapes[kind] = shape_of(kind, self._around)
        return take_instance(obj, self._around, self._shapes[kind])

    def _function(self, function: Any) -> Parts:
        return functions.take_function(function, self._around)

    def _list(self, value: list[Any]) -> Parts | None:
        kinds = set(map(type, value))
        if kinds == {float}:
            self._layout.real.extend(value)
            self._run(REAL, value)
            return None
        if kinds == {int}:
            try:
                self._layout.whole.extend(array("q", value))
            except OverflowError:
                return Parts("list", (), tuple(value))
            self._run(WHOLE, value)
            return None
        if value and self._at_once(value, LIST, value):
            return None
        return Parts("list", (), tuple(value))

    def _run(self, operation: int, value: list[Any]) -> None:
        """Emit a list of equal numbers as one record over its section."""
        self._made[id(value)] = self._record(operation, [len(value)])

    def _dict(self, value: dict[Any, Any]) -> Parts | None:
        parts = [part for pair in value.items() for part in pair]
        if parts and self._at_once(value, DICT, parts):
            return None
        return Parts("dict", (), parts)

    def _at_once(self, obj: Any, operation: int, parts: Sequence[Any], depth: int = 2) -> bool:
        """Emit a container whose parts are atoms, made, or containers of such: the usual case."""
        refs: list[int] = []
        add, known, made = refs.append, self._known, self._made
        for part in parts:
            kind = type(part)
            if kind is str or kind is int:
                number = known[kind].get(part)
                add(self._constant(part) if number is None else number)
                continue
            if kind in _ATOMS:
                add(self._constant(part))
                continue
            found = made.get(id(part))
            if found is None and depth and id(part) not in self._open:
                if kind is list and part:
                    self._nested(part, depth)
                elif kind is tuple:
                    self._at_once(part, TUPLE, part, depth - 1)
                elif kind is dict and part:
                    inner = [each for pair in part.items() for each in pair]
                    self._at_once(part, DICT, inner, depth - 1)
                found = self._made.get(id(part))
            if found is None:
                return False
            add(found)
        self._kept.append(obj)
        self._made[id(obj)] = self._record(operation, refs)
        return True

    def _nested(self, value: list[Any], depth: int) -> None:
        if set(map(type, value)) in _RUNS:
            self._list(value)
        else:
            self._at_once(value, LIST, value, depth - 1)

    def _build(self, obj: Any, parts: Parts) -> None:
        try:
            refs = [self._reference(part) for part in parts.made_of]
        except _NotYet:
            refuse("it refers to itself in a way that plain data cannot hold")
        operation = _OPERATIONS.get(parts.tag)
        if operation is None:
            operation, refs = BUILD, [self._constant(parts.tag), *refs]
        self._made[id(obj)] = self._record(operation, refs)
        self._open.discard(id(obj))
        if self._late:
            waiting, self._late = self._late, []
            for number, owner, filled_with in waiting:
                self._fill(number, owner, filled_with)

    def _fill(self, number: int, obj: Any, parts: Sequence[Any]) -> None:
        """Emit what fills an object, or wait for a part that is still being made."""
        try:
            refs = [number, *map(self._reference, parts)]
        except _NotYet:
            self._late.append((number, obj, parts))
            return
        if len(refs) > 1 or type(obj) not in (list, dict, set):
            self._record(FILL, refs)

    def _reference(self, part: Any) -> int:
        kind = type(part)
        if kind in _ATOMS:
            return self._constant(part)
        found = self._made.get(id(part))
        if found is None:
            raise _NotYet
        return found

    def _constant(self, value: Any) -> int:
        layout, kind = self._layout, type(value)
        if kind is float:
            layout.floats.append(value)
            layout.kinds.append(FLOAT)
            return len(FIXED) + len(layout.kinds) - 1
        known = self._known.get(kind)
        if known is None:
            return FIXED.index(value) if kind is not bool else 1 + (not value)
        found = known.get(value)
        if found is None:
            found = known[value] = len(FIXED) + len(layout.kinds)
            number = TEXT if kind is str else BYTES
            if kind is int:
                number = INT if -_INT64 <= value < _INT64 else BIG
            layout.kinds.append(number)
            self._store(number, value)
        return found

    def _store(self, kind: int, value: Any) -> None:
        if kind == INT:
            self._layout.ints.append(value)
            return
        if kind == TEXT:
            value = value.encode("utf-8", "surrogatepass")
        elif kind == BIG:
            value = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        self._layout.lengths.append(len(value))
        self._layout.blob.append(value)

    def _record(self, operation: int, refs: list[int]) -> int:
        self._layout.code.fromlist([operation, len(refs), *refs])
        if operation == FILL:
            return refs[0]
        self._layout.objects += 1
        return -self._layout.objects
