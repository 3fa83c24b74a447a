"""Seeing change at memory speed: xxh3 notices it, BLAKE3 names what changed.

A fingerprint holds the xxh3 of every chunk of a buffer. It is compared only
with fingerprints made by the same process; the names made from it by BLAKE3
are what the two sides exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3
from xxhash import xxh3_128_digest

from jupyter_remote_gpu.protocol.state import Manifest

from .chunker import chunk_bytes, cut

_MAX_REMEMBERED_NAMES = 1_000_000
_SCANNED_BY_TWO = 64
"""For fewer chunks, which are scanned in some 2 ms, another thread is not worth its start."""
_THREADED_CHUNKS = 16
_SPREAD = 4


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The length of a buffer and the xxh3-128 of each of its chunks."""

    length: int
    quick: tuple[bytes, ...]


def fingerprint(view: memoryview) -> Fingerprint:
    """Scan a flat buffer of bytes: 25 GB/s a core, no copy; much of it on two cores."""
    chunks = cut(view)
    if len(chunks) < _SCANNED_BY_TWO:
        return Fingerprint(len(view), tuple(_scanned(chunks)))
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

    half = len(chunks) // 2
    with ThreadPoolExecutor(1) as other:  # xxh3 lets go of the interpreter lock
        rest = other.submit(_scanned, chunks[half:])
        return Fingerprint(len(view), (*_scanned(chunks[:half]), *rest.result()))


def _scanned(chunks: list[memoryview]) -> list[bytes]:
    return [xxh3_128_digest(chunk) for chunk in chunks]


class ChunkNames:
    """The BLAKE3 names of chunks seen before, found again by their xxh3.

    One per side. An unchanged buffer is never hashed by BLAKE3 twice.
    """

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}

    def manifest(self, view: memoryview, found: Fingerprint) -> Manifest:
        """Name every chunk of `view`, whose fingerprint is `found`."""
        chunks = cut(view)
        new = [i for i, quick in enumerate(found.quick) if quick not in self._names]
        for index, name in zip(new, _named([chunks[i] for i in new]), strict=True):
            self._remember(found.quick[index], name)
        names = tuple([self._names[quick] for quick in found.quick])
        return Manifest(len(view), chunk_bytes(len(view)), names)

    def learn(self, found: Fingerprint, manifest: Manifest) -> None:
        """Remember the names of a buffer that arrived with `manifest` and was verified."""
        for quick, name in zip(found.quick, manifest.names, strict=True):
            self._remember(quick, name)

    def _remember(self, quick: bytes, name: bytes) -> None:
        if len(self._names) >= _MAX_REMEMBERED_NAMES:
            self._names.clear()
        self._names[quick] = name

    def known(self, found: Fingerprint) -> tuple[bytes | None, ...]:
        """Return the names of a fingerprint's chunks as far as they are remembered."""
        return tuple([self._names.get(quick) for quick in found.quick])


def name_of(chunk: memoryview | bytes | bytearray) -> bytes:
    """Return the name of one chunk."""
    return blake3(chunk).digest()


def _named(chunks: list[memoryview]) -> list[bytes]:
    """Hash on several cores if there is much of it (BLAKE3 lets go of the interpreter lock)."""
    if len(chunks) < _THREADED_CHUNKS:
        return [name_of(chunk) for chunk in chunks]
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

    with ThreadPoolExecutor(_SPREAD) as pool:
        return list(pool.map(name_of, chunks))
