"""What a file is made of: one chunk, or a list of chunks.

`Content` is the whole of it in some 40 bytes. Its encoding is canonical: the
same bytes cut alike have the same content, so equal contents are equal files.
Two that differ may still hold the same bytes, if they were cut by different
chunkers; then some chunks are compared or moved that need not have been.
Pure; no I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jupyter_remote_gpu.errors import ProtocolError

from .fingerprint import name_of
from .listing import NAME_BYTES, Get, Listed, build, leaves

MAX_CHUNK_BYTES = 8 << 20
MAX_FILE_BYTES = 1 << 44
_MAX_LIST_BYTES = 1 << 30
_PIECE = struct.Struct("<32sI")

EMPTY_NAME = name_of(b"")


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes: their number, and the chunk (depth 0) or the list (above) that holds them."""

    size: int
    name: bytes
    depth: int = 0

    def __post_init__(self) -> None:
        """Hold the limits; raises ProtocolError, since contents also come from outside."""
        if len(self.name) != NAME_BYTES or not 0 <= self.size <= MAX_FILE_BYTES or self.depth < 0:
            raise ProtocolError("a file's manifest is beyond the limits of one")
        if self.depth == 0 and self.size > MAX_CHUNK_BYTES:
            raise ProtocolError(f"a chunk of {self.size} bytes is larger than any of ours")


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a file: its name and its length."""

    name: bytes
    size: int


def content_of(pieces: Sequence[Piece]) -> tuple[Content, dict[bytes, bytes]]:
    """Return the content made of these chunks in this order, and the nodes of its list by name."""
    if not pieces:
        return Content(0, EMPTY_NAME), {}
    if len(pieces) == 1:
        return Content(pieces[0].size, pieces[0].name), {}
    records = [_PIECE.pack(piece.name, piece.size) for piece in pieces]
    listed, nodes = build(records, lambda i: pieces[i].name[0])
    return Content(sum(p.size for p in pieces), listed.name, listed.depth + 1), nodes


def pieces_of(content: Content, get: Get) -> list[Piece]:
    """Return the chunks of a file in order; `get` is asked for the nodes of its list.

    Raises ProtocolError if the list is damaged or does not add up to the
    file's size, and what `get` raises.
    """
    if content.depth == 0:
        return [Piece(content.name, content.size)] if content.size else []
    pieces: list[Piece] = []
    total = 0
    for leaf in leaves(Listed(content.name, content.depth - 1), get, _MAX_LIST_BYTES):
        if not leaf or len(leaf) % _PIECE.size:
            raise ProtocolError("a list of chunks does not hold whole entries")
        for name, size in _PIECE.iter_unpack(leaf):
            total += size
            if not 0 < size <= MAX_CHUNK_BYTES or total > content.size:
                raise ProtocolError("the chunks of a file do not add up to its size")
            pieces.append(Piece(name, size))
    if total != content.size:
        raise ProtocolError("the chunks of a file do not add up to its size")
    return pieces


def chunk_names(contents: Iterable[Content], get: Get) -> dict[bytes, int]:
    """Return the names and lengths of all chunks that these files are made of, each once."""
    found: dict[bytes, int] = {}
    for content in contents:
        if content.depth == 0:
            if content.size:
                found[content.name] = content.size
        else:
            found.update((piece.name, piece.size) for piece in pieces_of(content, get))
    return found
