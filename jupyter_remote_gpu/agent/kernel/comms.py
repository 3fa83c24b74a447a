"""Comm messages from the front end, worked off also while a cell runs."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_remote_gpu.protocol.messages import Comm

from .interrupts import InterruptGuard
from .parents import Parents
from .writer import JournalWriter

_HANDLERS = {"comm_open", "comm_msg", "comm_close"}


class CommWorker:
    """Hands comm messages to the kernel's comm manager, one at a time, in order.

    In the main thread while that is idle, where callbacks are used to running;
    in a thread of its own while a cell runs, so that a stop button pressed
    during training is heard. The journal says when each was worked off.
    """

    def __init__(
        self,
        manager: Any,
        writer: JournalWriter,
        parents: Parents,
        busy: Callable[[], bool],
        call_main: Callable[[Callable[[], None]], None],
        guard: InterruptGuard,
        show_error: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._manager = manager
        self._guard = guard
        self._show_error = show_error
        self._writer = writer
        self._parents = parents
        self._busy = busy
        self._call_main = call_main
        self._log = log
        self._waiting: queue.SimpleQueue[Comm] = queue.SimpleQueue()
        self._working = threading.Lock()
        self._nudge: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="comms", daemon=True).start()

    def put(self, message: Comm) -> None:
        """Accept a message; returns at once. Called by the control thread."""
        self._waiting.put(message)
        if self._busy():
            self._nudge.put(None)
        else:
            self._call_main(self._work)

    def run_begins(self) -> None:
        """A run takes the main thread: what is still waiting goes to the own thread."""
        if not self._waiting.empty():
            self._nudge.put(None)

    def _serve(self) -> None:
        while True:
            self._nudge.get()
            self._work()

    def _work(self) -> None:
        """Work off all waiting messages; the main thread leaves them to another that is at it."""
        if not self._working.acquire(blocking=not _in_main()):
            # A callback that began during a run still goes on: cells must not wait for it.
            self._nudge.put(None)
            return
        try:
            while True:
                try:
                    message = self._waiting.get_nowait()
                except queue.Empty:
                    return
                with self._parents.serving(message.parent):
                    self._handle(message)
                    self._writer.append("comm_handled", {}, self._parents.current())
                self._writer.flush()
        finally:
            self._working.release()

    def _handle(self, message: Comm) -> None:
        if message.kind not in _HANDLERS:
            self._log.warning("a comm message of unknown kind %r was left out", message.kind)
            return
        msg = {
            "header": message.parent,
            "content": message.content,
            "metadata": message.metadata,
            # Views, as ZMQ gives them: ipywidgets 7 takes no others for a changed value.
            "buffers": [memoryview(bytes(b)) for b in message.blobs],
        }
        try:
            with self._interruptible():
                getattr(self._manager, message.kind)(None, [], msg)
        except KeyboardInterrupt:
            self._show_error()
        except Exception:
            self._log.exception("a comm message of the front end could not be handled")

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let an interrupt stop a callback that has the main thread to itself."""
        if self._busy() or not _in_main():
            yield
            return
        self._guard.install()
        try:
            yield
        finally:
            self._guard.remove()


def _in_main() -> bool:
    return threading.current_thread() is threading.main_thread()
