"""What `%load_ext jupyter_remote_gpu` sets up in a shell, and takes down again."""

from __future__ import annotations

import ast
import atexit
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.commands.project_settings import ProjectSettings
from jupyter_remote_gpu.config import RemoteGPU
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol.state import Cell
from jupyter_remote_gpu.session.outcome import Outcome
from jupyter_remote_gpu.session.summary import fetch_text
from jupyter_remote_gpu.state.analysis import footprint
from jupyter_remote_gpu.state.departing import lost_error
from jupyter_remote_gpu.state.home import Home, Moved
from jupyter_remote_gpu.state.hub import Hub
from jupyter_remote_gpu.state.one_sided import one_sided

from .awaited_files import AwaitedFiles
from .both_text import BothCells, is_both, without_call
from .cell_record import CellRecord
from .completion import Completion
from .devices import DeviceChoices
from .edited_modules import EditedModules
from .hook import LocalCellHook
from .joined import Joined, shell_front_end
from .joining import Machines
from .local_data import LocalData
from .placing import ProjectWants
from .remote_error import remote_exception

QUIET_BYTES = 1_000_000
QUIET_SECONDS = 0.1
"""A local cell that fetched less, in less time, says nothing about it."""


class Extension:
    """One shell's use of the package: its names, machines, hook and settings."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.config = RemoteGPU(parent=shell)
        self.front_end = shell_front_end(shell)
        self.hub = Hub(shell.user_ns)
        registry = Registry(Path(self.config.settings), self.note)
        self.machines = Machines(shell, self.config, self.hub, registry)
        self.wants = ProjectWants(ProjectSettings(self.machines.project.folder), self.machines.data)
        self.both = BothCells()
        self.devices = DeviceChoices()
        self.edited = EditedModules(shell)
        self._told: set[tuple[str, str]] = set()
        self.told_of_files: tuple[str, ...] = ()  # before the latest remote cell
        self.files = AwaitedFiles(
            str(self.machines.project.root), lambda: self.machines.joined, shell.user_ns
        )
        self.hook = LocalCellHook(self.hub, self._fetch_from, self.files.before_cell)
        self._completion = Completion(shell, self.machines)
        self._data = LocalData(
            self.machines.data,
            self.machines.settings.cache / "datasets",
            self.note,
            lambda: self._record.made(),
            lambda: self.front_end.bar,
        )
        self._record = CellRecord(
            shell, lambda: self.machines.joined, self._data.looked_at, self.note
        )
        self.machines.record = self._record.made

    def note(self, text: str) -> None:
        """Show one small line that no machine says."""
        self.front_end.note(text)

    def install(self) -> None:
        """Begin to watch cells. The magics are registered by the caller."""
        self.shell.ast_transformers.append(self.hook)
        self.shell.input_transformers_cleanup.append(self.both)
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        self._data.install()
        self._record.install()
        atexit.register(self._at_exit)

    def remove(self) -> None:
        """Undo `install` and end the session; a run that is going on there goes on."""
        self.shell.ast_transformers.remove(self.hook)
        self.shell.input_transformers_cleanup.remove(self.both)
        self.shell.events.unregister("pre_run_cell", self._before_cell)
        self.shell.events.unregister("post_run_cell", self._after_cell)
        atexit.unregister(self._at_exit)
        self._completion.remove()
        self._data.remove()
        self._record.remove()
        self.files.close()
        self.machines.close()

    # -- remote cells ---------------------------------------------------------------------------

    def run(
        self,
        joined: Joined,
        source: str,
        python: str = "",
        filename: str = "",
        *,
        timeout: float | None = None,
        unguarded: bool = False,
        both: Cell | None = None,
        keeps_home: bool = False,
    ) -> Outcome:
        """Run a cell on a machine: bring what it needs from other machines, send it off, follow it.

        The arguments are those of `Session.run_cell`.
        """
        python = python or source
        for one in self.machines.joined:
            one.front_end.begin()
        try:
            self.wants.data()  # before anything is started for it
            self._gather(joined, python, unguarded=unguarded)
            self.machines.project.comes(python)
            if unguarded and joined.place.files is not None:
                joined.place.files.let_all_go()
            with joined.working():
                joined.session.prepare(python)
            self.wants.place(joined)
            self.machines.latest = joined
            self.machines.reached(joined)
            self._look_at_devices(joined, python)
            self._look_at_modules(joined)
            self._look_at_files(joined, python)
            with joined.named():
                return joined.session.run_cell(
                    source,
                    python,
                    cell_count(self.shell),
                    filename,
                    timeout=timeout,
                    unguarded=unguarded,
                    both=both,
                    keeps_home=keeps_home,
                )
        finally:
            joined.front_end.catch_up()
            if joined.coming is not None:
                joined.coming.look()
            self.files.look()

    def fetch(
        self,
        names: Iterable[str],
        optional: frozenset[str] = frozenset(),
        *,
        unguarded: bool = False,
        asked: str = "",
    ) -> Moved:
        """Bring the newest values of names here, from whichever machines have them.

        The arguments are those of `Session.fetch`.
        """
        wanted: dict[str, list[str]] = {}
        for name in names:
            owner = self.hub.owner(name)
            if owner is not None:
                wanted.setdefault(owner.machine, []).append(name)
        moves = []
        for machine, some in wanted.items():
            joined = self.machines.find(machine)
            assert joined is not None, "names are only on machines that were joined"
            moves.append(self._fetch(joined, some, optional, unguarded=unguarded, asked=asked))
        return _sum(moves)

    def _gather(self, joined: Joined, python: str, *, unguarded: bool) -> None:
        """Bring here what a cell on a machine needs from the others; it then goes on there."""

        def fetch(home: Home, names: frozenset[str], optional: frozenset[str]) -> Moved:
            owner = self.machines.of(home)
            return self._fetch(owner, names, optional, unguarded=unguarded, bound_for=joined)

        self.hub.gather(python, joined.home, fetch)

    def _fetch_from(self, home: Home, names: frozenset[str], optional: frozenset[str]) -> Moved:
        """Bring names from the machine of `home` for a cell that reads them."""
        return self._fetch(self.machines.of(home), names, optional)

    def _fetch(
        self,
        joined: Joined,
        names: Iterable[str],
        optional: frozenset[str],
        *,
        unguarded: bool = False,
        asked: str = "",
        bound_for: Joined | None = None,
    ) -> Moved:
        """Bring names from a machine and say what moved, if that is worth a line."""
        for name in sorted(joined.home.lost_among(names)):
            raise lost_error(name, joined.name, "This cell was not run.")
        started = time.monotonic()
        session = joined.session
        with joined.named():
            moved = session.fetch(
                names,
                optional,
                unguarded=unguarded,
                asked=asked,
                bound_for=None if bound_for is None else bound_for.session,
            )
        self._bind_results(moved)
        seconds = time.monotonic() - started
        worth_it = moved.bytes > QUIET_BYTES or seconds > QUIET_SECONDS
        worth_it = worth_it or any(one.detached for one in moved.loads)
        if self.config.show_line and worth_it and not session.bar_shown:
            joined.front_end.note(
                fetch_text(
                    joined.name,
                    () if asked else moved.loads,
                    (asked,) if asked else moved.names,
                    moved.unchanged,
                    moved.bytes,
                    seconds,
                )
            )
        return moved

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
        self.files.after_cell(result.error_in_exec)
        self.edited.look()
        cell = result.info.raw_cell
        ran = self.hub.running
        if ran is not None and result.error_before_exec is None and not _ran_there(cell):
            self.tell_one_sided(self.machines.latest, ran.source, "here")

    def tell_one_sided(self, joined: Joined, source: str, place: str) -> None:
        """Say once of each statement that it changed a library on one side only."""
        if not self.config.show_line:
            return
        for text in one_sided(source, self.shell.user_ns):
            if (text, place) not in self._told:
                self._told.add((text, place))
                joined.front_end.note(
                    f"{joined.name} ▸ `{text}` has changed something {place} only;"
                    " a %%both cell does so on both sides"
                )

    # -- devices --------------------------------------------------------------------------------

    def _look_at_devices(self, joined: Joined, python: str) -> None:
        """Before a remote cell: tell of devices chosen here that leave the machine's GPU idle.

        With the setting `redo_devices` the statements are run again there at once.
        """
        if not self.devices.any:
            return
        needed, _ = joined.home.needs(footprint(ast.parse(python)).reads)
        choices = self.devices.made_here(needed, self.shell.user_ns)
        gpu = joined.has_gpu() if choices else ""
        if not gpu:
            return
        if self.config.redo_devices:
            for choice in choices:
                self.redo(joined, choice.name)
            return
        for choice in self.devices.untold(choices):
            joined.front_end.note(
                f"{joined.name} ▸ {choice.name} is {choice.device!r}, chosen on this computer;"
                f" {joined.name} has a GPU ({gpu}). `%remote_gpu redo {choice.name}` runs there: "
                f"{choice.statement}"
            )

    def _look_at_modules(self, joined: Joined) -> None:
        """Before a remote cell: tell of modules that are newer there than here."""
        line = self.edited.untold()
        if line and self.config.show_line:
            joined.front_end.note(f"{joined.name} ▸ {line}")

    def _look_at_files(self, joined: Joined, python: str) -> None:
        """Before a remote cell: tell of paths that it names and that do not travel."""
        files, folder = joined.place.files, self.machines.project.subfolder
        self.told_of_files = () if files is None else files.left_behind(python, folder)
        for line in self.told_of_files:
            joined.front_end.note(f"{joined.name} ▸ {line}")

    def redo(self, joined: Joined, name: str) -> None:
        """Run again there the statement that chose a device; its result is `name` from then on."""
        statement = self.devices.statement(name)
        if statement is None:
            raise RequestError(
                f"no statement is known here that chose a device for {name}",
                hint=f"Run that statement in a %%remote_gpu cell: {name} = …",
            )
        with joined.named():
            outcome = joined.session.run_cell(statement, statement, cell_count(self.shell))
        if outcome.error is not None:
            raise remote_exception(outcome.error)
        joined.front_end.note(f"{joined.name} ▸ chosen again there: {statement}")

    def _at_exit(self) -> None:
        self.machines.leave()


def _sum(moves: Sequence[Moved]) -> Moved:
    """Return what several fetches brought as one."""
    return Moved(
        names=tuple(name for one in moves for name in one.names),
        patched=tuple(name for one in moves for name in one.patched),
        unchanged=tuple(name for one in moves for name in one.unchanged),
        bytes=sum(one.bytes for one in moves),
        loads=tuple(load for one in moves for load in one.loads),
    )


def _is_remote(raw: str) -> bool:
    return raw.lstrip().startswith("%%remote_gpu")


def _ran_there(raw: str) -> bool:
    """Say whether a cell as typed was for the other side, or for both."""
    return _is_remote(raw) or is_both(raw)


def cell_count(shell: Any) -> int:
    """Return the number of the cell that is running, as its prompt shows it.

    IPython counts up before a cell since 9.5 and after it until then; its
    display hook knows.
    """
    return int(shell.displayhook.prompt_count)


def cell_filename(shell: Any, source: str, count: int) -> str:
    """Return the file name that a cell's code has in tracebacks; its text is findable under it."""
    return str(shell.compile.cache(source, count))
