"""A script's run in a kernel of its own: begun, followed, left to itself, taken up again."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import KernelDiedError, ProjectChangedError, RemoteGPUError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.scripts import EXIT, script_key
from jupyter_remote_gpu.protocol.state import Begin, Cell
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.transport.base import Transport

from . import following
from .cleaning import cleaned
from .client import AgentClient
from .environment import RemotePlace
from .following import Following, interrupts_into, interrupts_raised
from .loop import LoopThread
from .notes import NOTES
from .place import Place, Workspace
from .sync import ProjectSync
from .sync_report import Carried, SyncReport

T = TypeVar("T")
OPEN_SECONDS = 90.0
REQUEST_SECONDS = 30.0
INTERRUPTED_CODE = 130
TIMEOUT_CODE = 124
KILLED_CODE = 137
PATIENCE_SECONDS = 10.0
MOST_TRIES = 3
"""So often the files are synced again when others change them there at the same time."""
_CALL = '__import__("{module}", fromlist=["x"]).run_script(get_ipython().kernel, '
_MODULE = "jupyter_remote_gpu.agent.kernel.script"

Choice = Literal["leave", "stop", "wait"]

log = logging.getLogger(__name__)


class Onlooker(Protocol):
    """Who looks on while a run goes on; a terminal implements it. Called by one thread."""

    def show(self, event: Event) -> None:
        """Show an output."""
        ...

    def note(self, text: str) -> None:
        """Show a line that is not the script's."""
        ...

    def reads(self, give: Callable[[str], None]) -> None:
        """The run waits for input: call `give`, from any thread, with a piece once there is one.

        An empty piece is the end of the input. A later call takes the place of this one.
        """
        ...

    def interrupted(self, times: int) -> Choice:
        """Ctrl-C was pressed, for the `times`-th time: say what is to become of the run.

        May wait for an answer; KeyboardInterrupt meanwhile counts as "stop".
        """
        ...


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be run: `command` as Python gets it, with paths below `subfolder` of the project.

    `path` is the script's here, `shown` how the run is called in lists, `sources` the
    text whose imports it needs, `below` the working folder as the project has it.
    `environ` are variables it gets besides.
    """

    path: str
    command: tuple[str, ...]
    shown: str
    sources: str = ""
    below: str = ""
    stdin: bool = False
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How following a run ended: with the exit `code`, or `left` while it goes on.

    `error` describes the exception of a notebook's cell.
    """

    code: int
    left: bool = False
    error: dict[str, Any] | None = None


