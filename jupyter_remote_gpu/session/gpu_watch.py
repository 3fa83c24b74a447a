"""Noticing that a paid GPU does nothing while a cell runs that could use it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_remote_gpu.errors import RemoteGPUError

from .loop import LoopThread

GPU_IDLE = "gpu idle"
_TORCH = re.compile(r"\btorch\b")

Status = Callable[[], Awaitable[dict[str, Any]]]


class GpuWatch:
    """Asks the agent now and then how busy its GPUs are while a run lasts.

    `status` asks for the machine's state, `tell` is called with `GPU_IDLE`, once
    a run, in the loop's thread. A machine without a GPU is asked once a run.
    """

    idle_seconds = 30.0
    sample_seconds = 5.0

    def __init__(self, loop: LoopThread, status: Status, tell: Callable[[str], None]) -> None:
        self._loop = loop
        self._status = status
        self._tell = tell
        self._torch = False

    @contextmanager
    def during(self, source: str) -> Iterator[None]:
        """Watch while the block lasts, if this cell or one before it may have loaded torch."""
        self._torch = self._torch or "torch" in sys.modules or bool(_TORCH.search(source))
        if not self._torch:
            yield
            return
        watching = self._loop.start(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        idle = 0.0
        while idle < self.idle_seconds:
            await asyncio.sleep(self.sample_seconds)
            try:
                gpus = (await self._status())["gpus"]
            except RemoteGPUError:
                return  # whoever waits for the run is told of the connection
            if not gpus:
                return
            idle = 0.0 if any(_busy(gpu) for gpu in gpus) else idle + self.sample_seconds
        self._tell(GPU_IDLE)


def _busy(gpu: dict[str, Any]) -> bool:
    """Say whether a GPU does something; one that does not tell is taken to."""
    use = str(gpu.get("use_percent", ""))
    return not use.isdigit() or int(use) > 0
