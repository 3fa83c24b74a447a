"""What runs at the far end of an SSH session channel: its streams joined to the agent's socket.

    launch.py connect HOME MARK     the streams become a connection to the agent of HOME
    launch.py replace HOME MARK     ends that agent; its kernels go on

The mark is printed on a line of its own first, so that what a shell's start-up
files printed can be told from what follows. `connect` then reads the agent's
token, on a line, answers one line of JSON (`{}`, or what went wrong), and from
there on passes bytes both ways. The token is in no argument.
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
from collections.abc import Sequence
from pathlib import Path

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.transport.local import LocalTransport

from .ending import end_agent

PIECE_BYTES = 1 << 18


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit status."""
    verb, home, mark = arguments
    _write(f"{mark}\n".encode())
    if verb == "replace":
        end_agent(Path(home))
        return 0
    return connect(Path(home))


def connect(home: Path) -> int:
    """Join the standard streams to the agent's socket until either closes; starts an agent."""
    token = _line().decode().strip()
    try:
        # the agent runs as this process does: apart from what is installed on the machine
        flags = ("-I", "-S") if sys.flags.isolated and sys.flags.no_site else ()
        opened = LocalTransport(home, python_flags=flags, token=token).connect()
    except RemoteGPUError as error:
        _answer({"failed": error.message, "hint": error.hint})
        return 1
    except OSError as error:
        _answer({"failed": f"the agent could not be started: {error}", "hint": None})
        return 1
    _answer({})
    threading.Thread(target=_upward, args=(opened,), daemon=True).start()
    _downward(opened)
    return 0


def _line() -> bytes:
    """Read one line of standard input and not a byte more."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _answer(fields: dict[str, str | None]) -> None:
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
