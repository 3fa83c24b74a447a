"""A file's bytes as chunks: read once, in windows, and read again if it changed meanwhile.

Never through memory maps: a file that is cut short while it is mapped ends the
process. Never through a symbolic link, and never from what is no regular file.
"""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.content import SMALLEST_BYTES, cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Content, Piece, content_of
from jupyter_remote_gpu.errors import UnreadableError

from .folders import Folder
from .stamp import Stamp, is_settled, stamp_of

WINDOW_BYTES = 4 << 20
_TRIES = 3
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for somebody to write
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


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
    """The bytes themselves, of a file that is one window or less."""


def read_file(folder: Folder, name: bytes) -> Reading:
    """Read and cut a file of a folder, again if it changes meanwhile, three times at most.

    Blocks on the disk. Raises UnreadableError, or FileNotFoundError if it is gone.
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
            before = os.fstat(number)
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableError(f"{os.fsdecode(path)} is no regular file")
            pieces, small = _pieces(number, before.st_size)
            after = stamp_of(os.fstat(number))
        except OSError as error:
            raise _unreadable(path, error) from error
        finally:
            os.close(number)
        content, _ = content_of(pieces)
        whole = after == stamp_of(before) and content.size == before.st_size
        if whole or attempt == _TRIES - 1:
            settled = whole and is_settled(after, began)
            return Reading(content, tuple(pieces), after, settled, whole, small)
    raise AssertionError("the last try returns")


def _unreadable(path: bytes | str, error: OSError) -> UnreadableError:
    return UnreadableError(
        f"{os.fsdecode(path)} cannot be read: {error.strerror}",
        hint="Make it readable, or name it in .remotegpuignore.",
    )


def _pieces(number: int, size: int) -> tuple[list[Piece], bytes | None]:
    if size > WINDOW_BYTES:
        return _windows(number), None
    data = os.read(number, size + 1)
    while len(data) <= size and (more := os.read(number, size + 1 - len(data))):
        data += more
    if 0 < len(data) <= SMALLEST_BYTES:
        pieces = [Piece(name_of(data), len(data))]
    else:
        pieces = _named(memoryview(data), cut_content(data))
    return pieces, data


def _named(view: memoryview, lengths: list[int]) -> list[Piece]:
    pieces = []
    start = 0
    for length in lengths:
        pieces.append(Piece(name_of(view[start : start + length]), length))
        start += length
    return pieces


def _windows(number: int) -> list[Piece]:
    """Read a large file window by window; one is hashed while the next is read and cut."""
    pieces: list[Piece] = []
    spare = [bytearray(WINDOW_BYTES) for _ in range(2)]
    running: tuple[Future[list[Piece]], bytearray] | None = None
    rest = b""
    with ThreadPoolExecutor(1) as hashing:  # BLAKE3 lets go of the interpreter lock
        while True:
            window = spare.pop()
            window[: len(rest)] = rest
            filled, ended = _fill(number, window, len(rest))
            view = memoryview(window)[:filled]
            lengths = cut_content(view, whole=ended)
            used = sum(lengths)
            rest = bytes(view[used:])
            if running is not None:
                pieces += running[0].result()
                spare.append(running[1])
            running = (hashing.submit(_named, view[:used], lengths), window)
            if ended:
                return pieces + running[0].result()


def _fill(number: int, window: bytearray, start: int) -> tuple[int, bool]:
    """Read until the window is full or the file ends; return how full it is, and which."""
    view = memoryview(window)
    while start < len(window):
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
    data = os.read(number, len(view) - start)
    view[start : start + len(data)] = data
    return len(data)
