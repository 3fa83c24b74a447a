"""An agent that builds environments, asked directly, and locks made for it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.transport.local import LocalTransport
from jupyter_remote_gpu.uv_program import uv

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""The Python that environments here have: the one that runs the tests."""
BUILD_SECONDS = 300.0
_PACKAGE = re.compile(r'^name = "(.+)"\nversion = "(.+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Locked:
    """A lock as a client sends it."""

    lock: str
    digest: str
    packages: dict[str, str]

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a `BuildEnvironment`."""
        return {"lock": self.lock, "digest": self.digest, "packages": self.packages}


def lock_of(cache: Path, *needs: str, python: str = VERSION) -> Locked:
    """Lock requirements for this computer's platform; needs the package index."""
    command = [uv(), "pip", "compile", "-q", "--format", "pylock.toml", "--no-header"]
    command += ["--no-annotate", "--python-version", python, "-"]
    ran = subprocess.run(
        command,
        input="\n".join(needs),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "UV_CACHE_DIR": str(cache)},
    )
    digest = hashlib.sha256(ran.stdout.encode()).hexdigest()[:16]
    return Locked(ran.stdout, digest, dict(_PACKAGE.findall(ran.stdout)))


class Builder:
    """One client of an agent whose folder is `base`; the agent is ended by `close`."""

    def __init__(self, base: Path, environ: Mapping[str, str] | None = None) -> None:
        self.base = base
        self.home = base / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.steps: list[str] = []
        self.on_step: Callable[[Step], None] = lambda step: None
        self._loop = LoopThread()
        transport = LocalTransport(
            self.home, environ=None if environ is None else {**os.environ, **environ}
        )
        self._client = AgentClient(transport, f"builder-{id(self)}", lambda what: None)

    def ask(self, kind: type[messages.Message], **fields: Any) -> dict[str, Any]:
        """Ask the agent and wait for the answer."""
        return self.start(kind, **fields).result(BUILD_SECONDS)

    def start(self, kind: type[messages.Message], **fields: Any) -> Future[dict[str, Any]]:
        """Ask the agent without waiting."""
        return self._loop.start(self._client.request(kind, told=self._told, **fields))

    def build(self, locked: Locked, workspace: str = "w", **fields: Any) -> dict[str, Any]:
        """Have a lock installed in a workspace."""
        return self.ask(
            messages.BuildEnvironment,
            **{"workspace": workspace, "version": VERSION, **locked.fields, **fields},
        )

    def open_kernel(self, built: Mapping[str, Any], workspace: str = "w") -> dict[str, Any]:
        """Start a kernel in an environment."""
        return self.ask(
            messages.OpenKernel,
            notebook="n",
            python=built["python"],
            folder=f"{built['folder']}/sub",
            environ={},
            workspace=workspace,
        )

    def close(self) -> None:
        """End client and agent, with all kernels."""
        self._loop.loop.call_soon_threadsafe(self._client.close)
        self._loop.close()
        end_machine(self.home)

    def _told(self, step: Step) -> None:
        self.steps.append(step.what)
        self.on_step(step)


def with_cache(base: Path, cache: Path) -> Path:
    """Let an agent's folder begin with a copy of a cache that has the packages; return it."""
    (base / "cache").mkdir(parents=True)
    shutil.copytree(cache, base / "cache" / "uv", copy_function=os.link, symlinks=True)
    return base


def run_in(python: str, code: str) -> str:
    """Run code with an environment's interpreter; return what it prints."""
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip()
