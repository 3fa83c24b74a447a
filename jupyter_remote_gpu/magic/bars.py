"""The line that shows how far a move of values is: in a notebook, and in a terminal."""

from __future__ import annotations

import html
import sys
import uuid
from typing import Any

LINE_METADATA = {"remote_gpu": {"line": True}}
"""Marks our own lines among a cell's outputs, so that tools can leave them out."""
_SMALL = '<small style="opacity:.65">{}</small>'
_BAR = '<progress value="{:.4f}" style="width:12em;vertical-align:middle"></progress> '


def line_data(text: str, before: str = "") -> dict[str, str]:
    """Return the display data of one small line of ours; `before` is HTML in front of it."""
    return {"text/plain": text, "text/html": before + _SMALL.format(html.escape(text, quote=False))}


class NotebookBar:
    """One display that is updated while values move; a `Bar` of the session."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._display = ""

    def show(self, text: str, fraction: float) -> None:
        """Show or update the line."""
        self._publish(line_data(text, _BAR.format(fraction)))

    def end(self, text: str) -> None:
        """Put a last text in its place."""
        self._publish(line_data(text))
        self._display = ""

    def _publish(self, data: dict[str, str]) -> None:
        update = bool(self._display)
        self._display = self._display or f"remote-gpu-bar-{uuid.uuid4().hex}"
        self._shell.display_pub.publish(
            data=data,
            metadata=LINE_METADATA,
            transient={"display_id": self._display},
            update=update,
        )


class TerminalBar:
    """One line on standard error, written over itself; a `Bar` of the session."""

    def __init__(self) -> None:
        self._width = 0

    def show(self, text: str, fraction: float) -> None:
        """Write the line over the one before."""
        self._write(f"{text} ({fraction:.0%})", "")

    def end(self, text: str) -> None:
        """Write a last text over the line and go to the next."""
        self._write(text, "\n")
        self._width = 0

    def _write(self, text: str, end: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}{end}")
        sys.stderr.flush()
        self._width = len(text)
