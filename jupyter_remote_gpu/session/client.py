"""The connection to an agent: requests, followed journals, reconnecting."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu import __version__, errors
from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    DamagedError,
    InternalError,
    ProtocolError,
    RemoteGPUError,
    VersionMismatchError,
)
from jupyter_remote_gpu.protocol import events, messages, results
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.frames import MAX_PAYLOAD_BYTES
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.streams import FrameStream

GREETING_SECONDS = 20.0
RECONNECT_SECONDS = 120.0
"""After this long without a connection, waiting runs are told that it is lost."""
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 5.0
STANDS_SECONDS = 10.0
"""A connection that stood for so long was a good one, even if nothing was said on it."""
MISREAD_TIMES = 3
"""So often in a row what cannot be understood is asked for again; then the machine sends it so."""
LONGEST_TOLD = 4000
LONGEST_STEP = 200
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
    messages.OpenWorkspace,
    messages.BuildEnvironment,
    messages.Remains,
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
    """What hangs on the present connection; `since` is the loop's time."""

    stream: FrameStream
    since: float
    machine: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Trouble:
    """What went wrong since a connection last brought something; none at first.

    Kept over reconnects: a peer that accepts and hangs up, or sends the same
    nonsense each time, would otherwise be met again and again for ever.
    """

    since: float | None = None
    pause: float = 0.0
    misread: int = 0


