"""The line that shows how far a move of values is: in a notebook, and in a terminal."""

from __future__ import annotations

import html
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


class NotebookStepBar:
    """A line of the cell that is running now, shown from whatever thread has something to say."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._parent = kernel.get_parent()
        self._display = ""

    def show(self, text: str, fraction: float | None) -> None:
        """Show or update the line; without a fraction there is no bar before it."""
        self._send(line_data(text, "" if fraction is None else _BAR.format(fraction)))

    def end(self, text: str) -> None:
        """Put a last text in the line's place."""
        self._send(line_data(text))

    def _send(self, data: dict[str, str]) -> None:
        kernel = self._kernel
        kind = "update_display_data" if self._display else "display_data"
        self._display = self._display or f"remote-gpu-steps-{uuid.uuid4().hex}"
        kernel.session.send(
            kernel.iopub_socket,
            kind,
            {
                "data": data,
                "metadata": LINE_METADATA,
                "transient": {"display_id": self._display},
            },
            parent=self._parent,
            ident=f"kernel.{kernel.ident}.display_data".encode(),
        )
