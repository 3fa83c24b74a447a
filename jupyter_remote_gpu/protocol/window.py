"""How much of a stream may be under way: enough to fill the path, too little to fill its queues.

The bytes that a sender has out beyond what the path itself holds wait in front
of its narrowest place, and everybody else's bytes wait behind them. So a sender
keeps out no more than (measured rate) x (shortest delay + a short queue). The
queue is long enough that the path never runs dry, and short enough that a cell
on another connection does not feel it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

QUEUE_SECONDS = 0.008
"""What others may wait behind us; a cell takes at least 20 ms on a path where it matters."""
FIRST_BYTES = 256 << 10
LEAST_BYTES = 64 << 10
MOST_BYTES = 64 << 20
"""More than any one connection keeps out; a bound on what a mistaken rate can do."""
LEAST_PIECE_BYTES = 8 << 10
MOST_PIECE_BYTES = 1 << 20
_ROUNDS_REMEMBERED = 10
_SHORTEST_ROUND_SECONDS = 0.02
_GROWTH = 1.2
_ROUNDS_WITHOUT_GROWTH = 3
_HASTE = 1.25
"""After a rest a window goes out so many times as fast as the path takes it, not at once."""
_LONG_SECONDS = 0.005
"""On shorter paths a window is so small that it may go out at once."""


class Window:
    """The room of one direction of one line; no I/O, used by the thread that sends.

    Delays and rates come from the receiver's word of what it has taken, so they
    hold for the whole way, whatever it is made of.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent = 0
        self._taken = 0
        self._taken_at = clock()
        self._out: deque[tuple[int, float, int, float]] = deque()
        self._delay: float | None = None
        self._next_at = 0.0
        self._rates: deque[float] = deque(maxlen=_ROUNDS_REMEMBERED)
        self._round_ends = 0
        self._round_best = 0.0
        self._round_least = math.inf
        self._round_began = self._taken_at
        self._starting = True
        self._pressed = False
        self._without_growth = 0

    @property
    def taken(self) -> int:
        """How many bytes the receiver has said it has, in all."""
        return self._taken

    @property
    def rate(self) -> float:
        """Bytes per second that the path took lately at best; 0.0 before that is known."""
        return max((*self._rates, self._round_best))

    @property
    def limit(self) -> int:
        """How many bytes may be under way."""
        if self._delay is None or not self.rate:
            return FIRST_BYTES
        full = self.rate * (self._delay + QUEUE_SECONDS)
        if self._starting:
            full = max(2 * full, FIRST_BYTES)
        return int(min(max(full, LEAST_BYTES), MOST_BYTES))

    @property
    def room(self) -> int:
        """How many more bytes may be under way; a piece may go while there is any room."""
        return self.limit - (self._sent - self._taken)

    @property
    def piece(self) -> int:
        """How many bytes to send at once: half of the queue that others may find."""
        full = int(self.rate * QUEUE_SECONDS / 2)
        return min(max(full, LEAST_PIECE_BYTES), MOST_PIECE_BYTES)

    @property
    def pause(self) -> float:
        """Seconds to wait before the next piece, although there is room."""
        return self._next_at - self._clock()

    def sent(self, count: int) -> None:
        """Note that so many bytes go out now."""
        now = self._clock()
        if self._delay is not None and self._delay > _LONG_SECONDS and not self._starting:
            self._next_at = max(now, self._next_at) + count / max(_HASTE * self.rate, 1.0)
        if self._sent == self._taken:
            self._taken_at = now  # nothing was under way: waiting for us is not the path's rate
        self._sent += count
        self._out.append((self._sent, now, self._taken, self._taken_at))
        self._pressed = self._pressed or self.room <= 0

    def take(self, total: int) -> None:
        """Note the receiver's word that it has `total` bytes, since the line was opened."""
        now = self._clock()
        total = min(total, self._sent)
        latest = None
        while self._out and self._out[0][0] <= total:
            latest = self._out.popleft()
        if total > self._taken:
            self._taken, self._taken_at = total, now
        if latest is None:
            return
        _, sent_at, taken_then, taken_then_at = latest
        delay = now - sent_at
        self._delay = delay if self._delay is None else min(self._delay, delay)
        self._round_least = min(self._round_least, delay)
        span = now - min(sent_at, taken_then_at)
        if span > 0:
            self._round_best = max(self._round_best, (total - taken_then) / span)
        if taken_then >= self._round_ends and now - self._round_began >= _SHORTEST_ROUND_SECONDS:
            self._end_round(now)

    def _end_round(self, now: float) -> None:
        """A window's worth has come back: keep its rate; see whether rates still grow."""
        before = max(self._rates, default=0.0)
        if self._pressed or self._round_best > before:
            # else the sender had too little to send, which says nothing of the path
            grew = self._round_best > before * _GROWTH
            self._without_growth = 0 if grew else self._without_growth + 1
            self._starting = self._starting and self._without_growth < _ROUNDS_WITHOUT_GROWTH
            self._rates.append(self._round_best)
        if self._delay is not None and self._round_least > self._delay + QUEUE_SECONDS:
            self._starting = False  # there is a queue already
        self._round_best, self._round_least, self._pressed = 0.0, math.inf, False
        self._round_ends, self._round_began = self._taken, now
