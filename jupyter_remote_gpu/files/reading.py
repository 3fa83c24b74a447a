"""A file's bytes as chunks: read once, in windows, and read again if it changed meanwhile.

Never through memory maps: a file that is cut short while it is mapped ends the
process. Never through a symbolic link, and never from what is no regular file.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.content import SMALLEST_BYTES, cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Content, Piece, content_of
from jupyter_remote_gpu.errors import UnreadableError

from .folders import Folder
from .rereading import Fill, pieces_again
from .stamp import Stamp, is_settled, stamp_of

WINDOW_BYTES = 4 << 20
SMALL_BYTES = 64 << 10
_TRIES = 3
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for somebody to write
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(slots=True)
class Going:
    """A reading of a large file on its way: what is read so far, and whether it shall stop."""

    bytes: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file held at one time.

    `settled` is whether its stamp can be relied upon from now on. `whole` is
    False if the file never stood still while it was read: then this is what was
    seen of it, and it must be read again the next time.
    """

    content: Content
    pieces: tuple[Piece, ...]
    stamp: Stamp
    settled: bool
    whole: bool
    small: bytes | None
    """The bytes themselves, of a file of `SMALL_BYTES` or less."""


def read_file(
    folder: Folder,
    name: bytes,
    seen: Stamp | None = None,
    going: Going | None = None,
    before: Sequence[Piece] = (),
) -> Reading:
    """Read and cut a file of a folder, again if it changes meanwhile, three times at most.

    `seen` is the stamp of a regular file that a walk has just found there; it
    spares a call of the system. `going` counts what is read, and ends the reading
    of a large file when it is told to. With the chunks it had `before`, a large file
    is cut only where it changed. Blocks on the disk. Raises UnreadableError,
    FileNotFoundError if it is gone, and CancelledError.
    """
    path = folder.name(name)
    for attempt in range(_TRIES):
        began = time.time_ns()
        try:
            number = os.open(path, _FLAGS, dir_fd=folder.number)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            status = seen if seen is not None and not attempt else stamp_of(os.fstat(number))
            if not stat.S_ISREG(status[4]):
                raise UnreadableError(f"{os.fsdecode(path)} is no regular file")
            pieces, small = _pieces(number, status[0], going, before)
            after = stamp_of(os.fstat(number))
        except OSError as error:
            raise _unreadable(path, error) from error
        finally:
            os.close(number)
        content, _ = content_of(pieces)
        whole = after == status and content.size == status[0]
        if whole or attempt == _TRIES - 1:
            settled = whole and is_settled(after, began)
            return Reading(content, tuple(pieces), after, settled, whole, small)
    raise AssertionError("the last try returns")


def _unreadable(path: bytes | str, error: OSError) -> UnreadableError:
    return UnreadableError(
        f"{os.fsdecode(path)} cannot be read: {error.strerror}",
        hint="Make it readable, or name it in .remotegpuignore.",
    )


def _pieces(
    number: int, size: int, going: Going | None, before: Sequence[Piece]
) -> tuple[list[Piece], bytes | None]:
    if size > WINDOW_BYTES:
        fill = _filling(number, size, going or Going())
        return pieces_again(fill, before, WINDOW_BYTES) if before else _windows(fill), None
    data = os.read(number, size + 1)  # one more: a file that has grown is seen to have
    while len(data) < size and (more := os.read(number, size + 1 - len(data))):
        data += more
    if 0 < len(data) <= SMALLEST_BYTES:
        pieces = [Piece(name_of(data), len(data))]
    else:
        pieces = _named(memoryview(data), cut_content(data))
    return pieces, data if len(data) <= SMALL_BYTES else None


def _named(view: memoryview, lengths: list[int]) -> list[Piece]:
    pieces = []
    start = 0
    for length in lengths:
        pieces.append(Piece(name_of(view[start : start + length]), length))
        start += length
    return pieces


def _filling(number: int, size: int, going: Going) -> Fill:
    """Return what reads a file into one buffer after the other.

    It ends where the file did when it was opened, for one may grow as fast as it is read.
    """
    going.bytes = 0

    def fill(window: memoryview) -> tuple[int, bool]:
        if going.stopped:
            raise CancelledError
        filled, ended = _fill(number, window)
        going.bytes += filled
        return filled, ended or going.bytes > size

    return fill


def _windows(fill: Fill) -> list[Piece]:
    """Read a large file window by window; one is hashed while the next is read and cut."""
    pieces: list[Piece] = []
    spare = [bytearray(WINDOW_BYTES) for _ in range(2)]
    running: tuple[Future[list[Piece]], bytearray] | None = None
    rest = b""
    with ThreadPoolExecutor(1) as hashing:  # BLAKE3 lets go of the interpreter lock
        while True:
            window = spare.pop()
            window[: len(rest)] = rest
            filled, ended = fill(memoryview(window)[len(rest) :])
            view = memoryview(window)[: len(rest) + filled]
            lengths = cut_content(view, whole=ended)
            used = sum(lengths)
            rest = bytes(view[used:])
            if running is not None:
                pieces += running[0].result()
                spare.append(running[1])
            running = (hashing.submit(_named, view[:used], lengths), window)
            if ended:
                return pieces + running[0].result()


def _fill(number: int, view: memoryview) -> tuple[int, bool]:
    """Read until a buffer is full or the file ends; return how full it is, and which."""
    start = 0
    while start < view.nbytes:
        count = (
            os.readv(number, [view[start:]])
            if hasattr(os, "readv")
            else _copied(number, view, start)
        )
        if count == 0:
            return start, True
        start += count
    return start, False


def _copied(number: int, view: memoryview, start: int) -> int:
    data = os.read(number, view.nbytes - start)
    view[start : start + len(data)] = data
    return len(data)
