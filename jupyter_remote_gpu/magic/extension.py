"""What `%load_ext jupyter_remote_gpu` sets up in a shell, and takes down again."""

from __future__ import annotations

import ast
import atexit
import os
import sys
import time
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.config import RemoteGPU
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines import Machine
from jupyter_remote_gpu.machines.embedded import embedded
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.session import Session, Workspace
from jupyter_remote_gpu.session.summary import fetch_text
from jupyter_remote_gpu.state.analysis import footprint
from jupyter_remote_gpu.state.home import Home, Moved
from jupyter_remote_gpu.state.hub import Hub
from jupyter_remote_gpu.state.one_sided import one_sided
from jupyter_remote_gpu.transport.local import LocalTransport

from .both_text import BothCells, is_both, without_call
from .comm_relay import CommRelay
from .devices import DeviceChoices
from .hook import LocalCellHook
from .notebook import NotebookFrontEnd
from .notebook_key import notebook_key
from .remote_error import remote_exception
from .terminal import TerminalFrontEnd
from .untrusted.gate import Gate
from .untrusted.permission import PagePermission

_OWN = ("JPY_", "JUPYTER_REMOTE_GPU_", "MPLBACKEND")
"""Variables that belong to the notebook's kernel, not to its user."""
QUIET_BYTES = 1_000_000
QUIET_SECONDS = 0.1
"""A local cell that fetched less, in less time, says nothing about it."""


