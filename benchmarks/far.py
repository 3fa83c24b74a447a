"""A machine behind SSH to measure on: a laptop and a GPU machine in namespaces of this computer.

They are those of the tests (`tests/lab`): a real OpenSSH server, a link with a
chosen round trip and rate, an ordinary user. Rivals' servers run there too.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.ssh.transport import SSHTransport
from tests.lab import namespaces
from tests.lab.lab import Lab, open_lab
from tests.lab.machine import USER

from .kernel import CellFailedError
from .place import ROOT
from .remote import Remote
from .torch_import import LeftOutError

WAIT_SECONDS = 60.0
TOKEN = "benchmark"


@contextmanager
def opened(*, internet: bool = False) -> Iterator[Lab]:
    """Make a lab whose machine sees this checkout and its Python; LeftOutError if none can be."""
    reason = namespaces.why_not()
    if reason is not None:
        raise LeftOutError(reason)
    copying = {"Subsystem": "sftp internal-sftp"}
    with open_lab(ours=True, internet=internet, settings=copying) as lab:
        yield lab


class FarRemote(Remote):
    """A session with the lab's machine, over `way` (`wan` is the shaped link)."""

    def __init__(
        self,
        lab: Lab,
        way: str = "wan",
        transport: Transport | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self._lab = lab
        there = f"/home/{USER}"
        place = workspace or Workspace(f"{there}/notebook.ipynb", there, sys.executable)
        reached = transport or SSHTransport(lab.target(way), lab.agent(), TOKEN)
        self._make(reached, place, "gpu")

    def __enter__(self) -> FarRemote:
        """Start a kernel; what the agent does in the background then is waited for."""
        self.start()
        self.await_spare()
        return self

    def await_spare(self) -> None:
        """Wait until the agent there has loaded its spare kernel, if it keeps one."""
        deadline = time.monotonic() + WAIT_SECONDS
        kernels = self._lab.home / "agent" / "kernels"
        while time.monotonic() < deadline:
            loading = [k for k in kernels.glob("*") if not (k / "kernel.json").exists()]
            lines = self._lab.run("find", "/tmp", "/run", "-name", "line.sock").split()
            if all(any(k.name in line for line in lines) for k in loading) and loading:
                return
            time.sleep(0.05)


class Served:
    """A program that serves on the machine; it prints its port as a line of its own."""

    def __init__(self, lab: Lab, *words: str, way: str = "wan") -> None:
        self._lab = lab
        target = lab.target(way)
        environ = f"env PYTHONPATH={ROOT} JUPYTER_TOKEN={TOKEN} PYTHONDONTWRITEBYTECODE=1"
        command = f"{environ} {sys.executable} {' '.join(words)}"
        self._process = subprocess.Popen(
            [*target.program, *target.options, target.host, command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            raise CellFailedError(f"{words} did not start on the lab's machine: {line!r}")
        self.port = int(line)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(WAIT_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Tunnel:
    """`ssh -N -L` from the laptop to a port of the machine, with the cipher that we use."""

    def __init__(self, lab: Lab, port: int, way: str = "wan") -> None:
        self._lab = lab
        self._own = 20000 + port % 10000
        target = lab.target(way, Ciphers="aes128-gcm@openssh.com")
        forward = f"{self._own}:127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [*target.program, *target.options, "-N", "-L", forward, target.host],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def connect(self) -> socket.socket:
        """Connect through it; waits until it stands."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (opened := self._attempt()) is None:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise CellFailedError("a tunnel to the lab's machine did not come to stand")
            time.sleep(0.02)
        return opened

    def _attempt(self) -> socket.socket | None:
        try:
            return self._lab.dial(("127.0.0.1", self._own), WAIT_SECONDS)
        except ConnectionRefusedError:
            return None

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(WAIT_SECONDS)


def raw(lab: Lab, port: int, way: str = "wan") -> socket.socket:
    """Connect from the laptop to a port of the machine, without SSH."""
    opened = lab.dial((lab.address(way), port), WAIT_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def login_seconds(lab: Lab, way: str = "wan") -> float:
    """Return how long `ssh HOST true` takes, cold."""
    target = lab.target(way)
    started = time.perf_counter()
    subprocess.run([*target.program, *target.options, target.host, "true"], check=True)
    return time.perf_counter() - started


def copy_seconds(lab: Lab, file: Path, way: str = "wan") -> float:
    """Return how long `scp` of a file to the machine's memory takes."""
    target = lab.target(way)
    scp = [*lab.on_laptop("scp"), "-q", *target.options]
    started = time.perf_counter()
    subprocess.run([*scp, str(file), f"{target.host}:/dev/shm/copied"], check=True)
    taken = time.perf_counter() - started
    lab.run("rm", "/dev/shm/copied")
    return taken


def scratch(name: str) -> Path:
    """Return a path in memory that only this process uses."""
    return Path(f"/dev/shm/rgb-{os.getpid()}-{name}")
