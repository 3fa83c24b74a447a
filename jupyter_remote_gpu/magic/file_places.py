"""Where files lie that are on their way, so that a path that is opened is found among them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .file_opens import LISTS, OPENS, path_of


class Places:
    """The places of some files of a project: `paths`, as the project `root` has them.

    Made once and then only asked, by any thread; asking of another file takes some
    microseconds.
    """

    def __init__(self, root: str, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self._files: dict[str, str] = {}
        self._folders: dict[str, list[str]] = {}
        self._stamps: dict[str, tuple[int, ...]] = {}
        for path in paths:
            place = os.path.join(root, path)
            folder, name = os.path.split(place)
            self._stamps[path] = _stamp(place)
            for real in {folder, os.path.realpath(folder)}:
                self._files[os.path.join(real, name)] = path
                self._folders.setdefault(real, []).append(path)
        self._names = {os.path.basename(path) for path in paths}
        self._root = root

    def of(self, event: str, arguments: Sequence[Any]) -> list[str]:
        """Return which of the files an audit event is about: opened, listed, renamed."""
        if event in LISTS:
            told = arguments[0] if arguments else None
            folder = os.curdir if told is None else path_of(told)
            return [] if folder is None else self._in(folder)
        found = []
        for argument in arguments[: OPENS.get(event, 0)]:
            path = path_of(argument)
            if path is not None and os.path.basename(path) in self._names:
                place = self._at(path)
                found += [place] if place is not None else []
        return found

    def is_as_it_was(self, path: str) -> bool:
        """Whether what lies at a path is what lay there when this was made."""
        return _stamp(os.path.join(self._root, path)) == self._stamps[path]

    def _at(self, path: str) -> str | None:
        place = os.path.abspath(path)
        if place in self._files:
            return self._files[place]
        folder, name = os.path.split(place)
        return self._files.get(os.path.join(os.path.realpath(folder), name))

    def _in(self, folder: str) -> list[str]:
        place = os.path.abspath(folder)
        return self._folders.get(place) or self._folders.get(os.path.realpath(place)) or []


def _stamp(place: str) -> tuple[int, ...]:
    try:
        status = os.stat(place)
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
