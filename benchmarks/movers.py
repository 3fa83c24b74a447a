"""Who else brings a project to a machine: rsync, zip with scp, and what the line bears."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.lab import namespaces
from tests.lab.lab import Lab
from tests.lab.machine import USER

from .far import WAIT_SECONDS
from .kernel import CellFailedError
from .torch_import import LeftOutError

HOME = f"/home/{USER}"


class Mover(Protocol):
    """Brings a project to the lab's machine; `called` is its name in the table."""

    called: str

    def sync(self) -> None:
        """Make the machine's copy what the project is now; blocks until it is."""
        ...

    def there(self) -> Path:
        """Return the copy, as this computer sees it."""
        ...


class WarmConnection:
    """An SSH connection that stands, so that no rival is charged for a login."""

    def __init__(self, lab: Lab, way: str, folder: Path) -> None:
        target = lab.target(way)
        self.host = target.host
        control = f"-oControlPath={folder / 'control'}"
        self.options = (*target.options, control)
        self.program = target.program
        self._process = subprocess.Popen(
            [*self.program, *self.options, "-oControlMaster=yes", "-N", target.host],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + WAIT_SECONDS
        while subprocess.run(
            self._words("-O", "check"), capture_output=True, check=False
        ).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise CellFailedError("the warm connection did not come to stand")
            time.sleep(0.02)

    def _words(self, *more: str) -> list[str]:
        return [*self.program, *self.options, *more, self.host]

    def shell(self) -> str:
        """Return what rsync and scp take for a remote shell."""
        return shlex.join([*self.program, *self.options])

    def run(self, command: str) -> None:
        """Run a command there."""
        subprocess.run([*self._words(), command], check=True, capture_output=True)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(WAIT_SECONDS)


class Rsync:
    """rsync over a warm connection, deleting what is gone; `flags` as `-az`."""

    def __init__(self, lab: Lab, connection: WarmConnection, project: Path, flags: str) -> None:
        self.called = f"rsync {flags}"
        self._connection = connection
        self._project = project
        self._name = f"rsync{flags}"
        self._lab = lab

    def sync(self) -> None:
        """See `Mover`."""
        flags = self.called.split()[1]
        aim = f"{self._connection.host}:{HOME}/{self._name}"
        words = ["rsync", flags, "--delete", "-e", self._connection.shell()]
        subprocess.run([*words, f"{self._project}/", aim], check=True, capture_output=True)

    def there(self) -> Path:
        """See `Mover`."""
        return self._lab.home / self._name


class Zip:
    """What people do by hand: zip, scp, unzip; all of it each time."""

    called = "zip, scp, unzip"

    def __init__(self, lab: Lab, connection: WarmConnection, project: Path, scratch: Path) -> None:
        self._lab = lab
        self._connection = connection
        self._project = project
        self._scratch = scratch

    def sync(self) -> None:
        """See `Mover`."""
        archive = self._scratch / "project.zip"
        subprocess.run(["zip", "-qr", str(archive), "."], cwd=self._project, check=True)
        scp = [*self._lab.on_laptop("scp"), "-q", *self._connection.options, str(archive)]
        subprocess.run([*scp, f"{self._connection.host}:{HOME}/p.zip"], check=True)
        archive.unlink()
        self._connection.run(f"unzip -qo {HOME}/p.zip -d {HOME}/zip && rm {HOME}/p.zip")

    def there(self) -> Path:
        """See `Mover`."""
        return self._lab.home / "zip"


def wire_bytes(lab: Lab, way: str) -> int:
    """Return how many bytes have gone over the laptop's end of a way so far, both directions."""
    device = f"{lab.name}{'wl' if way == 'wan' else 'll'}:"
    with namespaces.inside(lab.laptop), open("/proc/thread-self/net/dev") as counters:
        for line in counters:
            words = line.split()
            if words[0] == device:
                return int(words[1]) + int(words[9])
    raise CellFailedError(f"the lab has no {device}")


def need(*programs: str) -> None:
    """Raise LeftOutError unless these programs, of Debian packages of that name, are here."""
    for program in programs:
        if shutil.which(program) is None:
            raise LeftOutError(f"there is no {program} to compare with")


def local_seconds(words: Sequence[str]) -> float:
    """Return how long a command takes on this computer."""
    started = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - started
