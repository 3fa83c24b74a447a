"""An agent and one client of it that places datasets, whose links a test signs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.datasets.reference import Digest, Kind, Reference
from jupyter_remote_gpu.datasets.source import Link, RemoteFile, Resolved, Source
from jupyter_remote_gpu.protocol import dataset_messages, messages
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.session.datasets import Placed, Placement, Where
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.agent.datasets.serving import Server, md5

ANSWER_SECONDS = 60.0


class Signing(Source):
    """A source that knows one dataset, whose files a server has; counts what it is asked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked: list[list[str]] = []
        self.fails: Exception | None = None
        self.sign: Callable[[str], Link] = lambda path: Link(f"{server.root}/{path}")

    def resolve(self, reference: Reference) -> Resolved:
        raise AssertionError("it was resolved already")

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Sign links to files."""
        self.asked.append([file.path for file in files])
        if self.fails is not None:
            raise self.fails
        return [self.sign(file.path) for file in files]

    def resolved(self, *paths: str, version: str = "1", unpack: bool = False) -> Resolved:
        """Return a dataset of some of the server's files."""
        files = []
        for path in paths:
            data = self.server.files[path].data
            digests = tuple(Digest(kind, value) for kind, value in md5(data).items())
            files.append(RemoteFile(path, len(data), digests, unpack))
        return Resolved(Reference(Kind.KAGGLE, "o/d"), version, tuple(files))


class Asking:
    """One agent below `base`, ended by `close`, and one client."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.steps: list[Step] = []
        self.on_step: Callable[[Step], None] = lambda step: None
        self._loop = LoopThread()
        self.transport = LocalTransport(self.home)
        self.clients: list[AgentClient] = []
        self.client = self.join()

    def join(self) -> AgentClient:
        """Return another client."""
        name = f"asking-{id(self)}-{len(self.clients)}"
        client = AgentClient(self.transport, name, lambda what: None)
        self.clients.append(client)
        return client

    def place(
        self, source: Source, resolved: Resolved, client: AgentClient | None = None, **where: str
    ) -> Placed:
        """Place a dataset, and wait."""
        return self.start(source, resolved, client, **where).result(ANSWER_SECONDS)

    def start(
        self, source: Source, resolved: Resolved, client: AgentClient | None = None, **where: str
    ) -> Future[Placed]:
        """Place a dataset without waiting."""
        asked = resolved.reference.text
        placement = Placement(client or self.client, resolved, source, Where(**where), asked=asked)
        return self._loop.start(placement.run(self._told))

    def ask(self, kind: type[messages.Message], **fields: Any) -> dict[str, Any]:
        """Ask the agent something."""
        return self._loop.start(self.client.request(kind, **fields)).result(ANSWER_SECONDS)

    def listed(self) -> list[dict[str, Any]]:
        """Return what lies there."""
        found: list[dict[str, Any]] = self.ask(dataset_messages.ListDatasets)["datasets"]
        return found

    def pause(self) -> None:
        """Let the client's loop turn once."""
        self._loop.start(asyncio.sleep(0)).result(ANSWER_SECONDS)

    def close(self) -> None:
        """End clients and agent."""
        for client in self.clients:
            self._loop.loop.call_soon_threadsafe(client.close)
        self._loop.close()
        end_machine(self.home)

    def _told(self, step: Step) -> None:
        self.steps.append(step)
        self.on_step(step)
