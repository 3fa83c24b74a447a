"""A place on a machine whose interpreter the user looks after himself: nothing is built there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.place import Ask, Workspace
from jupyter_remote_gpu.session.sync import ProjectSync


@dataclass(frozen=True, slots=True)
class OwnPython:
    """A `Place` of kernels that run `python`, a path of the machine, as it is.

    It needs ipykernel and the modules of our part of a kernel. `files` keeps the
    project the same here and in the workspace of that name, None if it does not travel.
    """

    notebook: str
    python: str
    way: ReachedMachine
    files: ProjectSync | None = None
    workspace: str = ""
    subfolder: str = ""

    def open(self, ask: Ask, python: str = "") -> Workspace:
        """Return the workspace; the machine is reached first, to know its folders."""
        ask(messages.Status, timeout=None)
        known = self.way.known
        assert known is not None, "the machine was just reached"
        folder = known.base
        if self.files is not None:
            below = f"workspaces/{self.workspace}/project/{self.subfolder}"
            folder = f"{folder}/{below}".rstrip("/")
        return Workspace(self.notebook, folder=folder, python=self.python)

    def before_cell(self, ask: Ask, python: str) -> tuple[str, ...]:
        """Do nothing: what is installed there is the user's own affair."""
        return ()

    def after_cell(self, ask: Ask, packages: dict[str, Any]) -> tuple[str, ...]:
        """Do nothing: it is the user's own interpreter."""
        return ()
