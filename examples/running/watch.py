"""A notebook's run as lines in a terminal: every cell, what it writes, how long it took."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from .cells import Cell

SAMPLE_SECONDS = 2.0


class Watch:
    """A follower that prints each cell and, live, the text it writes.

    Finished lines are printed at once. A line that a progress bar redraws is drawn over itself
    on a terminal; elsewhere (a log) its state is printed every SAMPLE_SECONDS. The text of
    cells tagged `samples` is left to whoever shows the results.
    """

    def __init__(self, screen: TextIO | None = None) -> None:
        self._screen = screen if screen is not None else sys.stdout
        self._lines: dict[str, str] = {}
        self._shown_seconds = 0.0
        self._over = ""

    def cell_started(self, cell: Cell) -> None:
        """Print the cell's name."""
        self._lines = {}
        self._print(str(cell))

    def cell_wrote(self, cell: Cell, stream: str, text: str) -> None:
        """Print the lines that `text` finishes, and now and then a progress bar's state."""
        if "samples" in cell.tags:
            return
        *finished, rest = (self._lines.get(stream, "") + text).split("\n")
        for line in finished:
            self._print_text(_last_state(line))
        self._lines[stream] = _last_state(rest)
        if "\r" in rest:
            self._redraw(self._lines[stream])

    def cell_ended(self, cell: Cell, seconds: float) -> None:
        """Print unfinished lines, and the time if anyone could have waited for it."""
        for line in self._lines.values():
            self._print_text(line)
        if seconds >= 1:
            self._print(f"        {seconds:.1f} s")

    def _redraw(self, line: str) -> None:
        if self._screen.isatty():
            self._screen.write(f"\r\x1b[K      │ {line}")
            self._screen.flush()
            self._over = "\r\x1b[K"
        elif time.monotonic() - self._shown_seconds >= SAMPLE_SECONDS:
            self._shown_seconds = time.monotonic()
            self._print_text(line)

    def _print_text(self, line: str) -> None:
        if line:
            self._print(f"      │ {line}")

    def _print(self, line: str) -> None:
        self._screen.write(f"{self._over}{line}\n")
        self._screen.flush()
        self._over = ""


def _last_state(line: str) -> str:
    """Return what a redrawn line showed last; the line begins anew after a carriage return."""
    states = [state for state in line.split("\r") if state]
    return states[-1] if states else ""
