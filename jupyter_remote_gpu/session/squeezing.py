"""Whether packs go squeezed: on a line that is slower than squeezing them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from jupyter_remote_gpu.chunks.packs import squeezed
from jupyter_remote_gpu.protocol.frames import Buffer

JUDGED_BYTES = 2 << 20
"""After so much it is judged anew."""
BUSY_PART = 0.8
"""Squeezing that takes more of the time than this holds the line up."""
SLOW_BYTES_A_SECOND = 20e6
"""A line that takes less than this in plain bytes is worth trying again."""


class Squeezing:
    """One way to one machine. Any thread; squeezes until that turns out to cost time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on = True
        self._clock = clock
        self._lock = threading.Lock()
        self._begin()

    def begin(self) -> None:
        """Much is to be sent from now on; what was before says nothing of the time it takes."""
        with self._lock:
            self._begin()

    def _begin(self) -> None:
        self._began = self._clock()
        self._busy = 0.0
        self._sent = 0

    def of(self, buffers: Sequence[Buffer]) -> list[Buffer]:
        """Return the buffers of a pack as they are to go."""
        if not self.on:
            return list(buffers)
        began = self._clock()
        found = squeezed(buffers)
        with self._lock:
            self._busy += self._clock() - began
        return found

    def sent(self, size: int) -> None:
        """So many bytes of chunks have arrived, squeezed or not."""
        with self._lock:
            self._sent += size
            if self._sent < JUDGED_BYTES:
                return
            taken = max(self._clock() - self._began, 1e-6)
            if self.on:
                self.on = self._busy < BUSY_PART * taken
            else:
                self.on = self._sent < SLOW_BYTES_A_SECOND * taken
            self._begin()
