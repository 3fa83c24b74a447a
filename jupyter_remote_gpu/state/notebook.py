"""What the homes of one notebook share: its namespace, the texts of its cells, what names use."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.protocol.state import Cell

from .cells import Cells
from .code import ident_of
from .partition import Partition
from .placeholders import Placeholder

Listener = Callable[[Iterable[str], Iterable[str]], None]
"""Told of a cell that ran elsewhere: the names it bound or deleted, and those it touched."""


def _numbers() -> Iterator[int]:
    """Count from where no earlier life of the notebook did: a machine may remember that one."""
    return itertools.count(int.from_bytes(os.urandom(5), "little") << 12)


class UsedElsewhere:
    """What names use whose newest value is on a machine; looked up, never listed."""

    def __init__(self, notebook: Notebook) -> None:
        self._names = notebook.namespace
        self._deps = notebook.deps

    def get(self, name: str, default: tuple[str, ...], /) -> tuple[str, ...]:
        """Return what `name` uses if its value is on a machine."""
        if type(self._names.get(name)) is not Placeholder:
            return default
        return self._deps.get(name, default)


@dataclass(slots=True)
class Notebook:
    """One notebook: `namespace` is the user's `user_ns`.

    `deps` tells what values use that are on a machine, `together` which of them
    share memory, as it reported; `untold`
    is ambient state, by unit, of libraries that are not imported here.
    """

    namespace: dict[str, Any]
    cells: Cells = field(default_factory=Cells)
    deps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    together: dict[str, tuple[str, ...]] = field(default_factory=dict)
    untold: dict[str, bytes] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    partition: Partition = field(init=False)
    _numbers: Iterator[int] = field(default_factory=_numbers)

    def __post_init__(self) -> None:
        """Start with nothing known of how the names are linked."""
        self.partition = Partition(self.namespace, self.cells)

    def new_cell(self, source: str, filename: str) -> Cell:
        """Number a cell; it gets a file name if it has none, so that its code is found again."""
        number = next(self._numbers)
        return Cell(number, ident_of(source), filename or f"<cell {number}>", source)

    def new_tokens(self) -> Iterator[str]:
        """Return names for the versions that one machine is sent."""
        return (f"home-{number}" for number in _numbers())

    @property
    def used_elsewhere(self) -> UsedElsewhere:
        """Return what those names use whose newest value is on a machine."""
        return UsedElsewhere(self)

    def join(self, names: Iterable[str], groups: Iterable[tuple[str, ...]]) -> None:
        """Remember which of these names, newly reported by a machine, share memory there."""
        for name in names:
            self.together.pop(name, None)
        self.together.update({name: group for group in groups for name in group})

    def partners(self, name: str) -> tuple[str, ...]:
        """Return the names that share memory with `name`, all of them on a machine."""
        held = self.namespace
        group = self.together.get(name, ())
        return tuple(n for n in group if n != name and type(held.get(n)) is Placeholder)

    def ran(self, by: Listener | None, gone: Iterable[str], reached: Iterable[str]) -> None:
        """Tell every listener but `by` what a cell did: names bound or deleted, names reached."""
        if self.partition.used:
            self.partition.rebound(gone)
            self.partition.touch({*gone, *reached})
        for listener in self.listeners:
            if listener != by:
                listener(gone, reached)
