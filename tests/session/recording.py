"""A session without a shell: a plain namespace, a front end that writes down, a bad line."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.following import Admit
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.outcome import Outcome
from jupyter_remote_gpu.session.place import Place, Workspace
from jupyter_remote_gpu.session.session import Session
from jupyter_remote_gpu.state.hub import Hub
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.local import LocalTransport


@dataclass
class RecordedBar:
    """A line that keeps what it showed; `on_show` may do something at each of it."""

    shown: list[tuple[str, float]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    on_show: Callable[[float], None] = lambda fraction: None

    def show(self, text: str, fraction: float) -> None:
        self.shown.append((text, fraction))
        self.on_show(fraction)

    def end(self, text: str) -> None:
        self.ended.append(text)


@dataclass
class Recorder:
    """A front end that keeps what it is given; `answer` is typed at every prompt."""

    answer: str = ""
    events: list[Event] = field(default_factory=list)
    late: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bar: RecordedBar = field(default_factory=lambda: RecordedBar())
    on_event: Callable[[Event], None] = lambda event: None

    can_ask = True

    def parent(self) -> dict[str, Any]:
        return {"msg_id": "test"}

    def show(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def aside(self, event: Event) -> None:
        self.late.append(event)

    def ask(self, prompt: str, password: bool) -> str:
        return self.answer

    def note(self, text: str) -> None:
        self.notes.append(text)

    def gone(self) -> None:
        self.notes.append("gone")

    def text(self) -> str:
        return "".join(e.fields["text"] for e in self.events if e.kind == "stream")


Tamper = Callable[[bytes], bytes]


class BadLine(LocalTransport):
    """A transport whose connections pass through `tamper`, a piece at a time.

    `tamper(direction, data)` returns what goes on; None cuts the connection.
    """

    def __init__(
        self, home: Path, tamper: Callable[[str, bytes], bytes | None], **options: Any
    ) -> None:
        super().__init__(home, **options)
        self._tamper = tamper

    def connect(self) -> socket.socket:
        far = super().connect()
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._carry, args=(theirs, far), daemon=True).start()
        return ours

    def _carry(self, theirs: socket.socket, far: socket.socket) -> None:
        with theirs, far:
            back = threading.Thread(target=self._pump, args=("in", far, theirs), daemon=True)
            back.start()
            self._pump("out", theirs, far)
            back.join()

    def _pump(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                passed = self._tamper(direction, data)
                if passed is None:
                    break
                target.sendall(passed)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Bench:
    """A session on a machine of its own, over any transport; trusted unless `admit` looks at it.

    Its kernel works in `folder`, with the tests' own Python, or else at a `place`.
    """

    def __init__(
        self,
        transport: Transport,
        folder: Path,
        admit: Admit | None = None,
        place: Place | None = None,
    ) -> None:
        self.names: dict[str, Any] = {}
        self.hub = Hub(self.names)
        self.home = self.hub.join("test", trusted=admit is None)
        self.front_end = Recorder()
        self.count = 0
        workspace = place or Workspace(str(folder), str(folder), sys.executable)
        self.loop = LoopThread()
        self.session = Session(
            self.home, transport, workspace, self.front_end, "test", self.loop, admit=admit
        )

    def remote(self, code: str) -> Outcome:
        """Run a remote cell; its outputs are in `front_end`."""
        self.count += 1
        self.front_end.events.clear()
        return self.session.run_cell(code, code, self.count)

    def close(self) -> None:
        self.session.leave(stop=True)
        self.loop.close()
