"""A project here and the machine's half of its sync, with a function call as the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.clients import BLOBS
from jupyter_remote_gpu.agent.projects import Projects
from jupyter_remote_gpu.errors import ProjectChangedError
from jupyter_remote_gpu.protocol import frames, messages, project, results
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.session.sync_report import Carried

WORKSPACE = "project-1"


class Wired:
    """A folder here, a workspace there, and how many requests went between them."""

    def __init__(self, folder: Path, *, trusted: bool = True, here: str = "here") -> None:
        self.folder = folder
        self.here = folder / here
        self.here.mkdir(exist_ok=True)
        self.there = folder / "machine" / "workspaces" / WORKSPACE / "project"
        self.projects = Projects(folder / "machine")
        self.asked: list[messages.Message] = []
        self.before: Callable[[messages.Message], None] = lambda message: None
        self.after: Callable[[messages.Message], None] = lambda message: None
        self.trusted = trusted
        self.sync = self.opened()

    def opened(self, state: str = "state") -> ProjectSync:
        """Return a client as another process would begin it."""
        found = ProjectSync(self.here, self.folder / state, "box", WORKSPACE, trusted=self.trusted)
        found.use(self.ask)
        return found

    def restart(self) -> None:
        """Let another agent serve from now on."""
        self.projects.close()
        self.projects = Projects(self.folder / "machine")

    def ask(
        self,
        kind: type[messages.Message],
        *,
        timeout: float | None = None,
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Carry a request out as the agent does, over what it is on the wire."""
        request = _over_the_wire(kind(**{"request": 1, **fields}))
        self.asked.append(request)
        self.before(request)
        handlers: dict[type[messages.Message], Callable[[Any], Any]] = {
            project.LookProject: self.projects.look,
            project.FindProject: self.projects.find,
            project.LackingChunks: self.projects.lacking,
            project.PutChunks: self.projects.put,
            project.GiveChunks: self.projects.give,
            project.ChangeProject: self.projects.change,
        }
        result = asyncio.run(handlers[kind](request))
        self.after(request)
        plain = {name: value for name, value in result.items() if name != BLOBS}
        done = _over_the_wire(messages.Done(request=1, result=plain, blobs=result.get(BLOBS, ())))
        answer = results.checked(kind.tag, done.result)
        return {**answer, BLOBS: done.blobs} if done.blobs else answer

    def run(
        self, work: Callable[[], object] = lambda: None, sync: ProjectSync | None = None
    ) -> tuple[str, ...]:
        """Do what a session does around a cell that does `work` there; return the lines."""
        sync = sync or self.sync
        lines: tuple[str, ...] = ()
        while True:
            carried = sync.before_run()
            lines += carried.lines
            try:
                self._begin(carried)
                break
            except ProjectChangedError:
                sync.run_refused()
        work()
        now = asyncio.run(self.projects.now(self.there))
        assert now is not None
        sync.is_now(now.name.hex())
        return (*lines, *sync.after_run())

    def _begin(self, carried: Carried) -> None:
        if carried.fields:
            message = project.RunWith(
                request=1,
                kernel="",
                run="",
                source="",
                count=1,
                parent={},
                stdin=False,
                state={},
                project=dict(carried.fields),
                blobs=carried.blobs,
            )
            asyncio.run(self.projects.run_with(_over_the_wire(message)))

    def kinds(self) -> list[str]:
        """Return the kinds of the requests since this was asked last."""
        found = [message.tag for message in self.asked]
        self.asked.clear()
        return found

    def close(self) -> None:
        self.sync.close()
        self.projects.close()


def _over_the_wire(message: Any) -> Any:
    data = b"".join(bytes(part) for part in message.encode())
    ((frame, _),) = frames.split(data)
    return messages.decode(frame)
