"""What runs at the far end of an SSH session channel: its streams joined to the agent's socket.

    launch.py connect HOME MARK     the streams become a connection to the agent of HOME
    launch.py replace HOME MARK     ends that agent; its kernels go on

The mark is printed on a line of its own first, so that what a shell's start-up
files printed can be told from what follows. `connect` then reads the client's
token, on a line, sees to it that an agent runs which knows that token, answers
one line of JSON (`{"notes": […]}`, or what went wrong), and from there on
passes bytes both ways. The token is in no argument and on no disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import AgentStartError, RemoteGPUError
from jupyter_remote_gpu.transport.local import LocalTransport, lock_holder

from .admission import ask_admission
from .home import open_home
from .launch import BROKEN
from .outliving import outliving
from .succession import Version, decide

PIECE_BYTES = 1 << 18
TRIES = 5
LAST_WORDS_SECONDS = 10.0
PATIENCE_SECONDS = 45.0
"""Others may start, replace and end agents at the same time."""


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit status."""
    verb, home, mark = arguments
    # The system deletes this folder when the user's last session ends, and with it the sockets
    # of an agent and of kernels that go on.
    os.environ.pop("XDG_RUNTIME_DIR", None)
    _write(f"{mark}\n".encode())
    if verb == "replace":
        _end_agent(Path(home))
        return 0
    return connect(Path(home))


def connect(home: Path) -> int:
    """Join the standard streams to the agent's socket until either closes; starts an agent."""
    token = _line().decode().strip()
    try:
        opened, notes = admitted(home, token)
    except RemoteGPUError as error:
        if (error.hint or "").startswith(BROKEN):
            _answer({"missing": True, "broken": error.hint})
            return 3
        _answer({"failed": error.message, "hint": error.hint, "kind": type(error).__name__})
        return 1
    except OSError as error:
        _answer({"failed": f"the agent could not be started: {error}", "hint": None})
        return 1
    _answer({"notes": notes})
    for work in (_upward, _leave_behind):
        threading.Thread(target=work, args=(opened,), daemon=True).start()
    _downward(opened)
    return 0


def admitted(home: Path, token: str) -> tuple[socket.socket, tuple[str, ...]]:
    """Return a connection to an agent that knows `token`, and what the user should know. Blocks.

    An agent of an older version is replaced by this one's where that ends no
    run. Raises AgentStartError, VersionMismatchError.
    """
    where = open_home(home)
    if where.broken.exists():
        words = where.broken.read_text()
        where.broken.unlink()
        raise AgentStartError("the agent could not load all of itself", hint=words)
    # the agent runs as this process does: apart from what is installed on the machine
    flags = ("-I", "-S") if sys.flags.isolated and sys.flags.no_site else ()
    notes: tuple[str, ...] = ()
    failure: Exception | None = None
    starts = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and starts <= TRIES:
        try:
            answer = ask_admission(where.admission, token)
            if decide(Version(), answer.version, answer.held, working=answer.working) == "use":
                opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                opened.connect(str(where.socket))
                _use(home)
                return opened, notes
            _end_agent(home)
        except TimeoutError as error:
            failure = error  # it hangs
            _end_agent(home)
        except (ConnectionError, FileNotFoundError) as error:
            failure = error
        if lock_holder(where.lock) is None:
            way = outliving()
            notes = way.notes
            starts += 1
            LocalTransport(home, python_flags=flags, wrapper=way.wrapper, token=token).start()
        elif where.socket.exists() and not where.admission.exists():
            _end_agent(home)  # of a version before admissions
        else:
            time.sleep(0.02)  # another client is just starting or ending it
    raise AgentStartError(
        f"the agent on the machine was started {starts} times and did not stay: {failure}",
        hint=_log_end(home) or "Try again.",
    )


def _end_agent(home: Path) -> None:
    # needed seldom, and it loads asyncio, for which every connection would wait
    from .ending import end_agent

    end_agent(home)


def _use(home: Path) -> None:
    """Note that this version is in use, so that it is not cleared away as an old one."""
    root = Path(__file__).resolve().parents[2]
    if root.parent == home.parent / "agents":
        os.utime(root)


def _log_end(home: Path) -> str:
    try:
        return (home / "agent.log").read_bytes()[-2000:].decode(errors="replace").strip()
    except OSError:
        return ""


def _line() -> bytes:
    """Read one line of standard input and not a byte more."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _answer(fields: dict[str, Any]) -> None:
    _write(json.dumps(fields).encode() + b"\n")


def _upward(opened: socket.socket) -> None:
    """Pass on what the client sends; when it has hung up, the agent is told so."""
    with contextlib.suppress(OSError):  # the agent hung up: `_downward` sees that too
        _pass_on(0, opened.fileno())
        opened.shutdown(socket.SHUT_RDWR)


def _downward(opened: socket.socket) -> None:
    """Pass on what the agent sends until it closes, or the client is gone."""
    with contextlib.suppress(OSError):  # either side hung up: there is nobody to tell
        _pass_on(opened.fileno(), 1)


def _leave_behind(opened: socket.socket) -> None:
    """End this process, if nothing else does, once the agent has hung up.

    Where the network is cut, what the agent sent last is stuck on its way out,
    and it would take the system a quarter of an hour to notice.
    """
    waiting = select.poll()
    waiting.register(opened, 0)  # what remains is the end of the connection
    waiting.poll()
    time.sleep(LAST_WORDS_SECONDS)
    os._exit(0)


def _pass_on(source: int, target: int) -> None:
    """Pass bytes on until `source` ends; raises OSError where `target` takes no more.

    The streams of a session channel are pipes, and the system moves pages between
    those and a socket without copying them: a tenth of what copying costs. It keeps
    a pipe from its reader while it waits for the source: so we wait before.
    """
    waiting = select.poll()
    waiting.register(source, select.POLLIN)
    try:
        while waiting.poll() and os.splice(source, target, PIECE_BYTES):
            pass
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _copy_on(source, target)  # neither end is a pipe


def _copy_on(source: int, target: int) -> None:
    """Do the same by copying, through memory that is used again and again."""
    buffer = bytearray(PIECE_BYTES)
    view = memoryview(buffer)
    while count := os.readv(source, [buffer]):
        piece = view[:count]
        while piece:
            piece = piece[os.write(target, piece) :]


def _write(data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
