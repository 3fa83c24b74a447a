"""The background thread that runs the asyncio side of all sessions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from jupyter_remote_gpu.errors import WaitTimeoutError

T = TypeVar("T")
CLOSE_SECONDS = 5.0


async def in_thread(work: Callable[[], T], late: Callable[[T], None] = lambda result: None) -> T:
    """Carry out what blocks in a thread of its own, so that others never wait for a free one.

    Cancelled, it goes on there unseen; `late` is given a result that nobody waits for.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            if error is None:
                late(result)  # type: ignore[arg-type]
        elif error is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as error:
            failed = error
        try:
            loop.call_soon_threadsafe(settle, result, failed)
        except RuntimeError:
            # the loop has ended meanwhile
            if failed is None:
                late(result)  # type: ignore[arg-type]

    threading.Thread(target=run, name="remote_gpu connecting", daemon=True).start()
    return await future


async def _settled() -> None:
    """Cancel every other task of the loop and wait until they have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # Closing transports finish in callbacks of the next turns.
    for _ in range(3):
        await asyncio.sleep(0)


class LoopThread:
    """An event loop in a daemon thread; one serves all sessions of a process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="remote_gpu", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Let what was begun come to its end, then stop; nothing can be started afterwards."""
        self.run(_settled(), CLOSE_SECONDS, "open connections to close")
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine in the loop; returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None, what: str) -> T:
        """Carry a coroutine out and return its result; blocks the calling thread.

        After `timeout` seconds (None: never) raises WaitTimeoutError naming `what` was
        waited for. KeyboardInterrupt cancels the coroutine.
        """
        future = self.start(work)
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            future.cancel()
            raise WaitTimeoutError(
                f"gave up after {timeout:.0f} s of waiting for {what}",
                hint="`%remote_gpu` shows how the machine is doing.",
            ) from None
        except KeyboardInterrupt:
            future.cancel()
            raise
