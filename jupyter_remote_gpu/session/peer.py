"""The line that values take: `state`'s peer over a socket straight to the kernel."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jupyter_remote_gpu.errors import ConnectionLostError, ProtocolError, RemoteGPUError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.state import Answers, Ask, Lacking, Offer, Report
from jupyter_remote_gpu.state.landing import Landing
from jupyter_remote_gpu.transport.base import Transport

from .breadth import Breadth
from .bulk import Bulk, Feed, Lines, OpenLine, SocketStream, Tally
from .client import agent_error
from .greeting import hello, refusal
from .pace import Direction

SILENCE_SECONDS = 120.0
"""Longest wait for the kernel's next bytes; encoding a large value comes before them."""
MANY_CHUNKS = 8
"""Fewer are over before anything could be measured."""


log = logging.getLogger(__name__)


class LinePeer:
    """Implements `state.peer.Peer`; connects when first used, again when it broke.

    Used by one thread at a time. An interrupted exchange closes the line, so
    the next one starts clean. Where the transport allows it, many chunks go over
    several lines (`bulk`); `breadth` decides over how many, each way on its own.
    """

    def __init__(self, transport: Transport, client: str, kernel: str) -> None:
        self._transport = transport
        self._client = client
        self._kernel = kernel
        self._socket: socket.socket | None = None
        self._line: Line | None = None
        self._lines = Lines(self._open)
        self.breadth: dict[Direction, Breadth] = {
            "out": Breadth(transport.most_lines),
            "in": Breadth(transport.most_lines),
        }
        self._rtt = self._opening = 0.0
        self._stale = False
        self._ahead: Future[OpenLine] | None = None

    def open_ahead(self) -> None:
        """Begin to connect, in a thread, so that the first exchange need not wait for it.

        What goes wrong here is met again by that exchange, which tells it.
        """
        if self._ahead is not None or self._line is not None:
            return
        ahead = self._ahead = Future[OpenLine]()

        def connect() -> None:
            try:
                ahead.set_result(self._open_first())
            except Exception as error:  # for whoever takes the result
                ahead.set_exception(error)

        threading.Thread(target=connect, name="line-ahead", daemon=True).start()

    def offer(self, offer: Offer) -> Lacking:
        """Say what is about to be sent; return what the kernel lacks of it."""
        return self._lacking("offer", *offer.pack())

    def supply(self, chunks: Collection[tuple[bytes, memoryview]]) -> Lacking:
        """Send chunks; return what is still missing or came damaged.

        Many go over several lines where that is faster, in any order.
        """
        if self._transport.most_lines > 1 and len(chunks) >= MANY_CHUNKS:
            return self._supply_paced(chunks)

        def send(line: Line) -> None:
            line.send_chunks(chunks)

        return self._lacking("supply", {"count": len(chunks)}, [], during=send)

    def ask(self, ask: Ask) -> Answers:
        """Ask for the newest values of names."""
        answer = self._exchange("ask", *ask.pack())
        return Answers.unpack(answer.body, [memoryview(b) for b in answer.blobs])

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        """Receive chunks into the memory where they belong, many over several lines."""
        if self._transport.most_lines > 1 and len(names) >= MANY_CHUNKS:
            self._pull_paced(names, landing)
            return

        def receive(line: Line, answer: messages.State) -> None:
            line.receive_chunks(answer.body["count"], landing.destination, landing.received)

        self._exchange("pull", {}, [b"".join(names)], after=receive)

    def census(self) -> Report:
        """Ask for all names the kernel has; for attaching to one that was left."""
        answer = self._exchange("census", {}, [])
        return Report.unpack(answer.body, [memoryview(b) for b in answer.blobs])

    def release(self, tokens: Sequence[str]) -> None:
        """Tell the kernel which versions arrived; it keeps the others no longer."""
        self._exchange("release", {"tokens": list(tokens)}, [])

    def renew(self) -> None:
        """Let the next exchange connect anew: the way was interrupted. Any thread, at once.

        A line that died with it would say nothing for long; one that moves
        something is left alone, and what moves on it ends or does not.
        """
        self._stale = True

    def close(self) -> None:
        """Hang up on all lines."""
        self._hang_up_first()
        self._lines.close()

    def _hang_up_first(self) -> None:
        if self._ahead is not None:
            self._ahead.add_done_callback(_close_opened)
            self._ahead = None
        if self._socket is not None:
            self._socket.close()
        self._socket = self._line = None

    def _lacking(
        self,
        verb: str,
        body: dict[str, Any],
        blobs: Sequence[Buffer],
        during: Callable[[Line], None] = lambda line: None,
    ) -> Lacking:
        answer = self._exchange(verb, body, blobs, during=during)
        return Lacking.unpack(answer.body, [memoryview(b) for b in answer.blobs])

    def _exchange(
        self,
        verb: str,
        body: dict[str, Any],
        blobs: Sequence[Buffer],
        *,
        during: Callable[[Line], None] = lambda line: None,
        after: Callable[[Line, messages.State], None] = lambda line, answer: None,
    ) -> messages.State:
        """Send one request and return its answer; any failure in between closes the line."""
        whole = False
        try:
            line = self._connected()
            _ask_on(line, verb, body, blobs)
            during(line)
            try:
                answer = _answer_on(line, verb)
            except RemoteGPUError as error:
                whole = not isinstance(error, ProtocolError)
                raise
            after(line, answer)
            whole = True
            return answer
        except (EOFError, OSError) as error:
            raise ConnectionLostError(
                f"the line to the remote Python broke while values were moving ({verb}): {error}",
                hint="Nothing was changed; run the cell again.",
            ) from error
        finally:
            if not whole:
                self._hang_up_first()

    def _supply_paced(self, chunks: Collection[tuple[bytes, memoryview]]) -> Lacking:
        """Send chunks over as many lines as are worth it; this thread hands them out."""
        feed, gone = Feed(), Tally()

        def share() -> Iterator[tuple[bytes, Buffer]]:
            for name, chunk in feed.share():
                yield name, chunk
                gone.add(len(chunk))

        def carry(line: Line) -> None:
            feed.joined(1)
            try:
                _ask_on(line, "carry", {}, [])
                line.send_paced(share())
                _answer_on(line, "carry")
            finally:
                feed.joined(-1)

        def first(line: Line) -> None:
            def all_of_it() -> Iterator[tuple[bytes, Buffer]]:
                yield from share()
                bulk.wait()  # its end mark makes the kernel say what is missing

            line.send_paced(all_of_it())

        with self._moving("out", carry, gone) as (bulk, pool):
            answer = pool.submit(self._lacking, "supply", {"paced": True}, [], first)
            answer.add_done_callback(lambda _: feed.joined(-1))
            try:
                handed = 0
                for number, (name, chunk) in enumerate(chunks):
                    if not feed.put((name, chunk)):
                        break
                    handed += len(chunk)
                    bulk.grow((len(chunks) - number) * handed / (number + 1))
            finally:
                feed.end()
            bulk.wait()
            try:
                return answer.result()
            except ConnectionLostError as error:
                log.info("a move goes on over another connection: %s", error)
        return self._lacking("supply", {"count": 0}, [])

    def _pull_paced(self, names: Sequence[bytes], landing: Landing) -> None:
        """Receive chunks over as many lines as are worth it; this thread takes note of them."""
        total = sum(len(landing.place(name)) for name in names)
        landed: queue.SimpleQueue[int] = queue.SimpleQueue()
        gone, move = Tally(), {"move": secrets.token_hex(8)}

        def place(name: bytes) -> memoryview:
            try:
                return landing.place(name)
            except KeyError:
                raise ProtocolError("a chunk came that was not asked for") from None

        def arrived(name: bytes) -> None:
            length = len(landing.place(name))
            landing.received(name)
            gone.add(length)
            landed.put(length)

        def draw(line: Line) -> None:
            _ask_on(line, "draw", move, [])
            _answer_on(line, "draw")
            line.receive_paced(place, arrived)

        begun = threading.Event()

        def first(line: Line, answer: messages.State) -> None:
            begun.set()
            line.receive_paced(place, arrived)
            bulk.wait()

        with self._moving("in", draw, gone) as (bulk, pool):
            blob = b"".join(names)
            answer = pool.submit(self._exchange, "draw", move, [blob], after=first)
            answer.add_done_callback(lambda _: landed.put(0))
            while not (answer.done() and landed.empty()):
                landing.coming(landed.get())
                if begun.is_set():
                    bulk.grow(total - gone.count())
            bulk.wait()
            try:
                answer.result()
            except ConnectionLostError as error:
                log.info("what is missing is asked for over another connection: %s", error)

    @contextlib.contextmanager
    def _moving(
        self, way: Direction, work: Callable[[Line], None], gone: Tally
    ) -> Iterator[tuple[Bulk, ThreadPoolExecutor]]:
        """One paced move: the first line in a thread of `pool`, others when they are worth it.

        Whatever ends the block early ends the move: all its lines are closed.
        """
        self._connected()
        bulk = Bulk(self._lines, self.breadth[way], work, gone.count, self._rtt, self._opening)
        with ThreadPoolExecutor(1, "bulk-first") as pool:
            try:
                yield bulk, pool
                bulk.end(broken=False)
            except BaseException:
                self._hang_up()
                bulk.end(broken=True)
                raise

    def _hang_up(self) -> None:
        """Let whoever waits on the first line know at once that it is over."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it broke by itself
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> Line:
        if self._stale:
            self._stale = False
            self.close()
        if self._line is None:
            opened = self._opened_ahead() or self._open_first()
            self._rtt = opened.rtt
            self._socket, self._line = opened.socket, opened.line
        return self._line

    def _opened_ahead(self) -> OpenLine | None:
        """Return the connection that was begun ahead once it stands; None if there is none."""
        if self._ahead is None:
            return None
        try:
            opened = self._ahead.result()
        except (RemoteGPUError, EOFError, OSError) as error:
            log.debug("the line is opened again, as that failed ahead: %s", error)
            opened = None
        self._ahead = None
        return opened

    def _open_first(self) -> OpenLine:
        """Make the connection that is always there, and measure how long that takes."""
        began = time.monotonic()
        opened = self._open()
        self._opening = time.monotonic() - began
        return opened

    def _open(self) -> OpenLine:
        """Make one more connection to the kernel's state line. Blocks; any thread."""
        opened = self._transport.connect()
        try:
            line = Line(SocketStream(opened, SILENCE_SECONDS))
            began = time.monotonic()
            answer = line.greet(hello(self._transport, self._client, self._kernel))
            if isinstance(answer, messages.Refused):
                raise refusal(answer)
        except BaseException:
            opened.close()
            raise
        return OpenLine(opened, line, time.monotonic() - began)


def _close_opened(ahead: Future[OpenLine]) -> None:
    """Close a connection that stands now and that nobody wants any more."""
    if ahead.exception() is None:
        ahead.result().socket.close()


def _ask_on(line: Line, verb: str, body: dict[str, Any], blobs: Sequence[Buffer]) -> None:
    line.send(messages.State(request=0, verb=verb, body=body, blobs=tuple(blobs)))


def _answer_on(line: Line, verb: str) -> messages.State:
    """Return the kernel's answer; raises what it failed with."""
    answer = line.receive()
    if isinstance(answer, messages.Failed):
        raise agent_error(answer)
    if not isinstance(answer, messages.State) or answer.verb != verb:
        raise ProtocolError("the kernel answered something else than was asked")
    return answer
