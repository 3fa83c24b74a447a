"""One move of values, watched: measured, shown while it lasts, refused if it takes too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from jupyter_remote_gpu.errors import TooLongError
from jupyter_remote_gpu.state.loads import Load
from jupyter_remote_gpu.state.peer import Watch

from .front_end import Bar
from .pace import Direction, Pace
from .summary import bar_text, moved_text

SHOWN_AFTER_SECONDS = 0.5
SHOWN_EVERY_SECONDS = 0.1
JUDGED_AFTER_SECONDS = 2.0
"""On a line nothing was measured of, the move itself is the measurement, for so long."""


class Refusal(Protocol):
    """Makes the error that says in numbers why a move is not made."""

    def __call__(self, loads: Sequence[Load], total: int, rate: float) -> TooLongError:
        """Return the error; `total` bytes would move, at `rate` bytes per second."""
        ...


class Moving(Watch):
    """Watches one move in one direction; used as a context, by one thread.

    Longer than `limit` seconds it must not take, unless `limit` is None;
    `refuse` makes the error, which leaves everything as it was. Leaving the
    context takes the bar away: `done` says what stands in its place.
    """

    def __init__(
        self,
        machine: str,
        direction: Direction,
        bar: Bar,
        pace: Pace,
        limit: float | None,
        refuse: Refusal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self._direction: Direction = direction
        self._bar = bar
        self._pace = pace
        self._limit = limit
        self._refuse = refuse
        self._clock = clock
        self._loads: tuple[Load, ...] = ()
        self._total = 0
        self._started = self._shown = clock()
        self._judged = True
        self._visible = False

    @property
    def shown(self) -> bool:
        """Whether it lasted long enough for a bar."""
        return self._visible

    def __enter__(self) -> Moving:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Take the bar away, or leave a line that says what went or that nothing changed."""
        if kind is None:
            self._pace.note(self._direction, self._total, self._clock() - self._started)
        if not self._visible:
            return
        seconds = self._clock() - self._started
        self._bar.end(
            moved_text(self._machine, self._direction, self._loads, self._total, seconds)
            if kind is None
            else f"{self._machine} ▸ stopped; no name has changed"
        )

    def begins(self, loads: Sequence[Load], total: int) -> None:
        """Start the clock; raises `TooLongError` if the line is known to be too slow for this."""
        self._loads, self._total = tuple(loads), total
        self._started = self._shown = self._clock()
        self._judged = self._pace.known(self._direction) or self._limit is None
        self._judge(total, self._pace.rate(self._direction))

    def moved(self, done: int, total: int) -> None:
        """Show how far it is; raises `TooLongError` if the first seconds show it is too slow."""
        now = self._clock()
        seconds = now - self._started
        if not self._judged and seconds >= JUDGED_AFTER_SECONDS:
            self._judged = True
            self._judge(total - done, done / seconds)
        if seconds >= SHOWN_AFTER_SECONDS and now - self._shown >= SHOWN_EVERY_SECONDS:
            self._shown = now
            self._visible = True
            text = bar_text(self._machine, self._direction, self._loads, done, total, seconds)
            self._bar.show(text, done / total if total else 1.0)

    def _judge(self, left: int, rate: float) -> None:
        if self._limit is not None and left > self._limit * max(rate, 1.0):
            raise self._refuse(self._loads, self._total, max(rate, 1.0))
