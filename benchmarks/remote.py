"""A session in this process: remote cells without a notebook between."""

from __future__ import annotations

import ast
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.session.session import Session
from jupyter_remote_gpu.state.hub import Hub
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.local import LocalTransport

from .kernel import CellFailedError, Ran
from .place import Place, await_spare


class NoBar:
    """Shows nothing; see `session.front_end.Bar`."""

    def show(self, text: str, fraction: float) -> None:
        """Nobody looks."""

    def end(self, text: str) -> None:
        """Nobody looks."""


class Listener:
    """A front end that only takes note; see `session.front_end.FrontEnd`."""

    can_ask = False
    bar = NoBar()

    def __init__(self) -> None:
        self.ran = Ran()
        self.started = 0.0

    def begin(self) -> None:
        """A cell is about to be run: forget the one before."""
        self.ran, self.started = Ran(), time.perf_counter()

    def parent(self) -> dict[str, Any]:
        """There is no front end's request."""
        return {}

    def show(self, event: Event) -> None:
        """Note text."""
        if event.kind == "stream":
            if self.ran.first_seconds is None:
                self.ran.first_seconds = time.perf_counter() - self.started
            self.ran.texts.append(event.fields["text"])

    def aside(self, event: Event) -> None:
        """Nothing is shown apart from cells."""

    def gone(self) -> None:
        """There are no widgets."""

    def ask(self, prompt: str, password: bool) -> str:
        """Nobody answers; `can_ask` says so."""
        raise KeyboardInterrupt

    def note(self, text: str) -> None:
        """Say what the session has to say: it explains a strange figure."""
        print(text, file=sys.stderr)


class Remote:
    """A notebook's namespace `names` and its session with the machine at `home`."""

    def __init__(self, place: Place, home: Path | None = None) -> None:
        self.home = place.home() if home is None else home
        workspace = Workspace(
            str(place.folder / "notebook.ipynb"),
            str(place.folder),
            sys.executable,
        )
        self._make(LocalTransport(self.home), workspace, "embedded")

    def _make(self, transport: Transport, workspace: Workspace, machine: str) -> None:
        self.names: dict[str, Any] = {}
        self._state = Hub(self.names)
        self._listener = Listener()
        loop, tie = LoopThread(), self._state.join()
        self.session = Session(tie, transport, workspace, self._listener, machine, loop)
        self._count = 0

    def __enter__(self) -> Remote:
        """Start a kernel; what the agent does in the background then is waited for."""
        self.start()
        await_spare(self.home)
        return self

    def start(self) -> None:
        """Start a kernel, or take the one to spare."""
        self.session.ready()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the kernel and the session."""
        self.session.leave(stop=True)

    def run(self, code: str) -> Ran:
        """Run a remote cell to its end; CellFailedError if it failed."""
        self._count += 1
        self._listener.begin()
        outcome = self.session.run_cell(code, code, self._count)
        ran = self._listener.ran
        ran.seconds = time.perf_counter() - self._listener.started
        if outcome.error is not None:
            raise CellFailedError(f"{code!r} failed: {outcome.error}")
        return ran

    def local(self, code: str) -> float:
        """Run a local cell as the extension does; return the seconds that fetching took."""
        tree = ast.parse(code)
        started = time.perf_counter()
        self._state.bring(tree, lambda home, names, optional: self.session.fetch(names, optional))
        fetched = time.perf_counter() - started
        before = self._state.before_local(tree)
        exec(compile(tree, "<benchmark>", "exec"), self.names)
        self._state.after_local(before)
        return fetched

    def bind(self, name: str, value: Any) -> None:
        """Bind a name as a local cell would."""
        before = self._state.before_local(ast.parse(f"{name} = None"))
        self.names[name] = value
        self._state.after_local(before)

    def kernel_pid(self) -> int:
        """Return the process of the remote kernel."""
        return int(self.session.ready()["pid"])
