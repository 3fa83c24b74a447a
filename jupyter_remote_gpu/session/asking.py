"""A question to a machine without a session: connect, ask, leave."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.transport.base import Transport

from .client import AgentClient

LONGEST_ANSWER_BYTES = 16 << 20
LONGEST_FACT = 200


async def ask(
    transport: Transport, kind: type[messages.Message], told: Told | None = None, **fields: Any
) -> dict[str, Any]:
    """Return a machine's answer to one request; called in an event loop.

    Raises what connecting raises and what the agent failed with. Cancelled, it
    leaves nothing open.
    """
    async with asking(transport) as client:
        return await client.request(kind, told=told, **fields)


@contextlib.asynccontextmanager
async def asking(transport: Transport) -> AsyncIterator[AgentClient]:
    """Give a client for several questions over one connection, which is then hung up."""
    client = _client(transport)
    try:
        yield client
    finally:
        client.close()


async def look(transport: Transport) -> dict[str, Any]:
    """Return a machine's answer to `Status`, in `machine` the facts it greets with, and in
    `clock_ahead` by how many seconds its clock is ahead of ours.
    """
    async with asking(transport) as client:
        facts = await client.machine()
        status = await client.request(messages.Status)
        texts = {k: plain(v, LONGEST_FACT) for k, v in facts.items() if isinstance(v, str)}
        return {**status, "machine": texts, "clock_ahead": client.clock_ahead}


def _client(transport: Transport) -> AgentClient:
    return AgentClient(
        transport,
        f"look-{secrets.token_hex(4)}",
        # what goes wrong is what the request raises; nobody else waits
        lambda what: None,
        longest=LONGEST_ANSWER_BYTES,
    )
