"""Where chunks land: buffers allocated once, filled straight from the wire, verified by name."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Iterable

from blake3 import blake3
from xxhash import xxh3_128_digest

from jupyter_remote_gpu.errors import DamagedError
from jupyter_remote_gpu.protocol.state import Blob, Manifest

_MAPPED_BYTES = 1 << 20


class Landing:
    """The buffers of some manifests on their way in, invisible until all is verified.

    The owner adds manifests and takes whole buffers out; the transport asks for
    the `destination` of each chunk, fills it and calls `received`. A chunk that
    occurs several times is wanted once. Not safe for use by several threads, but
    for `place` and `received`, which several may call for chunks that differ.
    """

    def __init__(self) -> None:
        self._places: dict[bytes, list[memoryview]] = {}
        self._missing: dict[bytes, None] = {}
        self.quick: dict[bytes, bytes] = {}  # the xxh3 of what has landed, by name
        self.coming: Callable[[int], object] = int
        """Called with the length of each chunk that is about to be received."""

    def add(self, manifest: Manifest) -> memoryview:
        """Return a writable buffer for `manifest`; all its chunks are missing until received."""
        whole = memoryview(allocate(manifest.length))
        for index, name in enumerate(manifest.names):
            start = index * manifest.chunk_bytes
            self.want(name, whole[start : start + manifest.size(index)])
        return whole

    def want(self, name: bytes, view: memoryview) -> None:
        """Also put the chunk `name` into `view`, which has its length."""
        places = self._places.setdefault(name, [])
        if places and len(places[0]) != len(view):
            raise DamagedError("a chunk was announced with two lengths")
        if places and name not in self._missing:
            view[:] = places[0]
        elif not places:
            self._missing[name] = None
        places.append(view)

    def fill(self, get: Callable[[bytes, int], Blob | None]) -> None:
        """Take what `get(name, length)` has at hand (trusted: not verified again)."""
        for name in list(self._missing):
            chunk = get(name, len(self._places[name][0]))
            if chunk is not None:
                self._land(name, chunk)

    def inline(self, chunks: Iterable[tuple[bytes, Blob]]) -> None:
        """Take chunks that rode along in a message; raises `DamagedError`."""
        for name, chunk in chunks:
            if name in self._missing:
                if blake3(chunk).digest() != name:
                    raise DamagedError("a chunk inside a message does not match its name")
                self._land(name, chunk)

    def missing(self) -> tuple[bytes, ...]:
        """Return the names of the chunks not yet received whole."""
        return tuple(self._missing)

    def destination(self, name: bytes) -> memoryview:
        """Say that this chunk is coming and return its `place`."""
        place = self.place(name)
        self.coming(len(place))
        return place

    def place(self, name: bytes) -> memoryview:
        """Return the writable memory that this chunk belongs in; `KeyError` if not wanted.

        What comes a second time, after it was verified, must not overwrite it.
        """
        place = self._places[name][0]
        return place if name in self._missing else memoryview(bytearray(len(place)))

    def received(self, name: bytes) -> bool:
        """Verify the chunk in its destination; False means damaged: send it again."""
        first, *others = self._places[name]
        if blake3(first).digest() != name:
            return False
        for other in others:
            other[:] = first
        self.quick[name] = xxh3_128_digest(first)
        self._missing.pop(name, None)
        return True

    def _land(self, name: bytes, chunk: Blob) -> None:
        for place in self._places[name]:
            if len(place) != len(chunk):
                raise DamagedError("a chunk does not have the length its manifest says")
            place[:] = chunk
        self.quick[name] = xxh3_128_digest(chunk)
        del self._missing[name]


def allocate(length: int) -> bytearray | mmap.mmap:
    """Return writable memory of `length` bytes that nothing else uses.

    Large buffers are anonymous private mappings: not touched until they are
    filled. Huge pages are left to the system's policy; asking for them made
    first use four times slower in virtual machines.
    """
    if length < _MAPPED_BYTES or sys.platform == "win32":
        return bytearray(length)
    return mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
