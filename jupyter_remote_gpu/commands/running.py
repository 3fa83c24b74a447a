"""Running a script on a machine: ready, files, environment, run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_remote_gpu.machines import EMBEDDED_NAME, Machine, Request, choose
from jupyter_remote_gpu.machines.embedded import embedded
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.place import Place, Workspace
from jupyter_remote_gpu.session.script import Onlooker, Script, ScriptRun
from jupyter_remote_gpu.transport.base import Transport

from .carrying import carry_to
from .data import place_for_script, where_of
from .data_named import data_named
from .places import place_here, place_there
from .project import holds_home
from .project_settings import ProjectSettings, WantedData, with_named
from .script import ScriptProject, find_project
from .settings import Settings
from .syncing import refuse_home
from .ways import as_machine, local, reached


@dataclass(frozen=True, slots=True)
class Wanted:
    """A script that is to be run: its project, its arguments, the machine that it gets.

    `datasets` are to be there first.
    """

    project: ScriptProject
    typed: str
    arguments: tuple[str, ...]
    machine: Machine
    datasets: tuple[WantedData, ...] = ()


def known_machines(settings: Settings, registry: Registry) -> dict[str, Machine]:
    """Return all machines that can be named: the embedded one and what was added."""
    here = embedded(Path(settings.folder), trusted=settings.trusted)
    return {EMBEDDED_NAME: here, **{n: as_machine(m) for n, m in registry.machines().items()}}


def wanted(
    settings: Settings,
    registry: Registry,
    script: str,
    arguments: Sequence[str],
    request: Request,
    cwd: Path,
) -> Wanted:
    """Return what is to be run where; nothing is started or sent.

    Raises RequestError for a script that is not there, and for one that cannot be sent
    because it lies in a home folder, or whose project's settings cannot be understood;
    and what `choose` raises.
    """
    project = find_project(script, cwd, registry)
    current = registry.default(str(project.root)) or EMBEDDED_NAME
    # a script's run goes on without whoever began it: there is nothing to refuse
    asked = replace(request, detach=False)
    machine = choose(asked, known_machines(settings, registry), current)
    if machine.kind != "embedded":
        if holds_home(project.root):
            # one is somewhere above; what the script belongs to lies further down
            project = find_project(str(project.script), project.script.parent, registry)
        refuse_home(project.root)
    entries = ProjectSettings(project.folder).data()
    named = (*data_named(project.sources()), *request.datasets)
    return Wanted(project, script, tuple(arguments), machine, with_named(entries, named))


def begin(
    settings: Settings,
    registry: Registry,
    asked: Wanted,
    loop: LoopThread,
    onlooker: Onlooker,
    told: Told,
    *,
    stdin: bool,
    environ: Mapping[str, str],
    all_goes: bool = False,
) -> ScriptRun:
    """Make the machine, the files and the environment ready and begin the run. Blocks.

    Interrupted, nothing runs there. Raises what connecting, locking and building raise;
    TooMuchError where the project is large, unless `all_goes`.
    """
    project, machine = asked.project, asked.machine
    way, place = _place(settings, registry, asked, told)
    if all_goes and place.files is not None:
        place.files.let_all_go()
    run = ScriptRun(way, machine.name, loop, onlooker, trusted=machine.trusted, files=place.files)
    carry = carry_to(way, settings)

    def data(workspace: Workspace) -> None:
        there = where_of(workspace, project.subfolder)
        place_for_script(run, settings, project.cwd, asked.datasets, there, told, carry)

    try:
        run.start(place, _script(asked, stdin=stdin, environ=environ), data)
    except BaseException:
        run.close()
        raise
    return run


def _place(
    settings: Settings, registry: Registry, asked: Wanted, told: Told
) -> tuple[Transport, Place]:
    """Return the way to the machine of a run, and where the run works there; reaches nothing."""
    project, name = asked.project, asked.machine.name
    key = str(project.script)
    if asked.machine.kind == "embedded":
        return local(settings), place_here(settings, key, str(project.cwd))
    way = reached(registry.find(name), settings, registry, told)
    root, subfolder = project.root, project.subfolder
    return way, place_there(settings, registry, name, way, project, key, root, subfolder, told)


def _script(asked: Wanted, *, stdin: bool, environ: Mapping[str, str]) -> Script:
    project = asked.project
    path = os.path.relpath(project.script, project.cwd)
    return Script(
        path=str(project.script),
        command=(path, *asked.arguments),
        shown=shlex.join([path, *asked.arguments]),
        sources=project.script.read_text(encoding="utf-8", errors="replace"),
        below=project.subfolder,
        stdin=stdin,
        environ=dict(environ),
    )
