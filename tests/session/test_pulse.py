"""When silence becomes doubtful, and how clocks tell of a sleep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session import pulse
from jupyter_remote_gpu.session.greeting import Opened
from jupyter_remote_gpu.session.pulse import Clocks, Patience, until_doubtful
from jupyter_remote_gpu.transport.streams import FrameStream

SOON_SECONDS = 10.0


class Now:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Pair:
    """A connection and its other end; `pings` counts what came there, `answer` replies to it."""

    def __init__(self, opened: Opened, far: FrameStream) -> None:
        self.opened = opened
        self.far = far
        self.pings = 0
        self.answers = True
        self._came = asyncio.Condition()

    async def serve(self) -> None:
        while isinstance(await self.far.receive(), messages.Ping):
            async with self._came:
                self.pings += 1
                self._came.notify_all()
            if self.answers:
                await self.far.send(messages.Done(request=0, result={}))

    async def pinged(self, times: int) -> None:
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: self.pings >= times), SOON_SECONDS)

    async def read(self) -> None:
        while True:
            await self.opened.stream.receive()


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(pulse, "PULSE_SECONDS", 0.05)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(pulse, "WOKEN_SECONDS", 0.1)
    monkeypatch.setattr(pulse, "TICK_SECONDS", 0.01)
    accepted: asyncio.Future[FrameStream] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(FrameStream(reader, writer))

    server = await asyncio.start_unix_server(accept, str(tmp_path / "s"))
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    opened = Opened(FrameStream(reader, writer), writer, time.monotonic())
    found = Pair(opened, await accepted)
    tasks = [asyncio.create_task(found.serve()), asyncio.create_task(found.read())]
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    opened.stream.close()
    found.far.close()
    server.close()
    await asyncio.sleep(0)


def doubt(
    pair: Pair, *, wanted: bool = True, held: bool = False, clocks: Clocks | None = None
) -> asyncio.Task[None]:
    return asyncio.create_task(
        until_doubtful(pair.opened, Patience(), lambda: wanted, lambda: held, clocks or Clocks())
    )


async def test_a_connection_that_answers_is_never_doubted(pair: Pair) -> None:
    watching = doubt(pair)
    await pair.pinged(10)
    assert not watching.done()
    watching.cancel()


async def test_one_that_is_silent_is_doubted(pair: Pair) -> None:
    pair.answers = False
    await asyncio.wait_for(doubt(pair), SOON_SECONDS)
    assert pair.pings >= 1


async def test_nobody_is_bothered_for_a_connection_that_nobody_needs(pair: Pair) -> None:
    pair.answers = False
    watching = doubt(pair, wanted=False)
    await asyncio.sleep(0.4)
    assert not watching.done() and pair.pings == 0
    watching.cancel()


async def test_silence_that_is_our_own_doing_is_no_doubt(pair: Pair) -> None:
    """Nothing is heard while nothing is read, because a cell is slow to show its output."""
    pair.answers = False
    watching = doubt(pair, held=True)
    await pair.pinged(10)
    assert not watching.done()
    watching.cancel()


async def test_after_a_sleep_there_is_less_patience(pair: Pair) -> None:
    pair.answers = False
    wall = Now()
    clocks = Clocks(wall=wall)
    watching = doubt(pair, clocks=clocks)
    wall.now += 3600
    await asyncio.wait_for(watching, SOON_SECONDS)


def test_clocks_see_a_stopped_process_a_sleeping_computer_and_nothing_else() -> None:
    monotonic, wall = Now(), Now()
    clocks = Clocks(monotonic, wall)
    assert not clocks.jumped()
    monotonic.now = wall.now = pulse.TICK_SECONDS
    assert not clocks.jumped()
    wall.now += 600
    assert clocks.jumped()
    assert not clocks.jumped()
    monotonic.now += 600
    assert clocks.jumped()


def test_patience_grows_while_it_was_too_short() -> None:
    patience = Patience()
    first = patience.seconds(woken=False)
    for _ in range(3):
        patience.replaced()
    assert patience.seconds(woken=False) == 8 * first
    for _ in range(20):
        patience.replaced()
    assert patience.seconds(woken=False) == pulse.LONGEST_ANSWER_SECONDS
    patience.answered()
    assert patience.seconds(woken=False) == first
