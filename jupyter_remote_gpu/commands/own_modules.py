"""The project's own modules that a notebook's cells import: what these import is needed too."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from jupyter_remote_gpu.environments.installed import imported

MOST_FILES = 2000
_MOST_BYTES = 4 << 20
_Stamp = tuple[int, int]


class OwnModules:
    """Finds and reads them, each once until it changes. Any thread, one at a time.

    Asked again with nothing new it costs one look at each file's times.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._asked: tuple[frozenset[str], tuple[Path, ...]] | None = None
        self._stamps: dict[Path, _Stamp | None] = {}
        self._texts: dict[Path, str] = {}

    def texts(self, cells: Iterable[str], places: Sequence[Path]) -> list[str]:
        """Return the texts of the modules that cells import, directly or not.

        `places` are the folders that imports look in; those outside of the project
        are left out, as are files that cannot be read. A package counts as a whole.
        """
        modules = frozenset(name for cell in cells for name in imported(cell))
        inside = tuple(place for place in places if place.is_relative_to(self._root))
        same = self._asked == (modules, inside)
        if not same or any(_stamp(path) != old for path, old in self._stamps.items()):
            self._asked = (modules, inside)
            self._look(modules, inside)
        return list(self._texts.values())

    def _look(self, modules: Iterable[str], places: Sequence[Path]) -> None:
        before, stamps = self._texts, self._stamps
        self._texts, self._stamps = {}, {}
        waiting = sorted(modules)
        seen = set(waiting)
        while waiting and len(self._stamps) < MOST_FILES:
            for path in _files_of(places, waiting.pop()):
                if path in self._stamps:
                    continue
                stamp = self._stamps[path] = _stamp(path)
                known = stamp == stamps.get(path) and path in before
                text = before[path] if known else _text(path, stamp)
                if text is not None:
                    self._texts[path] = text
                    waiting += sorted(imported(text) - seen)
                    seen |= imported(text)


def _files_of(places: Sequence[Path], module: str) -> list[Path]:
    """Return the files that importing a dotted name loads, from the first place that has it."""
    top, *rest = module.split(".")
    for place in places:
        package = place / top
        if (package / "__init__.py").is_file():
            # relative imports and plugins are not followed: a package goes as a whole
            return sorted(package.rglob("*.py"))[:MOST_FILES]
        if (place / f"{top}.py").is_file():
            return [place / f"{top}.py"]
        if rest and package.is_dir():
            found = _files_of([package], ".".join(rest))
            if found:
                return found
    return []


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _text(path: Path, stamp: _Stamp | None) -> str | None:
    if stamp is None or stamp[1] > _MOST_BYTES:
        return None
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # it stays here, and a cell that imports it is told so
