"""What is written to descriptors 1 and 2, by C code and by children, as events.

Both descriptors become pipes that this process reads. Text is passed on in
whole lines; a begun line follows after `PARTIAL_SECONDS` or at the cell's end.
"""

from __future__ import annotations

import codecs
import os
import select
import threading
import time

from .parents import Parents
from .writer import JournalWriter

READ_BYTES = 1 << 16
PARTIAL_SECONDS = 0.2
SETTLE_SECONDS = 0.0005
"""Prints closer together than this do not look for captured text between them."""


class DescriptorCapture:
    """Owns the reading ends of the pipes that replace descriptors 1 and 2."""

    def __init__(self, writer: JournalWriter, parents: Parents) -> None:
        self._writer = writer
        self._parents = parents
        self._pipes: list[_Pipe] = []
        self._lock = threading.Lock()
        self._settled = 0.0

    def begin(self) -> None:
        """Replace the descriptors; until then they lead to the kernel's log."""
        self._pipes = [_Pipe("stdout", 1), _Pipe("stderr", 2)]
        threading.Thread(target=self._read_on, name="capture", daemon=True).start()

    def settle(self) -> None:
        """Take what is in the pipes now, so that a following print comes after it.

        Called by the streams before each write; looks at most every
        `SETTLE_SECONDS`, as a child's write takes longer than that anyway.
        """
        now = time.monotonic()
        if now - self._settled > SETTLE_SECONDS:
            self._settled = now
            self._drain(whole_lines=True)

    def finish(self) -> None:
        """Take all there is, begun lines too; called at the end of a run."""
        self._drain(whole_lines=False)

    def _read_on(self) -> None:
        ends = [pipe.end for pipe in self._pipes]
        while True:
            begun = any(pipe.text for pipe in self._pipes)
            ready, _, _ = select.select(ends, [], [], PARTIAL_SECONDS if begun else None)
            self._drain(whole_lines=bool(ready))
            if ready:
                # A writer of many small pieces is met once per piece otherwise.
                time.sleep(SETTLE_SECONDS)

    def _drain(self, *, whole_lines: bool) -> None:
        if self._writer.forked:
            return
        with self._lock:
            for pipe in self._pipes:
                text = pipe.take(whole_lines=whole_lines)
                if text:
                    self._writer.stream(pipe.name, text, self._parents.current())


class _Pipe:
    """One captured descriptor: what was read and not yet passed on."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.text = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        self.end, entrance = os.pipe()
        os.set_blocking(self.end, False)
        os.dup2(entrance, fd)
        os.close(entrance)

    def take(self, *, whole_lines: bool) -> str:
        """Read without waiting; return the text up to the last line's end, or all."""
        while True:
            try:
                data = os.read(self.end, READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            self.text += self._decode(data)
        cut = len(self.text)
        if whole_lines:
            cut = max(self.text.rfind("\n"), self.text.rfind("\r")) + 1
        taken, self.text = self.text[:cut], self.text[cut:]
        return taken
