"""Bulk: one move over several connections, beside the one that carries cells.

Whoever moves much opens `Lines` with a function that makes one more connection
(to a kernel's state line; other ends may follow) and gives a `Bulk` the work of
one line. Chunks go to whichever line is free, so a slow line holds nobody up,
and what a broken line had taken with it is missing at the end and asked for again.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.line import Line

from .breadth import Breadth

IDLE_SECONDS = 120.0
"""Connections beyond the first are closed when nothing went over them for so long."""
AHEAD_CHUNKS = 2
"""So many chunks lie ready for the next free line."""
_SHORTEST_LOOK_SECONDS = 0.3
_LOOK_ROUND_TRIPS = 6
"""A number of lines is judged by its rate over that time, once they are at speed."""

log = logging.getLogger(__name__)
Chunk: TypeAlias = tuple[bytes, Buffer]


class SocketStream:
    """A connected socket as a paced `Line` wants it; `silence` is the longest wait in seconds."""

    def __init__(self, opened: socket.socket, silence: float) -> None:
        opened.settimeout(silence)
        self._socket = opened

    def sendall(self, data: Buffer, /) -> None:
        """Send all of `data`."""
        self._socket.sendall(data)

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive what is there, at least a byte; 0 at the end."""
        return self._socket.recv_into(buffer)

    receive_some = recv_into

    def readable(self, seconds: float) -> bool:
        """Wait at most so long until something can be received."""
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], seconds)[0])
        poll = select.poll()  # select cannot wait for numbers above 1023
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(1000 * seconds))


@dataclass(slots=True, eq=False)
class OpenLine:
    """One connection: its socket, the line on it, and the round trip of its greeting."""

    socket: socket.socket
    line: Line
    rtt: float


@dataclass(slots=True)
class Lines:
    """The connections beyond the first to one end; `connect` makes one more and may block.

    Kept for the next move, closed when none came for `IDLE_SECONDS`. Any thread.
    """

    connect: Callable[[], OpenLine]
    spare: list[OpenLine] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _timer: threading.Timer | None = None

    def take(self) -> list[OpenLine]:
        """Take all that stand ready."""
        with self._lock:
            taken, self.spare = self.spare, []
            return taken

    def give(self, line: OpenLine) -> None:
        """Give one back that works still."""
        with self._lock:
            self.spare.append(line)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_SECONDS, self.close)
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Close what stands ready."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for line in self.take():
            line.socket.close()


class Feed:
    """Hands chunks from the thread that has them to whichever line is free."""

    def __init__(self) -> None:
        self._ready: deque[Chunk] = deque()
        self._changed = threading.Condition()
        self._takers = 1
        self._over = False

    def put(self, chunk: Chunk) -> bool:
        """Wait for a place and lay the chunk there; False if nobody is left to take it."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) < AHEAD_CHUNKS or not self._takers)
            self._ready.append(chunk)
            self._changed.notify_all()
            return self._takers > 0

    def end(self) -> None:
        """No more will come."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def joined(self, count: int) -> None:
        """So many more lines take chunks; fewer if it is negative."""
        with self._changed:
            self._takers += count
            self._changed.notify_all()

    def share(self) -> Iterator[Chunk]:
        """Yield chunks for one line until all are taken."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._over)
                if not self._ready:
                    return
                chunk = self._ready.popleft()
                self._changed.notify_all()
            yield chunk


class Tally:
    """How many bytes have gone, counted by several threads."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count so many more."""
        with self._lock:
            self._count += count

    def count(self) -> int:
        """Return how many there are."""
        return self._count


class Bulk:
    """The lines of one move besides the first; used by the thread that moves.

    `work` carries its part of the move over one line and returns at the end of
    it; `done` says how many bytes have arrived so far. A line that fails is
    closed and only costs what was under way on it.
    """

    def __init__(
        self,
        lines: Lines,
        breadth: Breadth,
        work: Callable[[Line], None],
        done: Callable[[], int],
        rtt: float,
        opening: float,
    ) -> None:
        self._lines = lines
        self._breadth = breadth
        self._work = work
        self._done = done
        self._rtt = rtt
        self._opening = opening
        self._changed = threading.Condition()
        self._working: set[OpenLine] = set()
        self._asked = 0
        self._over = False
        self._looked_at = time.monotonic()
        self._looked_done = 0
        self._looked_lines = 0

    def grow(self, left: float) -> None:
        """Measure, and open more lines if the `left` bytes are worth it; cheap, never blocks."""
        now, done = time.monotonic(), self._done()
        with self._changed:
            count = 1 + len(self._working)
        if count != self._looked_lines:
            # the new ones need some round trips to get up to speed
            self._look(now + 4 * self._rtt, done, count)
        elif now < self._looked_at:
            self._looked_done = done
        elif now - self._looked_at > max(_SHORTEST_LOOK_SECONDS, _LOOK_ROUND_TRIPS * self._rtt):
            self._breadth.note(count, (done - self._looked_done) / (now - self._looked_at))
            self._look(now, done, count)
        if not self._asked:
            wanted = self._breadth.wanted(count, left, self._rtt, self._opening)
            self._join(wanted - count)

    def wait(self) -> None:
        """Wait until every line's part is done; those that are not open yet do not matter."""
        with self._changed:
            self._changed.wait_for(lambda: not self._working)

    def end(self, *, broken: bool) -> None:
        """The move is over, or with `broken` given up: then all its lines are closed."""
        with self._changed:
            self._over = True
            if broken:
                for line in self._working:
                    with contextlib.suppress(OSError):  # it broke by itself
                        line.socket.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._working)

    def _look(self, at: float, done: int, count: int) -> None:
        self._looked_at, self._looked_done, self._looked_lines = at, done, count

    def _join(self, count: int) -> None:
        """Let so many more lines join: spare ones at once, others when they are open."""
        if count <= 0:
            return
        ready = self._lines.take()
        for line in ready[count:]:
            self._lines.give(line)
        self._asked += count
        for spare in [*ready[:count], *[None] * (count - len(ready))]:
            threading.Thread(target=self._serve, args=(spare,), name="bulk", daemon=True).start()

    def _serve(self, line: OpenLine | None) -> None:
        """Open a line if there is none yet, and do its part of the move."""
        if line is None:
            try:
                line = self._lines.connect()
            except (RemoteGPUError, OSError, EOFError) as error:
                log.info("no further connection for bulk: %s", error)
                with self._changed:
                    self._asked -= 1
                    self._breadth.refused(1 + len(self._working) + self._asked)
                return
        with self._changed:
            self._asked -= 1
            if not self._over:
                self._working.add(line)
        if line in self._working:
            self._carry(line)
        else:
            self._lines.give(line)

    def _carry(self, line: OpenLine) -> None:
        whole = False
        try:
            self._work(line.line)
            whole = True
        except (RemoteGPUError, OSError, EOFError) as error:
            log.info("a connection for bulk broke, the others go on: %s", error)
        finally:
            with self._changed:
                self._working.discard(line)
                self._changed.notify_all()
            if whole:
                self._lines.give(line)
            else:
                line.socket.close()
