"""SIGINT reaches user code, and never the middle of our own bookkeeping."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class InterruptGuard:
    """Holds a KeyboardInterrupt back while the main thread is in guarded code.

    Between runs interrupts are dropped, as ipykernel does; during a run they
    raise KeyboardInterrupt in the main thread, at once or when the guarded
    block is left.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._pending = False
        self._main = threading.main_thread()

    def install(self) -> None:
        """Become the SIGINT handler; called at the start of each run."""
        self._pending = False
        signal.signal(signal.SIGINT, self._interrupted)

    def remove(self) -> bool:
        """Ignore SIGINT from now on; return whether one was still held back."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        pending, self._pending = self._pending, False
        return pending

    @contextmanager
    def held(self) -> Iterator[None]:
        """Guard a block; in other threads than the main one this does nothing."""
        if threading.current_thread() is not self._main:
            yield
            return
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._pending and not self._depth:
                self._pending = False
                raise KeyboardInterrupt

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._depth:
            self._pending = True
        else:
            raise KeyboardInterrupt
