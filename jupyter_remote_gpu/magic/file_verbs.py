"""What the verbs of files do: sync, kept, and pull where it is followed by paths."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_remote_gpu.commands.files_here import files_here
from jupyter_remote_gpu.commands.files_table import (
    dry_run_text,
    pulled_text,
    report_text,
    settled_text,
    waiting_text,
)
from jupyter_remote_gpu.commands.paths_told import picked, picked_or_error, told_paths
from jupyter_remote_gpu.errors import FilesError, RemoteGPUError, RequestError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.machines import Request
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.session.file_words import stays_line
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.session.sync_report import SyncReport

from .arguments import LineCommand
from .extension import Extension
from .joined import Joined
from .joining import done

_LONGEST_DIFF = 100_000
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN = "\x1b[0m"


def _sync(extension: Extension, command: LineCommand) -> None:
    joined, asked = _machine(extension, command.request), command.files
    files = joined.place.files
    allowed = [_existing(extension, text) for text in asked.allow]
    if files is None:
        _tell_here(extension, joined, command)
        return
    if allowed:
        files.allow(allowed)
    if command.request.yes:
        files.let_all_go()
    _reach(joined, files)
    with joined.working(done):
        if asked.dry_run:
            text = dry_run_text(joined.name, files.dry_run(), everything=asked.everything)
        else:
            text = report_text(joined.name, files.sync(joined.progress.told))
    print(text)
    left_out = files.left_out
    for path in allowed:
        if os.fsencode(path) in left_out:  # by another rule than its size
            print(stays_line(left_out[os.fsencode(path)]))


def _tell_here(extension: Extension, joined: Joined, command: LineCommand) -> None:
    """Where there is nothing to sync: say so, and what would travel if there were."""
    project = extension.machines.project
    if not command.files.dry_run:
        raise RequestError(
            f"{joined.name} works in the notebook's own folder: there is nothing to sync"
            if joined.machine.kind == "embedded"
            else f"the files of {project.root} do not follow this notebook to {joined.name}",
            hint="`%remote_gpu sync --dry-run` lists what would travel to a machine behind SSH.",
        )
    with extension.machines.embedded.working(done):
        found = files_here(project.root, told=joined.progress.told)
    print(dry_run_text("a new machine", found, everything=command.files.everything))


def pull_files(extension: Extension, request: Request, texts: Sequence[str]) -> None:
    """Bring files of the machine here; raises RequestError where there are none of that name."""
    joined = _machine(extension, request)
    files = joined.place.files
    if files is None:
        raise RequestError(
            f"there is no name {', '.join(texts)}, here or on {joined.name}",
            hint=f"And no file to bring: {joined.name} works in the notebook's own folder.",
        )
    _reach(joined, files)
    with joined.working(done):
        report = _pulled(joined, files, texts, [_paths(extension, text) for text in texts])
    print(pulled_text(joined.name, report))


def _pulled(
    joined: Joined, files: ProjectSync, texts: Sequence[str], meant: Sequence[Sequence[str]]
) -> SyncReport:
    """Bring what typed paths mean; if nothing lies at the likelier ones, at the others."""
    told = joined.progress.told
    try:
        return files.pull([paths[0] for paths in meant], told)
    except FilesError as error:
        others = [paths[-1] for paths in meant]
        if others != [paths[0] for paths in meant]:
            with contextlib.suppress(FilesError):
                return files.pull(others, told)
        raise _nothing_there(joined, texts, error) from None


def _nothing_there(joined: Joined, texts: Sequence[str], error: FilesError) -> RemoteGPUError:
    """Return the error for what is neither a name of the notebook nor a file there."""
    if not all(text.isidentifier() for text in texts):
        return error
    names = ", ".join(texts)
    return RequestError(f"there is no name {names}, here or on {joined.name}, and no such file")


def _kept(extension: Extension, command: LineCommand) -> None:
    places = _with_files(extension, command.request)
    waiting = [[one.path for one in files.waiting()] for _, files in places]
    every = [path for paths in waiting for path in paths]
    told = _told(extension, command, every)
    if not every:
        names = [one.name for one, _ in places] or [extension.machines.latest.name]
        print(waiting_text(" or ".join(names), ()))
    for (joined, files), paths in zip(places, waiting, strict=True):
        some = picked(paths, told)[0]
        if some:
            print(_settled(command, joined, files, some))


def _told(extension: Extension, command: LineCommand, every: Sequence[str]) -> list[str]:
    """Return the paths that a line is about; "" stands for all. RequestError for a wrong one."""
    if not command.names:
        return [""]
    found = []
    for text in command.names:
        fit = [one for one in _paths(extension, text) if picked(every, [one])[0]]
        found.append(fit[0] if fit else text)
    picked_or_error(every, found, "among what waits")
    return found


def _settled(command: LineCommand, joined: Joined, files: ProjectSync, paths: Sequence[str]) -> str:
    """Do what a line asks for with files that wait; return what is to be said."""
    if command.operand == "accept":
        return settled_text(joined.name, "accepted", files.accept(paths))
    if command.operand == "reject":
        return settled_text(joined.name, "rejected", files.reject(paths))
    if command.files.diff:
        return "\n".join(_diff(joined, path, files.diff(path)) for path in paths)
    return waiting_text(joined.name, [one for one in files.waiting() if one.path in paths])


def _diff(joined: Joined, path: str, text: str) -> str:
    lines = plain(text, _LONGEST_DIFF).splitlines()
    shown = [
        f"{_COLOURS[line[0]]}{line}{_PLAIN}" if line[:1] in _COLOURS else line for line in lines
    ]
    return "\n".join([f"{path_text(path)}, as {joined.name} has it", *shown, ""])


def _reach(joined: Joined, files: ProjectSync) -> None:
    """See to it that the machine can be asked about its files."""
    with joined.working():
        joined.session.ready()
    files.use(joined.session.request)


def _machine(extension: Extension, request: Request) -> Joined:
    """Return the machine that is meant: the one named, else the notebook's, else the latest."""
    machines = extension.machines
    joined = machines.chosen(request)
    if request.machine is None and joined.place.files is None:
        return machines.latest if machines.latest.place.files is not None else joined
    return joined


def _with_files(extension: Extension, request: Request) -> list[tuple[Joined, ProjectSync]]:
    """Return the machines whose files are asked about: one that is named, else all in use."""
    chosen = extension.machines.chosen(request)
    every = (chosen,) if request.machine is not None else extension.machines.joined
    found = [(one, one.place.files) for one in every]
    return [(one, files) for one, files in found if files is not None]


def _paths(extension: Extension, text: str) -> list[str]:
    """Return what a path may mean that was typed in the notebook, the likeliest first."""
    project = extension.machines.project
    return told_paths(project.root, project.folder, text)


def _existing(extension: Extension, text: str) -> str:
    """Return the file of here that a typed path means; RequestError if there is none."""
    project = extension.machines.project
    for path in _paths(extension, text):
        if os.path.lexists(project.root / path):
            return path
    raise RequestError(f"there is no file {path_text(text)} in {project.folder}")


VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {"sync": _sync, "kept": _kept}
