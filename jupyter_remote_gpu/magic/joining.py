"""Which machines a notebook can use, which it has joined, and which it uses by default."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from jupyter_remote_gpu.commands.carrying import carry_to
from jupyter_remote_gpu.commands.data import project_data, where_of
from jupyter_remote_gpu.commands.machine_table import counted
from jupyter_remote_gpu.commands.places import place_here, place_there
from jupyter_remote_gpu.commands.progress import STOPPED_FETCHING, Progress
from jupyter_remote_gpu.commands.settings import Settings
from jupyter_remote_gpu.commands.ways import as_machine, brief, local, reached
from jupyter_remote_gpu.config import RemoteGPU
from jupyter_remote_gpu.datasets.model_card import Record
from jupyter_remote_gpu.errors import NotAvailableError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, Machine, Request, choose
from jupyter_remote_gpu.machines.embedded import embedded
from jupyter_remote_gpu.machines.known import KnownMachine, Seen
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.asking import ask
from jupyter_remote_gpu.session.cell_data import CellData
from jupyter_remote_gpu.session.cell_push import CellPush
from jupyter_remote_gpu.session.environment import RemotePlace
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.place import Place
from jupyter_remote_gpu.session.session import Session
from jupyter_remote_gpu.session.summary import seconds_text
from jupyter_remote_gpu.state.home import Home
from jupyter_remote_gpu.state.hub import Hub
from jupyter_remote_gpu.transport.base import Transport

from .coming_files import ComingFiles
from .comm_relay import CommRelay
from .control_comm import ControlTarget
from .joined import Joined, ShellFrontEnd, shell_front_end
from .notebook import NotebookFrontEnd
from .notebook_key import notebook_key
from .project import Project
from .untrusted.gate import Gate
from .untrusted.permission import PagePermission
from .widget_state import WidgetModel

T = TypeVar("T")
LONG_SECONDS = 600.0


class Machines:
    """The machines of one notebook. Used by the thread that runs cells.

    A machine is joined when it is first chosen; nothing is connected by that,
    the session does so when it is needed.
    """

    def __init__(self, shell: Any, config: RemoteGPU, hub: Hub, registry: Registry) -> None:
        self.registry = registry
        self.notebook = notebook_key(shell.user_ns)
        self.project = Project(shell, hub, registry, self.notebook)
        self._shell = shell
        self._config = config
        self._settings = config.plain()
        self.data = project_data(self._settings, self.project.folder)
        self._hub = hub
        self._loop = LoopThread()
        self._joined: dict[str, Joined] = {}
        self._reached: set[str] = set()
        self._former: list[Joined] = []  # forgotten since, but names were lost with them
        self.record: Callable[[], Record] = Record
        """Says what ran so far; whoever sees the cells brings it."""
        self._control: ControlTarget | None = None
        if hasattr(shell, "kernel"):
            self._control = ControlTarget(shell.kernel.comm_manager, self._widgets)
        self.latest = self._join(embedded(Path(config.folder), trusted=config.trusted))
        """The machine on which a cell ran last."""

    @property
    def settings(self) -> Settings:
        """The settings, as they were when this kernel began to use machines."""
        return self._settings

    @property
    def joined(self) -> tuple[Joined, ...]:
        """The machines joined so far, the embedded one first."""
        return tuple(self._joined.values())

    @property
    def embedded(self) -> Joined:
        """The embedded machine, which is always joined."""
        return self._joined[EMBEDDED_NAME]

    @property
    def current(self) -> str:
        """The machine that this notebook uses where none is named."""
        chosen = self.registry.default(self.notebook, str(self.project.root))
        return EMBEDDED_NAME if chosen is None else chosen

    def known(self) -> dict[str, Machine]:
        """Return all machines that can be named: the embedded one and what was added.

        Those that were joined are as they were then.
        """
        added = {name: as_machine(known) for name, known in self.registry.machines().items()}
        found = {EMBEDDED_NAME: self.embedded.machine, **added}
        return {**found, **{one.name: one.machine for one in self.joined}}

    def use(self, name: str) -> Machine:
        """Let this notebook use a machine by default, now and when it is opened again."""
        machine = choose(Request(machine=name), self.known())
        self.registry.use(self.notebook, name)
        return machine

    def chosen(self, request: Request) -> Joined:
        """Return the machine that a request gets, joined; raises what `choose` raises."""
        machine = choose(request, self.known(), self.current)
        found = self._joined.get(machine.name)
        return self._join(machine) if found is None else found

    def reached(self, joined: Joined) -> None:
        """Note that a machine was reached just now; the first time in this kernel's life."""
        if joined.name in self._reached or joined.machine.kind == "embedded":
            return
        self._reached.add(joined.name)
        known = self.registry.machines().get(joined.name)
        if known is not None:
            seen = replace(known.seen or Seen(0.0), at=time.time())
            self.registry.saw(joined.name, seen)

    def find(self, name: str) -> Joined | None:
        """Return a machine if it was joined."""
        return self._joined.get(name)

    def of(self, home: Home) -> Joined:
        """Return the machine about which `home` keeps the books."""
        return next(one for one in (*self.joined, *self._former) if one.home is home)

    # -- machines that are looked at, joined or not ---------------------------------------------

    def run(self, work: Coroutine[Any, Any, T], what: str, seconds: float = LONG_SECONDS) -> T:
        """Carry a coroutine out in the loop of the sessions; blocks the running cell."""
        return self._loop.run(work, seconds, what)

    def brief(self, name: str) -> Transport | None:
        """Return a way to a machine for a short look; None if it has no agent that is known."""
        if name == EMBEDDED_NAME:
            return local(self._settings)
        return brief(self.registry.find(name), self._settings)

    def ask(
        self,
        name: str,
        kind: type[messages.Message],
        *,
        make_ready: bool = True,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask a machine for something that may take long, and show its steps; blocks.

        One that is not `make_ready` is only asked if it has an agent already.
        """
        joined = self._joined.get(name)
        if joined is not None and (joined.session.kernel is not None or make_ready):
            with joined.working(done):
                told = joined.progress.told
                return joined.session.request(kind, timeout=LONG_SECONDS, told=told, **fields)
        progress = Progress(name, self.embedded.front_end.step_bar)
        way = self.brief(name)
        if make_ready:
            known = self.registry.find(name)
            way = reached(known, self._settings, self.registry, progress.told)
        if way is None:
            raise NotAvailableError(f"{name} was not reached yet, nothing of ours lies there")
        with progress.shown(done):
            asked = ask(way, kind, progress.told, **fields)
            return self.run(asked, f"{name} to answer ({kind.tag})")

    def forget(self, name: str) -> None:
        """Forget an added machine. Names that were lost with it stay lost."""
        self.registry.forget(name)
        joined = self._joined.pop(name, None)
        if joined is not None:
            joined.leave()
            self._former.append(joined)

    def close(self) -> None:
        """End all sessions, and the loop they run in."""
        for one in self.joined[::-1]:
            one.leave()
        if self._control is not None:
            self._control.remove()
        self._loop.close()

    def leave(self) -> None:
        """End all sessions, as the shell ends."""
        for one in self.joined:
            one.session.leave(stop=True)

    def _join(self, machine: Machine) -> Joined:
        name, config, shell = machine.name, self._config, self._shell
        front_end = shell_front_end(shell)
        known = self.registry.machines().get(name)
        scripts = machine.trusted or config.allow_scripts or (known is not None and known.scripts)
        permission = PagePermission(scripts)
        progress = Progress(name, front_end.step_bar)
        transport, place = self._way(machine, known, progress)
        home = self._hub.join(name, trusted=machine.trusted)
        session = Session(
            home,
            transport,
            place,
            front_end,
            name,
            self._loop,
            config.guard_seconds,
            None if machine.trusted else _gate(name, permission, front_end).admit,
        )
        if isinstance(front_end, NotebookFrontEnd):
            assert self._control is not None
            front_end.relay = CommRelay(shell, session.send_comm, self._control)
        joined = Joined(machine, home, place, session, front_end, progress, permission)
        session.data = CellData(
            self.data,
            session.with_client,
            lambda: where_of(session.workspace, self.project.subfolder),
            progress.told,
            lambda summary: progress.shown(summary, STOPPED_FETCHING),
            lambda line: front_end.note(f"{name} ▸ {line}"),
            trusted=machine.trusted,
            carry=carry_to(transport, self._settings),
            push=CellPush(lambda: self.record(), trusted=machine.trusted),
        )
        if place.files is not None:
            joined.coming = ComingFiles(name, place.files, front_end.late_bar)
        if isinstance(transport, ReachedMachine) and isinstance(place, RemotePlace):
            joined.about = lambda: (*_gpus(transport), *place.about)
        self._joined[name] = joined
        return joined

    def _way(
        self, machine: Machine, known: KnownMachine | None, progress: Progress
    ) -> tuple[Transport, Place]:
        """Return how a machine's agent is reached, and where kernels work there."""
        settings = self._settings
        if known is None:
            return local(settings), place_here(settings, self.notebook)
        way = reached(known, settings, self.registry, progress.told)
        project = self.project
        place = place_there(
            settings,
            self.registry,
            machine.name,
            way,
            project,
            self.notebook,
            project.root,
            project.subfolder,
            progress.told,
        )
        return way, place

    def _widgets(self) -> list[tuple[str, WidgetModel]]:
        """Return the widgets of all machines; any thread."""
        relays = [
            one.front_end.relay
            for one in self.joined
            if isinstance(one.front_end, NotebookFrontEnd) and one.front_end.relay is not None
        ]
        return [model for relay in relays for model in relay.models()]


def done(seconds: float) -> str:
    """Return the summary of work that is not making ready."""
    return f"done in {seconds_text(seconds)}"


def _gpus(way: ReachedMachine) -> tuple[str, ...]:
    """Return the GPUs of a machine, equal ones counted; "no GPU" if it has none."""
    names = () if way.known is None else [gpu.name for gpu in way.known.gpus]
    return (counted(names) or "no GPU",)


def _gate(name: str, permission: PagePermission, front_end: ShellFrontEnd) -> Gate:
    """Return what stands between a machine that is not trusted and the shell."""
    if isinstance(front_end, NotebookFrontEnd):
        return Gate(name, permission, front_end.has_comm, front_end.knows)
    return Gate(name, permission)
