"""How a value is taken apart and put together: what encoder, decoder and adapters share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.codecs.memory import Memory

from .limits import MAX_HASHED_DEPTH, evenly_hashed, must


@dataclass(frozen=True, slots=True)
class Parts:
    """A value taken apart: `made_of` exists before it, `filled_with` may refer back to it.

    `tag` names the adapter that puts it together. `filled_with` is None for
    what is whole once it is made.
    """

    tag: str
    made_of: tuple[Any, ...] = ()
    filled_with: Sequence[Any] | None = None


@dataclass(slots=True)
class Surroundings:
    """What either end knows of its notebook: its names, its cells, and the project's folder."""

    namespace: dict[str, Any]
    cells: Cells
    get: Callable[[str], Any]
    defining: frozenset[int] = frozenset()
    folder: str = field(default_factory=os.getcwd)

    @property
    def module(self) -> str:
        """Return the name of the notebook's own module."""
        return str(self.namespace.get("__name__", "__main__"))


@dataclass(slots=True)
class Arriving:
    """What adapters use to put values together at home; nothing in it comes from the message."""

    around: Surroundings
    buffers: Sequence[Any]
    room: int
    """Bytes that arrays may stand for in all, views and repetitions included."""
    named: int = 0
    """How many elements arrays of objects can have in all: the head names each of them."""
    patterns: int = 0
    hooked: bool = False
    """Set once a value is of a class whose own methods decide how it is pickled."""
    known: dict[int, Any] = field(default_factory=dict)
    """What was found out about classes, by id; kept here so that the classes stay alive."""
    memories: dict[int, Memory] = field(default_factory=dict)
    coded: set[int] = field(default_factory=set)
    """Ids of objects whose hash or comparison runs code that was typed here."""
    depths: dict[int, int] = field(default_factory=dict)
    """How many tuples lie in each other, by the id of the outermost."""
    deepest: int = 0

    def spend(self, count: int) -> None:
        """Take `count` bytes from the room there is; raises `NotPlainError`."""
        self.room -= count
        must(self.room >= 0, "arrays fit into this computer's memory")

    def hashable(self, keys: Sequence[Any]) -> None:
        """Refuse keys that would run code, recurse too deeply, or collide, when they are hashed."""
        if self.coded:
            must(
                not any(id(key) in self.coded for key in keys),
                "no key of a dictionary or set has a __hash__ or __eq__ that was typed in a cell "
                "(make plain data of it there, or mark the machine as trusted)",
            )
        if self.deepest > MAX_HASHED_DEPTH:
            deepest = max((self.depths.get(id(key), 0) for key in keys), default=0)
            must(deepest <= MAX_HASHED_DEPTH, "keys are not nested too deeply")
        evenly_hashed(keys, len(keys))

    def deeper(self, value: Any, parts: Sequence[Any]) -> Any:
        """Note that `value` is a tuple of `parts`; return it."""
        depths, deepest = self.depths, 0
        for part in parts:
            if type(part) is not str and id(part) in depths:
                deepest = max(deepest, depths[id(part)])
        depths[id(value)] = deepest + 1
        self.deepest = max(self.deepest, deepest + 1)
        return value


Make = Callable[[Arriving, list[Any]], Any]
Fill = Callable[[Arriving, Any, list[Any]], None]


@dataclass(frozen=True, slots=True)
class Adapter:
    """Puts values of one kind together again: called by the decoder, from its own table only.

    Both get parts that were decoded before and must check all they rely on;
    any exception they raise refuses the whole value.
    """

    make: Make
    fill: Fill | None = None


def text(value: Any, longest: int = 1000) -> str:
    """Return a text of an allowed length; raises `NotPlainError`."""
    must(type(value) is str and len(value) <= longest, "a text is where one is expected")
    return value  # type: ignore[no-any-return]


def whole(value: Any, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`; raises `NotPlainError`."""
    must(type(value) is int and low <= value <= high, "a number is in its range")
    return value  # type: ignore[no-any-return]


def exactly(value: Any, kind: type, rule: str) -> Any:
    """Return a value of exactly that built-in type; raises `NotPlainError`."""
    must(type(value) is kind, rule)
    return value


def parts_of(parts: list[Any], count: int) -> list[Any]:
    """Return `parts` if there are `count` of them; raises `NotPlainError`."""
    must(len(parts) == count, "a value has as many parts as its kind")
    return parts
