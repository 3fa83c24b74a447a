"""Standard input: who gets what is typed there, the script or a question of ours."""

from __future__ import annotations

import codecs
import contextlib
import os
import queue
import select
import threading
from collections.abc import Callable

PIECE_BYTES = 1 << 16
BACKGROUND_LOOK_SECONDS = 0.5


class Keyboard:
    """Reads `descriptor` in a thread of its own, and only while somebody wants it.

    A question comes before the script; both may wait at once. `give_to` and
    `ask` are called by one thread.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._changed = threading.Condition()
        self._give: Callable[[str], None] | None = None
        self._asking = False
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def give_to(self, give: Callable[[str], None]) -> None:
        """Call `give` once with the next piece that is typed; "" at the end of the input."""
        self._want(give=give)

    def ask(self) -> str:
        """Return the next line that is typed, without its end; "" at the end of the input."""
        self._want(asking=True)
        return self._answers.get().rstrip("\n")

    def _want(self, give: Callable[[str], None] | None = None, *, asking: bool = False) -> None:
        with self._changed:
            self._give = give or self._give
            self._asking = self._asking or asking
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_on, name="keyboard", daemon=True)
            self._thread.start()

    def _read_on(self) -> None:
        while True:
            with self._changed:
                while self._give is None and not self._asking:
                    self._changed.wait()
            text = self._read()
            with self._changed:
                if self._asking:
                    self._asking = False
                    self._answers.put(text)
                    continue
                give, self._give = self._give, None
            if give is not None:
                give(text)

    def _read(self) -> str:
        """Return the next piece; from the background no terminal is read: that would stop us."""
        while True:
            try:
                if self._in_background():
                    select.select([], [], [], BACKGROUND_LOOK_SECONDS)
                    continue
                data = os.read(self._descriptor, PIECE_BYTES)
            except OSError:
                # closed, or the terminal is gone
                data = b""
            text = self._decode(data, not data)
            if text or not data:
                return text

    def _in_background(self) -> bool:
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self._descriptor) != os.getpgrp()
        return False
