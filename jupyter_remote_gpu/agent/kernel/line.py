"""The state line: values between the notebook's side and this kernel, directly.

The agent accepts a connection, checks its token, and passes the open socket
on to this kernel, so gigabytes go from the byte stream into the value's own
memory without another process between.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
from pathlib import Path

from jupyter_remote_gpu.errors import ProtocolError, RemoteGPUError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.state.background import OWN_THREADS

from .remote_state import RemoteState

MAX_PASSED_BYTES = 64


class WholeReceives:
    """A blocking socket as `Line` wants it, which fills a buffer with one call.

    What comes through SSH comes in pieces of some kilobytes, and a call for each
    would cost more than copying them.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def readable(self, seconds: float) -> bool:
        """Wait at most so long until something can be received."""
        return bool(self._poll.poll(1000 * seconds))

    def sendall(self, data: Buffer, /) -> None:
        """Send all of `data`."""
        self._socket.sendall(data)

    def recv_into(self, buffer: memoryview, /) -> int:
        """Fill `buffer`; less only at the end of the stream."""
        return self._socket.recv_into(buffer, 0, socket.MSG_WAITALL)

    def receive_some(self, buffer: memoryview, /) -> int:
        """Receive what is there, at least a byte."""
        return self._socket.recv_into(buffer)


class LineServer:
    """Receives connections from the agent and serves each in a thread.

    `path` is a Unix socket that only this user can open.
    """

    def __init__(self, path: Path, state: RemoteState, log: logging.Logger) -> None:
        self._state = state
        self._log = log
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        os.chmod(path, 0o600)
        self._listener.listen()
        threading.Thread(target=self._accept, name="line-accept", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            with agent:
                _, fds, _, _ = socket.recv_fds(agent, MAX_PASSED_BYTES, 1)
                for fd in fds:
                    line = socket.socket(fileno=fd)
                    line.setblocking(True)
                    threading.Thread(
                        target=self._serve, args=(line,), name=f"{OWN_THREADS}line", daemon=True
                    ).start()

    def _serve(self, sock: socket.socket) -> None:
        line = Line(WholeReceives(sock))
        with sock:
            while True:
                try:
                    message = line.receive()
                except (OSError, EOFError):
                    return
                except ProtocolError as error:
                    self._log.warning("state line closed: %s", error)
                    return
                if not isinstance(message, messages.State):
                    self._log.warning("state line closed: %s out of place", message.tag)
                    return
                try:
                    self._answer(line, message)
                except (OSError, EOFError):
                    return
                except ProtocolError as error:
                    self._log.warning("state line closed: %s", error)
                    return

    def _answer(self, line: Line, message: messages.State) -> None:
        try:
            answer = self._state.serve(message, line)
        except RemoteGPUError as error:
            failed = messages.Failed(
                request=message.request,
                kind=type(error).__name__,
                message=error.message,
                hint=error.hint,
            )
            line.send(failed)
            return
        line.send(answer.message)
        if answer.paced:
            line.send_paced(answer.chunks)
        else:
            line.send_chunks(answer.chunks)
