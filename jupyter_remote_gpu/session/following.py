"""From a kernel's journal to the cell that waits for it."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_remote_gpu.protocol.events import Event

from .front_end import FrontEnd

Item = Event | str
INTERRUPTED = "interrupted"


class Following:
    """Sorts events: those of the awaited run to its cell, the rest aside.

    `take` is called in the loop's thread. While a run is awaited, widget
    messages go through the same queue, so that they keep their order among
    its outputs.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self.number = 0
        self.kernel_died: Event | None = None
        self._front_end = front_end
        self._awaited: str | None = None
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def take(self, event: Event) -> None:
        """Sort one event of the journal."""
        self.number = event.number
        if event.kind == "kernel_died":
            self.kernel_died = event
        with self._lock:
            if self._awaited is not None and self._belongs(event):
                self._items.put(event)
                return
        self._front_end.aside(event)

    def tell(self, what: str) -> None:
        """Let the waiting cell know of something that is no event."""
        with self._lock:
            if self._awaited is not None:
                self._items.put(what)

    @contextmanager
    def awaiting(self, run: str) -> Iterator[queue.SimpleQueue[Item]]:
        """Route a run's events into the queue that is given, until the block is left."""
        with self._lock:
            self._awaited = run
            self._items = queue.SimpleQueue()
        try:
            yield self._items
        finally:
            with self._lock:
                self._awaited = None
                left = []
                while not self._items.empty():
                    left.append(self._items.get())
            for item in left:
                if isinstance(item, Event):
                    self._front_end.aside(item)

    def _belongs(self, event: Event) -> bool:
        if event.kind == "kernel_died" or event.kind.startswith("comm_"):
            return True
        return event.run == self._awaited


@contextmanager
def interrupts_into(items: queue.SimpleQueue[Item]) -> Iterator[None]:
    """Let SIGINT become an item of the queue, so that it breaks nothing half-way.

    Outside the main thread (a subshell) signals do not arrive anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: Any) -> None:
        items.put(INTERRUPTED)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt again, inside `interrupts_into`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
