"""Warm parents, seen from the agent: one an environment, kept while memory allows."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import AgentStartError

from .facts import machine_memory

READY_SECONDS = 120.0
FORK_SECONDS = 10.0
STATUS_SECONDS = 1.0
FREE_BYTES = 4 << 30
"""No warm parent is kept on a machine with less free memory than this."""
READ_AT_IMPORT = ("OMP_", "MKL_", "OPENBLAS_", "CUDA_", "PYTORCH_", "TORCH_", "PYTHON", "LD_")
"""Variables with these beginnings are read when libraries load; a child cannot change them."""


class WarmParent:
    """A process that has imported an environment's large libraries.

    Made by `start`; `fork` gives a kernel's process id within milliseconds.
    """

    def __init__(self, python: str, environ: Mapping[str, str], launch: list[str]) -> None:
        self.python = python
        self._environ = dict(environ)
        self._print = environment_print(python)
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._ready = asyncio.Event()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*launch, "--warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._reading = asyncio.create_task(self._read(ours))

    async def ready(self) -> bool:
        """Wait until it has loaded everything; False if it ended instead."""
        done = asyncio.create_task(self._ready.wait())
        await asyncio.wait(
            {done, self._reading}, timeout=READY_SECONDS, return_when="FIRST_COMPLETED"
        )
        done.cancel()
        return self._ready.is_set()

    def fits(self, python: str, environ: Mapping[str, str]) -> bool:
        """Whether a kernel of this Python with these variables may be forked from it.

        Not if a variable that libraries read when they load differs, nor if
        packages were installed or removed since.
        """
        if python != self.python or not self._ready.is_set() or self._process.poll() is not None:
            return False
        if environment_print(python) != self._print:
            return False
        wanted = {**self._environ, **environ}
        names = {n for n in (*wanted, *self._environ) if n.startswith(READ_AT_IMPORT)}
        return all(wanted.get(n) == self._environ.get(n) for n in names)

    async def fork(self, request: dict[str, Any]) -> int:
        """Fork a kernel as `kernel/warm.py` says; return its process id."""
        self._writer.write(json.dumps(request).encode() + b"\n")
        try:
            pid = await asyncio.wait_for(self._started.get(), FORK_SECONDS)
        except asyncio.TimeoutError:
            raise AgentStartError("the warm parent of kernels does not answer") from None
        self._ended.setdefault(pid, asyncio.get_running_loop().create_future())
        return pid

    async def status(self, pid: int) -> int | None:
        """Return the wait status of a kernel that has ended; None if it cannot be had."""
        future = self._ended.get(pid)
        if future is None:
            return None
        try:
            return await asyncio.wait_for(future, STATUS_SECONDS)
        except asyncio.TimeoutError:
            return None
        finally:
            self._ended.pop(pid, None)

    def close(self) -> None:
        """End the parent; its kernels go on."""
        self._reading.cancel()
        if hasattr(self, "_writer"):
            self._writer.close()
        self._process.terminate()
        self._process.wait()

    async def _read(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        while line := await reader.readline():
            said = json.loads(line)
            if "started" in said:
                self._started.put_nowait(said["started"])
            elif "ended" in said:
                loop = asyncio.get_running_loop()
                future = self._ended.setdefault(said["ended"], loop.create_future())
                if not future.done():
                    future.set_result(said["status"])
            else:
                self._ready.set()


def environment_print(python: str) -> tuple[tuple[str, int], ...]:
    """Return a mark that changes when packages of a Python's environment do."""
    prefix = Path(python).parent.parent
    folders = sorted(prefix.glob("lib/python*/site-packages"))
    return tuple((str(folder), os.stat(folder).st_mtime_ns) for folder in folders)


def enough_memory() -> bool:
    """Whether the machine has room for a warm parent and a spare kernel."""
    return machine_memory().get("memory_free", 0) > FREE_BYTES
