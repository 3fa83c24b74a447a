"""The beginning of a connection to an agent: who we are, who answers, and when it last spoke."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    KernelDiedError,
    ProtocolError,
    RemoteGPUError,
    UnreachableError,
    VersionMismatchError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.streams import FrameStream

from .loop import in_thread

GREETING_SECONDS = 20.0
STREAM_LIMIT_BYTES = 4 << 20
our_clock = time.time


@dataclass(slots=True)
class Opened:
    """A connection that has greeted; `since` is the loop's time, `machine` the agent's facts.

    `clock_ahead` tells by how many seconds the machine's clock is ahead of ours.
    """

    stream: FrameStream
    writer: asyncio.StreamWriter
    since: float
    machine: dict[str, Any] = field(default_factory=dict)
    clock_ahead: float = 0.0

    @property
    def heard(self) -> float:
        """When the last bytes came, in the loop's time."""
        return self.stream.heard

    @property
    def unsent(self) -> int:
        """How many bytes wait to be taken by the way to the machine."""
        return self.writer.transport.get_write_buffer_size()

    def hang_up(self) -> None:
        """End the connection at once; what was not sent yet is dropped."""
        with contextlib.suppress(OSError):
            self.writer.transport.abort()

    @property
    def agent(self) -> str:
        """Name the very agent process that answers: another one remembers no requests."""
        return str(self.machine.get("agent", ""))


async def open_greeted(
    transport: Transport, client: str, longest: int, first: Sequence[messages.Message] = ()
) -> Opened:
    """Connect, greet, and send `first` right behind the greeting; a login takes both along.

    An agent that refuses us is replaced once. Raises what connecting raises,
    ConnectionLostError for one that hangs up or is silent, and the refusal.
    """
    parts = [hello(transport, client).encode(), *(message.encode() for message in first)]
    words = b"".join([MAGIC, *(bytes(part) for part in itertools.chain(*parts))])
    for attempt in (1, 2):
        sock = await in_thread(lambda: transport.connect_saying(words), _close)
        sock.setblocking(False)
        opened = await _wrap(sock, longest)
        try:
            answer = await asyncio.wait_for(_greeted(opened), GREETING_SECONDS)
        except (EOFError, ConnectionError) as error:
            opened.hang_up()
            if attempt == 2:
                raise ConnectionLostError("the agent hung up during the greeting") from error
            continue
        except asyncio.TimeoutError as error:
            opened.hang_up()
            raise UnreachableError(
                f"the agent did not answer the greeting within {GREETING_SECONDS:.0f} s"
            ) from error
        except BaseException:
            opened.hang_up()
            raise
        if isinstance(answer, messages.Welcome):
            return opened
        opened.hang_up()
        if attempt == 2:
            raise refusal(answer)
        await in_thread(transport.replace)
    raise ConnectionLostError("the agent hung up during the greeting")


async def _wrap(sock: socket.socket, longest: int) -> Opened:
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=STREAM_LIMIT_BYTES)
    stream = FrameStream(reader, writer, longest)
    return Opened(stream, writer, asyncio.get_running_loop().time())


async def _greeted(opened: Opened) -> messages.Welcome | messages.Refused:
    """Take the answer to a greeting that was sent."""
    began = our_clock()
    if await opened.stream.exactly(len(MAGIC)) != MAGIC:
        raise ProtocolError("what answers there is no agent of this package")
    answer = await opened.stream.receive()
    if isinstance(answer, messages.Welcome):
        opened.machine = answer.machine
        there = answer.machine.get("time")
        if isinstance(there, (int, float)):
            # Between the two moments, but for a part of the round trip where the login
            # took the greeting along; what clocks are compared for is a minute.
            opened.clock_ahead = there - (began + our_clock()) / 2
    elif not isinstance(answer, messages.Refused):
        raise ProtocolError("the agent did not answer the greeting")
    return answer


def _close(late: socket.socket) -> None:
    late.close()


def hello(transport: Transport, client: str, line: str | None = None) -> messages.Hello:
    """Return the greeting of a client, for a control connection or a kernel's state line."""
    return messages.Hello(
        protocol=PROTOCOL_VERSION,
        version=__version__,
        token=transport.token,
        client=client,
        line=line,
    )


def refusal(answer: messages.Refused) -> RemoteGPUError:
    """Return the error that tells the user why an agent refused the greeting."""
    if answer.kind == "version":
        return VersionMismatchError(
            f"the machine's agent is version {plain(answer.version, 40)}"
            f" (protocol {answer.protocol}),"
            f" this notebook has version {__version__} (protocol {PROTOCOL_VERSION})",
            hint="Install the same version on both sides; `%remote_gpu stop` ends the old agent.",
        )
    if answer.kind == "token":
        return ConnectionLostError(
            "the agent on the machine was started with another token",
            hint="End that agent (agent.lock beside its socket has its process number) and run"
            " the cell again.",
        )
    return KernelDiedError(
        plain(answer.message, 400) or "the remote Python is not there any more",
        hint="The next %%remote_gpu cell starts a new one.",
    )
