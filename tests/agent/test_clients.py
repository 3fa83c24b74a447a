"""One connection a client, each request carried out once, silent clients dropped."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent import connection
from jupyter_remote_gpu.agent.app import Agent
from jupyter_remote_gpu.agent.home import open_home
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.greeting import Opened, open_greeted
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.local import LocalTransport

LONGEST = 1 << 20
SOON_SECONDS = 20.0


class To(Transport):
    """The way to an agent whose socket is known."""

    def __init__(self, path: Path) -> None:
        self.token = "token"
        self._path = path

    def connect(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.connect(str(self._path))
        return opened

    def replace(self) -> None:
        raise AssertionError("an agent of this version refused us")


Greet = Callable[[Transport, str], Awaitable[Opened]]


@pytest.fixture
async def greet() -> AsyncIterator[Greet]:
    """Makes connections, and hangs up what is left of them."""
    made: list[Opened] = []

    async def connect(way: Transport, client: str) -> Opened:
        made.append(await open_greeted(way, client, LONGEST))
        return made[-1]

    yield connect
    for opened in made:
        opened.hang_up()
    await asyncio.sleep(0)


@pytest.fixture
async def way(home: Path) -> AsyncIterator[Transport]:
    """The way to an agent that runs in this process."""
    where = open_home(home)
    ready = asyncio.Event()
    agent = Agent(where, "token")
    serving = asyncio.create_task(agent.serve(ready.set))
    await ready.wait()
    yield To(where.socket)
    agent.end()
    await serving
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), SOON_SECONDS)


async def ended(opened: Opened) -> bool:
    """Wait for the end of a connection."""
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            await asyncio.wait_for(opened.stream.receive(), SOON_SECONDS)
    return True


async def answer(opened: Opened, request: messages.Message) -> messages.Message:
    """Send a request and return the first thing that comes."""
    await opened.stream.send(request)
    return await asyncio.wait_for(opened.stream.receive(), SOON_SECONDS)


async def test_a_new_connection_of_a_client_drops_the_old_one(way: Transport, greet: Greet) -> None:
    first = await greet(way, "one")
    other = await greet(way, "another")
    second = await greet(way, "one")
    assert await ended(first)
    for opened in (other, second):
        assert isinstance(await answer(opened, messages.Ping(request=1)), messages.Done)
    assert first.agent == second.agent != ""


async def test_a_client_that_stopped_sending_pings_is_dropped(
    way: Transport, greet: Greet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.05)
    never = await greet(way, "never sent one")
    pinging = await greet(way, "sent one")
    await answer(pinging, messages.Ping(request=1))
    assert await ended(pinging)
    assert isinstance(await answer(never, messages.Ping(request=1)), messages.Done)


async def test_a_request_that_is_repeated_is_carried_out_once(greet: Greet, home: Path) -> None:
    """Also when the first connection broke before the answer came."""
    way = LocalTransport(home, token="token")
    first = await greet(way, "one")
    request = messages.OpenKernel(
        request=7, notebook="n", folder=str(home), python=sys.executable, environ={}
    )
    await first.stream.send(request)
    second = await greet(way, "one")
    assert await ended(first)
    opened = await answer(second, request)
    again = await answer(second, request)
    assert isinstance(opened, messages.Done) and opened == again
    listed = await answer(second, messages.ListKernels(request=8))
    assert isinstance(listed, messages.Done)
    assert [k["kernel"] for k in listed.result["kernels"]] == [opened.result["kernel"]]
    # another client's request of that number is another request
    other = await greet(way, "another")
    both = await answer(other, request)
    assert isinstance(both, messages.Done)
    assert both.result["kernel"] != opened.result["kernel"]
