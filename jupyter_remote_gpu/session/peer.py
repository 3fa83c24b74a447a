"""The line that values take: `state`'s peer over a socket straight to the kernel."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jupyter_remote_gpu.errors import ConnectionLostError, ProtocolError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.state import Answers, Ask, Lacking, Offer, Report
from jupyter_remote_gpu.state.landing import Landing
from jupyter_remote_gpu.transport.base import Transport

from .client import agent_error, hello, refusal

SILENCE_SECONDS = 120.0
"""Longest wait for the kernel's next bytes; encoding a large value comes before them."""


class LinePeer:
    """Implements `state.peer.Peer`; connects when first used, again when it broke.

    Used by one thread at a time. An interrupted exchange closes the line, so
    the next one starts clean.
    """

    def __init__(self, transport: Transport, client: str, kernel: str) -> None:
        self._transport = transport
        self._client = client
        self._kernel = kernel
        self._socket: socket.socket | None = None
        self._line: Line | None = None

    def offer(self, offer: Offer) -> Lacking:
        """Say what is about to be sent; return what the kernel lacks of it."""
        return self._lacking("offer", *offer.pack())

    def supply(self, chunks: Collection[tuple[bytes, memoryview]]) -> Lacking:
        """Send chunks one after the other; return what is still missing or came damaged."""

        def send(line: Line) -> None:
            line.send_chunks(chunks)

        return self._lacking("supply", {"count": len(chunks)}, [], during=send)

    def ask(self, ask: Ask) -> Answers:
        """Ask for the newest values of names."""
        answer = self._exchange("ask", *ask.pack())
        return Answers.unpack(answer.body, [memoryview(b) for b in answer.blobs])

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        """Receive chunks into the memory where they belong."""

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

    def close(self) -> None:
        """Hang up."""
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
        request = messages.State(request=0, verb=verb, body=body, blobs=tuple(blobs))
        whole = False
        try:
            line = self._connected()
            line.send(request)
            during(line)
            answer = line.receive()
            if isinstance(answer, messages.Failed):
                whole = True
                raise agent_error(answer)
            if not isinstance(answer, messages.State) or answer.verb != verb:
                raise ProtocolError("the kernel answered something else than was asked")
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
                self.close()

    def _connected(self) -> Line:
        if self._line is None:
            opened = self._transport.connect()
            opened.settimeout(SILENCE_SECONDS)
            line = Line(opened)
            answer = line.greet(hello(self._transport, self._client, self._kernel))
            if isinstance(answer, messages.Refused):
                opened.close()
                raise refusal(answer)
            self._socket, self._line = opened, line
        return self._line
