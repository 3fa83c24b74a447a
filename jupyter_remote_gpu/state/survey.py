"""A look over one half of the namespace: its components, and what values and names need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .components import Walk, reach
from .half import Half, Unit


class Survey:
    """Components and needs of the values of a half, as they are at this moment."""

    def __init__(
        self,
        half: Half,
        extra: Mapping[str, Iterable[str]] | None = None,
        *,
        nothing: bool = False,
    ) -> None:
        """Walk all values of `half`; `nothing` spares that where no value is concerned."""
        self.values: dict[str, Any] = {} if nothing else half.values()
        walk = Walk(half.namespace)
        for name, value in self.values.items():
            walk.add(name, value)
        self.components: dict[str, tuple[str, ...]] = walk.components()
        self.needs = walk.needs
        self.pinned = walk.pinned
        self.sizes = walk.sizes
        self.mutable = walk.mutable
        for name in half.cells.made_names(self.values):
            definition = half.cells.definition(self.values[name])
            if definition is not None:
                self.needs[name] |= half.cells.reads(definition) - {name}
        self._extra = dict(extra or {})

    def closure(self, names: Iterable[str]) -> set[str]:
        """Return all names that cells mentioning `names` may reach, unknown ones included."""
        return reach(names, self.needs, self.components, self._extra)

    def linked(self, names: Iterable[str]) -> set[str]:
        """Return `names` and their partners."""
        return reach(names, self.components)

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
        names = set(unit.encoded.names)
        names |= {d.name for d in unit.encoded.definitions.values()}
        run = {name for d in unit.definitions for name in half.cells.reads(d)}
        return names | reach(run, self.needs)
