"""A connection of its own for files that come while cells run: no cell waits behind them."""

from __future__ import annotations

import contextlib
import itertools
import logging
import secrets
import socket
import threading
from concurrent.futures import Future
from typing import Any

from jupyter_remote_gpu.errors import ConnectionLostError, ProtocolError
from jupyter_remote_gpu.protocol import messages, results
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.transport.base import Transport

from .client import agent_error
from .greeting import hello, refusal

log = logging.getLogger(__name__)
SILENCE_SECONDS = 60.0
"""An agent that says nothing for so long while it is asked is not reached any more."""


class OwnLine:
    """Asks an agent over one connection, made when it is first needed. Any thread may ask.

    A connection that breaks fails what was asked; the next question makes another one.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._client = f"files-{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: tuple[socket.socket, Line] | None = None
        self._waiting: dict[int, Future[messages.Done]] = {}

    def ask(
        self,
        kind: type[messages.Message],
        *,
        timeout: float | None = None,
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask and return the answer (`session.place.Ask`); blocks.

        Raises what connecting raises, ConnectionLostError, and what the agent failed with.
        """
        answer: Future[messages.Done] = Future()
        with self._lock:
            opened = self._open = self._open or self._connect()
            number = next(self._numbers)
            self._waiting[number] = answer
            try:
                opened[1].send(kind(**{"request": number, **fields}))
            except OSError as error:
                self._broke(opened[0], error)
        done = answer.result(timeout)
        result = results.checked(kind.tag, done.result)
        return {**result, "blobs": done.blobs} if done.blobs else result

    def close(self) -> None:
        """Hang up; what is being asked fails."""
        with self._lock:
            if self._open is not None:
                with contextlib.suppress(OSError):  # it broke by itself
                    self._open[0].shutdown(socket.SHUT_RDWR)

    def _connect(self) -> tuple[socket.socket, Line]:
        opened = self._transport.connect()
        opened.settimeout(SILENCE_SECONDS)
        line = Line(opened)
        try:
            answer = line.greet(hello(self._transport, self._client))
        except (EOFError, OSError) as error:
            opened.close()
            raise ConnectionLostError("the agent hung up during the greeting") from error
        if isinstance(answer, messages.Refused):
            opened.close()
            raise refusal(answer)
        threading.Thread(
            target=self._receive, args=(opened, line), name="files-line", daemon=True
        ).start()
        return opened, line

    def _receive(self, opened: socket.socket, line: Line) -> None:
        """Hand answers to who waits for them, until the connection ends."""
        while True:
            try:
                self._take(line.receive())
            except TimeoutError as error:  # noqa: PERF203  (one answer a turn)
                if self._waiting:
                    self._end(opened, error)
                    return
            except (EOFError, OSError, ProtocolError) as error:
                self._end(opened, error)
                return

    def _take(self, message: messages.Message) -> None:
        if isinstance(message, (messages.Done, messages.Failed)):
            answer = self._waiting.pop(message.request, None)
            if answer is None:
                return
            if isinstance(message, messages.Done):
                answer.set_result(message)
            else:
                answer.set_exception(agent_error(message))
        elif not isinstance(message, messages.Told):
            raise ProtocolError(f"an agent does not send {message.tag!r} here")

    def _end(self, opened: socket.socket, error: Exception) -> None:
        with self._lock:
            self._broke(opened, error)

    def _broke(self, opened: socket.socket, error: Exception) -> None:
        """Let go of a connection and fail what was asked over it; called with the lock held."""
        log.info("the connection for files ended: %s", error)
        opened.close()
        if self._open is None or self._open[0] is not opened:
            return
        self._open = None
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.set_exception(ConnectionLostError(f"the connection for files broke: {error}"))
