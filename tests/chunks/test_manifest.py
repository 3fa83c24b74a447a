"""What files are made of: canonical, whole again, and within limits when it comes from outside."""

from __future__ import annotations

import random
import struct

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.listing import build
from jupyter_remote_gpu.chunks.manifest import (
    MAX_CHUNK_BYTES,
    Content,
    Piece,
    chunk_names,
    content_of,
    pieces_of,
)
from jupyter_remote_gpu.errors import ProtocolError


def _pieces(count: int) -> list[Piece]:
    rnd = random.Random(count)
    return [Piece(rnd.randbytes(32), rnd.randrange(1, 100_000)) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 700, 30_000])
def test_a_content_is_its_pieces(count: int) -> None:
    pieces = _pieces(count)
    content, nodes = content_of(pieces)
    assert content.size == sum(piece.size for piece in pieces)
    assert pieces_of(content, nodes.__getitem__) == pieces
    assert chunk_names([content], nodes.__getitem__) == {p.name: p.size for p in pieces}
    assert content_of(list(pieces)) == (content, nodes)


def test_an_empty_file_is_the_empty_chunk() -> None:
    assert content_of([])[0] == Content(0, name_of(b""))


@pytest.mark.parametrize(
    ("size", "depth", "name"),
    [
        (-1, 0, bytes(32)),
        (1, 0, b"short"),
        (MAX_CHUNK_BYTES + 1, 0, bytes(32)),
        (1 << 60, 1, bytes(32)),
        (1, -1, bytes(32)),
    ],
)
def test_a_content_beyond_the_limits_is_none(size: int, depth: int, name: bytes) -> None:
    with pytest.raises(ProtocolError):
        Content(size, name, depth)


@pytest.mark.parametrize("sizes", [[10, 10], [10, 0, 20], [10, 40], [MAX_CHUNK_BYTES + 1]])
def test_pieces_that_do_not_add_up_are_refused(sizes: list[int]) -> None:
    records = [struct.pack("<32sI", bytes(32), size) for size in sizes]
    listed, nodes = build(records, lambda _: 1)
    with pytest.raises(ProtocolError, match="add up"):
        pieces_of(Content(30, listed.name, listed.depth + 1), nodes.__getitem__)


def test_half_an_entry_is_refused() -> None:
    listed, nodes = build([bytes(35)], lambda _: 1)
    with pytest.raises(ProtocolError, match="whole entries"):
        pieces_of(Content(30, listed.name, 1), nodes.__getitem__)
