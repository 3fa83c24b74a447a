"""Having a connection again: attempts beside each other until one is greeted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.transport.base import Transport

from .greeting import Opened
from .loop import in_thread
from .trouble import Trouble

LOOK_SECONDS = 60.0
"""So long the way is watched before an attempt is made although it does not look open."""
OVERLAP_SECONDS = 4.0
"""An attempt that has taken so long may hang; the next is made beside it."""
MOST_ATTEMPTS = 3
TICK_SECONDS = 0.1


class GaveUp(Exception):
    """It is not worth going on; `error` says why."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def revive(
    transport: Transport,
    connect: Callable[[], Awaitable[Opened]],
    trouble: Trouble,
    unneeded: Callable[[], bool],
) -> Opened | None:
    """Connect, however long that takes; None as soon as it is `unneeded`.

    Raises GaveUp for what does not mend itself. While the way to the machine
    is closed it is watched at little cost, and an attempt is made when it opens.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    attempts: set[asyncio.Task[Opened]] = set()
    looking: asyncio.Task[None] | None = None
    latest = loop.time() - OVERLAP_SECONDS
    try:
        while not unneeded():
            free = not attempts or loop.time() - latest >= OVERLAP_SECONDS
            if looking is None and free and len(attempts) < MOST_ATTEMPTS:
                looking = asyncio.create_task(_look(transport, trouble.next_pause(), stop))
            waited = {*attempts, looking} - {None}
            done, _ = await asyncio.wait(  # type: ignore[type-var]
                waited,
                timeout=TICK_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if looking in done:
                looking = None
                latest = loop.time()
                attempts.add(asyncio.ensure_future(connect()))
            for attempt in attempts & done:
                attempts.discard(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
                if not isinstance(error, (RemoteGPUError, OSError, EOFError, asyncio.TimeoutError)):
                    raise error
                if trouble.failed(error, loop.time()):
                    raise GaveUp(error)
        return None
    finally:
        stop.set()
        for task in (*attempts, looking):
            if task is not None:
                task.cancel()
                task.add_done_callback(_drop)


async def _look(transport: Transport, pause: float, stop: threading.Event) -> None:
    await asyncio.sleep(pause)
    await in_thread(lambda: transport.until_reachable(LOOK_SECONDS, stop))


def _drop(task: asyncio.Task[Opened] | asyncio.Task[None]) -> None:
    """Hang up a connection that came when another was there already."""
    if task.cancelled() or task.exception() is not None:
        return
    result = task.result()
    if result is not None:
        result.hang_up()
