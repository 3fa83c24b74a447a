"""One kernel as the agent sees it: its process, its sockets, its journal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio

from jupyter_remote_gpu.errors import KernelDiedError
from jupyter_remote_gpu.journal.cursor import append_after_death
from jupyter_remote_gpu.journal.runs import RunIndex, RunRecord
from jupyter_remote_gpu.protocol import events, messages
from jupyter_remote_gpu.protocol.scripts import script_of
from jupyter_remote_gpu.protocol.version import KERNEL_PROTOCOL

from .channels import KernelChannels
from .home import AgentHome
from .life import restarted_text, this_life
from .process import ProcessWatch, oom_kills, signal_group, start_time

GONE_SECONDS = 30.0
MAKING_SECONDS = 600.0
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class KernelDescription:
    """What lasts of a kernel: enough for a new agent to adopt it."""

    kernel: str
    notebook: str
    python: str
    folder: str
    pid: int
    mark: str
    connection_file: str
    started: float
    protocol: int = KERNEL_PROTOCOL
    host: str = field(default_factory=lambda: this_life().host)
    boot: str = field(default_factory=lambda: this_life().boot)


class KernelHandle:
    """A running kernel; made by `starting.Starter` or `adopt_kernel`.

    `changed` is called when its journal grew or its process ended; `status`
    asks whoever forked it for its wait status, if that was not this process.
    `lost` (cause and words) says that its process was gone before this agent
    began: then only its journal is served, which ends with that.
    """

    def __init__(
        self,
        description: KernelDescription,
        home: AgentHome,
        changed: Callable[[], None],
        *,
        child: bool,
        status: Callable[[], Awaitable[int | None]] | None = None,
        lost: tuple[str, str] | None = None,
    ) -> None:
        self.description = description
        self.journal = home.kernel(description.kernel) / "journal"
        self.line = home.sockets(description.kernel) / "line.sock"
        self.held_bytes = 0
        self.dead = False
        self.last_use = time.monotonic()
        self._folder = home.kernel(description.kernel)
        self._changed = changed
        self._stopping = False
        self._oom_before = oom_kills()
        self._runs = RunIndex(self.journal)
        self.gone = asyncio.Event()
        self._ending = ""
        self._watch: ProcessWatch | None = None
        if lost is not None:
            self._write_end(*lost)
            return
        self._connect()
        self._watch = ProcessWatch(description.pid, child, self._ended, status)

    def _connect(self) -> None:
        self._channels = KernelChannels(Path(self.description.connection_file))
        self._context = zmq.asyncio.Context.instance()
        self._shell = self._dealer("shell")
        self._control = self._dealer("control")

    def _dealer(self, channel: str) -> zmq.asyncio.Socket:
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.sndhwm = 0
        socket.connect(self._channels.address(channel))
        return socket

    async def settle(self, request: messages.OpenKernel) -> None:
        """Give a spare kernel to a notebook: its folder and variables become the kernel's.

        Goes over the channel that runs go over, and so comes before the first.
        """
        await self._send(self._shell, "remote_gpu_settle", request)
        self.description = replace(
            self.description,
            notebook=request.notebook,
            folder=request.folder,
            started=time.time(),
        )

    def write_description(self, home: AgentHome) -> None:
        """Write down what a new agent needs in order to adopt this kernel."""
        path = home.kernel(self.description.kernel) / "kernel.json"
        path.write_text(json.dumps(asdict(self.description)))

    async def run(self, message: messages.Run) -> None:
        """Hand a run to the kernel; what becomes of it is in the journal."""
        self.require_alive()
        self.last_use = time.monotonic()
        await self._send(self._shell, "remote_gpu_run", message)

    async def input(self, message: messages.Input) -> None:
        """Hand on what the user typed."""
        self.require_alive()
        await self._send(self._control, "remote_gpu_input", message)

    async def comm(self, message: messages.Comm) -> None:
        """Hand on a comm message of the front end."""
        if not self.dead:
            await self._send(self._control, "remote_gpu_comm", message)

    async def _send(self, socket: zmq.asyncio.Socket, kind: str, message: messages.Message) -> None:
        await socket.send_multipart(self._channels.signed(kind, b"".join(message.encode())))

    def interrupt(self) -> None:
        """Send SIGINT to the kernel and its children."""
        self.require_alive()
        signal_group(self.description.pid, signal.SIGINT)

    async def stop(self) -> None:
        """End the process; its journal stays until `forget`."""
        self._stopping = True
        if not self.dead and self._watch is not None:
            await self._watch.stop()
            await asyncio.wait_for(self.gone.wait(), GONE_SECONDS)

    def release(self) -> None:
        """Let go of the kernel without ending it; called when the agent ends."""
        if self._watch is not None:
            self._watch.cancel()
            self._shell.close()
            self._control.close()

    def runs(self) -> list[RunRecord]:
        """Return the records of the kernel's runs, oldest first."""
        return self._runs.update()

    @property
    def busy(self) -> bool:
        """Whether a run is going on."""
        return any(record.status == "running" for record in self.runs())

    @property
    def kept_for_reading(self) -> bool:
        """Whether it was a script's and has ended: nothing is left but what can be read."""
        return self.dead and bool(script_of(self.description.notebook))

    @property
    def ended_at(self) -> float:
        """When its end was noted, in seconds since the epoch; 0 if that was not, or was freed."""
        try:
            return (self._folder / "ended").stat().st_mtime
        except OSError:
            return 0.0

    def require_alive(self) -> None:
        """Raise KernelDiedError if the process has ended."""
        if self.dead:
            raise KernelDiedError(
                self._ending or "the remote Python has ended",
                hint="The next %%remote_gpu cell starts a new one.",
            )

    def describe(self) -> dict[str, Any]:
        """Return the kernel's state as JSON-able values, for clients."""
        shown = asdict(self.description)
        for private in ("connection_file", "host", "boot"):
            shown.pop(private)
        return {**shown, "dead": self.dead, "busy": self.busy, "held": self.held_bytes}

    def _ended(self, status: int | None) -> None:
        """The process is gone: say so in the journal, with the likeliest cause."""
        cause, text = ("stopped", "the remote Python was stopped")
        if not self._stopping:
            cause, text = self._explain(status)
        self._write_end(cause, text)
        self._shell.close()
        self._control.close()
        self._changed()

    def _write_end(self, cause: str, text: str) -> None:
        """End the journal with the kernel's death; a file beside it says that it was done."""
        self.dead = True
        self._ending = text
        self.gone.set()
        mark = self._folder / "ended"
        if mark.exists():
            return
        fields = {"cause": cause, "message": text}

        def encode(number: int) -> bytes:
            return b"".join(events.encode(number, "kernel_died", time.time(), None, None, fields))

        append_after_death(self.journal, encode)
        mark.write_text(text)

    def _explain(self, status: int | None) -> tuple[str, str]:
        killed = status is not None and os.WIFSIGNALED(status)
        number = os.WTERMSIG(status) if status is not None and killed else None
        now = oom_kills()
        out_of_memory = now is not None and self._oom_before is not None and now > self._oom_before
        if out_of_memory and number in (None, signal.SIGKILL):
            return "memory", "the remote Python was killed because the machine ran out of memory"
        if number == signal.SIGKILL:
            return "killed", (
                "the remote Python was killed by signal 9; most often that is"
                " the system's answer to a lack of memory"
            )
        if number is not None:
            name = signal.Signals(number).name
            return "crashed", f"the remote Python crashed with {name}{self._log_tail()}"
        if status is not None:
            code = os.waitstatus_to_exitcode(status)
            return "exited", f"the remote Python ended with exit code {code}{self._log_tail()}"
        return "unknown", f"the remote Python ended{self._log_tail()}"

    def _log_tail(self) -> str:
        text = log_tail(self._folder)
        return f". Its last words:\n{text}" if text else ""


