"""The connection to an agent: requests, followed journals, one connection after another."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    InternalError,
    KernelDiedError,
    ProtocolError,
    RemoteGPUError,
)
from jupyter_remote_gpu.protocol import dataset_messages, events, messages, project, results
from jupyter_remote_gpu.protocol.dataset_messages import LinksWanted
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.frames import MAX_PAYLOAD_BYTES
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.transport.base import Transport

from . import notes
from .greeting import Opened, open_greeted
from .pulse import Clocks, Patience, until_doubtful
from .reviving import GaveUp, revive
from .trouble import Trouble, lost

LONGEST_TOLD = 4000
LONGEST_STEP = 200
TELL_SECONDS = 2.0
"""A silent connection that is replaced within this time is not worth a word."""
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
    dataset_messages.PlaceDataset,
    dataset_messages.GiveLinks,
    dataset_messages.StopDataset,
    dataset_messages.ListDatasets,
    project.LookProject,
    project.FindProject,
    project.LackingChunks,
    project.PutChunks,
    project.GiveChunks,
    project.ChangeProject,
)
"""Requests that may be carried out twice. An agent does so only if it is another process than
the one that was asked first: it remembers the requests of a client (`agent/remembered.py`)."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Followed:
    """A journal being followed: the last number seen and who gets the events."""

    take: Callable[[Event], None]
    number: int


@dataclass(slots=True)
class _Asked:
    """A request under way; `agent` is the process that it was sent to first."""

    message: messages.Message
    answer: asyncio.Future[messages.Done]
    agent: str
    told: Told | None = None
    wanted: Callable[[LinksWanted], None] | None = None


