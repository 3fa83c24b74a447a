"""A local ipykernel spoken to over bare ZMQ sockets, as fast as Python can: the first rival.

With the extension loaded it is also the notebook whose remote cells are measured.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.manager import KernelManager

READY_SECONDS = 60.0
CELL_SECONDS = 600.0
IDLE_SECONDS = 10.0
"""ZMQ may lose the last message too: this long after the reply we stop waiting for `idle`."""
LOAD = "%load_ext jupyter_remote_gpu"


@dataclass(slots=True)
class Ran:
    """What was seen of one cell; times in seconds from its being sent."""

    seconds: float = 0.0
    first_seconds: float | None = None
    texts: list[str] = field(default_factory=list)
    error: str = ""
    idle_lost: bool = False


class CellFailedError(RuntimeError):
    """A benchmark's own cell failed, so there is nothing to measure."""


class Kernel:
    """Starts a kernel and waits until it answers; `close` ends it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._manager: Any = KernelManager(kernel_name="python3")
        quiet = subprocess.DEVNULL
        self._manager.start_kernel(env=dict(environ), cwd=str(folder), stdout=quiet, stderr=quiet)
        self._session = self._manager.session
        self._shell = self._manager.connect_shell()
        self._iopub = self._manager.connect_iopub()
        self._poller = zmq.Poller()
        for socket in (self._shell, self._iopub):
            self._poller.register(socket, zmq.POLLIN)
        self._await_ready()

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return int(self._manager.provisioner.pid)

    def run(self, code: str) -> Ran:
        """Run a cell until its reply and its `idle` are here; CellFailedError if it failed."""
        ran = Ran()
        started = time.perf_counter()
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        sent = self._session.send(self._shell, "execute_request", content)
        ends = self._follow(sent["header"]["msg_id"], ran, started)
        ran.seconds = (ends if ran.idle_lost else time.perf_counter()) - started
        if ran.error:
            raise CellFailedError(f"{code!r} failed: {ran.error}")
        return ran

    def close(self) -> None:
        """End the kernel."""
        for socket in (self._shell, self._iopub):
            self._poller.unregister(socket)
            socket.close(linger=0)
        self._manager.shutdown_kernel()

    def kill(self) -> None:
        """End the kernel at once."""
        self._manager.shutdown_kernel(now=True)

    def _follow(self, request: str, ran: Ran, started: float) -> float:
        """Take messages until reply and `idle` came; return when the latest one did."""
        replied = idle = False
        latest = started
        while not (replied and idle):
            wait = IDLE_SECONDS if replied else CELL_SECONDS
            ready = dict(self._poller.poll(int(1000 * wait)))
            if not ready and not replied:
                raise CellFailedError(f"no answer within {CELL_SECONDS:.0f} s")
            if not ready:
                ran.idle_lost = True
                return latest
            # Nothing but the cell's own outputs is heard here, so both may be read freely.
            if self._iopub in ready:
                message = self._receive(self._iopub)
                if message["parent_header"].get("msg_id") == request:
                    idle = self._take(message, ran, started) or idle
            if self._shell in ready:
                message = self._receive(self._shell)
                replied = replied or message["parent_header"].get("msg_id") == request
            latest = time.perf_counter()
        return latest

    def _take(self, message: dict[str, Any], ran: Ran, started: float) -> bool:
        """Note one output; True if it says that the kernel is idle again."""
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            if ran.first_seconds is None:
                ran.first_seconds = time.perf_counter() - started
            ran.texts.append(content["text"])
        elif kind == "error":
            ran.error = f"{content['ename']}: {content['evalue']}"
        return bool(kind == "status" and content["execution_state"] == "idle")

    def _receive(self, socket: Any) -> dict[str, Any]:
        _, message = self._session.recv(socket, mode=0)
        found: dict[str, Any] = message
        return found

    def _await_ready(self) -> None:
        """Ask until an answer comes on both sockets: a subscription takes its time."""
        deadline = time.monotonic() + READY_SECONDS
        heard: set[Any] = set()
        self._session.send(self._shell, "kernel_info_request", {})
        while len(heard) < 2:
            if time.monotonic() > deadline:
                raise CellFailedError(f"a kernel did not start within {READY_SECONDS:.0f} s")
            ready = dict(self._poller.poll(50))
            if self._shell in heard and not ready:
                self._session.send(self._shell, "kernel_info_request", {})
            for socket in ready:
                self._receive(socket)
                heard.add(socket)


class Notebook(Kernel):
    """A kernel with the extension loaded."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(folder, environ)
        self.run(LOAD)

    def remote(self, code: str) -> Ran:
        """Run a remote cell."""
        return self.run(f"%%remote_gpu\n{code}")
