"""Which cells of a notebook run where: all here, all there, or a seeded mixture."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .texts import Cell


@dataclass(frozen=True, slots=True)
class Placement:
    """The numbers of the cells that run on the machine; `name` is what a user asks for it by."""

    name: str
    remote: frozenset[int]

    def without(self, number: int) -> Placement:
        """Return the same with one cell more at home."""
        return Placement(self.name, self.remote - {number})


def placement(name: str, cells: list[Cell]) -> Placement:
    """Return the placement called `local`, `remote`, or by the number of a seed."""
    able = [cell.number for cell in cells if cell.can_be_remote]
    if name == "local":
        return Placement(name, frozenset())
    if name == "remote":
        return Placement(name, frozenset(able))
    rng = random.Random(f"placement {name}")
    share = rng.choice((0.3, 0.5, 0.7))
    return Placement(name, frozenset(n for n in able if rng.random() < share))
