"""Building the environments of workspaces: one virtual environment each, from a shared cache."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import (
    EnvironmentBuildError,
    NeedsPackagesError,
    NeedsPythonError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.steps import Step, Told

from .kernel_part import make_part, part_folder
from .layering import Over, lay_over
from .reachable import index_answers
from .uv_run import Uv
from .workspaces import Stamp, Variant, open_variant

WAIT_SECONDS = 0.1
"""How often a build looks whether another agent's has let go of the environment."""
_OFFLINE = ("--offline",)
_PYLOCK = ("--preview-features", "pylock")

InUse = Callable[[Path], bool]
"""Says whether a living kernel runs in the environment in a folder."""


@dataclass(slots=True)
class _Job:
    """One build that goes on, and who hears its steps."""

    digest: str
    task: asyncio.Task[None]
    listeners: list[Told] = field(default_factory=list)
    latest: Step | None = None

    def tell(self, step: Step) -> None:
        self.latest = step
        for told in self.listeners:
            told(step)


class Environments:
    """All environments below `base`; lives in the agent's event loop.

    A build belongs to no client: it goes on when whoever asked for it leaves,
    and who asks for the same meanwhile waits with it.
    """

    def __init__(self, base: Path, in_use: InUse) -> None:
        self._base = base
        self._in_use = in_use
        self._uv = Uv(base)
        self._jobs: dict[Path, _Job] = {}
        self._images: dict[str, Over] = {}

    async def open(self, request: messages.OpenWorkspace) -> dict[str, Any]:
        """Make or find a workspace; answered from the disk, an image is asked once."""
        found = open_variant(self._base, request.workspace, request.version, request.over)
        if found.stamp_file.exists():
            os.utime(found.stamp_file)  # when it was last used
        return {**found.describe(), "provided": await self._provided(request.over)}

    async def _provided(self, over: str) -> dict[str, str]:
        if not over:
            return {}
        if over not in self._images:
            self._images[over] = await lay_over(over)
        return self._images[over].distributions()

    def part(self, version: str) -> Path:
        """Return the folder of what our part of a kernel needs, for a Python version."""
        return part_folder(self._base, version)

    async def build(self, request: messages.BuildEnvironment, told: Told) -> dict[str, Any]:
        """Install a lock into an environment, which is made where there is none.

        Where it is held already this takes no process. Raises NeedsPythonError and
        NeedsPackagesError for what the client can bring, DiskFullError, and
        EnvironmentBuildError with uv's reason.
        """
        variant = open_variant(self._base, request.workspace, request.version, request.over)
        while not self._holds(variant, request.digest):
            job = self._jobs.get(variant.folder)
            ours = job is None or job.digest == request.digest
            if job is None:
                job = self._begin(variant, request)
            with _listening(job, told):
                # Only the wait ends with whoever waits, not the build.
                await asyncio.wait({job.task})
            if ours:
                job.task.result()
                break
        return variant.describe()

    @property
    def busy(self) -> bool:
        """Whether something is being built."""
        return bool(self._jobs)

    async def close(self) -> None:
        """End builds that go on; the next agent finds them unfinished and does them again."""
        tasks = [job.task for job in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _holds(self, variant: Variant, digest: str) -> bool:
        stamp = variant.stamp()
        return (
            stamp.building is None
            and digest in stamp.digests
            and part_folder(self._base, variant.version).is_dir()
        )

    def _begin(self, variant: Variant, request: messages.BuildEnvironment) -> _Job:
        task = asyncio.create_task(self._build(variant, request))
        job = self._jobs[variant.folder] = _Job(request.digest, task)

        def over(done: asyncio.Task[None]) -> None:
            self._jobs.pop(variant.folder, None)
            if not done.cancelled():
                done.exception()  # whoever waits raises it; nobody may be waiting any more

        task.add_done_callback(over)
        return job

    async def _build(self, variant: Variant, request: messages.BuildEnvironment) -> None:
        def tell(step: Step) -> None:
            job = self._jobs.get(variant.folder)
            if job is not None:
                job.tell(step)

        async with _locked(variant.lock_file, tell) as lock:
            if not self._holds(variant, request.digest):
                await self._make(variant, request, tell, lock)

    async def _make(
        self, variant: Variant, request: messages.BuildEnvironment, tell: Told, lock: int
    ) -> None:
        """Make the environment where there is none, install, and stamp it last of all."""
        stamp = variant.stamp()
        broken = stamp.building is not None
        if broken and not self._in_use(variant.folder):
            await asyncio.to_thread(shutil.rmtree, variant.folder, ignore_errors=True)
            stamp, broken = Stamp(), False
        fresh = not (variant.stamp_file.exists() and variant.python.exists())
        try:
            if fresh:
                await self._make_venv(variant, request, tell, lock)
                stamp = Stamp()
            packages = {str(name): str(version) for name, version in request.packages.items()}
            variant.write_stamp(Stamp(stamp.digests, {**(stamp.building or {}), **packages}))
            python = str(variant.python)
            part = self._base / request.part if request.part else None
            await make_part(self._base, variant.version, python, self._uv, tell, part)
            if request.carried:
                await asyncio.to_thread(self._uv.take_in, self._base / request.carried)
            await self._install(variant, request, tell, lock, again=broken)
        except BaseException as error:
            # A killed agent leaves the mark `building`; a build that failed leaves nothing.
            if fresh and not isinstance(error, asyncio.CancelledError):
                await asyncio.to_thread(shutil.rmtree, variant.folder, ignore_errors=True)
                variant.stamp_file.unlink(missing_ok=True)
            elif isinstance(error, (NeedsPackagesError, NeedsPythonError)):
                variant.write_stamp(stamp)
            raise
        variant.write_stamp(stamp.holding(request.digest, packages))

    async def _make_venv(
        self, variant: Variant, request: messages.BuildEnvironment, tell: Told, lock: int
    ) -> None:
        await asyncio.to_thread(shutil.rmtree, variant.folder, ignore_errors=True)
        interpreter = request.interpreter or request.over or _python_of(variant.version)
        command = ["venv", "--clear", "--python", interpreter, str(variant.folder)]
        over = await lay_over(request.over) if request.over else None
        if over is not None and over.by_system:
            command.append("--system-site-packages")
        doing = "making the environment"
        tell(Step(doing))
        ended = await self._uv.run(
            [*command, *_OFFLINE, "--no-python-downloads"], doing, tell, [lock]
        )
        # Not before the client has looked for one there: an attempt may take half a minute.
        if ended.status and request.interpreter == variant.version and await index_answers():
            fetching = f"fetching Python {variant.version} there"
            ended = await self._uv.run(command, fetching, tell, [lock])
        if ended.status:
            raise self._no_environment(variant, ended.reason)
        if over is not None:
            over.write(variant.folder)

    def _no_environment(self, variant: Variant, reason: str) -> EnvironmentBuildError:
        if "No interpreter found" in reason or "python-build-standalone" in reason:
            return NeedsPythonError(
                f"the machine has no Python {variant.version} and cannot fetch one", hint=reason
            )
        return EnvironmentBuildError("the environment could not be made", hint=reason)

    async def _install(
        self,
        variant: Variant,
        request: messages.BuildEnvironment,
        tell: Told,
        lock: int,
        *,
        again: bool,
    ) -> None:
        """Install what the lock names: from the cache, else from where the lock says."""
        if not request.packages:
            return  # an image has all of it
        # In the cache, as carried files are named by their place there; uv takes no other name.
        self._uv.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._uv.cache / f"pylock.{re.sub(r'[^A-Za-z0-9]', '_', request.digest)}.toml"
        file.write_text(request.lock)
        command = ["pip", "install", *_PYLOCK, "--python", str(variant.python)]
        command += [*request.arguments, *(["--reinstall"] if again else ()), "-r", str(file)]
        count = len(request.packages)
        doing = f"installing {count} package{'' if count == 1 else 's'}"
        tell(Step(doing))
        ended = await self._uv.run([*command, *_OFFLINE], doing, tell, [lock])
        if ended.status and await index_answers():
            ended = await self._uv.run(command, doing, tell, [lock])
            if ended.status and not _unreached(ended.reason):
                raise EnvironmentBuildError(
                    "the packages could not be installed on the machine", hint=ended.reason
                )
        if ended.status:
            raise NeedsPackagesError(
                "the machine cannot fetch packages by itself", hint=ended.reason
            )


def _python_of(version: str) -> str:
    """Return what uv is told to take for a version: the agent's own Python, else what it finds.

    uv looks on PATH alone; many a machine keeps its Pythons elsewhere.
    """
    own = f"{sys.version_info[0]}.{sys.version_info[1]}{sys.abiflags}"  # 3.13t is another Python
    return sys.executable if own == version and os.access(sys.executable, os.X_OK) else version


def _unreached(reason: str) -> bool:
    """Whether uv failed because it could not get at a file, as the client may."""
    words = ("Failed to fetch", "Failed to download", "error sending request", "401", "403")
    return any(word in reason for word in words)


@contextlib.contextmanager
def _listening(job: _Job, told: Told) -> Any:
    if job.latest is not None:
        told(job.latest)
    job.listeners.append(told)
    try:
        yield
    finally:
        job.listeners.remove(told)


@contextlib.asynccontextmanager
async def _locked(path: Path, tell: Told) -> AsyncIterator[int]:
    """Hold an environment's lock; whoever is killed gives it back, with the programs it started."""
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        told = False
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    tell(Step("waiting for another program that changes this environment"))
                    told = True
                await asyncio.sleep(WAIT_SECONDS)
        yield held
    finally:
        os.close(held)
