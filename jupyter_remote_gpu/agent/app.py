"""The agent: serves one user's kernels on this machine over a Unix socket."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import KernelDiedError
from jupyter_remote_gpu.protocol import messages

from .admission import serve_admissions
from .clients import Clients
from .connection import Connection
from .environments import Environments
from .facts import machine_facts, machine_state
from .handle import KernelHandle, adopt_kernel, is_elsewhere
from .home import AgentHome
from .later import LaterParts
from .launch import BROKEN
from .starting import ROOT, Starter
from .workspaces import base_of

EMPTY_SECONDS = 60.0
"""An agent with no kernel and no client ends after this."""
ORPHAN_SECONDS = 1800.0
"""An idle kernel that no client asked about for this long is ended."""
SCRIPT_KEPT_SECONDS = 14 * 86400.0
"""How long what a script said is kept after its end, for whoever comes to look at it."""
LOOK_SECONDS = 0.25
"""How often followers look at their journal when no bell was heard."""
BEGIN_SECONDS = 0.03
"""A run's beginning rings no bell: it is looked for after so long, unless its end comes first."""

log = logging.getLogger(__name__)


class Agent:
    """All kernels of one home, and the connections of their clients."""

    def __init__(self, home: AgentHome, token: str) -> None:
        self.home = home
        self.facts = machine_facts()
        self._tokens = {token}
        self._opening = 0
        self._kernels: dict[str, KernelHandle] = {}
        self._connections: set[Connection] = set()
        self.clients = Clients()
        self._grown: dict[str, asyncio.Event] = {}
        self._begun: dict[str, asyncio.TimerHandle] = {}
        self._last_client = time.monotonic()
        self._end = asyncio.Event()
        self.environments = Environments(base_of(home), self._lives_in)
        self._starter = Starter(home, self._changed, self.environments.part)
        self.later = LaterParts(
            base_of(home), ROOT, self.describe_kernels, lambda: self.environments.busy
        )

    async def serve(self, ready: Any) -> None:
        """Adopt what is there, open the socket, call `ready`, serve until the end."""
        self._adopt()
        bell = self._open_bell()
        loop = asyncio.get_running_loop()
        loop.add_reader(bell, self._rung, bell)
        # before the socket for clients: who finds that one alone has found an older agent
        admissions = await serve_admissions(self.home.admission, self._tokens.add, self._held_now)
        path = self.home.socket
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._accept, str(path))
        os.chmod(path, 0o600)
        ready()
        loading = asyncio.create_task(self._load())
        tidying = asyncio.create_task(self._tidy())
        try:
            await self._end.wait()
        finally:
            tidying.cancel()
            await loading
            await self.environments.close()
            await self._starter.close()
            await self.later.close()
            server.close()
            admissions.close()
            self.home.admission.unlink(missing_ok=True)
            loop.remove_reader(bell)
            bell.close()
            path.unlink(missing_ok=True)
            for connection in list(self._connections):
                connection.close()
            for handle in self._kernels.values():
                handle.release()

    async def _load(self) -> None:
        """Load the rest; where that cannot be done, let whoever connects next install it anew."""
        try:
            await self.later.load()
        except Exception as error:
            log.exception("what was installed here cannot be loaded")
            self.home.broken.write_text(f"{BROKEN}: {type(error).__name__}: {error}")
            self.end()

    def end(self) -> None:
        """Stop serving; kernels go on and wait for the next agent."""
        self._end.set()

    def admits(self, token: str) -> bool:
        """Whether a client's token is one that this agent was given."""
        given = token.encode()
        return any(secrets.compare_digest(given, known.encode()) for known in self._tokens)

    def _held_now(self) -> dict[str, Any]:
        """Return what a newer version must know before it takes this agent's place."""
        kernels = [
            {
                "notebook": handle.description.notebook,
                "busy": handle.busy,
                "followed": any(c.follows(kernel) for c in self._connections),
                "protocol": handle.description.protocol,
            }
            for kernel, handle in self._kernels.items()
            if not handle.dead
        ]
        return {
            "working": self._opening > 0 or self.environments.busy or self.later.busy,
            "held": kernels,
        }

    def kernel(self, kernel: str) -> KernelHandle:
        """Return a kernel by its id; KernelDiedError if there is none."""
        handle = self._kernels.get(kernel)
        if handle is None:
            raise KernelDiedError(
                "this machine has no such remote Python any more",
                hint="The next %%remote_gpu cell starts a new one.",
            )
        handle.last_use = time.monotonic()
        return handle

    async def open_kernel(self, request: messages.OpenKernel) -> dict[str, Any]:
        """Start a kernel and describe it."""
        self._opening += 1
        try:
            handle = await self._starter.start(request)
        finally:
            self._opening -= 1
        self._kernels[handle.description.kernel] = handle
        return handle.describe()

    def describe_kernels(self) -> list[dict[str, Any]]:
        """Describe all kernels, the latest last."""
        ordered = sorted(self._kernels.values(), key=lambda h: h.description.started)
        return [handle.describe() for handle in ordered]

    async def stop_kernel(self, kernel: str) -> None:
        """End a kernel and forget it; followers still get its last event."""
        handle = self.kernel(kernel)
        await handle.stop()
        await asyncio.sleep(0)
        self._forget(kernel)

    async def state(self) -> dict[str, Any]:
        """Return facts and state of the machine and its kernels."""
        found = await machine_state(self.home.home)
        found["store"] = await self.later.store_bytes()
        return {**self.facts, **found, "kernels": self.describe_kernels()}

    async def grown(self, kernel: str) -> None:
        """Wait until a kernel's journal may have grown; returns early now and then."""
        event = self._grown.setdefault(kernel, asyncio.Event())
        # not `asyncio.wait_for`, which makes a task for each wait: one a cell, and then some
        look = asyncio.get_running_loop().call_later(LOOK_SECONDS, event.set)
        try:
            await event.wait()
        finally:
            look.cancel()
        event.clear()

    def look_soon(self, kernel: str) -> None:
        """Let followers look at a kernel's journal in a moment: it was handed a run."""
        self._look_no_more(kernel)
        loop = asyncio.get_running_loop()
        self._begun[kernel] = loop.call_later(BEGIN_SECONDS, self._changed, kernel)

    def _look_no_more(self, kernel: str) -> None:
        due = self._begun.pop(kernel, None)
        if due is not None:
            due.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            self._last_client = time.monotonic()

    def _lives_in(self, folder: Path) -> bool:
        """Whether a living kernel runs in the environment in `folder`."""
        handles = self._kernels.values()
        return any(
            not h.dead and Path(h.description.python).is_relative_to(folder) for h in handles
        )

    def _changed(self, kernel: str) -> None:
        self._look_no_more(kernel)
        self._grown.setdefault(kernel, asyncio.Event()).set()

    def _adopt(self) -> None:
        folder = self.home.home / "kernels"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        for path in found:
            kernel = path.name
            handle = adopt_kernel(path, self.home, functools.partial(self._changed, kernel))
            if handle is not None:
                self._kernels[kernel] = handle
            elif not is_elsewhere(path):
                self._forget(kernel)

    def _forget(self, kernel: str) -> None:
        self._kernels.pop(kernel, None)
        self._grown.pop(kernel, None)
        self._look_no_more(kernel)
        shutil.rmtree(self.home.kernel(kernel), ignore_errors=True)
        shutil.rmtree(self.home.sockets(kernel), ignore_errors=True)

    def _open_bell(self) -> socket.socket:
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        self.home.bell.unlink(missing_ok=True)
        bell.bind(str(self.home.bell))
        os.chmod(self.home.bell, 0o600)
        return bell

    def _rung(self, bell: socket.socket) -> None:
        """A kernel's journal grew: wake those who follow it."""
        while True:
            try:
                note = json.loads(bell.recv(4096))
            except BlockingIOError:
                return
            self._changed(note["kernel"])
            self._held(note["kernel"], int(note.get("held", 0)))

    def _held(self, kernel: str, count: int) -> None:
        """Note how much output waits for room on the disk; tell clients when it begins or ends."""
        handle = self._kernels.get(kernel)
        if handle is None:
            return
        changed = (handle.held_bytes > 0) != (count > 0)
        handle.held_bytes = count
        if changed:
            for connection in self._connections:
                if connection.follows(kernel):
                    connection.tell(messages.Held(kernel=kernel, bytes=count))

    async def _tidy(self) -> None:
        """End what nobody uses: idle kernels without a client, then the agent itself."""
        while True:
            await asyncio.sleep(EMPTY_SECONDS / 6)
            self.home.keep_fresh()
            now = time.monotonic()
            for kernel, handle in list(self._kernels.items()):
                if any(connection.follows(kernel) for connection in self._connections):
                    handle.last_use = now
                elif handle.kept_for_reading:
                    if time.time() - handle.ended_at > SCRIPT_KEPT_SECONDS:
                        self._forget(kernel)
                elif now - handle.last_use > ORPHAN_SECONDS and not handle.busy:
                    await self.stop_kernel(kernel)
            holds = any(not handle.kept_for_reading for handle in self._kernels.values())
            working = self.environments.busy or self.later.busy
            idle = not self._connections and not holds and not working
            if idle and now - self._last_client > EMPTY_SECONDS:
                self.end()
