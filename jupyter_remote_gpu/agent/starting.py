"""How kernels come to be: a fresh process, or a fork of a warm parent; and one to spare."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jupyter_remote_gpu.errors import AgentStartError, DiskFullError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.scripts import script_of

from .channels import write_connection_file
from .handle import KernelDescription, KernelHandle, log_tail
from .home import AgentHome
from .process import start_time
from .warm import WarmParent, enough_memory
from .workspaces import base_of, kernel_environ, version_of

START_SECONDS = 60.0
WARM_AFTER_SECONDS = 0.5
"""What loads torch for the next kernel lets the first cell of this one go first."""
LEAST_FREE_BYTES = 1 << 20
ROOT = Path(__file__).resolve().parents[2]
"""The folder that this package lies in; kernels load our part from there."""
_LAUNCH = Path(__file__).parent / "kernel" / "launch.py"
_NOT_INHERITED = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "JPY_SESSION_NAME", "MPLBACKEND")
"""Variables of a surrounding Jupyter kernel that must not reach ours."""

PartFor = Callable[[str], Path]
"""Returns the folder of what our part of a kernel needs, for a Python version ("3.11")."""
Changed = Callable[[str], None]
"""Called with a kernel's id when its journal grew or its process ended."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The files of a kernel that is about to start."""

    kernel: str
    connection_file: str
    journal: str
    line: str
    bell: str

    def arguments(self) -> list[str]:
        return [self.kernel, self.connection_file, self.journal, self.line, self.bell]


