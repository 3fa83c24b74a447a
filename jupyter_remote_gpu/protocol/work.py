"""How far a long piece of work with bytes is, in words and numbers for whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable

Show = Callable[[str, float], None]
"""Shows a text and which fraction of the work is done, below 1; the last text with 1."""
_SHOWN_EVERY_SECONDS = 1.0
_PACE_SECONDS = 2.0
"""A rate that was seen for a shorter time says little."""


class Work:
    """How far a long piece of work is: `what` it is called, `total` bytes; shown now and then."""

    def __init__(
        self, what: str, total: int, show: Show, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total = what, max(total, 1)
        self._show, self._clock = show, clock
        self._done = 0
        self._began = self._shown = clock()
        self.visible = False
        """Whether it took long enough to be shown."""

    @property
    def text(self) -> str:
        """All of it, and how fast it went."""
        seconds = self._clock() - self._began
        pace = f" at {_size(self._done / seconds)}/s" if seconds >= _PACE_SECONDS else ""
        return f"{_size(self._total)}{pace}"

    def add(self, count: int) -> None:
        """Note that so many bytes more are done; fewer, if some have to be done again."""
        self._done += count
        now = self._clock()
        if now - self._shown >= _SHOWN_EVERY_SECONDS:
            self._shown, self.visible = now, True
            seconds = now - self._began
            rate = self._done / seconds if seconds >= _PACE_SECONDS else 0.0
            left = (self._total - self._done) / rate if rate > 0 else 0.0
            pace = f", {_size(rate)}/s, {left:.0f} s left" if rate > 0 else ""
            text = f"{self._what}: {_size(self._done)} of {_size(self._total)}{pace}"
            self._show(text, min(self._done / self._total, 0.999))


def _size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            break
        count, unit = count / 1000, {"bytes": "KB", "KB": "MB", "MB": "GB", "GB": "TB"}[unit]
    return f"{count:.0f} {unit}" if count >= 100 or unit == "bytes" else f"{count:.1f} {unit}"
