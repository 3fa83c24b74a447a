"""Where an agent keeps things: what lasts in its home, sockets in a short folder.

    HOME/kernels/ID/kernel.json    what an agent must know to adopt the kernel
    HOME/kernels/ID/journal/       the kernel's journal
    HOME/kernels/ID/log            what the kernel's process logged
    RUNTIME/agent.sock, bell.sock, agent.lock, ID/…

Socket paths end at about 100 bytes and network homes refuse sockets, so these
lie in `$XDG_RUNTIME_DIR` or a user-only folder under the temporary directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import AgentStartError

LONGEST_RUNTIME_BYTES = 60


@dataclass(frozen=True, slots=True)
class AgentHome:
    """The two folders of one agent."""

    home: Path
    runtime: Path

    @property
    def socket(self) -> Path:
        """The stream socket clients connect to."""
        return self.runtime / "agent.sock"

    @property
    def bell(self) -> Path:
        """The datagram socket kernels ring."""
        return self.runtime / "bell.sock"

    @property
    def admission(self) -> Path:
        """The stream socket through which clients of other computers are admitted."""
        return self.runtime / "admit.sock"

    @property
    def lock(self) -> Path:
        """Held by the one agent that serves this home."""
        return self.runtime / "agent.lock"

    @property
    def broken(self) -> Path:
        """Says why the agent could not load all of itself; the next one to connect tells."""
        return self.home / "broken"

    def keep_fresh(self) -> None:
        """Let nobody who tidies the temporary folder by age take this one for forgotten."""
        for path in (self.lock, *self.runtime.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # a kernel that has just ended
                os.utime(path)

    def kernel(self, kernel: str) -> Path:
        """The lasting folder of one kernel."""
        return self.home / "kernels" / kernel

    def sockets(self, kernel: str) -> Path:
        """The folder of one kernel's sockets."""
        return self.runtime / kernel


def open_home(home: Path) -> AgentHome:
    """Make the folders, for this user alone; AgentStartError if they are not ours."""
    home = home.absolute()
    _make_private(home)
    runtime = _runtimes(home)[0]
    _make_private(runtime.parent)
    _make_private(runtime)
    return AgentHome(home, runtime)


def found_homes(home: Path) -> list[AgentHome]:
    """Return the home with each folder of sockets that an agent of it may be found by.

    One that was started by a login of ssh and one of a desktop's differ in that.
    """
    home = home.absolute()
    return [AgentHome(home, runtime) for runtime in _runtimes(home) if runtime.is_dir()]


def _runtimes(home: Path) -> list[Path]:
    """Return where the sockets of a home may lie; the first is where this process puts them."""
    name = hashlib.blake2b(str(home).encode(), digest_size=4).hexdigest()
    found = []
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session and len(session) <= LONGEST_RUNTIME_BYTES and os.path.isdir(session):
        found.append(Path(session) / "jupyter_remote_gpu" / name)
    base = tempfile.gettempdir()
    if len(base) > LONGEST_RUNTIME_BYTES:
        base = "/tmp"
    found.append(Path(base) / f"jupyter_remote_gpu-{os.getuid()}" / name)
    return found


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise AgentStartError(
            f"the folder {folder} belongs to another user",
            hint="Remove it, or set XDG_RUNTIME_DIR to a folder of your own.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
