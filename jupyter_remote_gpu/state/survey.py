"""A look over a part of one half of the namespace: its components, what values and names need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .components import Edges, reach
from .half import Half, Unit
from .rebuilding import only_defines


class Survey:
    """Components and needs of the values of a half, as they are at this moment.

    It covers the names it was asked about and their partners, no others:
    `values`, `components`, `needs`, `pinned`, `sizes` and `mutable` hold these.
    """

    def __init__(self, half: Half, extra: Edges | None = None, *, synced: bool = False) -> None:
        """Look at `half`, whose partition knows all that was bound if `synced`."""
        self.values: dict[str, Any] = {}
        self.components: dict[str, tuple[str, ...]] = {}
        self.needs: dict[str, frozenset[str]] = {}
        self.pinned: dict[str, tuple[str, str]] = {}
        self.sizes: dict[str, int] = {}
        self.mutable: set[str] = set()
        self._half = half
        no_edges: dict[str, tuple[str, ...]] = {}
        self._extra: Edges = no_edges if extra is None else extra
        if not synced:
            half.partition.sync()

    @classmethod
    def whole(cls, half: Half) -> Survey:
        """Return a survey that covers all values of a half."""
        survey = cls(half)
        survey.cover(half.values())
        return survey

    def cover(self, names: Iterable[str]) -> None:
        """Look at those of `names` that hold a value here, and at their partners."""
        half, partition = self._half, self._half.partition
        new = [n for n in names if n not in self.values and half.is_value(n)]
        if partition.refresh(new):
            new += self.values  # what was known may have got new partners
        while new:
            name = new.pop()
            facts = partition.facts(name)
            self.values[name] = half.namespace[name]
            self.components[name] = partition.component(name)
            self.needs[name] = facts.needs
            self.sizes[name] = facts.size
            if facts.mutable:
                self.mutable.add(name)
            if facts.pinned is not None:
                self.pinned[name] = facts.pinned
            new += [n for n in self.components[name] if n not in self.values]

    def closure(self, names: Iterable[str]) -> set[str]:
        """Return all names that cells mentioning `names` may reach, unknown ones included."""
        seen: set[str] = set()
        todo = set(names)
        while todo:
            self.cover(todo)
            seen |= todo
            found = reach(seen, self.needs, self.components, self._extra)
            todo = found - seen
        return seen

    def linked(self, names: Iterable[str]) -> set[str]:
        """Return `names` and their partners."""
        names = set(names)
        self.cover(names)
        return names.union(*(self.components[n] for n in names if n in self.components))

    def groups(self, names: Iterable[str]) -> list[tuple[str, ...]]:
        """Return the components of those `names` that have a value here, each once."""
        return list(dict.fromkeys(self.components[n] for n in names if n in self.components))

    def order(self, units: list[Unit], half: Half) -> list[Unit]:
        """Sort units so that each comes after those it is built from, as far as possible."""
        owner = {name: unit for unit in units for name in unit.names}
        done: dict[tuple[str, ...], Unit] = {}
        entered: set[tuple[str, ...]] = set()
        for start in units:
            stack = [(start, False)]
            while stack:
                unit, leaving = stack.pop()
                if leaving:
                    done[unit.names] = unit
                elif unit.names not in entered:
                    entered.add(unit.names)
                    stack.append((unit, True))
                    below = self._built_from(unit, half) & owner.keys() - set(unit.names)
                    stack.extend((owner[n], False) for n in sorted(below, reverse=True))
        return list(done.values())

    def _built_from(self, unit: Unit, half: Half) -> set[str]:
        """Return the names that must be there before a unit is rebuilt or its statements run."""
        run = {name for d in unit.definitions for name in half.cells.reads(d)}
        names = reach(run, self.needs)
        if only_defines(unit.names, unit.definitions):
            return names  # its data comes after everything else
        names |= unit.encoded.names
        return names | {d.name for d in unit.encoded.definitions.values()}
