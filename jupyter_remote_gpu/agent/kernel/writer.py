"""The journal's writer: appends numbered events to segment files, coalesced.

Only the kernel process itself writes its journal, so an agent can die or be
replaced while a run goes on. Events wait in memory for at most `COALESCE_SECONDS`,
then one `write` appends them and a datagram rings the agent's bell. Format:
`docs/design/journal.md`.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import SEGMENT_MAGIC, SEGMENT_SUFFIX
from jupyter_remote_gpu.protocol.frames import Buffer

from .interrupts import InterruptGuard
from .parents import Parent

COALESCE_SECONDS = 0.03
SEGMENT_BYTES = 16 << 20
PENDING_BYTES = 4 << 20
"""Above this a producer writes to the file itself: memory stays bounded."""
FULL_PENDING_BYTES = 32 << 20
"""How much output is held while the disk is full; beyond it the cell waits."""
FULL_RETRY_SECONDS = 0.5


class JournalWriter:
    """Appends events; thread-safe; silent in forked children.

    `folder` holds the segments, `bell` is the path of the agent's datagram
    socket, `kernel` the id sent with each ring. After a restart of the writer
    in the same folder, numbers go on behind `after`.
    """

    def __init__(
        self, folder: Path, bell: str, kernel: str, guard: InterruptGuard, *, after: int = 0
    ) -> None:
        self._folder = folder
        self._guard = guard
        self._bell_path = bell
        self._kernel = kernel
        self._number = after
        self._pending: list[_Pending] = []
        self._pending_bytes = 0
        self._encoded: list[bytes] = []
        self._file = -1
        self._file_bytes = 0
        self._last_write = 0.0
        self._full = False
        self._lock = threading.Lock()
        self._io = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.setblocking(False)
        self.forked = False
        os.register_at_fork(after_in_child=self._after_fork)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        threading.Thread(target=self._flush_soon, name="journal", daemon=True).start()

    def append(
        self,
        kind: str,
        fields: dict[str, Any],
        parent: Parent,
        buffers: Sequence[Buffer] = (),
        size: int = 256,
    ) -> None:
        """Note an event; it reaches the file within `COALESCE_SECONDS`.

        `size` is a guess at its bytes, which only bounds memory. Blocks while
        the disk is full and `FULL_PENDING_BYTES` are waiting.
        """
        if self.forked:
            return
        held = tuple(bytes(b) for b in buffers)
        event = _Pending(kind, time.time(), parent, fields, held)
        with self._wake:
            self._pending.append(event)
            self._grown(size + sum(map(len, held)))
        self._relieve()

    def stream(self, name: str, text: str, parent: Parent) -> None:
        """Note text written to a stream; adjoining pieces become one event."""
        if self.forked:
            return
        # Every print comes through here twice: plain lock, no further calls.
        with self._lock:
            pending = self._pending
            last = pending[-1] if pending else None
            if last is not None and last.stream is name and last.parent is parent:
                last.texts.append(text)
            else:
                event = _Pending("stream", time.time(), parent, {"name": name}, ())
                event.stream = name
                event.texts.append(text)
                pending.append(event)
            if not self._pending_bytes:
                self._wake.notify()
            self._pending_bytes += len(text) + 1
        if self._pending_bytes > PENDING_BYTES or self._full:
            self._relieve()

    def write(
        self,
        kind: str,
        fields: dict[str, Any],
        parent: Parent,
        buffers: Sequence[Buffer] = (),
        *,
        ring: bool = True,
    ) -> None:
        """Append an event and write at once all that waits, as `append` and `flush` would.

        Wakes no other thread of this process, which would cost the caller more than the
        writing does. Without `ring` the agent is not told; it looks by itself in a moment.
        """
        if self.forked:
            return
        held = tuple(bytes(b) for b in buffers)
        with self._lock:
            self._pending.append(_Pending(kind, time.time(), parent, fields, held))
            self._pending_bytes += sum(map(len, held)) + 1
        self.flush(ring=ring)
        self._relieve()

    def flush(self, *, ring: bool = True) -> int:
        """Write what waits, ring the bell, and return the last event's number.

        Does not block on a full disk: what cannot be written stays in memory
        and is tried again in the background.
        """
        if self.forked:
            return self._number
        with self._guard.held(), self._io:
            with self._lock:
                pending, self._pending = self._pending, []
                self._pending_bytes = 0
            for event in pending:
                self._number += 1
                self._encoded.append(event.encode(self._number))
            self._write(ring=ring)
            return self._number

    @property
    def waits(self) -> bool:
        """Whether events are not in the file yet."""
        return bool(self._pending or self._encoded)

    def _grown(self, size: int) -> None:
        """Count new bytes; wake the background writer when they are the first."""
        if self._pending_bytes == 0:
            self._wake.notify()
        self._pending_bytes += size + 1

    def _relieve(self) -> None:
        if self._pending_bytes > PENDING_BYTES:
            self.flush()
        while self._full and sum(map(len, self._encoded)) > FULL_PENDING_BYTES:
            time.sleep(FULL_RETRY_SECONDS / 5)

    def _flush_soon(self) -> None:
        """Background: write the first event at once, later ones coalesced."""
        while True:
            with self._wake:
                while not self._pending and not self._full:
                    self._wake.wait()
                wait = self._last_write + COALESCE_SECONDS - time.monotonic()
            if self._full:
                wait = FULL_RETRY_SECONDS
            if wait > 0:
                time.sleep(wait)
            self.flush()

    def _write(self, *, ring: bool) -> None:
        if not self._encoded:
            return
        try:
            if self._file < 0 or self._file_bytes >= SEGMENT_BYTES:
                self._next_segment()
            data = b"".join(self._encoded)
            written = 0
            while written < len(data):
                written += os.write(self._file, memoryview(data)[written:])
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise
            self._undo_torn_write()
            ring = self._full = True
            with self._wake:
                self._wake.notify()  # it is tried again in the background
        else:
            self._file_bytes += len(data)
            self._encoded.clear()
            self._full = False
        self._last_write = time.monotonic()
        if ring:
            self._ring()

    def _next_segment(self) -> None:
        """Open the file for the events from the next one on; its name is their number."""
        first = self._number - len(self._encoded) + 1
        path = self._folder / f"{first:016d}{SEGMENT_SUFFIX}"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(opened).st_size == 0:
                os.write(opened, SEGMENT_MAGIC)
        except OSError:
            os.close(opened)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file = opened
        self._file_bytes = os.fstat(opened).st_size

    def _undo_torn_write(self) -> None:
        """Cut the file back to its last whole event, so that a retry doubles nothing."""
        if self._file >= 0:
            os.ftruncate(self._file, self._file_bytes)

    def _ring(self) -> None:
        """Tell the agent, if there is one; it also looks by itself now and then."""
        note: dict[str, Any] = {"kernel": self._kernel, "number": self._number}
        if self._full:
            note["held"] = sum(map(len, self._encoded))
        try:
            self._bell.sendto(json.dumps(note).encode(), self._bell_path)
        except OSError:
            # No agent at the moment (it died, or its queue is full): the file has it all.
            return

    def _after_fork(self) -> None:
        """In a forked child: never touch the parent's file, bell or locks again."""
        self.forked = True


class _Pending:
    """An event that is not encoded yet, so that stream texts can still be joined."""

    __slots__ = ("buffers", "fields", "kind", "parent", "stream", "texts", "time")

    def __init__(
        self,
        kind: str,
        when: float,
        parent: Parent,
        fields: dict[str, Any],
        buffers: tuple[bytes, ...],
    ) -> None:
        self.kind = kind
        self.time = when
        self.parent = parent
        self.fields = fields
        self.buffers = buffers
        self.stream: str | None = None
        self.texts: list[str] = []

    def encode(self, number: int) -> bytes:
        fields = self.fields
        if self.stream is not None:
            fields = {"name": self.stream, "text": "".join(self.texts)}
        parts = events.encode(
            number, self.kind, self.time, self.parent.run, self.parent.id, fields, self.buffers
        )
        return b"".join(parts)
