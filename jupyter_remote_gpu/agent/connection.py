"""One client's connection to the agent: requests in, answers and events out."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import KernelDiedError, ProtocolError, RemoteGPUError
from jupyter_remote_gpu.journal.cursor import Cursor
from jupyter_remote_gpu.protocol import dataset_messages, messages, project
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.transport.streams import FrameStream

from .clients import BLOBS

if TYPE_CHECKING:
    from .app import Agent
    from .datasets.fetches import Wanted

GREETING_SECONDS = 20.0
SILENT_SECONDS = 60.0
"""A client that sends pings, and then nothing for so long, has lost its connection."""
LOOK_SECONDS = 5.0
_ENDS_AS_EVENTS = (messages.Run, project.RunWith)
"""Nobody waits for word that these were handed on, but for the events that follow."""
RUN_ENDED = b'"run_ended"'
"""Stands in the journal's bytes where a run ended (and perhaps in what a cell printed)."""

log = logging.getLogger(__name__)


class Connection:
    """Serves one client until it leaves; several requests may be under way."""

    def __init__(
        self, agent: Agent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._agent = agent
        self._stream = FrameStream(reader, writer)
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._client = ""
        self._watching: asyncio.Task[None] | None = None

    def follows(self, kernel: str) -> bool:
        """Whether this client is being sent a kernel's journal."""
        return kernel in self._followed

    def tell(self, message: messages.Message) -> None:
        """Send something the client did not ask for; lost if it is just leaving."""
        self._spawn(self._send(message))

    def close(self) -> None:
        """End the connection; the client will connect again."""
        self._stream.close()

    def drop(self) -> None:
        """End the connection at once: nobody reads at its other end."""
        # closing would wait for what is still to be sent, and keep all that hangs on it
        self._writer.transport.abort()

    async def serve(self) -> None:
        """Greet, then carry out requests until the connection ends."""
        try:
            hello = await asyncio.wait_for(self._greet(), GREETING_SECONDS)
            if hello is not None and hello.line is not None:
                await self._pass_line(hello.line)
            elif hello is not None:
                self._client = hello.client
                self._agent.clients.join(self._client, self)
                while True:
                    self._dispatch(await self._stream.receive())
        except (ConnectionError, EOFError, ProtocolError, asyncio.TimeoutError):
            # The client is gone or speaks something else; nothing of ours depends on it.
            return
        finally:
            self._agent.clients.leave(self._client, self)
            for task in (*self._tasks, *self._followed.values()):
                task.cancel()
            self._stream.close()

    async def _greet(self) -> messages.Hello | None:
        """Check magic, versions and token; None after a refusal."""
        self._writer.write(MAGIC)
        if await self._stream.exactly(len(MAGIC)) != MAGIC:
            raise ProtocolError("the client does not speak this protocol")
        hello = await self._stream.receive()
        if not isinstance(hello, messages.Hello):
            raise ProtocolError("the client did not say hello")
        if hello.protocol != PROTOCOL_VERSION:
            await self._refuse("version", "the agent speaks another version of the protocol")
        elif not self._agent.admits(hello.token):
            await self._refuse("token", "the token is not this agent's")
        elif hello.line is not None and (gone := self._why_no_line(hello.line)):
            await self._refuse("kernel", gone)
        else:
            if hello.line is not None:
                # What the client sends after our welcome is for the kernel to read.
                transport: Any = self._writer.transport
                transport.pause_reading()
            facts = {**self._agent.facts, "time": time.time()}
            welcome = messages.Welcome(
                protocol=PROTOCOL_VERSION, version=__version__, machine=facts
            )
            await self._stream.send(welcome)
            return hello
        return None

    def _why_no_line(self, kernel: str) -> str:
        """Return what became of a kernel that is gone; empty for one that lives."""
        try:
            self._agent.kernel(kernel).require_alive()
        except KernelDiedError as error:
            return error.message
        return ""

    async def _refuse(self, kind: str, message: str) -> None:
        await self._stream.send(
            messages.Refused(
                kind=kind, message=message, protocol=PROTOCOL_VERSION, version=__version__
            )
        )

    async def _pass_line(self, kernel: str) -> None:
        """Give this connection's socket to the kernel and forget it here."""
        handle = self._agent.kernel(kernel)
        passed: socket.socket = self._writer.get_extra_info("socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to_kernel:
            to_kernel.connect(str(handle.line))
            socket.send_fds(to_kernel, [b"line"], [passed.fileno()])

    def _dispatch(self, message: Any) -> None:
        if isinstance(message, messages.Comm):
            self._spawn(self._comm(message))
            return
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise ProtocolError(f"a client does not send {message.tag!r}")
        if isinstance(message, messages.Ping) and self._watching is None:
            self._watching = self._spawn(self._watch())
        asked = self._agent.clients.asked(self._client, message, _carry_out(handler, self, message))
        self._spawn(self._answer(message, asked))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        # Tasks start in the order they are made, so runs and comms keep theirs.
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watch(self) -> None:
        """Drop the connection when its client, which sends pings, has been silent for too long."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if time.monotonic() - self._stream.heard > SILENT_SECONDS:
                self.drop()

    async def _comm(self, message: messages.Comm) -> None:
        try:
            await self._agent.kernel(message.kernel).comm(message)
        except KernelDiedError:
            # Widgets of an ended kernel keep their last state in the page.
            return

    async def _answer(self, message: Any, asked: asyncio.Task[dict[str, Any]]) -> None:
        answer: messages.Message
        request = message.request
        try:
            # the request is not this connection's: it goes on without it
            result = await asyncio.shield(asked)
        except RemoteGPUError as error:
            answer = messages.Failed(
                request=request,
                kind=type(error).__name__,
                message=error.message,
                hint=error.hint,
            )
        else:
            plain = {name: value for name, value in result.items() if name != BLOBS}
            answer = messages.Done(request=request, result=plain, blobs=result.get(BLOBS, ()))
            if isinstance(message, _ENDS_AS_EVENTS):
                self._stream.send_along(answer)
                return
        await self._send(answer)

    async def _send(self, message: messages.Message) -> None:
        try:
            await self._stream.send(message)
        except (ConnectionError, OSError):
            self._stream.close()

    # -- requests -------------------------------------------------------------------------------

    async def _open_kernel(self, message: messages.OpenKernel) -> dict[str, Any]:
        return await self._agent.open_kernel(message)

    async def _open_workspace(self, message: messages.OpenWorkspace) -> dict[str, Any]:
        return await self._agent.environments.open(message)

    async def _build(self, message: messages.BuildEnvironment) -> dict[str, Any]:
        return await self._agent.environments.build(message, self._teller(message.request))

    async def _remains(self, message: messages.Remains) -> dict[str, Any]:
        self._teller(message.request)(Step("looking at what lies there"))
        return {"items": await asyncio.to_thread(self._agent.later.remains.items)}

    async def _clean(self, message: messages.Clean) -> dict[str, Any]:
        self._teller(message.request)(Step("freeing"))
        return await asyncio.to_thread(self._agent.later.remains.clean, message.items)

    async def _place(self, message: dataset_messages.PlaceDataset) -> dict[str, Any]:
        told, wanted = self._teller(message.request), self._asker(message)
        return await self._agent.later.datasets.place(message, told, wanted, self._client)

    async def _give_links(self, message: dataset_messages.GiveLinks) -> dict[str, Any]:
        self._agent.later.datasets.give(message)
        return {}

    async def _stop_dataset(self, message: dataset_messages.StopDataset) -> dict[str, Any]:
        stopped = await self._agent.later.datasets.stop(message.key, self._client)
        return {"stopped": stopped}

    async def _list_datasets(self, message: dataset_messages.ListDatasets) -> dict[str, Any]:
        return {"datasets": await asyncio.to_thread(self._agent.later.datasets.listed)}

    async def _remove_datasets(self, message: dataset_messages.RemoveDatasets) -> dict[str, Any]:
        return await asyncio.to_thread(self._agent.later.datasets.remove, message.keys)

    def _asker(self, request: dataset_messages.PlaceDataset) -> Wanted:
        """Return what asks the client for links."""

        def wanted(files: list[int], why: str) -> None:
            present = self._agent.clients.present(self._client)
            if present is not None:
                present.tell(
                    dataset_messages.LinksWanted(
                        request=request.request, key=request.key, files=files, why=why
                    )
                )

        return wanted

    def _teller(self, request: int) -> Told:
        """Return what tells the client the steps of a request of its."""

        def told(step: Step) -> None:
            present = self._agent.clients.present(self._client)
            if present is not None:
                present.tell(messages.Told(request=request, **asdict(step)))

        return told

    async def _list_kernels(self, message: messages.ListKernels) -> dict[str, Any]:
        return {"kernels": self._agent.describe_kernels()}

    async def _stop_kernel(self, message: messages.StopKernel) -> dict[str, Any]:
        await self._agent.stop_kernel(message.kernel)
        return {}

    async def _interrupt(self, message: messages.Interrupt) -> dict[str, Any]:
        self._agent.kernel(message.kernel).interrupt()
        return {}

    async def _status(self, message: messages.Status) -> dict[str, Any]:
        return await self._agent.state()

    async def _ping(self, message: messages.Ping) -> dict[str, Any]:
        return {}

    async def _run(self, message: messages.Run) -> dict[str, Any]:
        await self._agent.kernel(message.kernel).run(message)
        self._agent.look_soon(message.kernel)
        return {}

    async def _run_with(self, message: project.RunWith) -> dict[str, Any]:
        self._agent.kernel(message.kernel).require_alive()
        return await self._run(await self._agent.later.projects.run_with(message))

    async def _look_project(self, message: project.LookProject) -> dict[str, Any]:
        return await self._agent.later.projects.look(message)

    async def _find_project(self, message: project.FindProject) -> dict[str, Any]:
        return await self._agent.later.projects.find(message)

    async def _lacking(self, message: project.LackingChunks) -> dict[str, Any]:
        return await self._agent.later.projects.lacking(message)

    async def _put(self, message: project.PutChunks) -> dict[str, Any]:
        return await self._agent.later.projects.put(message)

    async def _give(self, message: project.GiveChunks) -> dict[str, Any]:
        return await self._agent.later.projects.give(message)

    async def _change(self, message: project.ChangeProject) -> dict[str, Any]:
        return await self._agent.later.projects.change(message)

    async def _list_runs(self, message: messages.ListRuns) -> dict[str, Any]:
        runs = self._agent.kernel(message.kernel).runs()
        return {"runs": [record.as_dict() for record in runs]}

    async def _input(self, message: messages.Input) -> dict[str, Any]:
        await self._agent.kernel(message.kernel).input(message)
        return {}

    async def _follow(self, message: messages.Follow) -> dict[str, Any]:
        handle = self._agent.kernel(message.kernel)
        before = self._followed.pop(message.kernel, None)
        if before is not None:
            before.cancel()
        cursor = Cursor(handle.journal, message.after)
        loop = asyncio.get_running_loop()
        self._followed[message.kernel] = loop.create_task(self._send_events(cursor, message.kernel))
        return {}

    async def _send_events(self, cursor: Cursor, kernel: str) -> None:
        """Send the journal as it grows; reads on only when the client has taken it."""
        try:
            while True:
                data = cursor.read()
                if data:
                    if RUN_ENDED in data:
                        await self._tell_files(kernel)
                    await self._stream.send(messages.Events(kernel=kernel, blobs=(data,)))
                else:
                    await self._agent.grown(kernel)
        except (ConnectionError, OSError):
            self._stream.close()
        finally:
            cursor.close()

    async def _tell_files(self, kernel: str) -> None:
        """Say how the files of a kernel's workspace are, before a run's end is told.

        A folder that cannot be looked at keeps no run from ending: it is told without
        a name, and whoever asks for the files then is told why.
        """
        word = project.Wrote(kernel=kernel, root="", depth=0)
        try:
            folder = Path(self._agent.kernel(kernel).description.folder)
            now = await self._agent.later.projects.now(folder)
        except RemoteGPUError as error:
            log.warning("the project's files could not be looked at: %s", error)
        else:
            if now is None:
                return
            word = project.Wrote(kernel=kernel, root=now.name.hex(), depth=now.depth)
        await self._stream.send(word)


_Handler = Callable[[Connection, Any], Awaitable[dict[str, Any]]]


async def _carry_out(handler: _Handler, connection: Connection, message: Any) -> dict[str, Any]:
    return await handler(connection, message)


_HANDLERS: dict[type[messages.Message], _Handler] = {
    messages.OpenKernel: Connection._open_kernel,
    messages.OpenWorkspace: Connection._open_workspace,
    messages.BuildEnvironment: Connection._build,
    messages.Remains: Connection._remains,
    messages.Clean: Connection._clean,
    dataset_messages.PlaceDataset: Connection._place,
    dataset_messages.GiveLinks: Connection._give_links,
    dataset_messages.StopDataset: Connection._stop_dataset,
    dataset_messages.ListDatasets: Connection._list_datasets,
    dataset_messages.RemoveDatasets: Connection._remove_datasets,
    messages.ListKernels: Connection._list_kernels,
    messages.StopKernel: Connection._stop_kernel,
    messages.Interrupt: Connection._interrupt,
    messages.Status: Connection._status,
    messages.Ping: Connection._ping,
    messages.Run: Connection._run,
    messages.ListRuns: Connection._list_runs,
    messages.Input: Connection._input,
    messages.Follow: Connection._follow,
    project.RunWith: Connection._run_with,
    project.LookProject: Connection._look_project,
    project.FindProject: Connection._find_project,
    project.LackingChunks: Connection._lacking,
    project.PutChunks: Connection._put,
    project.GiveChunks: Connection._give,
    project.ChangeProject: Connection._change,
}
