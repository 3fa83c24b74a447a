"""The way to the agent on this computer: a Unix socket, the agent started when missing."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from jupyter_remote_gpu.errors import AgentStartError, ConnectionLostError

from .base import Transport

START_SECONDS = 30.0
END_SECONDS = 5.0
_LAUNCH = Path(__file__).resolve().parents[1] / "agent" / "launch.py"


class LocalTransport(Transport):
    """Reaches the agent of `home`, running it with `python` where there is none.

    `token` is the agent's; without one, the token that this user's clients share.

    `wrapper` is put before the agent's command and `environ` replaces its
    environment: tests use both to give it another root and another user's view.
    """

    def __init__(
        self,
        home: Path,
        *,
        python: str = sys.executable,
        python_flags: Sequence[str] = (),
        wrapper: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> None:
        self._home = home
        self._python = [python, *python_flags]
        self._wrapper = list(wrapper)
        self._environ = environ
        self._pid: int | None = None
        self._socket: str | None = None
        self.token = token or shared_token(home / "client-token")

    def connect(self) -> socket.socket:
        """Connect to the agent's socket; start an agent if nobody answers there."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._socket is None:
                self._socket = self.start()
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                opened.connect(self._socket)
            except OSError as error:
                opened.close()
                self._socket = None
                if time.monotonic() > deadline:
                    raise ConnectionLostError(
                        f"the agent on this computer cannot be reached: {error}",
                        hint="`%remote_gpu stop` and a new cell start it afresh.",
                    ) from error
            else:
                return opened

    def replace(self) -> None:
        """End the agent that answered last; its kernels go on."""
        path = Path(self._socket) if self._socket else None
        self._socket = None
        if path is None:
            return
        pid = lock_holder(path.with_name("agent.lock"))
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def start(self) -> str:
        """Start an agent, or learn that one runs already; return its socket's path. Blocks.

        Raises AgentStartError with its last words if it does not.
        """
        agent = [*self._python, str(_LAUNCH), "--home", str(self._home)]
        command = [*self._wrapper, *agent]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environ,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise AgentStartError(
                f"the agent on this computer could not be started: {error}",
                hint=f"Is {command[0]} a program that can be run?",
            ) from error
        self._reap()
        self._pid = process.pid
        # The agent outlives us on purpose; Popen would call that a leak.
        process.returncode = 0
        assert process.stdin is not None
        # One that ends at once does not read it; its last words say why.
        with contextlib.suppress(BrokenPipeError), process.stdin as entrance:
            entrance.write(f"{self.token}\n".encode())
        return self._await_ready(process)

    def _reap(self) -> None:
        """Take note of the end of an agent that was our child, so that it is no zombie."""
        if self._pid is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None and process.stderr is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else b""
        try:
            said = json.loads(line)
        except ValueError:
            os.kill(process.pid, signal.SIGKILL)
            words = process.stderr.read().decode(errors="replace").strip()
            raise AgentStartError(
                "the agent on this computer did not start",
                hint=words or f"It said nothing within {START_SECONDS:.0f} s.",
            ) from None
        finally:
            process.stdout.close()
            process.stderr.close()
        return str(said["socket"])


def lock_holder(lock: Path) -> int | None:
    """Return the process id of the agent that holds this lock file; None if none does.

    The number in the file alone says nothing: it may have become another
    process's since.
    """
    try:
        with lock.open() as file:
            text = file.read()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(text)
    except (OSError, ValueError):
        return None
    return None


def shared_token(path: Path) -> str:
    """Return the token that all clients of this user share; made when first needed."""
    # the far end of each connection through SSH loads this file and makes no tokens
    import secrets

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = secrets.token_urlsafe(32)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(opened, "w") as file:
        file.write(token)
    return token
