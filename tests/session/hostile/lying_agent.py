"""An agent that speaks our wire protocol, written by hand, and lies.

The text of a cell, a string literal, names the lie (`LIES`). Run as a program
it stands in the agent's place before a real notebook (`wrapper`); its class
serves sessions in the same process too.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from jupyter_remote_gpu.protocol import frames, messages
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.transport.base import Transport
from tests.session.hostile.lies import LIES

KERNEL: dict[str, Any] = {
    "kernel": "k1",
    "notebook": "n",
    "python": "python",
    "folder": "/",
    "pid": 4,
    "started": 1.0,
    "dead": False,
    "busy": False,
    "held": 0,
}


class Conversation:
    """One connection, as a lie uses it. What it journals comes again after a reconnect."""

    def __init__(self, agent: LyingAgent, opened: socket.socket, run: messages.Run | None) -> None:
        self.agent = agent
        self.socket = opened
        self.run = run

    def event(self, kind: str, /, **fields: Any) -> None:
        """Journal an event with the next number; `run`, `p` and `t` may be given too."""
        self.numbered(len(self.agent.journal) + 1, kind, **fields)

    def numbered(self, number: int, kind: Any, /, **fields: Any) -> None:
        """Journal an event with any number."""
        run = fields.pop("run", self.run.run if self.run else None)
        parent = self.run.parent.get("msg_id") if self.run else None
        head = {"k": kind, "t": 1.0, "run": run, "p": parent, **fields}
        self.record(number, json.dumps(head).encode())

    def record(self, number: int, head: bytes, payload: bytes = b"") -> None:
        """Journal any bytes as an event."""
        frame = b"".join(frames.encode(head, [payload], number=number))
        self.agent.journal.append(frame)
        self.send(messages.Events(kernel="k1", blobs=(frame,)))

    def comm(self, kind: str, /, comm_id: Any, data: Any = None, **content: Any) -> None:
        """Journal a widget's message."""
        self.event(kind, content={"comm_id": comm_id, "data": data, **content}, metadata={})

    def begin(self) -> None:
        """Say that the run has begun."""
        self.event("run_started", source="", count=1)

    def end(self, **fields: Any) -> None:
        """Say that the run has ended."""
        self.event("run_ended", **{"status": "ok", "seconds": 0.1, **fields})

    def send(self, message: messages.Message) -> None:
        """Send a message."""
        self.raw(b"".join(bytes(part) for part in message.encode()))

    def raw(self, data: bytes) -> None:
        """Send any bytes."""
        with self.agent.sending, contextlib.suppress(OSError):
            self.socket.sendall(data)

    def always(self, data: bytes) -> None:
        """Send any bytes, now and whenever the journal is followed again."""
        self.agent.noise = data
        self.raw(data)

    def hang_up(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class LyingAgent:
    """Serves connections, each in a thread; `answers` replace results of requests by their tag."""

    def __init__(
        self,
        folder: Path,
        answers: dict[str, Callable[[Conversation, Any], messages.Message | None]] | None = None,
        greet: Callable[[socket.socket], bool] | None = None,
    ) -> None:
        self.path = str(folder / "agent.sock")
        self.journal: list[bytes] = []
        self.sending = threading.RLock()
        self.noise = b""
        self.connections = 0
        self._answers = answers or {}
        self._greet = greet
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for opened in self._open:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                opened, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(opened)
            thread = threading.Thread(target=self._serve, args=(opened,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, opened: socket.socket) -> None:
        with opened, contextlib.suppress(EOFError, OSError):
            if self._greet is not None and not self._greet(opened):
                return
            line = Line(opened)
            opened.sendall(MAGIC)
            received = bytearray(len(MAGIC))
            opened.recv_into(received)
            line.receive()
            welcome = messages.Welcome(protocol=PROTOCOL_VERSION, version="0", machine={})
            line.send(welcome)
            while True:
                self._work_off(Conversation(self, opened, None), line.receive())

    def _work_off(self, talk: Conversation, message: messages.Message) -> None:
        request = getattr(message, "request", None)
        if request is None:
            return
        if message.tag in self._answers:
            answer = self._answers[message.tag](talk, message)
            if answer is not None:
                talk.send(answer)
            return
        results: dict[str, dict[str, Any]] = {
            "open_kernel": KERNEL,
            "list_kernels": {"kernels": [KERNEL]},
            "list_runs": {"runs": []},
        }
        if isinstance(message, messages.StopKernel):
            self.journal.clear()
            self.noise = b""
        talk.send(messages.Done(request=request, result=results.get(message.tag, {})))
        if isinstance(message, messages.Follow):
            for frame in list(self.journal)[message.after :]:
                talk.send(messages.Events(kernel="k1", blobs=(frame,)))
            talk.raw(self.noise)
        elif isinstance(message, messages.Run):
            talk.run = message
            LIES[message.source.strip().strip("'\"")](talk)


class LyingTransport(Transport):
    """The way to a lying agent in this process."""

    token = "token"

    def __init__(self, agent: LyingAgent) -> None:
        self.agent = agent

    def connect(self) -> socket.socket:
        """Connect to it."""
        opened = socket.socket(socket.AF_UNIX)
        opened.connect(self.agent.path)
        return opened

    def replace(self) -> None:
        """It is not replaced."""


def main() -> None:
    """Say where the socket is, as an agent does, and serve until the folder is gone."""
    sys.stdin.readline()
    folder = Path(tempfile.mkdtemp(prefix="lie"))
    agent = LyingAgent(folder)
    home = Path(sys.argv[sys.argv.index("--home") + 1])
    home.mkdir(parents=True, exist_ok=True)
    stays = home / "lying-agent"
    stays.write_text(str(os.getpid()))
    print(json.dumps({"socket": agent.path}), flush=True)  # noqa: T201
    while stays.exists():
        time.sleep(0.1)
    agent.close()


if __name__ == "__main__":
    main()
