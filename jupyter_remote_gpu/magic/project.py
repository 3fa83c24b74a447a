"""The project a notebook belongs to: its folder, the cells that ran, what was installed for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.commands.project import project_folder
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.state.hub import Hub


class Project:
    """What a machine's environment follows (`session.project.Project`).

    `key` is the notebook's (`notebook_key`). Cells that ran before the extension
    was loaded count too.
    """

    def __init__(self, shell: Any, hub: Hub, registry: Registry, key: str) -> None:
        self._shell = shell
        self._hub = hub
        self._registry = registry
        self._earlier: tuple[str, ...] | None = None
        told = Path(key)
        self.folder = told.parent if told.is_absolute() and told.suffix else Path.cwd()
        self.root = project_folder(self.folder)

    @property
    def subfolder(self) -> str:
        """The notebook's folder below the project's, "" if they are one."""
        below = self.folder.relative_to(self.root).as_posix()
        return "" if below == "." else below

    def sources(self) -> Sequence[str]:
        """Return the cells that were run so far, on any side, in plain Python, oldest first."""
        if self._earlier is None:
            self._earlier = self._before_us()
        return (*self._earlier, *reversed(self._hub.notebook.cells.sources()))

    def extras(self) -> Sequence[str]:
        """Return the lines that were installed by hand for this project, oldest first."""
        return self._registry.extras(str(self.root))

    def record(self, lines: Sequence[str]) -> None:
        """Remember exactly these lines from now on."""
        self._registry.record(str(self.root), lines)

    def _before_us(self) -> tuple[str, ...]:
        """Return the cells of this shell's life whose texts the hub does not know."""
        known = set(self._hub.notebook.cells.sources())
        typed = [str(raw) for raw in self._shell.user_ns.get("In", ())[1:]]
        plain = (self._shell.transform_cell(raw) for raw in typed if raw.strip())
        return tuple(source for source in plain if source not in known)
