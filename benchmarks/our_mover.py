"""Ours, as a mover: a session with the lab's machine, and the project that follows its cells."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.protocol.project import LackingChunks
from jupyter_remote_gpu.session.place import Ask, Workspace
from jupyter_remote_gpu.session.sync import ProjectSync
from tests.lab.lab import Lab
from tests.lab.machine import USER

from .far import FarRemote

WORKSPACE = "benchmark"
THERE = f"/home/{USER}/agent/workspaces/{WORKSPACE}/project"


class Followed:
    """A workspace whose files are those of a project here; see `session.place.Place`."""

    def __init__(self, workspace: Workspace, files: ProjectSync) -> None:
        self.notebook = workspace.notebook
        self.files = files
        self._workspace = workspace

    def open(self, ask: Ask, python: str = "") -> Workspace:
        """Return the workspace: its environment is the lab's own."""
        return self._workspace

    def before_cell(self, ask: Ask, python: str) -> tuple[str, ...]:
        """Do nothing: the packages are what they are."""
        return ()

    def after_cell(self, ask: Ask, packages: dict[str, Any]) -> tuple[str, ...]:
        """Do nothing: no cell installs any."""
        return ()


class OurMover:
    """A project kept the same by its `ProjectSync`; see `movers.Mover`."""

    called = "ours"

    def __init__(self, lab: Lab, way: str, project: Path, state: Path) -> None:
        self._lab = lab
        workspace = Workspace(f"{THERE}/notebook.ipynb", THERE, sys.executable)
        self.files = ProjectSync(project, state, "gpu", WORKSPACE, trusted=True)
        self.remote = FarRemote(lab, way, workspace=workspace)
        self.remote.session.place = Followed(workspace, self.files)
        # A warm connection, as the rivals have.
        self.remote.session.request(LackingChunks, workspace=WORKSPACE, blobs=(b"",))
        self.files.use(self.remote.session.request)

    def sync(self) -> None:
        """Make both sides the same, looking at every file; see `movers.Mover`."""
        self.files.sync()

    def start(self) -> None:
        """Have a kernel that works in the project, and every cell a warm way there."""
        self.remote.start()
        self.remote.await_spare()
        for _ in range(2):
            self.cell()

    def cell(self) -> None:
        """Run a cell that does nothing, in front of which the project's changes go there."""
        self.remote.run("pass")

    def there(self) -> Path:
        """See `Mover`."""
        return self._lab.home / "agent" / "workspaces" / WORKSPACE / "project"

    def close(self) -> None:
        """End the session."""
        self.files.close()
        self.remote.stop()
