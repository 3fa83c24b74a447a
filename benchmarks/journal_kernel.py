"""A remote kernel whose journal can be off; the row `journal` starts it.

    python -m benchmarks.journal_kernel on|off KERNEL_ID CONNECTION_FILE JOURNAL LINE BELL

Off means that events are made as ever and then appended nowhere. In both modes
a bell says how many runs have `ended`, once their last event was dealt with.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.kernel import app
from jupyter_remote_gpu.agent.kernel.parents import Parent
from jupyter_remote_gpu.agent.kernel.writer import JournalWriter
from jupyter_remote_gpu.protocol.frames import Buffer


class MarkedWriter(JournalWriter):
    """Tells the benchmark when a run's end has been flushed."""

    _ended = 0
    _told = 0

    def append(
        self,
        kind: str,
        fields: dict[str, Any],
        parent: Parent,
        buffers: Sequence[Buffer] = (),
        size: int = 256,
    ) -> None:
        """Append as ever."""
        super().append(kind, fields, parent, buffers, size)
        # Only behind the event: the background thread may flush at any moment.
        self._ended += kind == "run_ended"

    def write(
        self,
        kind: str,
        fields: dict[str, Any],
        parent: Parent,
        buffers: Sequence[Buffer] = (),
        *,
        ring: bool = True,
    ) -> None:
        """Append and flush, so that the end of a run is counted between the two."""
        self.append(kind, fields, parent, buffers)
        self.flush(ring=ring)

    def flush(self, *, ring: bool = True) -> int:
        """Flush as ever."""
        ended = self._ended
        number = super().flush(ring=ring)
        if ended > self._told:
            self._told = ended
            # Unlike the real bell this one has to be heard, so it may wait.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
                bell.sendto(json.dumps({"ended": ended}).encode(), self._bell_path)
        return number


class SilentWriter(MarkedWriter):
    """Forgets the encoded events where the real one writes them to the file."""

    def _write(self, *, ring: bool) -> None:
        self._encoded.clear()
        if ring:
            self._ring()


def main(arguments: list[str]) -> None:
    """Serve for good, with the journal as the first argument says."""
    mode, kernel, connection_file, journal, line, bell = arguments
    writer = {"on": MarkedWriter, "off": SilentWriter}[mode]
    # The application makes its writer by this name; nothing in the product knows of us.
    app.JournalWriter = writer  # type: ignore[attr-defined]
    paths = [Path(text) for text in (connection_file, journal, line, bell)]
    app.serve(app.KernelPlace(kernel, *paths))


if __name__ == "__main__":
    main(sys.argv[1:])
