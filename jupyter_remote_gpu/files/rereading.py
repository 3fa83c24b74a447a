"""A large file that was read before: chunks that are where they were need no cutting.

Where a file is cut depends on nothing before a cut. So what lies behind a known
chunk is taken for the chunk that followed it, which its name then proves or not;
only where it does not is the file cut, until a chunk turns up that was known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from jupyter_remote_gpu.chunks.content import LARGEST_BYTES, cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Piece

ROOM_BYTES = 4 * LARGEST_BYTES
"""What may be left of one window for the next; a known chunk that is larger is cut anew."""

Fill = Callable[[memoryview], tuple[int, bool]]
"""Fills a buffer from a file: how many bytes, and whether the file has ended."""


def pieces_again(fill: Fill, before: Sequence[Piece], window_bytes: int) -> list[Piece]:
    """Return the chunks of a file of which `before` were the chunks, as cutting it would.

    Blocks on the disk, in windows; the next one is read while one is hashed. Raises
    what `fill` raises.
    """
    known = _Known(before)
    pieces: list[Piece] = []
    spare = [bytearray(ROOM_BYTES + window_bytes) for _ in range(2)]
    rest = b""
    with ThreadPoolExecutor(1) as reading:
        coming = reading.submit(fill, memoryview(spare[0])[ROOM_BYTES:])
        while True:
            window = spare.pop(0)
            count, ended = coming.result()
            if not ended:
                coming = reading.submit(fill, memoryview(spare[0])[ROOM_BYTES:])
            start = ROOM_BYTES - len(rest)
            window[start:ROOM_BYTES] = rest
            view = memoryview(window)[start : ROOM_BYTES + count]
            used = 0
            for piece in known.pieces(view, ended=ended):
                pieces.append(piece)
                used += piece.size
            if ended:
                return pieces
            rest = bytes(view[used:])
            view.release()
            spare.append(window)


class _Known:
    """The chunks that a file had, and which of them should come next."""

    def __init__(self, before: Sequence[Piece]) -> None:
        self._before = before
        self._after = {piece.name: i + 1 for i, piece in enumerate(before)}
        self._next = 0

    def pieces(self, view: memoryview, *, ended: bool) -> Iterator[Piece]:
        """Yield the chunks from the front of a view on, all that are certain.

        The rest is to be given again with what follows, unless the file has `ended`.
        """
        at = 0
        while at < view.nbytes:
            size = self._expected(view.nbytes - at, ended=ended)
            if size is None:
                return
            if size:
                name = name_of(view[at : at + size])
                if name == self._before[self._next].name:
                    self._next += 1
                    yield Piece(name, size)
                    at += size
                    continue
                self._next = len(self._before)
            went = at
            for piece in self._cut(view[at:], ended=ended):
                yield piece
                at += piece.size
            if at == went:
                return

    def _expected(self, left: int, *, ended: bool) -> int | None:
        """Return how long the next chunk should be; 0 if that is unknown, None if it is too soon.

        The last one ended because the file did, which says nothing of anywhere else.
        """
        if self._next >= len(self._before):
            return 0
        size, is_last = self._before[self._next].size, self._next == len(self._before) - 1
        if size > ROOM_BYTES // 2:
            return 0
        if not ended and size >= left:
            return None
        if size > left or (is_last and size < left):
            return 0
        return size

    def _cut(self, view: memoryview, *, ended: bool) -> Iterator[Piece]:
        """Yield chunks of a view as cutting it finds them, up to one that was known."""
        part = view[:ROOM_BYTES]
        at = 0
        for length in cut_content(part, whole=ended and part.nbytes == view.nbytes):
            piece = Piece(name_of(part[at : at + length]), length)
            at += length
            yield piece
            if piece.name in self._after:
                self._next = self._after[piece.name]
                return