class AgentClient:
    """One client of one agent; lives in an event loop, all methods are called there.

    `tell` is called with one of the words above when something happens that
    whoever waits for a run wants to know, and with the reason, or an error to
    raise, when the machine is given up. `room` waits until what was handed out
    has been taken; a message of more than `longest` bytes is refused unread.
    """

    def __init__(
        self,
        transport: Transport,
        client: str,
        tell: Callable[[str | RemoteGPUError], None],
        room: Callable[[], Awaitable[None]] | None = None,
        longest: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        self._transport = transport
        self._client = client
        self._tell = tell
        self._room = room
        self._longest = longest
        self._trouble = _Trouble()
        self._open: _Open | None = None
        self._opening = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[messages.Message, asyncio.Future[dict[str, Any]]]] = {}
        self._steps: dict[int, Told] = {}
        self._followed: dict[str, _Followed] = {}
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    async def machine(self) -> dict[str, Any]:
        """Return the machine's facts; connects if that was not done yet."""
        return (await self._connected()).machine

    async def request(
        self,
        kind: type[messages.Message],
        blobs: tuple[Any, ...] = (),
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Send a request and return its result, checked; raises what the agent failed with.

        `told` is called, in the loop, with each step that the agent tells of it.
        A broken connection is made again first; ConnectionLostError if the
        request is one that must not be repeated, or after `RECONNECT_SECONDS`.
        """
        opened = await self._connected()
        number = next(self._numbers)
        message = kind(**{"request": number, "blobs": blobs, **fields})
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (message, future)
        if told is not None:
            self._steps[number] = told
        try:
            await opened.stream.send(message)
        except (ConnectionError, OSError):
            log.debug("a request is sent again once the connection stands")
        try:
            return results.checked(kind.tag, await future)
        finally:
            self._waiting.pop(number, None)
            self._steps.pop(number, None)

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
                opened = await self._connect()
                await self._follow_on(opened.stream)
                self._open = opened
                self._reading = asyncio.create_task(self._read(opened))
            return self._open

    async def _follow_on(self, stream: FrameStream) -> None:
        """Ask a new connection for what was followed on the earlier ones."""
        try:
            for kernel, followed in list(self._followed.items()):
                again = messages.Follow(request=0, kernel=kernel, after=followed.number)
                await stream.send(again)
        except OSError as error:
            stream.close()
            raise ConnectionLostError("the agent hung up after the greeting") from error

    async def _connect(self) -> _Open:
        """Connect and greet; an agent that refuses us is replaced once."""
        for attempt in (1, 2):
            sock = await self._socket()
            sock.setblocking(False)
            reader, writer = await asyncio.open_unix_connection(sock=sock, limit=STREAM_LIMIT_BYTES)
            stream = FrameStream(reader, writer, self._longest)
            try:
                answer = await asyncio.wait_for(self._greet(stream, writer), GREETING_SECONDS)
            except (EOFError, ConnectionError) as error:
                stream.close()
                if attempt == 2:
                    raise ConnectionLostError("the agent hung up during the greeting") from error
                continue
            except asyncio.TimeoutError as error:
                stream.close()
                raise ConnectionLostError(
                    f"the agent did not answer the greeting within {GREETING_SECONDS:.0f} s"
                ) from error
            except BaseException:
                stream.close()
                raise
            if isinstance(answer, messages.Welcome):
                return _Open(stream, asyncio.get_running_loop().time(), answer.machine)
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
        error = await self._hand_out(opened)
        opened.stream.close()
        self._open = None
        if not self._closed:
            await self._recover(opened, error)

    async def _hand_out(self, opened: _Open) -> BaseException:
        """Hand out what comes; return why there is no more."""
        try:
            while True:
                if self._take(await opened.stream.receive()):
                    self._trouble = _Trouble()
                if self._room is not None:
                    await self._room()
        except (EOFError, ConnectionError, OSError) as error:
            log.debug("connection to the agent ended: %r", error)
            return error
        except ProtocolError as error:
            # Nothing behind such bytes can be trusted, a new connection can.
            log.warning("connection to the agent closed: %s", error)
            return error
        except Exception as error:
            log.exception("what the agent sent could not be handed out")
            return InternalError(
                f"what the machine sent could not be taken in: {type(error).__name__}: {error}",
                hint="Please report this. The log has the place.",
            )

    async def _recover(self, opened: _Open, error: BaseException) -> None:
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
        if self._is_hopeless(opened, error):
            self._give_up(error)
            return
        self._tell(DISCONNECTED)
        if await self._reconnect():
            self._tell(RECONNECTED)

    def _is_hopeless(self, opened: _Open, error: BaseException) -> bool:
        """Count a connection that ended; whether yet another would end the same way."""
        now = asyncio.get_running_loop().time()
        if now - opened.since > STANDS_SECONDS:
            self._trouble = _Trouble()
        trouble = self._trouble
        if isinstance(error, InternalError):
            return True
        if isinstance(error, ProtocolError) and not isinstance(error, DamagedError):
            trouble.misread += 1
        trouble.since = now if trouble.since is None else trouble.since
        return trouble.misread >= MISREAD_TIMES or now - trouble.since > RECONNECT_SECONDS

    async def _reconnect(self) -> bool:
        loop = asyncio.get_running_loop()
        trouble = self._trouble
        deadline = (trouble.since or loop.time()) + RECONNECT_SECONDS
        while True:
            await asyncio.sleep(trouble.pause)
            trouble.pause = min(max(2 * trouble.pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            error = await self._resume()
            if error is None:
                return True
            if loop.time() > deadline or isinstance(error, VersionMismatchError):
                self._give_up(error)
                return False

    async def _resume(self) -> BaseException | None:
        """Connect, follow on and repeat requests; return what went wrong, if anything."""
        try:
            opened = await self._connected()
            for message, _ in list(self._waiting.values()):
                await opened.stream.send(message)
        except (RemoteGPUError, OSError, EOFError, asyncio.TimeoutError) as error:
            return error
        return None

    def _give_up(self, error: BaseException) -> None:
        lost: RemoteGPUError = ConnectionLostError(
            f"the connection to the machine could not be made again: {error}",
            hint="What runs there goes on; `%remote_gpu attach` shows it once it is reached.",
        )
        if isinstance(error, InternalError):
            lost = error
        elif isinstance(error, ProtocolError):
            lost = ProtocolError(
                f"the machine sends what cannot be understood: {error.message}",
                hint="`%remote_gpu restart` starts a fresh remote Python there; if this comes"
                " again, do not use that machine.",
            )
        self._tell(lost)
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(lost)
        self._waiting.clear()

    def _take(self, message: messages.Message) -> bool:
        """Hand one message out; whether it brought anything that was waited for."""
        if isinstance(message, messages.Events):
            return self._take_events(message)
        if isinstance(message, messages.Held):
            self._tell(DISK_FULL if message.bytes else DISK_HAS_ROOM)
            return False
        if isinstance(message, messages.Told):
            told = self._steps.get(message.request)
            if told is not None:
                told(Step(plain(message.what, LONGEST_STEP), message.done, message.total))
            return told is not None
        if not isinstance(message, (messages.Done, messages.Failed)):
            raise ProtocolError(f"an agent does not send {message.tag!r}")
        waiting = self._waiting.get(message.request)
        if waiting is None or waiting[1].done():
            return False
        if isinstance(message, messages.Done):
            waiting[1].set_result(message.result)
        else:
            waiting[1].set_exception(agent_error(message))
        return True

    def _take_events(self, message: messages.Events) -> bool:
        followed = self._followed.get(message.kernel)
        if followed is None:
            return False
        before = followed.number
        for blob in message.blobs:
            for event in events.decode_all(blob):
                # A follow that was repeated may send events twice; each is taken once.
                if event.number <= followed.number:
                    continue
                if event.number != followed.number + 1:
                    raise ProtocolError(
                        f"the journal goes from event {followed.number} to {event.number}"
                    )
                followed.number = event.number
                followed.take(event)
        return followed.number > before


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
    return errors.KernelDiedError(
        "the remote Python is not there any more",
        hint="The next %%remote_gpu cell starts a new one.",
    )


def agent_error(message: messages.Failed) -> RemoteGPUError:
    """Return the error an agent or kernel failed with, as the class of that name, in plain text."""
    text = plain(message.message, LONGEST_TOLD)
    hint = None if message.hint is None else plain(message.hint, LONGEST_TOLD)
    kind = getattr(errors, message.kind, None)
    if isinstance(kind, type) and issubclass(kind, RemoteGPUError):
        found: RemoteGPUError = kind(text, hint=hint)
        return found
    return RemoteGPUError(text, hint=hint)
