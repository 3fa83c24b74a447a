"""The agent's clients: each has one connection at a time, and its requests are carried out once.

A client that lost its connection comes back with another, perhaps long before
the system notices that the first is dead, and repeats what was not answered.
What changes something is therefore remembered by client and number: a
repetition gets the answer of the first, also if that is still under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.protocol import dataset_messages, messages, project

if TYPE_CHECKING:
    from .connection import Connection

MOST_KEPT = 1000
"""Answers; they are small, and a client repeats only its latest requests."""
HARMLESS = (
    dataset_messages.ListDatasets,
    messages.Follow,
    messages.ListKernels,
    messages.ListRuns,
    messages.Ping,
    messages.Remains,
    messages.Status,
    project.LookProject,
    project.FindProject,
    project.LackingChunks,
    project.GiveChunks,
)
"""These only look, or belong to their connection: they are carried out anew each time."""

Result = dict[str, Any]
BLOBS = "blobs"
"""Under this name a handler's result has the blobs of its answer."""


class Clients:
    """Who is connected, and what they asked for; lives in the agent's loop."""

    def __init__(self) -> None:
        self._present: dict[str, Connection] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[Result]] = {}

    def join(self, client: str, connection: Connection) -> None:
        """Let a connection be its client's one; an older one is dropped."""
        before = self._present.get(client)
        self._present[client] = connection
        if before is not None:
            before.drop()

    def leave(self, client: str, connection: Connection) -> None:
        """Note that a connection has ended."""
        if self._present.get(client) is connection:
            del self._present[client]

    def present(self, client: str) -> Connection | None:
        """Return a client's connection; None while it has none."""
        return self._present.get(client)

    def asked(
        self, client: str, message: Any, work: Coroutine[Any, Any, Result]
    ) -> asyncio.Task[Result]:
        """Return the request that carries out a message: the one under way or answered, or `work`.

        It goes on when its client's connection ends, and then waits to be asked for again.
        """
        key = (client, int(message.request))
        found = self._asked.get(key)
        if found is not None:
            work.close()
            return found
        task = asyncio.get_running_loop().create_task(work)
        if not isinstance(message, HARMLESS):
            self._asked[key] = task
            task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[Result]) -> None:
        if not task.cancelled():
            # whoever waits is told; one who has left for good misses nothing
            task.exception()
        if len(self._asked) > MOST_KEPT:
            oldest = next((key for key, kept in self._asked.items() if kept.done()), None)
            if oldest is not None:
                del self._asked[oldest]
