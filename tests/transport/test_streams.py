"""Messages on an asyncio stream: what goes along with others."""

from __future__ import annotations

import asyncio
import socket

import pytest

from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.messages import Done, Message
from jupyter_remote_gpu.transport.streams import ALONG_SECONDS, FrameStream


async def joined() -> tuple[FrameStream, FrameStream]:
    one, other = socket.socketpair()
    return (
        FrameStream(*await asyncio.open_connection(sock=one)),
        FrameStream(*await asyncio.open_connection(sock=other)),
    )


async def taken(stream: FrameStream, count: int) -> list[Message]:
    return [await asyncio.wait_for(stream.receive(), 10) for _ in range(count)]


def test_what_goes_along_comes_before_what_it_goes_with() -> None:
    async def check() -> None:
        here, there = await joined()
        here.send_along(Done(request=1, result={}))
        here.send_along(Done(request=2, result={}))
        await here.send(messages.Ping(request=3))
        expected = [Done(request=1, result={}), Done(request=2, result={})]
        assert await taken(there, 3) == [*expected, messages.Ping(request=3)]
        here.close()
        there.close()

    asyncio.run(check())


def test_what_nothing_follows_goes_by_itself() -> None:
    async def check() -> None:
        here, there = await joined()
        here.send_along(Done(request=1, result={}))
        assert await taken(there, 1) == [Done(request=1, result={})]
        here.close()
        there.close()

    asyncio.run(check())


def test_what_a_lost_connection_was_to_take_along_touches_no_other() -> None:
    async def check() -> None:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
        here, there = await joined()
        there.close()
        with pytest.raises(EOFError):
            await asyncio.wait_for(here.receive(), 10)
        here.send_along(Done(request=1, result={}))
        here.close()
        await asyncio.sleep(0)  # the socket is closed one turn later
        here.send_along(Done(request=2, result={}))
        await asyncio.sleep(ALONG_SECONDS)  # its timer was set first, and has run then
        with pytest.raises(ConnectionError):
            await here.send(messages.Ping(request=3))
        assert complaints == []

    asyncio.run(check())
