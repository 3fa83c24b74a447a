"""The project a notebook belongs to: its folder, the cells that ran, what was installed for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.commands.own_modules import OwnModules
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
        self._coming = ""
        told = Path(key)
        self.folder = told.parent if told.is_absolute() and told.suffix else Path.cwd()
        self.root = project_folder(self.folder)
        self._modules = OwnModules(self.root)

    @property
    def subfolder(self) -> str:
        """The notebook's folder below the project's, "" if they are one."""
        below = self.folder.relative_to(self.root).as_posix()
        return "" if below == "." else below

    def comes(self, python: str) -> None:
        """Take note of the cell that is to run on a machine next."""
        self._coming = python

    def sources(self) -> Sequence[str]:
        """Return the cells that were run so far, on any side, in plain Python, oldest first.

        Before them stand the project's own modules that these and the coming cell
        import: what such a module imports is needed where it is imported.
        """
        if self._earlier is None:
            self._earlier = self._before_us()
        cells = (*self._earlier, *reversed(self._hub.notebook.cells.sources()))
        places = [self.folder, *(Path(place) for place in sys.path if place)]
        return (*self._modules.texts((*cells, self._coming), places), *cells)

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
