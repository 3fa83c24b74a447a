"""Many chunks by many requests: as many under way as the path holds, and hardly more.

Whoever else uses the path waits behind what is under way. How much that may be is
measured from the answers, as for paced chunks on a line (`protocol.window`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from jupyter_remote_gpu.protocol.window import Window

R = TypeVar("R")
MOST_AT_ONCE = 16
"""So many requests are under way at most."""


def paced(
    ask: Callable[[list[bytes]], R], sizes: Mapping[bytes, int], least_bytes: int = 0
) -> Iterator[R]:
    """Ask about chunks, several by several, and yield the answers in order. Blocks.

    `ask` is called by several threads. What it raises is raised here. With
    `least_bytes` no request is for less, if there is more: each costs a millisecond of
    both processors, which counts where nobody else waits for the same connection.
    """
    window = Window()
    names = deque(sizes.items())
    running: deque[tuple[Future[R], int]] = deque()
    taken = 0
    pool = ThreadPoolExecutor(MOST_AT_ONCE, "files")
    try:
        while names or running:
            while names and len(running) < MOST_AT_ONCE and (window.room > 0 or not running):
                pause = window.pause  # asked once: it becomes less with time
                if running and pause > 0:
                    time.sleep(min(pause, 0.01))
                batch, size = _batch(names, max(window.piece, least_bytes))
                window.sent(size)
                running.append((pool.submit(ask, batch), size))
            answer, size = running.popleft()
            found = answer.result()
            taken += size
            window.take(taken)
            yield found
    finally:
        # whoever was interrupted does not wait for what is under way
        pool.shutdown(wait=False, cancel_futures=True)


def _batch(names: deque[tuple[bytes, int]], most_bytes: int) -> tuple[list[bytes], int]:
    """Take the next names, of about so many bytes, at least one."""
    name, size = names.popleft()
    batch = [name]
    while names and size + names[0][1] <= most_bytes:
        name, more = names.popleft()
        batch.append(name)
        size += more
    return batch, size
