"""Reading a journal from any number on, while it is being written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import frames
from jupyter_remote_gpu.protocol.events import SEGMENT_MAGIC, SEGMENT_SUFFIX
from jupyter_remote_gpu.protocol.frames import HEADER_BYTES

READ_BYTES = 1 << 18
"""What one message of events carries: little enough to pass a slow link quickly."""


class Cursor:
    """A place in a journal: `read` returns the whole frames behind it and moves on.

    `number` is the last event that was read (at first, `after`). Reads files
    only; never waits for events to come.
    """

    def __init__(self, folder: Path, after: int = 0) -> None:
        self.number = after
        self._folder = folder
        self._file = -1
        self._at = 0

    def read(self, limit: int = READ_BYTES) -> bytes:
        """Return frames as they lie in the file, about `limit` bytes; empty if none yet."""
        if self._file < 0 and not self._open():
            return b""
        while True:
            data = self._whole_frames(limit)
            if data or not self._next_segment():
                return data

    def close(self) -> None:
        """Give the open file back; the cursor must not be used afterwards."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> bool:
        """Open the segment that holds the event behind `number`; False if there is none."""
        starts = [path for path in segments(self._folder) if first_number(path) <= self.number + 1]
        if not starts:
            return False
        return self._enter(starts[-1])

    def _enter(self, path: Path) -> bool:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        magic = os.pread(opened, len(SEGMENT_MAGIC), 0)
        if magic != SEGMENT_MAGIC:
            os.close(opened)
            if SEGMENT_MAGIC.startswith(magic):
                return False
            raise ProtocolError(f"{path} is not a journal of this version")
        self.close()
        self._file = opened
        self._at = len(SEGMENT_MAGIC)
        return True

    def _next_segment(self) -> bool:
        path = self._folder / segment_name(self.number + 1)
        return path.exists() and os.fstat(self._file).st_size == self._at and self._enter(path)

    def _whole_frames(self, limit: int) -> bytes:
        """Read frames behind `_at`, leaving out those up to `number`."""
        data = os.pread(self._file, limit, self._at)
        skipped = kept = 0
        while kept + HEADER_BYTES <= len(data):
            header = frames.parse_header(data[kept : kept + HEADER_BYTES])
            end = kept + HEADER_BYTES + header.head_bytes + header.payload_bytes
            if end > len(data):
                if kept == 0 and os.fstat(self._file).st_size >= self._at + end:
                    return self._whole_frames(end)
                break
            if header.number <= self.number:
                skipped = end
            else:
                self.number = header.number
            kept = end
        self._at += kept
        if skipped == kept and kept:
            return self._whole_frames(limit)
        return data[skipped:kept]


def segments(folder: Path) -> list[Path]:
    """Return the journal's segment files, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == SEGMENT_SUFFIX)


def segment_name(first: int) -> str:
    """Return the name of the segment whose first event is number `first`."""
    return f"{first:016d}{SEGMENT_SUFFIX}"


def first_number(path: Path) -> int:
    """Return the number of a segment's first event; ProtocolError for a foreign file."""
    try:
        return int(path.stem)
    except ValueError as error:
        raise ProtocolError(f"{path} is no segment of a journal") from error


def append_after_death(folder: Path, encode: Callable[[int], bytes]) -> int:
    """Append one event to the journal of a kernel that is gone; return its number.

    Cuts off an event that the kernel had only begun to write. Only the agent
    calls this, and only once the kernel's process has ended.
    """
    cursor = Cursor(folder)
    while cursor.read():
        pass
    number = cursor.number + 1
    found = segments(folder)
    path = found[-1] if found else folder / segment_name(number)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(path, "r+b" if found else "w+b") as file:
        if cursor._file >= 0:
            file.truncate(cursor._at)
        file.seek(0, os.SEEK_END)
        if file.tell() < len(SEGMENT_MAGIC):
            file.truncate(0)
            file.seek(0)
            file.write(SEGMENT_MAGIC)
        file.write(encode(number))
    cursor.close()
    return number
