"""What earlier remote cells said after their end, kept for the next remote cell."""

from __future__ import annotations

import threading

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.following import weight

MOST_EVENTS = 20_000
MOST_BYTES = 64 << 20


class LateOutput:
    """Keeps late outputs up to a bound; beyond it the loss is counted and told.

    `add` is called in the session's loop, `take` by the thread that runs cells.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._bytes = self._lost = 0
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Keep an output; never blocks."""
        with self._lock:
            size = weight(event)
            if len(self._events) >= MOST_EVENTS or self._bytes + size > MOST_BYTES:
                self._lost += 1
                return
            self._events.append(event)
            self._bytes += size

    def take(self) -> tuple[list[Event], str]:
        """Return what was kept, and a sentence about what was lost ("" if nothing was)."""
        with self._lock:
            events, self._events = self._events, []
            lost, self._lost, self._bytes = self._lost, 0, 0
        told = f"{lost} more late outputs of earlier remote cells were too much to keep"
        return events, told if lost else ""
