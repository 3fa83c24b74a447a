"""What the verbs of files do: sync, kept, and pull where it is followed by paths."""

from __future__ import annotations

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
from jupyter_remote_gpu.commands.paths_told import picked, picked_or_error, told_path
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.machines import Request
from jupyter_remote_gpu.protocol.plain_text import plain

from .arguments import LineCommand
from .extension import Extension
from .joined import Joined

_LONGEST_DIFF = 100_000
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN = "\x1b[0m"


def _sync(extension: Extension, command: LineCommand) -> None:
    joined, asked = _machine(extension, command.request), command.files
    files = _files(joined)
    allowed = [_path(extension, text) for text in asked.allow]
    if files is None:
        _tell_here(extension, joined, command)
        return
    with joined.working():
        if allowed:
            files.allow(_existing(extension, allowed))
        joined.session.ready()
        if asked.dry_run:
            print(dry_run_text(joined.name, files.dry_run(), everything=asked.everything))
        else:
            report = files.sync(joined.progress.told)
    if not asked.dry_run:
        print(report_text(joined.name, report))


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
    with extension.machines.embedded.working():
        found = files_here(project.root, told=joined.progress.told)
    print(dry_run_text("a new machine", found, everything=command.files.everything))


def pull_files(extension: Extension, request: Request, texts: Sequence[str]) -> None:
    """Bring files of the machine here; raises RequestError where there are none of that name."""
    joined = _machine(extension, request)
    files = _files(joined)
    paths = [_path(extension, text) for text in texts]
    if files is None:
        raise RequestError(
            f"there is no name {', '.join(texts)}, here or on {joined.name}",
            hint=f"And no file to bring: {joined.name} works in the notebook's own folder.",
        )
    with joined.working():
        joined.session.ready()
        report = files.pull(paths, joined.progress.told)
    print(pulled_text(joined.name, report))


def _kept(extension: Extension, command: LineCommand) -> None:
    places = _with_files(extension, command.request)
    waiting = {one.name: [w.path for w in files.waiting()] for one, files in places}
    told = [_path(extension, text) for text in command.names]
    if command.files.everything:
        told = [""]
    every = [path for paths in waiting.values() for path in paths]
    if told and (every or command.names):
        picked_or_error(every, told, "among what waits")
    if not every:
        names = [one.name for one, _ in places] or [extension.machines.latest.name]
        print(waiting_text(" and ".join(names), ()))
    for joined, files in places if every else ():
        some = picked(waiting[joined.name], told or [""])[0]
        if command.operand == "accept" and some:
            print(settled_text(joined.name, "accepted", files.accept(some)))
        elif command.operand == "reject" and some:
            print(settled_text(joined.name, "rejected", files.reject(some)))
        elif not command.operand and command.files.diff:
            for path in some:
                print(_diff(joined, path, files.diff(path)))
        elif not command.operand:
            shown = [one for one in files.waiting() if one.path in some]
            print(waiting_text(joined.name, shown))


def _diff(joined: Joined, path: str, text: str) -> str:
    lines = plain(text, _LONGEST_DIFF).splitlines()
    shown = [
        f"{_COLOURS[line[0]]}{line}{_PLAIN}" if line[:1] in _COLOURS else line for line in lines
    ]
    return "\n".join([f"{path_text(path)}, as {joined.name} has it", *shown, ""])


def _machine(extension: Extension, request: Request) -> Joined:
    """Return the machine that is meant: the one named, else the notebook's, else the latest."""
    machines = extension.machines
    joined = machines.chosen(request)
    if request.machine is None and _files(joined) is None:
        return machines.latest if _files(machines.latest) is not None else joined
    return joined


def _with_files(extension: Extension, request: Request) -> list[tuple[Joined, Any]]:
    """Return the machines whose files are asked about: one that is named, else all in use."""
    chosen = extension.machines.chosen(request)
    every = (chosen,) if request.machine is not None else extension.machines.joined
    found = [(one, _files(one)) for one in every]
    return [(one, files) for one, files in found if files is not None]


def _files(joined: Joined) -> Any:
    """Return what keeps a machine's files the same as here; None where nothing need be."""
    return getattr(joined.place, "files", None)


def _path(extension: Extension, text: str) -> str:
    project = extension.machines.project
    return told_path(project.root, project.folder, text)


def _existing(extension: Extension, paths: Sequence[str]) -> Sequence[str]:
    root = extension.machines.project.root
    for path in paths:
        if not (root / path).exists():
            raise RequestError(f"there is no file {path_text(path)} in {root}")
    return paths


VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {"sync": _sync, "kept": _kept}
