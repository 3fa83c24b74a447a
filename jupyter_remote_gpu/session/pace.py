"""How fast the line to a machine is: measured by the moves that went over it."""

from __future__ import annotations

from collections import deque
from typing import Literal

Direction = Literal["out", "in"]

EMBEDDED_BYTES_PER_SECOND = 400e6
"""Assumed of this computer's own sockets until something has moved."""
_SMALLEST_BYTES = 8 << 20
"""A smaller move tells of the round trip, not of the line."""
_REMEMBERED = 5


class Pace:
    """The speed of one line, each direction on its own, from its latest moves.

    Used by the thread that runs cells; no I/O, never blocks.
    """

    def __init__(self, assumed: float = EMBEDDED_BYTES_PER_SECOND) -> None:
        self._assumed = assumed
        self._seen: dict[Direction, deque[tuple[int, float]]] = {
            "out": deque(maxlen=_REMEMBERED),
            "in": deque(maxlen=_REMEMBERED),
        }

    def note(self, direction: Direction, count: int, seconds: float) -> None:
        """Remember that so many bytes took so long; small moves say nothing and are left out."""
        if count >= _SMALLEST_BYTES and seconds > 0:
            self._seen[direction].append((count, seconds))

    def known(self, direction: Direction) -> bool:
        """Say whether `rate` was measured in this direction, rather than supposed."""
        return bool(self._seen[direction])

    def rate(self, direction: Direction) -> float:
        """Return bytes per second; assumed if nothing was measured in this direction yet."""
        seen = self._seen[direction]
        if not seen:
            return self._assumed
        return sum(count for count, _ in seen) / sum(seconds for _, seconds in seen)


class Through(Pace):
    """The speed of a move that comes from one machine and goes on to another, through here."""

    def __init__(self, first: Pace, then: Pace) -> None:
        self._first = first
        self._then = then

    def note(self, direction: Direction, count: int, seconds: float) -> None:
        """Remember it of the first way; the second is measured when it is gone."""
        self._first.note(direction, count, seconds)

    def known(self, direction: Direction) -> bool:
        """Say whether both ways were measured."""
        return self._first.known(direction) and self._then.known("out")

    def rate(self, direction: Direction) -> float:
        """Return bytes per second for both ways, one after the other."""
        return 1 / (1 / self._first.rate(direction) + 1 / self._then.rate("out"))