class Starter:
    """Starts kernels, and keeps one to spare of the environment used last."""

    def __init__(self, home: AgentHome, changed: Changed, part_for: PartFor) -> None:
        self._home = home
        self._changed = changed
        self._part_for = part_for
        self._warm: WarmParent | None = None
        self._spare: KernelHandle | None = None
        self._warming: asyncio.Task[None] | None = None

    async def start(self, request: messages.OpenKernel) -> KernelHandle:
        """Return a kernel that serves; AgentStartError with what it said if it does not."""
        if Path(request.folder).is_relative_to(base_of(self._home) / "workspaces"):
            # a notebook's folder, of which nothing is there yet
            os.makedirs(request.folder, mode=0o700, exist_ok=True)
        if not os.path.isdir(request.folder):
            raise AgentStartError(
                f"the working folder {request.folder} is not there",
                hint="Make it, or set another one.",
            )
        handle = await self._take_spare(request)
        if handle is None:
            handle = await self._start_fresh(request)
        if not script_of(request.notebook):
            # a script imports what it needs in a Python of its own
            self._warm_up(request)
        return handle

    async def close(self) -> None:
        """End the spare kernel and the warm parent; kernels in use go on."""
        if self._warming is not None:
            self._warming.cancel()
        if self._spare is not None:
            await self._spare.stop()
        if self._warm is not None:
            self._warm.close()

    async def _take_spare(self, request: messages.OpenKernel) -> KernelHandle | None:
        spare, warm = self._spare, self._warm
        if spare is None or warm is None or spare.dead:
            return None
        if not warm.fits(request.python, request.environ):
            return None
        self._spare = None
        await spare.settle(request)
        spare.write_description(self._home)
        return spare

    async def _start_fresh(self, request: messages.OpenKernel) -> KernelHandle:
        place = self._prepare(secrets.token_hex(4))
        environ = self._environ_of(request)
        log_file = self._home.kernel(place.kernel) / "log"
        try:
            with open(log_file, "wb") as log:
                process = subprocess.Popen(  # noqa: ASYNC220  (a fork, no wait)
                    [*self._launch(request), *place.arguments()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=request.folder,
                    env=environ,
                    start_new_session=True,
                )
        except OSError as error:
            raise AgentStartError(
                f"the remote Python could not be started: {error}",
                hint=f"Is {request.python} an interpreter of this machine?",
            ) from error
        # From here on the process is watched by its number alone, so that an agent
        # that started it and one that adopted it do the same.
        process.returncode = 0
        description = _describe(place, request, process.pid)
        handle = KernelHandle(description, self._home, self._notify(place.kernel), child=True)
        await self._wait_started(handle)
        handle.write_description(self._home)
        return handle

    def _warm_up(self, request: messages.OpenKernel) -> None:
        """See to a warm parent and a spare kernel in the background."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(self._keep_spare(request))

    async def _keep_spare(self, request: messages.OpenKernel) -> None:
        await asyncio.sleep(WARM_AFTER_SECONDS)
        warm = self._warm
        if warm is not None and not warm.fits(request.python, {}):
            warm.close()
            if self._spare is not None:
                await self._spare.stop()
            warm = self._warm = self._spare = None
        if not enough_memory() or self._spare is not None:
            return
        if warm is None:
            warm = self._warm = WarmParent(
                request.python,
                self._environ_of(replace(request, environ={})),
                self._launch(request),
            )
            if not await warm.ready():
                return
        self._spare = await self._fork(warm)

    async def _fork(self, warm: WarmParent) -> KernelHandle:
        place = self._prepare(secrets.token_hex(4))
        folder = self._home.kernel(place.kernel)
        request = {"place": asdict(place), "folder": str(folder), "log": str(folder / "log")}
        pid = await warm.fork(request)
        nobody = messages.OpenKernel(
            request=0, notebook="", python=warm.python, folder=str(folder), environ={}
        )
        description = _describe(place, nobody, pid)
        handle = KernelHandle(
            description,
            self._home,
            self._notify(place.kernel),
            child=False,
            status=lambda: warm.status(pid),
        )
        await self._wait_started(handle)
        return handle

    def _prepare(self, kernel: str) -> _Place:
        home = self._home
        if shutil.disk_usage(home.home).free < LEAST_FREE_BYTES:
            raise DiskFullError(
                f"the disk that {home.home} lies on is full",
                hint="Make room there; a kernel needs some for its journal.",
            )
        folder, sockets = home.kernel(kernel), home.sockets(kernel)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        sockets.mkdir(mode=0o700)
        connection_file = sockets / "connection.json"
        write_connection_file(connection_file, str(sockets / "z"))
        return _Place(
            kernel=kernel,
            connection_file=str(connection_file),
            journal=str(folder / "journal"),
            line=str(sockets / "line.sock"),
            bell=str(home.bell),
        )

    def _environ_of(self, request: messages.OpenKernel) -> dict[str, str]:
        """Return all variables of a kernel that is asked for."""
        ground = _environ()
        if request.workspace:
            ground = kernel_environ(request.python, ground)
        return {**ground, **request.environ}

    def _launch(self, request: messages.OpenKernel) -> list[str]:
        command = [request.python, str(_LAUNCH), "--root", str(ROOT)]
        if request.workspace:
            command += ["--part", str(self._part_for(version_of(request.python)))]
        return command

    def _notify(self, kernel: str) -> Callable[[], None]:
        return lambda: self._changed(kernel)

    async def _wait_started(self, handle: KernelHandle) -> None:
        folder = self._home.kernel(handle.description.kernel)
        deadline = time.monotonic() + START_SECONDS
        # The kernel opens its state line when everything else stands.
        while not handle.line.exists():
            if handle.dead:
                raise AgentStartError(
                    "the remote Python ended while it was starting",
                    hint=log_tail(folder) or "It left no message.",
                )
            if time.monotonic() > deadline:
                await handle.stop()
                raise AgentStartError(
                    f"the remote Python did not start within {START_SECONDS:.0f} s",
                    hint=log_tail(folder) or "It left no message.",
                )
            await asyncio.sleep(0.005)


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def _describe(place: _Place, request: messages.OpenKernel, pid: int) -> KernelDescription:
    return KernelDescription(
        kernel=place.kernel,
        notebook=request.notebook,
        python=request.python,
        folder=request.folder,
        pid=pid,
        mark=start_time(pid) or "",
        connection_file=place.connection_file,
        started=time.time(),
    )
