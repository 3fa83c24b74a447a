"""A file that is being fetched: its bytes so far, and which those are, whoever is killed.

The file is as long as it will be, with holes; beside it lies a table: a head in
JSON, then one number a segment, how many of its bytes are there. The table is
memory shared with the system, so a killed process loses nothing. After a
restart of the machine only a file without holes of our own is believed, and its
digest is what tells. No address and no token is in either.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 16 << 20
_HEAD_BYTES = 4096
_NUMBER = struct.Struct("<Q")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
VERIFIED, HOLED, KIND = "verified", "holed", "kind"


@dataclass(frozen=True, slots=True)
class Version:
    """By what a server tells versions of a file apart: `tag`, `changed`; and its length."""

    bytes: int
    tag: str = ""
    changed: str = ""

    @property
    def known(self) -> bool:
        """Whether two answers can be told to be of one version."""
        return bool(self.tag or self.changed)


class Part:
    """The bytes of one file, of one version of it; used by several threads."""

    def __init__(self, path: Path) -> None:
        self._table_path = Path(f"{path}.table")
        self._table: mmap.mmap | None = None
        self._head: dict[str, object] = {}
        self._lock = threading.Lock()
        self.rebooted = False
        """Whether the machine was started anew since the bytes came: some may be lost."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._find()

    @property
    def version(self) -> Version | None:
        """Of which version the bytes are; None while there are none."""
        if not self._head:
            return None
        head = self._head
        return Version(int(str(head["bytes"])), str(head["tag"]), str(head["changed"]))

    def begin(self, version: Version) -> None:
        """Take the bytes of a version from now on; what there is of it is kept, else dropped."""
        with self._lock:
            if self.version == version:
                return
            self._drop()
            os.ftruncate(self.number, version.bytes)
            self._begin(version)

    def adopt(self, brought: Path) -> None:
        """Take a whole file in the place of all bytes; it is moved here."""
        with self._lock:
            self._drop()
            os.replace(brought, self.path)
            os.close(self.number)
            self.number = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            size = os.fstat(self.number).st_size
            self._begin(Version(size))
            for start, end in self.missing():
                self._note(start // SEGMENT_BYTES, end - start)

    def reset(self) -> None:
        """Forget all bytes and their version."""
        with self._lock:
            self._drop()

    def close(self) -> None:
        """Let go of the file; what is there stays."""
        self.settle()
        os.close(self.number)

    def settle(self) -> None:
        """Remove the table: the file is whole and goes elsewhere, or is not wanted."""
        if self._table is not None:
            self._table.close()
            self._table = None

    def move(self, place: Path) -> None:
        """Give the whole file to its place and close it."""
        place.parent.mkdir(parents=True, exist_ok=True)
        os.fchmod(self.number, 0o444)
        os.replace(self.path, place)
        self._table_path.unlink(missing_ok=True)
        self.close()

    # -- which bytes are there ------------------------------------------------------------------

    def missing(self) -> list[tuple[int, int]]:
        """Return what is not there yet, as (start, end), a segment at most each."""
        version = self.version
        if version is None:
            return []
        found = []
        for segment in range(-(-version.bytes // SEGMENT_BYTES)):
            start = segment * SEGMENT_BYTES
            end = min(start + SEGMENT_BYTES, version.bytes)
            if (at := start + self._there(segment)) < end:
                found.append((at, end))
        return found

    @property
    def whole(self) -> bool:
        """Whether every byte is there, or was and is needed no more."""
        return self.version is not None and not self.missing()

    @property
    def there(self) -> int:
        """How many bytes are there."""
        version = self.version
        return 0 if version is None else version.bytes - sum(e - s for s, e in self.missing())

    def contiguous(self, start: int) -> int:
        """Return up to where, from `start` on, no byte is missing."""
        version = self.version
        if version is None:
            return 0
        at = start
        while at < version.bytes:
            segment = at // SEGMENT_BYTES
            there = segment * SEGMENT_BYTES + self._there(segment)
            if there < min((segment + 1) * SEGMENT_BYTES, version.bytes):
                return max(there, start)
            at = (segment + 1) * SEGMENT_BYTES
        return version.bytes

    def write(self, at: int, data: memoryview) -> None:
        """Add bytes right behind those of a segment that are there; they may reach into the next.

        Raises OSError where the disk takes no more.
        """
        while data:
            segment = at // SEGMENT_BYTES
            piece = data[: (segment + 1) * SEGMENT_BYTES - at]
            count = os.pwrite(self.number, piece, at)
            at += count
            self._note(segment, at - segment * SEGMENT_BYTES)
            data = data[count:]

    def forget(self, start: int, end: int) -> None:
        """Let the segments that a span lies in be fetched again, if they are ever needed."""
        for segment in range(start // SEGMENT_BYTES, -(-end // SEGMENT_BYTES)):
            self._note(segment, 0)

    def mark(self, what: str, value: str = "yes") -> None:
        """Note, for who comes later, that the file is `VERIFIED` or `HOLED`, or which `KIND`."""
        if self._head.get(what) != value:
            with self._lock:
                self._head[what] = value
                self._write_head()

    def marked(self, what: str) -> str:
        """Return what `mark` noted of this version's bytes; "" if nothing."""
        return str(self._head.get(what, ""))

    def _there(self, segment: int) -> int:
        table = self._table
        if table is None:
            return 0
        number: int = _NUMBER.unpack_from(table, _HEAD_BYTES + segment * _NUMBER.size)[0]
        return number

    def _note(self, segment: int, count: int) -> None:
        table = self._table
        if table is not None:
            _NUMBER.pack_into(table, _HEAD_BYTES + segment * _NUMBER.size, count)

    # -- the table ------------------------------------------------------------------------------

    def _find(self) -> None:
        """Believe what an earlier process left, if it fits together."""
        with (
            contextlib.suppress(OSError, ValueError, KeyError),
            open(self._table_path, "rb+") as file,
        ):
            head = json.loads(file.read(_HEAD_BYTES).rstrip(b"\0"))
            count = -(-int(head["bytes"]) // SEGMENT_BYTES)
            size = os.fstat(file.fileno()).st_size
            rebooted = head["boot"] != boot_name()
            whole = size == _HEAD_BYTES + count * _NUMBER.size
            long = os.fstat(self.number).st_size == head["bytes"]
            if whole and long and not (rebooted and head.get(HOLED)):
                self._table = mmap.mmap(file.fileno(), 0)
                self.rebooted = rebooted
                # what was written just before the machine stopped may be gone: looked at again
                self._head = {**head, VERIFIED: "" if rebooted else head.get(VERIFIED, "")}
                return
        self._drop()

    def _begin(self, version: Version) -> None:
        """Make the table of a version of which no byte is noted yet; the file is left alone."""
        self._head = {
            "bytes": version.bytes,
            "tag": version.tag,
            "changed": version.changed,
            "boot": boot_name(),
        }
        count = -(-version.bytes // SEGMENT_BYTES)
        with open(self._table_path, "wb+") as file:
            file.truncate(_HEAD_BYTES + count * _NUMBER.size)
            self._table = mmap.mmap(file.fileno(), 0)
        self._write_head()

    def _drop(self) -> None:
        self.settle()
        self._table_path.unlink(missing_ok=True)
        self._head = {}
        os.ftruncate(self.number, 0)

    def _write_head(self) -> None:
        assert self._table is not None
        text = json.dumps(self._head).encode()
        self._table[: len(text)] = text
        self._table[len(text) : _HEAD_BYTES] = bytes(_HEAD_BYTES - len(text))


def boot_name() -> str:
    """Return what this start of the machine is called; empty where it has no name."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