def log_tail(folder: Path) -> str:
    """Return the end of what a kernel's process logged."""
    try:
        data = (folder / "log").read_bytes()
    except OSError:
        return ""
    return data[-LOG_TAIL_BYTES:].decode(errors="replace").strip()


def adopt_kernel(folder: Path, home: AgentHome, changed: Callable[[], None]) -> KernelHandle | None:
    """Take over a kernel that an earlier agent started; None if nobody can ask for it any more.

    One whose process is gone is taken over too: its clients are sent the rest
    of its journal, and what became of it.
    """
    description = _description(folder)
    if description is None or description.host != this_life().host:
        return None
    lost = _lost(description)
    if lost is None and description.protocol != KERNEL_PROTOCOL:
        # It speaks what no client of this version understands; nobody could end it later.
        signal_group(description.pid, signal.SIGKILL)
        return None
    return KernelHandle(description, home, changed, child=False, lost=lost)


def is_elsewhere(folder: Path) -> bool:
    """Whether the kernel of that folder is, or may be, another computer's with the same home.

    A folder that says nothing yet may be one that is just being made there.
    """
    description = _description(folder)
    if description is None:
        return time.time() - folder.stat().st_mtime < MAKING_SECONDS
    return description.host != this_life().host


def _description(folder: Path) -> KernelDescription | None:
    try:
        return KernelDescription(**json.loads((folder / "kernel.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _lost(description: KernelDescription) -> tuple[str, str] | None:
    """Return why a kernel cannot be spoken to any more; None if it can."""
    if description.boot != this_life().boot:
        return "restarted", f"{restarted_text()}, which ended the remote Python"
    if start_time(description.pid) != description.mark:
        return "unknown", (
            "the remote Python ended while no agent watched it: the machine may end the"
            " programs of users who log out, or somebody ended them"
        )
    if not Path(description.connection_file).exists():
        signal_group(description.pid, signal.SIGKILL)
        return "unreachable", (
            "the remote Python was ended: its sockets had been deleted from"
            f" {Path(description.connection_file).parent}, and nothing could reach it any more"
        )
    return None
