"""A project's files and the machine they are the same on: which one, and how it is asked."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.project import workspace_name
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.transport.base import Transport

from .project import holds_home, project_folder
from .runs import FoundRun
from .settings import Settings
from .ways import reached

_WORKSPACE = re.compile(r"/workspaces/([^/]+)/project(/|$)")


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a command is about: a project, the folder one is in, and a machine."""

    root: Path
    folder: Path
    machine: str


def files_of(registry: Registry, folder: Path, machine: str | None) -> Files:
    """Return the project that a folder belongs to, and the machine it is to be synced with.

    That is the one named, else the one that notebooks of the project use, else
    the only one there is. RequestError where that leaves none, or where the
    project is a home folder; UnknownMachineError for a name that was not added.
    """
    root = project_folder(folder)
    refuse_home(root)
    known = registry.machines()
    name = machine or registry.default(str(root)) or (next(iter(known)) if len(known) == 1 else "")
    if name == EMBEDDED_NAME:
        raise RequestError(
            f"{EMBEDDED_NAME} works in the project's own folder: there is nothing to sync",
            hint="Name a machine that was added: --machine NAME",
        )
    if not name:
        names = ", ".join(known)
        raise RequestError(
            f"which machine is not said: there are {names}" if known else "no machine was added",
            hint="--machine NAME says it." if known else "remote-gpu add NAME HOST adds one.",
        )
    return Files(root, folder, registry.find(name).name)


def project_sync(
    settings: Settings, registry: Registry, machine: str, root: Path, told: Told | None = None
) -> ProjectSync:
    """Return what keeps a project the same here and on an added machine; asks it nothing yet.

    RequestError where the project is a home folder.
    """
    refuse_home(root)
    return ProjectSync(
        root,
        # not with the settings: large files lie there while they come
        settings.home / "projects",
        machine,
        workspace_name(registry.client, root),
        trusted=registry.find(machine).trusted,
        told=told or (lambda step: None),
        most_sent=settings.guard_bytes or None,
    )


def sync_of_run(settings: Settings, registry: Registry, run: FoundRun) -> ProjectSync | None:
    """Return what keeps the project of a script's run the same here and there.

    None for a notebook's cell, a run on this computer, and one whose project is not
    on this computer.
    """
    if not run.script or run.machine == EMBEDDED_NAME:
        return None
    workspace = _WORKSPACE.search(run.folder)
    for root in Path(run.script).parents:
        if workspace is None:
            root = project_folder(root)
        elif workspace[1] != workspace_name(registry.client, root):
            continue
        if root.is_dir() and not holds_home(root):
            return project_sync(settings, registry, run.machine, root)
        return None
    return None


@contextlib.contextmanager
def synced(
    settings: Settings, registry: Registry, files: Files, loop: LoopThread, told: Told
) -> Iterator[ProjectSync]:
    """Give a project's sync with its machine, which is made ready where it is not.

    Blocks for as long as that takes. What goes wrong with the connection is raised by
    whatever was asked.
    """
    found = project_sync(settings, registry, files.machine, files.root, told)
    way = reached(registry.find(files.machine), settings, registry, told)
    asked = _Asked(way, files.machine, loop)
    found.use(asked.request, way)
    try:
        yield found
    finally:
        asked.close()
        found.close()


def refuse_home(root: Path) -> None:
    """Raise RequestError for a project that is never sent: a home folder."""
    if holds_home(root):
        raise RequestError(
            f"{root} is a home folder, or holds one: its files are never sent",
            hint="Put the script, and what it needs, into a folder of its own.",
        )


class _Asked:
    """A connection to a machine's agent for one command. Any thread may ask."""

    def __init__(self, way: Transport, machine: str, loop: LoopThread) -> None:
        self._machine = machine
        self._loop = loop
        self._client = AgentClient(way, f"files-{secrets.token_hex(4)}", lambda what: None)

    def request(
        self,
        kind: type[messages.Message],
        *,
        timeout: float | None = None,
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask and return the answer (`session.place.Ask`); blocks."""
        asked = self._client.request(kind, told=told, **fields)
        return self._loop.run(asked, timeout, f"{self._machine} to answer ({kind.tag})")

    def close(self) -> None:
        """Hang up."""
        self._loop.loop.call_soon_threadsafe(self._client.close)
