"""Large files read beside the walk that found them, on other cores, and in their order.

Reading, cutting and hashing let go of the interpreter lock; small files are not
worth the handing over.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.manifest import Piece

from .folders import Folder
from .reading import Going, Reading, read_file
from .stamp import Stamp

LARGE_BYTES = 1 << 20
_MOST_THREADS = 4
_MOST_WAITING = 64
"""Each has a folder held open."""
_TOLD_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Asked:
    """A file that is being read, or will be: its path, and what comes of it."""

    path: bytes
    folder: Folder
    going: Going
    result: futures.Future[Reading]


class Ahead:
    """Files on their way, the oldest first. For one thread; `close` it.

    `told` is called with the number of bytes that were read so far of what is not
    finished, while somebody waits.
    """

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told
        self._waiting: deque[Asked] = deque()
        self._pool: futures.ThreadPoolExecutor | None = None

    def read(
        self,
        folder: Folder,
        name: bytes,
        path: bytes,
        seen: Stamp,
        before: Sequence[Piece] = (),
    ) -> None:
        """Have a file of an open folder read; the folder may be closed meanwhile.

        `before` are the chunks it had when it was read last.
        """
        if self._pool is None:
            cores = os.cpu_count() or 1
            self._pool = futures.ThreadPoolExecutor(max(1, min(_MOST_THREADS, cores - 1)))
        again, going = folder.again(), Going()
        result = self._pool.submit(read_file, again, name, seen, going, before)
        self._waiting.append(Asked(path, again, going, result))

    def next(self, *, last: bool) -> Asked | None:
        """Return the oldest once it is read; None if there is none, or room for more.

        `last` says that no more will come: then it is waited for.
        """
        if not self._waiting or (not last and len(self._waiting) < _MOST_WAITING):
            return None
        while True:
            try:
                self._waiting[0].result.exception(_TOLD_EVERY_SECONDS)
                break
            except futures.TimeoutError:
                self._told(sum(asked.going.bytes for asked in self._waiting))
        asked = self._waiting.popleft()
        asked.folder.close()
        return asked

    def close(self) -> None:
        """Stop what is still being read, and wait for its end; more than once is no error."""
        for asked in self._waiting:
            asked.going.stopped = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        while self._waiting:
            self._waiting.popleft().folder.close()
