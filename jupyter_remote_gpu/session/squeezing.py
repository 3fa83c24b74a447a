"""Whether packs go squeezed: on a line that takes more of them than of plain ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from jupyter_remote_gpu.chunks.packs import squeezed, total
from jupyter_remote_gpu.protocol.frames import Buffer

JUDGED_BYTES = 2 << 20
"""After so much it is judged anew."""
TRIED_AGAIN = 16
"""After so many judgements for plain packs the squeezed ones get another chance."""
_LESS = 0.9
"""Packs that become no smaller say nothing."""


class Squeezing:
    """One way to one machine. Any thread; tries both ways, and goes on with the quicker one.

    What counts is how many plain bytes arrive in a second: processors that are slow,
    or busy with something else, are in it as much as the line.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on = True
        self._clock = clock
        self._lock = threading.Lock()
        self._begin()
        self._forget()

    def begin(self) -> None:
        """Much is to be sent from now on; what was before says nothing of the time it takes."""
        with self._lock:
            self._begin()
            self._forget()

    def _begin(self) -> None:
        self._began = self._clock()
        self._sent = 0
        self._before = 0
        self._after = 0

    def _forget(self) -> None:
        self._squeezed_rate: float | None = None
        self._plain_rate: float | None = None
        self._plain_judged = 0

    def of(self, buffers: Sequence[Buffer]) -> list[Buffer]:
        """Return the buffers of a pack as they are to go."""
        if not self.on:
            return list(buffers)
        found = squeezed(buffers)
        with self._lock:
            self._before += _bytes(buffers)
            self._after += _bytes(found)
        return found

    def sent(self, size: int) -> None:
        """So many bytes of chunks have arrived, squeezed or not."""
        with self._lock:
            self._sent += size
            if self._sent < JUDGED_BYTES:
                return
            rate = self._sent / max(self._clock() - self._began, 1e-6)
            if not self.on:
                self._judge_plain(rate)
            elif self._after < _LESS * self._before:
                self._squeezed_rate = rate
                self.on = self._plain_rate is not None and rate > self._plain_rate
            self._begin()

    def _judge_plain(self, rate: float) -> None:
        self._plain_rate = rate
        self._plain_judged += 1
        if self._plain_judged > TRIED_AGAIN:
            self._forget()
        self.on = self._squeezed_rate is None or self._squeezed_rate > rate


def _bytes(buffers: Sequence[Buffer]) -> int:
    return total([(b"", one) for one in buffers])
