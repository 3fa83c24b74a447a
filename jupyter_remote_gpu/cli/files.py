"""`sync`, `pull`, `kept`: the project's files, here and on a machine."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from jupyter_remote_gpu.commands.files_here import files_here
from jupyter_remote_gpu.commands.files_table import (
    dry_run_text,
    pulled_text,
    report_text,
    settled_text,
    waiting_text,
)
from jupyter_remote_gpu.commands.paths_told import picked, picked_or_error, told_path
from jupyter_remote_gpu.commands.project import project_folder
from jupyter_remote_gpu.commands.syncing import Files, files_of, project_sync, synced
from jupyter_remote_gpu.config import from_files
from jupyter_remote_gpu.errors import RemoteGPUError, RequestError, TooMuchError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.summary import seconds_text
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.session.sync_report import DryRun, Planned, SyncReport

from .carrying import with_here
from .exits import Exit
from .grammar import complete_machine
from .here import Here

_LONGEST_DIFF = 1_000_000
_machine = click.option("--machine", shell_complete=complete_machine, help="The machine.")
_all = click.option("--all", "everything", is_flag=True, help="Shorten no list.")


@click.command("sync", short_help="Make the project's files the same here and there.")
@click.argument("folder", required=False, type=click.Path(file_okay=False, exists=True))
@_machine
@click.option("--dry-run", is_flag=True, help="List what would happen, and do nothing.")
@click.option(
    "--allow",
    multiple=True,
    metavar="PATH",
    type=click.Path(),
    help="Let this large file travel, from now on.",
)
@click.option("--yes", is_flag=True, help="Send however much it is.")
@_all
@with_here
def sync(
    here: Here,
    folder: str | None,
    machine: str | None,
    dry_run: bool,
    allow: tuple[str, ...],
    yes: bool,
    everything: bool,
) -> int | None:
    """Make the files of a project the same here and on a machine, both ways.

    FOLDER is one of the project's; the current one, if it is not given. Without
    --machine, the machine that notebooks of the project use, or the only one there is.
    Ends with 1 if a file could not be put in its place.
    """
    where = Path(os.path.abspath(folder or "."))
    if dry_run and machine is None and not here.registry.machines():
        found = files_here(project_folder(where))
        here.say(dry_run_text("a new machine", found, everything=everything), **_planned("", found))
        return None
    files = files_of(here.registry, where, machine)
    allowed = [_existing(files, path) for path in allow]
    if dry_run:
        with _working(here, files) as (project, _):
            if allowed:
                project.allow(allowed)
            found = project.dry_run()
        text = dry_run_text(files.machine, found, everything=everything)
        here.say(text, **_planned(files.machine, found))
        return None
    try:
        report = _made_same(here, files, allowed, yes=yes)
    except TooMuchError as error:
        if not may_go(here, error):
            return Exit.TROUBLE
        report = _made_same(here, files, allowed, yes=True)
    here.say(report_text(files.machine, report), **report_fields(files.machine, report))
    return Exit.TROUBLE if report.refused else None


def _made_same(here: Here, files: Files, allowed: Sequence[str], *, yes: bool) -> SyncReport:
    with _working(here, files) as (project, told):
        if allowed:
            project.allow(allowed)
        if yes:
            project.let_all_go()
        return project.sync(told)


def may_go(here: Here, error: TooMuchError) -> bool:
    """Ask whether so much may be sent; raises the error where nobody can be asked."""
    if here.as_json or not sys.stdin.isatty():
        raise error
    here.note(str(error))
    return click.confirm("Send all of it?", default=False, err=True)


@click.command("pull", short_help="Bring files of a machine here.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@_machine
@with_here
def pull(here: Here, paths: tuple[str, ...], machine: str | None) -> int | None:
    """Bring files, folders or patterns of the project's folder on a machine here.

    PATHs are as they would be here, from the current folder. What would not come by
    itself comes too; without --machine, from the machine that `sync` means.
    """
    files = files_of(here.registry, Path.cwd(), machine)
    wanted = [told_path(files.root, files.folder, path) for path in paths]
    with _working(here, files) as (project, told):
        report = project.pull(wanted, told)
    here.say(pulled_text(files.machine, report), **report_fields(files.machine, report))
    return Exit.TROUBLE if report.refused else None


def _complete_kept(ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
    """Return what may follow `kept`: what to do, and the paths that wait."""
    words = ctx.params.get("words") or ()
    found = [] if words else ["accept", "reject"]
    try:
        settings = from_files().plain()
        registry = Registry(settings.settings)
        root = project_folder(Path.cwd())
        for name in registry.machines():
            project = project_sync(settings, registry, name, root)
            found += [one.path for one in project.waiting()]
    except RemoteGPUError:
        return []
    return [CompletionItem(one) for one in found if one.startswith(incomplete)]


@click.command("kept", short_help="Files that were put aside until you accept them.")
@click.argument(
    "words", nargs=-1, metavar="[accept|reject] [PATH]...", shell_complete=_complete_kept
)
@_machine
@click.option("--diff", is_flag=True, help="Show how they differ from what is here.")
@click.option("--all", "everything", is_flag=True, help="All that waits, for accept and reject.")
@with_here
def kept(
    here: Here, words: tuple[str, ...], machine: str | None, diff: bool, everything: bool
) -> None:
    """List the files of machines that are not trusted which wait for your word.

    What would change files of here, or can run, is put aside. `accept` puts it in its
    place, `reject` throws it away; a PATH may be a folder or a pattern.
    """
    what = words[0] if words[:1] in (("accept",), ("reject",)) else ""
    paths = words[1:] if what else words
    if what and not paths and not everything:
        raise RequestError(
            f"remote-gpu kept {what} needs a PATH, or --all.",
            hint="`remote-gpu kept` lists what waits.",
        )
    root = project_folder(Path.cwd())
    names = [machine] if machine else list(here.registry.machines())
    projects = {name: project_sync(here.settings, here.registry, name, root) for name in names}
    told = [told_path(root, Path.cwd(), path) for path in paths] or [""]
    waiting = {name: [one.path for one in found.waiting()] for name, found in projects.items()}
    if paths:
        picked_or_error(sorted({p for some in waiting.values() for p in some}), told, "that waits")
    chosen = {name: picked(some, told)[0] for name, some in waiting.items()}
    projects = {name: found for name, found in projects.items() if chosen[name]}
    if not projects:
        here.say(waiting_text(" or ".join(names) or "any machine", ()), waiting=[])
    elif what:
        _settle(here, what, projects, chosen)
    elif diff:
        _show_differences(here, projects, chosen)
    else:
        _list(here, projects, chosen)


def _settle(
    here: Here, what: str, projects: dict[str, ProjectSync], chosen: dict[str, list[str]]
) -> None:
    lines, fields = [], []
    for name, project in projects.items():
        if what == "accept":
            lines.append(settled_text(name, "accepted", done := project.accept(chosen[name])))
        else:
            lines.append(settled_text(name, "rejected", done := project.reject(chosen[name])))
        fields += [{"machine": name, "path": path} for path in done]
    here.say("\n".join(lines), **{f"{what}ed": fields})


def _show_differences(
    here: Here, projects: dict[str, ProjectSync], chosen: dict[str, list[str]]
) -> None:
    lines, fields = [], []
    for name, project in projects.items():
        for path in chosen[name]:
            text = plain(project.diff(path), _LONGEST_DIFF)
            lines += [f"{path_text(path)}, as {name} has it", text]
            fields.append({"machine": name, "path": path, "diff": text})
    here.say("\n".join(lines), differences=fields)


def _list(here: Here, projects: dict[str, ProjectSync], chosen: dict[str, list[str]]) -> None:
    lines, fields = [], []
    for name, project in projects.items():
        some = [one for one in project.waiting() if one.path in chosen[name]]
        lines.append(waiting_text(name, some))
        fields += [{"machine": name, **asdict(one)} for one in some]
    here.say("\n".join(lines), waiting=fields)


@contextlib.contextmanager
def _working(here: Here, files: Files) -> Iterator[tuple[ProjectSync, Told]]:
    """Give the project, synced with its machine, and what shows how far that is."""
    progress = here.progress(files.machine)
    with (
        progress.shown(lambda seconds: f"done in {seconds_text(seconds)}"),
        synced(here.settings, here.registry, files, here.loop, progress.told) as project,
    ):
        yield project, progress.told


def _existing(files: Files, text: str) -> str:
    """Return a file as the project has it; typed from the current folder, or from the project's."""
    for folder in (files.folder, files.root):
        path = told_path(files.root, folder, text)
        if (files.root / path).is_file():
            return path
    raise RequestError(f"there is no file {path_text(text)} in {files.folder}")


def report_fields(machine: str, report: SyncReport) -> dict[str, Any]:
    """Return a report as a program reads it."""
    fields = asdict(report)
    for key in ("asking", "left_out"):
        fields[key] = [_planned_fields(one) for one in getattr(report, key)]
    return {"machine": machine, **fields}


def _planned(machine: str, found: DryRun) -> dict[str, Any]:
    return {"machine": machine, "paths": [_planned_fields(one) for one in found.paths]}


def _planned_fields(one: Planned) -> dict[str, Any]:
    return {**asdict(one), "way": one.way.name.lower()}


COMMANDS = (sync, pull, kept)