class AgentClient:
    """One client of one agent; lives in an event loop, all methods are called there.

    `tell` is called with what whoever waits for a run wants to know (the words
    and notes of `notes.py`), and with an error to raise when the machine is
    given up. `room` waits until what was handed out has been taken; a message
    of more than `longest` bytes is refused unread. `renewed` is called when a
    connection has taken the place of an earlier one, `wrote` with word of how a
    workspace's files are, before the end of a run.

    A connection that breaks is made again for as long as anybody follows or
    waits. One that is silent is not broken: another is tried beside it.
    """

    def __init__(
        self,
        transport: Transport,
        client: str,
        tell: Callable[[str | RemoteGPUError], None],
        room: Callable[[], Awaitable[None]] | None = None,
        longest: int = MAX_PAYLOAD_BYTES,
        renewed: Callable[[], None] = lambda: None,
        wrote: Callable[[project.Wrote], None] = lambda word: None,
    ) -> None:
        self._wrote = wrote
        self._transport = transport
        self._renewed = renewed
        self._client = client
        self._tell = tell
        self._room = room
        self._longest = longest
        self._trouble = Trouble()
        self._patience = Patience()
        self._open: Opened | None = None
        self._opening = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Asked] = {}
        self._resumed: dict[int, str] = {}
        self._followed: dict[str, _Followed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._reviving: asyncio.Task[None] | None = None
        self._lost_since: float | None = None
        self._holding = self._closed = False

    async def machine(self) -> dict[str, Any]:
        """Return the machine's facts; connects if that was not done yet."""
        return (await self._connected()).machine

    @property
    def clock_ahead(self) -> float:
        """By how many seconds the machine's clock was ahead of ours at the latest greeting."""
        return 0.0 if self._open is None else self._open.clock_ahead

    async def request(
        self,
        kind: type[messages.Message],
        blobs: tuple[Any, ...] = (),
        told: Told | None = None,
        wanted: Callable[[LinksWanted], None] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Send a request and return its result, checked; raises what the agent failed with.

        The blobs of the answer, if it has any, are in the result under "blobs".
        `told` is called, in the loop, with each step that the agent tells of it,
        `wanted` when it wants links to a dataset's files.
        It is carried out once, over however many connections that takes. Only where
        the agent's process has become another one meanwhile may it be carried out
        twice, or, if it is none of `_REPEATABLE`, fail with ConnectionLostError.
        """
        if self._lost_since is not None:
            self._tell(notes.lost(self._lost_since))
        opened = await self._connected()
        number = next(self._numbers)
        message = kind(**{"request": number, "blobs": blobs, **fields})
        answer: asyncio.Future[messages.Done] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Asked(message, answer, opened.agent, told, wanted)
        try:
            await opened.stream.send(message)
        except (ConnectionError, OSError):
            log.debug("a request is sent again once the connection stands")
        try:
            done = await answer
        finally:
            self._waiting.pop(number, None)
        result = results.checked(kind.tag, done.result)
        return {**result, "blobs": done.blobs} if done.blobs else result

    async def send(self, message: messages.Message) -> None:
        """Send a message that has no answer; lost if the connection breaks just now."""
        opened = await self._connected()
        await opened.stream.send(message)

    async def follow(self, kernel: str, after: int, take: Callable[[Event], None]) -> None:
        """Hand each event behind number `after` to `take`, in order, each once.

        Goes on over reconnects until `unfollow`. An agent that does not know the
        kernel any more, because the machine was restarted, makes it a `kernel_died`.
        """
        self._followed[kernel] = _Followed(take, after)
        await self.request(messages.Follow, kernel=kernel, after=after)

    def unfollow(self, kernel: str) -> None:
        """Hand out no more events of a kernel."""
        self._followed.pop(kernel, None)

    def close(self) -> None:
        """Leave the agent; it and its kernels go on."""
        self._closed = True
        for task in (*self._tasks, *([self._reviving] if self._reviving else [])):
            task.cancel()
        if self._open is not None:
            self._open.stream.close()

    # -- connections ----------------------------------------------------------------------------

    async def _connected(self) -> Opened:
        """Return the connection; makes the first one, and waits for the next one."""
        async with self._opening:
            while self._open is None and self._reviving is not None:
                await asyncio.shield(self._reviving)
            if self._open is None:
                self._take_over(await self._connect())
            assert self._open is not None
            return self._open

    async def _connect(self) -> Opened:
        """Make a connection that goes on with what was followed on earlier ones."""
        again = [
            messages.Follow(request=next(self._numbers), kernel=kernel, after=followed.number)
            for kernel, followed in self._followed.items()
        ]
        self._resumed.update((message.request, message.kernel) for message in again)
        return await open_greeted(self._transport, self._client, self._longest, again)

    def _take_over(self, opened: Opened) -> None:
        """Let a connection be the one; hang up the one before."""
        before, self._open = self._open, opened
        for task in self._tasks:
            task.cancel()
        if before is not None:
            before.hang_up()
        self._tasks = [
            asyncio.create_task(self._read(opened)),
            asyncio.create_task(self._watch(opened)),
        ]

    def _wanted(self) -> bool:
        return bool(self._followed or self._waiting)

    async def _watch(self, opened: Opened) -> None:
        """Look after a connection that brings nothing: try another one beside it."""
        clocks = Clocks()
        while True:
            await until_doubtful(
                opened, self._patience, self._wanted, lambda: self._holding, clocks
            )
            log.debug("the connection is silent: another one is tried")
            self._revive(lambda heard=opened.heard: opened.heard > heard)  # type: ignore[misc]
            assert self._reviving is not None
            await asyncio.wait([self._reviving])

    async def _read(self, opened: Opened) -> None:
        """Hand out what comes until the connection ends, then see to a new one."""
        error = await self._hand_out(opened)
        opened.hang_up()
        self._open = None
        # what watched it has nothing to watch any more; a search that is on goes on
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if self._closed or not self._wanted():
            return
        loop = asyncio.get_running_loop()
        if self._trouble.ended(loop.time() - opened.since, error, loop.time()):
            self._give_up(error)
            return
        self._lose()
        self._revive(lambda: False)

    async def _hand_out(self, opened: Opened) -> BaseException:
        """Hand out what comes; return why there is no more."""
        try:
            while True:
                if self._take(await opened.stream.receive()):
                    self._trouble.clear()
                if self._room is not None:
                    self._holding = True
                    await self._room()
                    self._holding = False
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
        finally:
            self._holding = False

    # -- having a connection again --------------------------------------------------------------

    def _revive(self, recovered: Callable[[], bool]) -> None:
        """Begin to look for another connection, unless that is going on; one at a time."""
        if self._reviving is None:
            self._reviving = asyncio.create_task(self._search(recovered))

    async def _search(self, recovered: Callable[[], bool]) -> None:
        """Find a connection, or see the silent one `recovered`; or give up and say so."""
        silent = self._open
        loop = asyncio.get_running_loop()
        telling = loop.call_later(TELL_SECONDS, self._lose)

        def unneeded() -> bool:
            return (silent is not None and self._open is silent and recovered()) or (
                self._open is None and not self._wanted()
            )

        try:
            opened = await revive(self._transport, self._connect, self._trouble, unneeded)
        except GaveUp as stop:
            self._give_up(stop.error)
            return
        except Exception as error:
            log.exception("the search for a connection failed")
            text = f"no connection could be looked for: {type(error).__name__}: {error}"
            self._give_up(InternalError(text, hint="Please report this. The log has the place."))
            return
        finally:
            telling.cancel()
            self._reviving = None
        if opened is not None:
            if self._open is not None and self._lost_since is None:
                # the way was open all along: perhaps the silent one was only busy
                self._patience.replaced()
            self._take_over(opened)
            self._renewed()
            await self._repeat(opened)
        since, self._lost_since = self._lost_since, None
        if since is not None and self._open is not None:
            self._tell(notes.again(time.time() - since))

    async def _repeat(self, opened: Opened) -> None:
        """Send again what has no answer yet; fail what must not be carried out twice."""
        for number, asked in list(self._waiting.items()):
            if opened.agent == asked.agent or isinstance(asked.message, _REPEATABLE):
                try:
                    await opened.stream.send(asked.message)
                except (ConnectionError, OSError):
                    return  # the next connection brings it
            elif not asked.answer.done():
                self._waiting.pop(number, None)
                asked.answer.set_exception(
                    ConnectionLostError(
                        f"the connection broke during {asked.message.tag!r}; whether it was done"
                        " is not known",
                        hint="Run the cell again.",
                    )
                )

    def _lose(self) -> None:
        """Tell, once, since when there is no connection."""
        if self._lost_since is None:
            self._lost_since = time.time()
            self._tell(notes.lost(self._lost_since))

    def _give_up(self, error: BaseException) -> None:
        """Tell everybody who waits why there will be no connection."""
        found = lost(error)
        self._lost_since = None
        if self._open is not None:
            self._open.hang_up()
            self._open = None
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._tell(found)
        for asked in self._waiting.values():
            if not asked.answer.done():
                asked.answer.set_exception(found)
        self._waiting.clear()

    # -- what comes -----------------------------------------------------------------------------

    def _take(self, message: messages.Message) -> bool:
        """Hand one message out; whether it brought anything that was waited for."""
        if isinstance(message, messages.Events):
            return self._take_events(message)
        if isinstance(message, messages.Held):
            self._tell(notes.DISK_FULL if message.bytes else notes.DISK_HAS_ROOM)
            return False
        if isinstance(message, messages.Told):
            asked = self._waiting.get(message.request)
            if asked is None or asked.told is None:
                return False
            asked.told(Step(plain(message.what, LONGEST_STEP), message.done, message.total))
            return True
        if isinstance(message, LinksWanted):
            asked = self._waiting.get(message.request)
            if asked is None or asked.wanted is None:
                return False
            asked.wanted(message)
            return True
        if isinstance(message, project.Wrote):
            self._wrote(message)
            return False
        if not isinstance(message, (messages.Done, messages.Failed)):
            raise ProtocolError(f"an agent does not send {message.tag!r}")
        if message.request in self._resumed:
            self._take_resumed(self._resumed.pop(message.request), message)
            return False
        asked = self._waiting.get(message.request)
        if asked is None or asked.answer.done():
            return False
        if isinstance(message, messages.Done):
            asked.answer.set_result(message)
        else:
            asked.answer.set_exception(agent_error(message))
        return True

    def _take_resumed(self, kernel: str, message: messages.Done | messages.Failed) -> None:
        """A journal that cannot be followed on has lost its kernel: tell its follower."""
        followed = self._followed.get(kernel)
        if followed is None or isinstance(message, messages.Done):
            return
        error = agent_error(message)
        if not isinstance(error, KernelDiedError):
            raise ProtocolError(f"a journal cannot be followed on: {error.message}")
        text = "the remote Python is gone: the machine was restarted, or somebody ended it there"
        died = {"cause": "gone", "message": text}
        followed.number += 1
        followed.take(Event(followed.number, "kernel_died", time.time(), None, None, died))

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


def agent_error(message: messages.Failed) -> RemoteGPUError:
    """Return the error an agent or kernel failed with, as the class of that name, in plain text."""
    text = plain(message.message, LONGEST_TOLD)
    hint = None if message.hint is None else plain(message.hint, LONGEST_TOLD)
    kind = getattr(errors, message.kind, None)
    if isinstance(kind, type) and issubclass(kind, RemoteGPUError):
        found: RemoteGPUError = kind(text, hint=hint)
        return found
    return RemoteGPUError(text, hint=hint)
