"""A script and its project: where it is run, and what it imports."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.environments.installed import imported
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines.registry import Registry

from .project import project_folder

MOST_FILES = 2000


@dataclass(frozen=True, slots=True)
class ScriptProject:
    """What a script's environment follows (`session.project.Project`).

    `script` is the file, `cwd` the folder it is run in, which is `root` or below it.
    """

    script: Path
    cwd: Path
    root: Path
    registry: Registry

    @property
    def folder(self) -> Path:
        """The folder whose project file counts: the script's."""
        return self.script.parent

    @property
    def subfolder(self) -> str:
        """The working folder below the project's, "" if they are one."""
        below = self.cwd.relative_to(self.root).as_posix()
        return "" if below == "." else below

    def sources(self) -> Sequence[str]:
        """Return the texts of the project's modules that the script imports; it comes last."""
        return [_text(path) for path in reversed(own_modules(self.script))]

    def extras(self) -> Sequence[str]:
        """Return the lines that were installed by hand for this project, oldest first."""
        return self.registry.extras(str(self.root))

    def record(self, lines: Sequence[str]) -> None:
        """Remember exactly these lines from now on."""
        self.registry.record(str(self.root), lines)


def find_project(text: str, cwd: Path, registry: Registry) -> ScriptProject:
    """Return the project of a script named as `text` in `cwd`; RequestError if it is no file.

    It runs in `cwd` if that belongs to its project, else in its own folder.
    """
    script = Path(os.path.abspath(cwd / text))
    if not script.is_file():
        raise RequestError(
            f"there is no file {text} in {cwd}" if not script.is_dir() else f"{text} is a folder",
            hint="Name a Python script: remote-gpu run train.py --machine NAME",
        )
    root = project_folder(cwd)
    if script.is_relative_to(root):
        return ScriptProject(script, cwd, root, registry)
    return ScriptProject(script, script.parent, project_folder(script.parent), registry)


def own_modules(script: Path) -> list[Path]:
    """Return the script and the files beside and below it that it imports, directly or not."""
    found = {script: None}
    waiting = [script]
    while waiting and len(found) <= MOST_FILES:
        for module in sorted(imported(_text(waiting.pop()))):
            for path in _files_of(script.parent, module):
                if path not in found:
                    found[path] = None
                    waiting.append(path)
    return list(found)


def _files_of(folder: Path, module: str) -> list[Path]:
    """Return the files below a folder that importing a dotted name loads."""
    found: list[Path] = []
    place = folder
    for part in module.split("."):
        candidates = (place / f"{part}.py", place / part / "__init__.py")
        found += [path for path in candidates if path.is_file()]
        place = place / part
        if place.is_dir() and place.parent == folder and (place / "__init__.py").is_file():
            # relative imports and plugins are not followed: a package goes as a whole
            found += sorted(path for path in place.rglob("*.py") if path.is_file())
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