class Extension:
    """One shell's use of the package: its session, hook, front end and widgets."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        in_notebook = hasattr(shell, "kernel")
        self.front_end: NotebookFrontEnd | TerminalFrontEnd
        self.front_end = NotebookFrontEnd(shell) if in_notebook else TerminalFrontEnd(shell)
        self.config = RemoteGPU(parent=shell)
        trusted = self.config.trusted
        self.machine: Machine = embedded(Path(self.config.folder), trusted=trusted)
        self.page_permission = PagePermission(trusted or self.config.allow_scripts)
        self.hub = Hub(shell.user_ns)
        self.home = self.hub.join(self.machine.name, trusted=trusted)
        workspace = Workspace(
            notebook=notebook_key(shell.user_ns),
            folder=self.config.folder,
            python=self.config.python,
            environ=_inherited(self.config.python),
        )
        self._loop = LoopThread()
        self.session = Session(
            self.home,
            LocalTransport(
                Path(self.config.home), python=self.config.python, wrapper=self.config.wrapper
            ),
            workspace,
            self.front_end,
            self.machine.name,
            self._loop,
            self.config.guard_seconds,
            None if trusted else self._gate().admit,
        )
        self.both = BothCells()
        self.devices = DeviceChoices()
        self._gpu: str | None = None  # the machine's, empty if it has none, None if not asked yet
        self._told: set[tuple[str, str]] = set()
        self.hook = LocalCellHook(self.hub, self._fetch_from)
        if isinstance(self.front_end, NotebookFrontEnd):
            self.front_end.relay = CommRelay(shell, self.session.send_comm)

    def _gate(self) -> Gate:
        """Return what stands between a machine that is not trusted and this shell."""
        front_end = self.front_end
        if isinstance(front_end, NotebookFrontEnd):
            taken, knows = front_end.has_comm, front_end.knows
            return Gate(self.machine.name, self.page_permission, taken, knows)
        return Gate(self.machine.name, self.page_permission)

    def install(self) -> None:
        """Begin to watch cells. The magics are registered by the caller."""
        self.shell.ast_transformers.append(self.hook)
        self.shell.input_transformers_cleanup.append(self.both)
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        atexit.register(self._at_exit)

    def remove(self) -> None:
        """Undo `install` and end the session; a run that is going on there goes on."""
        self.shell.ast_transformers.remove(self.hook)
        self.shell.input_transformers_cleanup.remove(self.both)
        self.shell.events.unregister("pre_run_cell", self._before_cell)
        self.shell.events.unregister("post_run_cell", self._after_cell)
        atexit.unregister(self._at_exit)
        if isinstance(self.front_end, NotebookFrontEnd) and self.front_end.relay is not None:
            self.front_end.relay.remove()
        self.session.leave(stop=True)
        self._loop.close()

    def gather(self, python: str) -> None:
        """Bring here what a remote cell needs from machines other than the one it is for."""
        self.hub.gather(python, self.home, self._fetch_from)

    def fetch(
        self,
        names: frozenset[str] | tuple[str, ...],
        optional: frozenset[str] = frozenset(),
        *,
        unguarded: bool = False,
        asked: str = "",
    ) -> Moved:
        """Bring the newest values of names here and say what moved, if that is worth a line.

        The arguments are those of `Session.fetch`.
        """
        started = time.monotonic()
        moved = self.session.fetch(names, optional, unguarded=unguarded, asked=asked)
        self._bind_results(moved)
        seconds = time.monotonic() - started
        worth_it = moved.bytes > QUIET_BYTES or seconds > QUIET_SECONDS
        worth_it = worth_it or any(one.detached for one in moved.loads)
        if self.config.show_line and worth_it and not self.session.bar_shown:
            self.front_end.note(
                fetch_text(
                    self.machine.name,
                    () if asked else moved.loads,
                    (asked,) if asked else moved.names,
                    moved.unchanged,
                    moved.bytes,
                    seconds,
                )
            )
        return moved

    def _fetch_from(self, home: Home, names: frozenset[str], optional: frozenset[str]) -> Moved:
        """Bring names from the machine of `home`; there is one machine so far."""
        return self.fetch(names, optional)

    def _bind_results(self, moved: Moved) -> None:
        """Let `Out[n]` and IPython's own memory of `_` show a result that was fetched."""
        names = self.shell.user_ns
        for name in (*moved.names, *moved.unchanged):
            if name.startswith("_") and name[1:].isdigit():
                names["_oh"][int(name[1:])] = names[name]
            elif name in ("_", "__", "___"):
                setattr(self.shell.displayhook, name, names[name])
                self.shell.push({name: names[name]}, interactive=False)

    def _before_cell(self, info: Any) -> None:
        """Remember a cell's text, from which definitions are made on the other side."""
        cell = info.raw_cell
        if _is_remote(cell):
            return
        source = self.shell.transform_cell(cell)
        filename = cell_filename(self.shell, source, cell_count(self.shell))
        self.devices.note(source)
        self.hub.record(without_call(source) if is_both(cell) else source, filename)

    def _after_cell(self, result: Any) -> None:
        """Find out what a cell did to the names, and tell what it did to this side alone."""
        self.hook.after_cell(result)
        cell = result.info.raw_cell
        ran = self.hub.running
        if ran is not None and result.error_before_exec is None and not _ran_there(cell):
            self.tell_one_sided(ran.source, "here")

    def tell_one_sided(self, source: str, place: str) -> None:
        """Say once of each statement that it changed a library on one side only."""
        if not self.config.show_line:
            return
        for text in one_sided(source, self.shell.user_ns):
            if (text, place) not in self._told:
                self._told.add((text, place))
                self.front_end.note(
                    f"{self.machine.name} ▸ `{text}` has changed something {place} only;"
                    " a %%both cell does so on both sides"
                )

    def look_at_devices(self, python: str) -> None:
        """Before a remote cell: tell of devices chosen here that leave the machine's GPU idle.

        With the setting `redo_devices` the statements are run again there at once.
        """
        if not self.devices.any:
            return
        needed, _ = self.home.needs(footprint(ast.parse(python)).reads)
        choices = self.devices.made_here(needed, self.shell.user_ns)
        if choices and self._gpu is None:
            gpus = self.session.request(messages.Status)["gpus"]
            self._gpu = str(gpus[0]["name"]) if gpus else ""
        if not choices or not self._gpu:
            return
        name = self.machine.name
        if self.config.redo_devices:
            for choice in choices:
                self.redo(choice.name)
            return
        for choice in self.devices.untold(choices):
            self.front_end.note(
                f"{name} ▸ {choice.name} is {choice.device!r}, chosen on this computer; {name}"
                f" has a GPU ({self._gpu}). `%remote_gpu redo {choice.name}` runs there: "
                f"{choice.statement}"
            )

    def redo(self, name: str) -> None:
        """Run again there the statement that chose a device; its result is `name` from then on."""
        statement = self.devices.statement(name)
        if statement is None:
            raise RequestError(
                f"no statement is known here that chose a device for {name}",
                hint=f"Run that statement in a %%remote_gpu cell: {name} = …",
            )
        outcome = self.session.run_cell(statement, statement, cell_count(self.shell))
        if outcome.error is not None:
            raise remote_exception(outcome.error)
        self.front_end.note(f"{self.machine.name} ▸ chosen again there: {statement}")

    def _at_exit(self) -> None:
        self.session.leave(stop=True)


def _is_remote(raw: str) -> bool:
    return raw.lstrip().startswith("%%remote_gpu")


def _ran_there(raw: str) -> bool:
    """Say whether a cell as typed was for the other side, or for both."""
    return _is_remote(raw) or is_both(raw)


def _inherited(python: str) -> dict[str, str]:
    """Return the variables a kernel of the notebook's own interpreter gets from here."""
    if python != sys.executable:
        return {}
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}


def cell_count(shell: Any) -> int:
    """Return the number of the cell that is running, as its prompt shows it.

    IPython counts up before a cell since 9.5 and after it until then; its
    display hook knows.
    """
    return int(shell.displayhook.prompt_count)


def cell_filename(shell: Any, source: str, count: int) -> str:
    """Return the file name that a cell's code has in tracebacks; its text is findable under it."""
    return str(shell.compile.cache(source, count))
