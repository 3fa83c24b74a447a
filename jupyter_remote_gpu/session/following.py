"""From a kernel's journal to the cell that waits for it."""

from __future__ import annotations

import asyncio
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from jupyter_remote_gpu.errors import InternalError, RemoteGPUError
from jupyter_remote_gpu.protocol.events import Event

from .notes import Note

Item = Event | str | RemoteGPUError
Admit = Callable[[Event], Iterable[Event]]
"""Looks at an event before anybody else does and returns what may pass in its place."""
INTERRUPTED = "interrupted"
MOST_WAITING_BYTES = 64 << 20
"""With so much waiting for a cell, no more is read from the machine: memory stays bounded."""
LOOK_SECONDS = 0.01
_EVENT_BYTES = 500

log = logging.getLogger(__name__)


class Bystander(Protocol):
    """Who takes the events that nobody waits for; every `FrontEnd` can."""

    def aside(self, event: Event) -> None:
        """Take such an event; called in a background thread, must not block."""
        ...


class Items(queue.SimpleQueue[Item]):
    """The queue of one awaited run, which knows about how many bytes wait in it.

    One thread puts events, one gets them; each has a counter of its own, so
    that no lock is needed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._came = self._went = 0

    @property
    def bytes(self) -> int:
        """How much waits, roughly."""
        return self._came - self._went

    def put(self, item: Item, block: bool = True, timeout: float | None = None) -> None:
        """Append an item; never blocks."""
        if isinstance(item, Event):
            self._came += weight(item)
        super().put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Item:
        """Take the first item, waiting for it as any queue does."""
        item = super().get(block, timeout)
        if isinstance(item, Event):
            self._went += weight(item)
        return item


class Following:
    """Sorts events: those of the awaited run to its cell, the rest aside.

    `take` is called in the loop's thread. While a run is awaited, widget
    messages go through the same queue, so that they keep their order among
    its outputs. What `admit` does not return nobody sees.
    """

    def __init__(self, front_end: Bystander, admit: Admit | None = None) -> None:
        self.number = 0
        self.kernel_died: Event | None = None
        self._front_end = front_end
        self._admit = admit
        self._awaited: str | None = None
        self._items = Items()
        self._told: Note | None = None
        self._lock = threading.Lock()

    def take(self, event: Event) -> None:
        """Look at one event of the journal and sort what may pass of it; raises nothing."""
        self.number = event.number
        try:
            for admitted in (event,) if self._admit is None else self._admit(event):
                self._sort(admitted)
        except Exception as error:
            # An event that breaks its showing must not break the connection; and a run must
            # not wait for ever for an end that could not be looked at.
            log.exception("an event of the remote Python could not be taken in")
            self.tell(
                InternalError(
                    f"what the remote Python sent (event {event.number}, {event.kind!r:.40}) could"
                    f" not be taken in: {type(error).__name__}: {error}",
                    hint="Please report this. The log has the place.",
                )
            )

    async def room(self) -> None:
        """Wait until the waiting cell has taken most of what is there; called in the loop."""
        # A cell's thread takes the items, and it should not have to wake this loop for each.
        while self._items.bytes > MOST_WAITING_BYTES:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    def ended(self, message: str) -> None:
        """Take it that the kernel is gone: an answer said so before its journal could."""
        fields = {"message": message}
        self._sort(Event(self.number, "kernel_died", time.time(), None, None, fields))

    def _sort(self, event: Event) -> None:
        if event.kind == "kernel_died":
            if self.kernel_died is not None:
                return
            self.kernel_died = event
        with self._lock:
            if self._awaited is not None and self._belongs(event):
                self._items.put(event)
                return
        self._front_end.aside(event)

    def tell(self, what: str | RemoteGPUError) -> None:
        """Let the waiting cell know of something that is no event; an error it will raise.

        A note that it has just been told is not told again: each request made without a
        connection says that there is none, and a cell may well make several.
        """
        with self._lock:
            if self._awaited is None or (isinstance(what, Note) and what == self._told):
                return
            self._told = what if isinstance(what, Note) else None
            self._items.put(what)

    @contextmanager
    def awaiting(self, run: str) -> Iterator[Items]:
        """Route a run's events into the queue that is given, until the block is left."""
        with self._lock:
            self._awaited = run
            self._items = Items()
            self._told = None
        try:
            yield self._items
        finally:
            with self._lock:
                self._awaited = None
                left = []
                while not self._items.empty():
                    left.append(self._items.get())
                self._items = Items()
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


def weight(event: Event) -> int:
    """Return about how many bytes an event takes: its texts and its buffers."""
    data = event.fields.get("data")
    texts = [*event.fields.values(), *(data.values() if isinstance(data, dict) else ())]
    size = sum(len(text) for text in texts if isinstance(text, str))
    return _EVENT_BYTES + size + sum(map(len, event.buffers))
