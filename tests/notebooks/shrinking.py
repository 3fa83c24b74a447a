"""Makes a failing notebook small: fewer cells, fewer of them remote, still a difference."""

from __future__ import annotations

from collections.abc import Callable

from .placements import Placement
from .texts import Cell

Fails = Callable[[list[Cell], Placement], bool]


def shrink(
    cells: list[Cell], where: Placement, last: int, fails: Fails, tries: int = 60
) -> tuple[list[Cell], Placement]:
    """Return a smaller notebook that still `fails`; `last` is the cell that differed first.

    `fails` is asked at most `tries` times; each time costs a run of the notebook.
    """
    cells = [cell for cell in cells if cell.number <= last]
    for cell in reversed(cells[:-1]):
        fewer = [other for other in cells if other is not cell]
        tries -= 1
        if tries >= 0 and fails(fewer, where):
            cells = fewer
    for number in sorted(where.remote, reverse=True):
        tries -= 1
        if tries >= 0 and number <= last and fails(cells, where.without(number)):
            where = where.without(number)
    return cells, where
