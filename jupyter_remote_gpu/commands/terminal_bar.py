"""The line of a terminal that is written over itself: how far a move, or making ready, is."""

from __future__ import annotations

import shutil
import sys


class TerminalBar:
    """One line on standard error, written over itself; a `Bar` of the session."""

    def __init__(self) -> None:
        self._width = 0

    def show(self, text: str, fraction: float | None) -> None:
        """Write the line over the one before."""
        self._write(text if fraction is None else f"{text} ({fraction:.0%})", "")

    def end(self, text: str) -> None:
        """Write a last text over the line and go to the next."""
        self._write(text, "\n")
        self._width = 0

    def _write(self, text: str, end: str) -> None:
        if not end:
            # what wraps cannot be written over
            text = text[: max(20, shutil.get_terminal_size().columns - 1)]
        sys.stderr.write(f"\r{text.ljust(self._width)}{end}")
        sys.stderr.flush()
        self._width = len(text)
