"""What came in the background, until the user is told of it."""

from __future__ import annotations

import threading
from dataclasses import replace

from .sync_report import SyncReport


class News:
    """Reports that nobody has seen yet, and lines that belong before them. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = SyncReport()
        self._lines: tuple[str, ...] = ()

    def add(self, report: SyncReport) -> None:
        """Note which files came back, and which of them both sides had changed."""
        with self._lock:
            came = self._came
            self._came = replace(
                came,
                back=(*came.back, *report.back),
                conflicts=(*came.conflicts, *report.conflicts),
            )

    def add_lines(self, lines: tuple[str, ...]) -> None:
        """Note lines for the user as they stand."""
        with self._lock:
            self._lines += lines

    def take(self) -> SyncReport:
        """Return what came since this was called last."""
        with self._lock:
            came, self._came = self._came, SyncReport()
            return came

    def take_lines(self) -> tuple[str, ...]:
        """Return the lines noted since this was called last."""
        with self._lock:
            lines, self._lines = self._lines, ()
            return lines
