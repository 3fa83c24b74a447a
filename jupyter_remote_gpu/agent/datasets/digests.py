"""Whether a file is the one its source means: md5, SHA-256, Git's SHA-1, CRC-32C of its bytes.

They are computed while the file is still arriving, as far as it is there from
its beginning, so that little is left to do at the end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from collections.abc import Mapping
from typing import Protocol

from .part import Part, Version

PIECE_BYTES = 4 << 20
SLOW_BYTES = 32 << 20
"""A longer file's CRC-32C is not computed where only Python itself could do it."""
_LOOK_SECONDS = 0.2
_POLYNOMIAL = 0x82F63B78


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes taken."""


class Following:
    """Digests of a part, computed `behind` its arrival by a thread, or at its end.

    `digests` are {kind: hex}.
    """

    def __init__(self, part: Part, digests: Mapping[str, str], *, behind: bool = True) -> None:
        self._part = part
        self._end = threading.Event()
        self._version: Version | None = None
        self._hashes: dict[str, _Hash] = {}
        self._at = 0
        self.digests = dict(digests)
        self._thread = threading.Thread(target=self._follow, name="digests", daemon=True)
        if self.digests and behind:
            self._thread.start()

    def wrong(self) -> str:
        """Return which digest is not what it should be, of a part that is whole; "" if all are.

        Blocks until all bytes were read. Digests that cannot be computed here
        are left out of `digests`.
        """
        self.end()
        if self.digests:
            self._advance()
        for kind in [kind for kind in self.digests if kind not in self._hashes]:
            del self.digests[kind]
        return next(
            (k for k, h in self._hashes.items() if h.hexdigest() != self.digests[k].lower()), ""
        )

    def end(self) -> None:
        """Stop following."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            if self._part.version is not None:
                self._advance()

    def _advance(self) -> None:
        version = self._part.version
        assert version is not None
        if version != self._version:
            self._version, self._at = version, 0
            made = {kind: _hash(kind, version.bytes) for kind in self.digests}
            self._hashes = {kind: one for kind, one in made.items() if one is not None}
        stop = self._part.contiguous(self._at)
        buffer = memoryview(bytearray(PIECE_BYTES))
        while self._at < stop:
            count = os.preadv(
                self._part.number, [buffer[: min(PIECE_BYTES, stop - self._at)]], self._at
            )
            for one in self._hashes.values():
                one.update(buffer[:count])
            self._at += count


def _hash(kind: str, size: int) -> _Hash | None:
    """Begin a digest of a file of a known size; None where this machine cannot."""
    if kind == "md5":
        return hashlib.md5(usedforsecurity=False)
    if kind == "sha256":
        return hashlib.sha256()
    if kind == "git-blob":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    if kind != "crc32c":
        return None
    with contextlib.suppress(OSError, AttributeError):
        return _SystemCrc()
    return _PlainCrc() if size <= SLOW_BYTES else None


class _SystemCrc:
    """CRC-32C by the Linux kernel, which uses the processor's instruction for it."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as kind:
            kind.bind(("hash", "crc32c"))
            self._open = kind.accept()[0]

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        view = memoryview(data)
        while view:
            view = view[self._open.send(view[: 1 << 16], socket.MSG_MORE) :]

    def hexdigest(self) -> str:
        """Return the digest; nothing can be added after that."""
        self._open.send(b"")
        found = self._open.recv(4)
        self._open.close()
        return found[::-1].hex()


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


class _PlainCrc:
    """CRC-32C in Python: some megabytes a second."""

    def __init__(self) -> None:
        self._value = 0xFFFFFFFF
        self._table = _table()

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        value, table = self._value, self._table
        for byte in bytes(data):
            value = table[(value ^ byte) & 255] ^ value >> 8
        self._value = value

    def hexdigest(self) -> str:
        """Return the digest."""
        return f"{self._value ^ 0xFFFFFFFF:08x}"
