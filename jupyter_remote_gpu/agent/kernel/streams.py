"""`sys.stdout` and `sys.stderr` of a kernel: text goes straight into the journal."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable

from .parents import Parents
from .writer import JournalWriter


class JournalStream(io.TextIOBase):
    """A text stream whose every write is an event; `flush` costs nothing.

    In a forked child it writes whole lines to the file descriptor instead,
    which the parent captures: a child never writes on its parent's journal.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self,
        name: str,
        fd: int,
        writer: JournalWriter,
        parents: Parents,
        settle: Callable[[], None],
    ) -> None:
        self._name = name
        self._fd = fd
        self._writer = writer
        self._parents = parents
        self._settle = settle
        self._line: list[str] = []

    @property
    def name(self) -> str:
        """`<stdout>` or `<stderr>`, as for the interpreter's own streams."""
        return f"<{self._name}>"

    def write(self, text: str) -> int:
        """Append text; what was written to the descriptor before comes first."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        writer = self._writer
        if writer.forked:
            self._write_in_child(text)
        elif text:
            # The newline that `print` writes by itself needs no second look.
            if text != "\n":
                self._settle()
            writer.stream(self._name, text, self._parents.current())
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Write each string in turn."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Do nothing in the kernel itself; in a child, write out the begun line."""
        if self._writer.forked and self._line:
            line, self._line = "".join(self._line), []
            _write_whole(self._fd, line)

    def fileno(self) -> int:
        """Return the captured descriptor, for `subprocess` and C libraries."""
        return self._fd

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False: progress bars and colours then choose as in any notebook."""
        return False

    def _write_in_child(self, text: str) -> None:
        head, newline, rest = text.rpartition("\n")
        if newline:
            line, self._line = "".join(self._line), []
            _write_whole(self._fd, line + head + newline)
        if rest:
            self._line.append(rest)


def _write_whole(fd: int, text: str) -> None:
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(fd, data) :]
