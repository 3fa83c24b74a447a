"""The connection to an agent: requests, followed journals, reconnecting."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu import __version__, errors
from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    ProtocolError,
    RemoteGPUError,
    VersionMismatchError,
)
from jupyter_remote_gpu.protocol import events, messages
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.streams import FrameStream

GREETING_SECONDS = 20.0
RECONNECT_SECONDS = 120.0
"""After this long without a connection, waiting runs are told that it is lost."""
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 5.0
DISCONNECTED = "disconnected"
RECONNECTED = "reconnected"
DISK_FULL = "disk full"
DISK_HAS_ROOM = "disk has room"
STREAM_LIMIT_BYTES = 4 << 20
_REPEATABLE = (
    messages.Run,
    messages.Follow,
    messages.Input,
    messages.Status,
    messages.ListKernels,
    messages.ListRuns,
    messages.Ping,
)
"""Requests that may reach the agent twice: they are sent again after a reconnect."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Followed:
    """A journal being followed: the last number seen and who gets the events."""

    take: Callable[[Event], None]
    number: int


@dataclass(slots=True)
class _Open:
    """What hangs on the present connection."""

    stream: FrameStream
    machine: dict[str, Any] = field(default_factory=dict)


class AgentClient:
    """One client of one agent; lives in an event loop, all methods are called there.

    `tell` is called with one of the words below when something happens that
    whoever waits for a run wants to know.
    """

    def __init__(self, transport: Transport, client: str, tell: Callable[[str], None]) -> None:
        self._transport = transport
        self._client = client
        self._tell = tell
        self._open: _Open | None = None
        self._opening = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[messages.Message, asyncio.Future[dict[str, Any]]]] = {}
        self._followed: dict[str, _Followed] = {}
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    async def machine(self) -> dict[str, Any]:
        """Return the machine's facts; connects if that was not done yet."""
        return (await self._connected()).machine

    async def request(
        self, kind: type[messages.Message], blobs: tuple[Any, ...] = (), **fields: Any
    ) -> dict[str, Any]:
        """Send a request and return its result; raises what the agent failed with.

        A broken connection is made again first; ConnectionLostError if the
        request is one that must not be repeated, or after `RECONNECT_SECONDS`.
        """
        opened = await self._connected()
        number = next(self._numbers)
        message = kind(**{"request": number, "blobs": blobs, **fields})
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (message, future)
        try:
            await opened.stream.send(message)
        except (ConnectionError, OSError):
            log.debug("a request is sent again once the connection stands")
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    async def send(self, message: messages.Message) -> None:
        """Send a message that has no answer; lost if the connection breaks just now."""
        opened = await self._connected()
        await opened.stream.send(message)

    async def follow(self, kernel: str, after: int, take: Callable[[Event], None]) -> None:
        """Hand each event behind number `after` to `take`, in order, each once.

        Goes on over reconnects until `unfollow`.
        """
        self._followed[kernel] = _Followed(take, after)
        await self.request(messages.Follow, kernel=kernel, after=after)

    def unfollow(self, kernel: str) -> None:
        """Hand out no more events of a kernel."""
        self._followed.pop(kernel, None)

    def close(self) -> None:
        """Leave the agent; it and its kernels go on."""
        self._closed = True
        if self._reading is not None:
            self._reading.cancel()
        if self._open is not None:
            self._open.stream.close()

    async def _connected(self) -> _Open:
        async with self._opening:
            if self._open is None:
                self._open = await self._connect()
                self._reading = asyncio.create_task(self._read(self._open))
            return self._open

    async def _connect(self) -> _Open:
        """Connect and greet; an agent that refuses us is replaced once."""
        for attempt in (1, 2):
            sock = await self._socket()
            sock.setblocking(False)
            reader, writer = await asyncio.open_unix_connection(sock=sock, limit=STREAM_LIMIT_BYTES)
            stream = FrameStream(reader, writer)
            try:
                answer = await asyncio.wait_for(self._greet(stream, writer), GREETING_SECONDS)
            except (EOFError, ConnectionError) as error:
                stream.close()
                if attempt == 2:
                    raise ConnectionLostError("the agent hung up during the greeting") from error
                continue
            except BaseException:
                stream.close()
                raise
            if isinstance(answer, messages.Welcome):
                return _Open(stream, answer.machine)
            stream.close()
            if attempt == 2:
                raise refusal(answer)
            await asyncio.to_thread(self._transport.replace)
        raise ConnectionLostError("the agent hung up during the greeting")

    async def _socket(self) -> socket.socket:
        """Connect in a thread; a socket that comes after we were cancelled is closed."""
        loop = asyncio.get_running_loop()
        connecting = loop.run_in_executor(None, self._transport.connect)
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_late)
            raise

    async def _greet(
        self, stream: FrameStream, writer: asyncio.StreamWriter
    ) -> messages.Welcome | messages.Refused:
        writer.write(MAGIC)
        await stream.send(hello(self._transport, self._client))
        if await stream.exactly(len(MAGIC)) != MAGIC:
            raise ProtocolError("what answers there is no agent of this package")
        answer = await stream.receive()
        if not isinstance(answer, (messages.Welcome, messages.Refused)):
            raise ProtocolError("the agent did not answer the greeting")
        return answer

    async def _read(self, opened: _Open) -> None:
        """Hand out what comes until the connection ends, then see to a new one."""
        try:
            while True:
                self._take(await opened.stream.receive())
        except (EOFError, ConnectionError, OSError) as error:
            log.debug("connection to the agent ended: %r", error)
        except ProtocolError as error:
            # Damaged bytes: nothing behind them can be trusted, a new connection can.
            log.warning("connection to the agent closed: %s", error)
        opened.stream.close()
        self._open = None
        if not self._closed:
            await self._recover()

    async def _recover(self) -> None:
        """Connect again, repeat what may be repeated, follow on; or give up and say so."""
        for number, (message, future) in list(self._waiting.items()):
            if not isinstance(message, _REPEATABLE) and not future.done():
                future.set_exception(
                    ConnectionLostError(
                        f"the connection broke during {message.tag!r}; whether it was done"
                        " is not known",
                        hint="Run the cell again.",
                    )
                )
                self._waiting.pop(number, None)
        if not self._followed and not self._waiting:
            return
        self._tell(DISCONNECTED)
        if await self._reconnect():
            self._tell(RECONNECTED)

    async def _reconnect(self) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RECONNECT_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while (error := await self._resume()) is not None:
            if loop.time() > deadline or isinstance(error, VersionMismatchError):
                self._give_up(error)
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return True

    async def _resume(self) -> BaseException | None:
        """Connect, follow on and repeat requests; return what went wrong, if anything."""
        try:
            opened = await self._connected()
            for kernel, followed in self._followed.items():
                again = messages.Follow(request=0, kernel=kernel, after=followed.number)
                await opened.stream.send(again)
            for message, _ in list(self._waiting.values()):
                await opened.stream.send(message)
        except (RemoteGPUError, OSError, asyncio.TimeoutError) as error:
            return error
        return None

    def _give_up(self, error: BaseException) -> None:
        lost = ConnectionLostError(
            f"the connection to the machine could not be made again: {error}",
            hint="What runs there goes on; `%remote_gpu attach` shows it once it is reached.",
        )
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(lost)
        self._waiting.clear()
        self._tell(str(error))

    def _take(self, message: messages.Message) -> None:
        if isinstance(message, messages.Events):
            self._take_events(message)
        elif isinstance(message, messages.Held):
            self._tell(DISK_FULL if message.bytes else DISK_HAS_ROOM)
        elif isinstance(message, (messages.Done, messages.Failed)):
            waiting = self._waiting.get(message.request)
            if waiting is None or waiting[1].done():
                return
            if isinstance(message, messages.Done):
                waiting[1].set_result(message.result)
            else:
                waiting[1].set_exception(agent_error(message))
        else:
            raise ProtocolError(f"an agent does not send {message.tag!r}")

    def _take_events(self, message: messages.Events) -> None:
        followed = self._followed.get(message.kernel)
        if followed is None:
            return
        for blob in message.blobs:
            for event in events.decode_all(blob):
                # A follow that was repeated may send events twice; each is taken once.
                if event.number > followed.number:
                    followed.number = event.number
                    followed.take(event)


def _close_late(connecting: asyncio.Future[socket.socket]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


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
            f"the machine's agent is version {answer.version} (protocol {answer.protocol}),"
            f" this notebook has version {__version__} (protocol {PROTOCOL_VERSION})",
            hint="Install the same version on both sides; `%remote_gpu stop` ends the old agent.",
        )
    if answer.kind == "token":
        return ConnectionLostError(
            "the agent on the machine was started with another token",
            hint="End that agent (agent.lock beside its socket has its process number) and run"
            " the cell again.",
        )
    return errors.KernelDiedError(
        "the remote Python is not there any more",
        hint="The next %%remote_gpu cell starts a new one.",
    )


def agent_error(message: messages.Failed) -> RemoteGPUError:
    """Return the error an agent or kernel failed with, as the class of that name."""
    kind = getattr(errors, message.kind, None)
    if isinstance(kind, type) and issubclass(kind, RemoteGPUError):
        found: RemoteGPUError = kind(message.message, hint=message.hint)
        return found
    return RemoteGPUError(message.message, hint=message.hint)
