"""Whether a connection still carries anything: pings while it is silent, and clocks that jump.

A dead link says nothing, and neither does a slow machine. Silence is only a
reason to look: `Pulse` ends its watch, and another connection is tried beside
the old one (`reviving.py`), which stays until the new one has been greeted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from jupyter_remote_gpu.protocol import messages

from .greeting import Opened

PULSE_SECONDS = 5.0
"""A ping is sent so often: it is answered, and it keeps us in mind of firewalls and the agent."""
ANSWER_SECONDS = 5.0
"""Nothing for so long behind a ping is doubtful."""
WOKEN_SECONDS = 2.0
"""The same after a sleep, when a connection has most often not survived."""
LONGEST_ANSWER_SECONDS = 300.0
TICK_SECONDS = 0.5
JUMP_SECONDS = 3.0
PING = 0
"""The number of a request whose answer nobody waits for."""


class Clocks:
    """Notices that this process, or the whole computer, stood still for a while."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clocks = (monotonic, wall, _boottime)
        self._seen = self._now()

    def jumped(self) -> bool:
        """Whether any clock went on by more than a tick since the last call.

        The monotonic clock sees a stopped process, the other two a computer
        that slept; one of them stands still meanwhile on every system.
        """
        now = self._now()
        passed = [after - before for after, before in zip(now, self._seen, strict=True)]
        self._seen = now
        return max(passed) > JUMP_SECONDS + TICK_SECONDS

    def _now(self) -> list[float]:
        return [clock() for clock in self._clocks]


def _boottime() -> float:
    """Return Linux's clock that runs during suspend; elsewhere the wall clock has to do."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time() if clock is None else time.clock_gettime(clock)


class Patience:
    """How long an unanswered ping is borne; longer after each time that this was too short.

    Where a link is alive but busy for long with what we sent, connections made
    anew would push it aside again and again; so the next one is given twice the time.
    """

    def __init__(self) -> None:
        self._factor = 1.0

    def seconds(self, *, woken: bool) -> float:
        """Return the present limit."""
        return min(
            (WOKEN_SECONDS if woken else ANSWER_SECONDS) * self._factor, LONGEST_ANSWER_SECONDS
        )

    def replaced(self) -> None:
        """Note that a silent connection had to go."""
        self._factor *= 2

    def answered(self) -> None:
        """Note that a ping was answered in time."""
        self._factor = 1.0


async def until_doubtful(
    opened: Opened,
    patience: Patience,
    wanted: Callable[[], bool],
    held: Callable[[], bool],
    clocks: Clocks,
) -> None:
    """Send pings on a connection while it is `wanted`; return when it has been silent for too long.

    Not while it is `held`, which is when we do not read it ourselves. What was
    handed over and is being taken counts as a sign of life, too.
    """
    loop = asyncio.get_running_loop()
    alive, sent, unsent = loop.time(), loop.time(), 0
    asked: float | None = None
    woken = False
    sending: asyncio.Task[None] | None = None
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = loop.time()
        jumped = clocks.jumped()
        if opened.unsent < unsent or held() or not wanted():
            alive = now
        unsent = opened.unsent
        alive = max(alive, opened.heard)
        if asked is not None and alive >= asked:
            if opened.heard >= asked:
                patience.answered()
            asked, woken = None, False
        if jumped:
            asked, woken = now, True
        elif asked is not None and now - asked > patience.seconds(woken=woken):
            return
        if wanted() and (jumped or now - sent >= PULSE_SECONDS):
            sent = now
            asked = now if asked is None else asked
            if sending is None or sending.done():
                sending = asyncio.create_task(_send_ping(opened))


async def _send_ping(opened: Opened) -> None:
    try:
        await opened.stream.send(messages.Ping(request=PING))
    except (ConnectionError, OSError):
        # whoever reads the connection sees its end as well
        return