class ScriptRun:
    """One run, followed from here. Used by one thread; `close` lets the run go on.

    `files` keeps its project the same here and there, None where the run works in
    the project's own folder.
    """

    def __init__(
        self,
        transport: Transport,
        machine: str,
        loop: LoopThread,
        onlooker: Onlooker,
        *,
        trusted: bool,
        files: ProjectSync | None = None,
    ) -> None:
        self.machine = machine
        self.kernel = self.run = ""
        self._files = files
        self._onlooker = onlooker
        self._loop = loop
        self._id = secrets.token_hex(4)
        self._following = Following(self, None if trusted else cleaned)
        tell, room = self._following.tell, self._following.room
        self._client = AgentClient(transport, self._id, tell, room, wrote=self._wrote)
        if files is not None:
            files.use(self.request, transport)
        self._after = 0
        self._place: Place | None = None
        self._stopping = 0
        self._late = 0

    def aside(self, event: Event) -> None:
        """Drop an event of the kernel that belongs to no run."""

    def request(
        self,
        kind: type[messages.Message],
        *,
        timeout: float | None = REQUEST_SECONDS,
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask the agent for something and return its answer; blocks."""
        asked = self._client.request(kind, told=told, **fields)
        return self._loop.run(asked, timeout, f"{self.machine} to answer ({kind.tag})")

    def with_client(self, work: Callable[[AgentClient], Coroutine[Any, Any, T]]) -> T:
        """Carry out what needs the client, in its loop; blocks for as long as that takes."""
        return self._loop.run(work(self._client), None, self.machine)

    def start(
        self,
        place: Place,
        script: Script,
        first: Callable[[Workspace], None] = lambda workspace: None,
    ) -> None:
        """Have environment, kernel and files there, and begin; blocks for as long as that takes.

        `first` is done before the run begins, once the workspace is open.
        """
        self._place = place
        workspace = place.open(self.request, script.sources)
        for line in place.before_cell(self.request, script.sources):
            self._note(line)
        opened = self.request(
            messages.OpenKernel,
            timeout=OPEN_SECONDS,
            notebook=script_key(script.path),
            python=workspace.python,
            folder=workspace.folder,
            environ=workspace.environ,
            workspace=workspace.name,
        )
        self.kernel = str(opened["kernel"])
        self.run = f"{self._id}-{self.kernel}"
        try:
            first(workspace)
            self._begin(script, workspace.folder)
        except BaseException:
            # whoever is interrupted here has seen nothing begin
            stopped = self._client.request(messages.StopKernel, kernel=self.kernel)
            self._loop.run(stopped, REQUEST_SECONDS, f"{self.machine} to end it")
            raise

    def _begin(self, script: Script, folder: str, tries: int = MOST_TRIES) -> None:
        """Begin the run, with what changed in the project here since the last one."""
        try:
            self._ask_to_run(script, folder)
        except ProjectChangedError:
            # somebody else changed the files there; nothing has begun
            if self._files is None or tries == 1:
                raise
            self._files.run_refused()
            self._begin(script, folder, tries - 1)

    def _ask_to_run(self, script: Script, folder: str) -> None:
        fields, blobs = Begin(Cell(1, self.run, script.path, "")).pack()
        carried = Carried() if self._files is None else self._files.before_run()
        stays = () if self._files is None else self._files.left_behind(script.sources, script.below)
        for line in dict.fromkeys((*carried.lines, *stays)):
            self._note(line)
        given: dict[str, Any] = {"project": carried.fields} if carried.fields else {}
        self.request(
            project.RunWith if given else messages.Run,
            blobs=(*blobs, *carried.blobs),
            kernel=self.kernel,
            run=self.run,
            source=cell_of(script, folder),
            count=1,
            parent={},
            stdin=script.stdin,
            state=fields,
            **given,
        )

    def bring_back(self, told: Told) -> SyncReport | None:
        """Have here what the run wrote there, all of it; None where nothing is to be brought.

        Called when it has ended; blocks. What is interrupted goes on where it was the next time.
        """
        return None if self._files is None else self._files.sync(told)

    def attach(self, kernel: str, record: dict[str, Any]) -> None:
        """Take up a run that was left: `follow` shows all it has shown, then what it shows."""
        self.kernel, self.run = kernel, str(record["run"])
        self._after = int(record["first"]) - 1
        self._late = int(record.get("last", 0))

    def follow(self, timeout: float | None = None) -> Ended:
        """Show the run until it ends or is left; after `timeout` seconds it is stopped.

        What it writes comes back meanwhile, if that takes long.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        out_of_time = False
        files = self._files
        meanwhile = contextlib.nullcontext() if files is None else files.during_run()
        with self._following.awaiting(self.run) as items, interrupts_into(items), meanwhile:
            take = self._following.take
            started = self._client.follow(self.kernel, self._after, take)
            self._loop.run(started, REQUEST_SECONDS, f"the journal of {self.machine}")
            while True:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                try:
                    item = items.get(timeout=left)
                except queue.Empty:
                    # interrupted first; one that does not end by that is killed
                    deadline = None if out_of_time else time.monotonic() + PATIENCE_SECONDS
                    if not out_of_time:
                        self._note(f"stopped after {timeout:g} s")
                    out_of_time = True
                    self._stop()
                    continue
                ended = self._take(item)
                if ended is not None:
                    return replace(ended, code=TIMEOUT_CODE) if out_of_time else ended

    def close(self) -> None:
        """Hang up; the run goes on there, and what of its files has come is kept."""
        if self._files is not None:
            self._files.close()
        self._loop.loop.call_soon_threadsafe(self._client.close)

    def _note(self, line: str) -> None:
        self._onlooker.note(f"{self.machine} ▸ {line}")

    def _wrote(self, word: project.Wrote) -> None:
        """Take word of how the files there are; called in the loop."""
        if self._files is not None and word.kernel == self.kernel:
            self._files.is_now(word.root)

    @property
    def about(self) -> tuple[str, ...]:
        """What the environment is that the run has, in a few words; nothing on this computer."""
        return self._place.about if isinstance(self._place, RemotePlace) else ()

    # -- what comes -----------------------------------------------------------------------------

    def _take(self, item: following.Item) -> Ended | None:
        """React to one item; return how the run ended if it has, or if it is left."""
        if isinstance(item, RemoteGPUError):
            raise item
        if isinstance(item, str):
            return self._told(item)
        if item.kind == "run_ended":
            return self._ended(item)
        if item.kind == "kernel_died":
            if self._stopping:
                return Ended(KILLED_CODE if self._stopping > 1 else INTERRUPTED_CODE)
            raise KernelDiedError(item.fields["message"], where=self.machine)
        if item.kind == "input":
            number = item.number
            if number >= self._late:
                # what was asked before is answered, but for the last
                self._onlooker.reads(lambda text: self._type(number, text))
        elif item.kind != "run_started":
            self._onlooker.show(item)
        return None

    def _told(self, what: str) -> Ended | None:
        if what != following.INTERRUPTED:
            self._note(NOTES.get(what, what))
            return None
        try:
            with interrupts_raised():
                choice: Choice = self._onlooker.interrupted(self._stopping + 1)
        except KeyboardInterrupt:
            choice = "stop"
        if choice == "leave":
            return Ended(0, left=True)
        if choice == "stop":
            self._stop()
        return None

    def _stop(self) -> None:
        """Interrupt the run, the second time kill it; its end is what is waited for."""
        self._stopping += 1
        kind = messages.Interrupt if self._stopping == 1 else messages.StopKernel
        asked = self._loop.start(self._client.request(kind, kernel=self.kernel))
        asked.add_done_callback(lambda done: self._failed(done.exception()))

    def _failed(self, error: BaseException | None) -> None:
        if isinstance(error, KernelDiedError):
            self._following.ended(error.message)
        elif isinstance(error, RemoteGPUError):
            self._following.tell(error)

    def _type(self, number: int, text: str) -> None:
        asked = self._client.request(messages.Input, kernel=self.kernel, event=number, value=text)
        self._loop.start(asked).add_done_callback(_log_loss)

    def _ended(self, event: Event) -> Ended:
        packages = event.fields.get("packages")
        if packages and self._place is not None:
            for line in self._place.after_cell(self.request, packages):
                self._note(line)
        error = event.fields.get("error")
        if error is None:
            return Ended(0)
        if "own" in error:
            kind = getattr(errors, error["own"], RemoteGPUError)
            raise kind(error["message"], hint=error.get("hint"))
        code = error["args"][0] if error["name"] == EXIT and error["args"] else None
        if isinstance(code, int):
            return Ended(code)
        interrupted = error["name"] == "KeyboardInterrupt"
        return Ended(INTERRUPTED_CODE if interrupted else 1, error=error)


def cell_of(script: Script, folder: str) -> str:
    """Return the cell that runs a script; its first line is what lists show of the run."""
    given = {"stdin": script.stdin, "environ": script.environ, "folder": folder}
    shown = " ".join(script.shown.split())
    call = _CALL.format(module=_MODULE)
    return f"# {shown}\n{call}{list(script.command)!r}, **{given!r})\n"


def _log_loss(sent: Any) -> None:
    error = None if sent.cancelled() else sent.exception()
    if error is not None:
        log.warning("a piece of input was lost: %s", error)
