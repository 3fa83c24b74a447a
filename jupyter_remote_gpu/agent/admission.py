"""How clients of several computers come to one agent: whoever ssh let in as its user may bring one.

`splice`, at the far end of a client's own ssh, says the client's token to the
agent through a socket of this user's; from then on the agent knows it. Tokens
are kept in memory alone: nothing on the machine's disk opens an agent.

    -> {"token": …, "version": …, "protocol": …, "kernels": …}     one line
    <- {"version": …, "protocol": …, "kernels": …, "working": …, "held": [kernel…]}
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.errors import AgentStartError

from .succession import Held, Version, held

if TYPE_CHECKING:
    import asyncio

ANSWER_SECONDS = 20.0
LONGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent that runs is, and has."""

    version: Version
    working: bool
    held: tuple[Held, ...]


def ask_admission(path: Path, token: str) -> Answer:
    """Have the agent that listens at `path` take a client's token. Blocks.

    Raises OSError (nobody there) or AgentStartError (it answers something else).
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(ANSWER_SECONDS)
        asked.connect(str(path))
        asked.sendall(json.dumps({"token": token, **asdict(Version())}).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n") and len(line) < LONGEST_BYTES:
            piece = asked.recv(1 << 16)
            if not piece:
                break
            line += piece
    try:
        said = json.loads(line)
        theirs = Version(str(said["version"]), int(said["protocol"]), int(said["kernels"]))
        return Answer(theirs, bool(said["working"]), held(said["held"]))
    except (ValueError, KeyError, TypeError) as error:
        raise AgentStartError(
            f"the agent that runs on the machine did not take this client: {line[:200]!r}",
            hint="Run the cell again.",
        ) from error


async def serve_admissions(
    path: Path, admit: Callable[[str], None], state: Callable[[], dict[str, Any]]
) -> asyncio.AbstractServer:
    """Listen at `path`; `admit` is given the tokens, `state` tells `working` and `held`."""

    # whoever only asks is started anew for each connection: it does not wait for this import
    import asyncio

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _is_this_user(writer.get_extra_info("socket")):
                return
            said = json.loads(await asyncio.wait_for(reader.readline(), ANSWER_SECONDS))
            admit(str(said["token"]))
            writer.write(json.dumps({**asdict(Version()), **state()}).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError, ConnectionError, asyncio.TimeoutError):
            # It is not a client's splice, or that was killed: nobody was admitted by half.
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, str(path))
    os.chmod(path, 0o600)
    return server


def _is_this_user(opened: socket.socket) -> bool:
    """Whether a process of this user is at the other end.

    Where the system does not tell, the socket's and its folder's permissions
    alone keep others out.
    """
    kind = getattr(socket, "SO_PEERCRED", None)
    if kind is None:
        return True
    data = opened.getsockopt(socket.SOL_SOCKET, kind, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", data)
    return bool(user == os.getuid())
