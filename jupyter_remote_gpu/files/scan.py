"""The tree of a project as it is now, reading only what changed since the last look.

`Project.scan()` walks all folders; `Project.look_at(paths)` walks only where
something is said to have changed (see `watch`). Both leave in `index` what they
found and answer what is different.

What cannot be read is named and stays as it was last known: it is not taken for
deleted. No link is followed, however it comes into a folder's place (`folders`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import FolderEntry
from jupyter_remote_gpu.errors import FilesError, TooMuchError
from jupyter_remote_gpu.protocol.steps import Told

from . import ignore, rules
from .folders import Folder
from .ignore import Ignore, Level
from .index import Index
from .look import Before, Found, Look, Names
from .measure import Measure
from .verdict import LeftOut, Why

_MANY_PATHS = 200
_PART = 10
"""For more than these, or this part of all, a walk over everything is the quicker way."""
_NEVER = (b".git/", rules.TEMPORARY)
"""What begins so at the top never travels: it need not be looked at when it changes."""
_SPECIAL = ignore.NAMES | rules.MARKS


class Project:
    """A folder of this computer whose files travel. Used by one thread at a time.

    `make_ignore` gives the rules; it is called before the first look and after
    `rules_changed`. `left_out` and `tokens` are what the last look knows of
    (see `Found`).
    """

    def __init__(
        self, root: Path, make_ignore: Callable[[], Ignore], index: Index | None = None
    ) -> None:
        self.root = root
        self.index = index if index is not None else Index()
        self.left_out: dict[bytes, LeftOut] = {}
        self.tokens: dict[bytes, str] = {}
        self._make_ignore = make_ignore
        self._ignore: Ignore | None = None
        self._levels: dict[bytes, Level] = {}
        self._names: dict[bytes, Names] = {}

    def rules_changed(self) -> None:
        """Have the rules made anew at the next look: the user said that something may travel."""
        self._ignore = None
        self._levels = {}
        self._names = {}

    def scan(self, told: Told | None = None, measure: Measure | None = None) -> Found:
        """Look at everything. Blocks: some 5 µs a file, and reading what changed.

        Raises FilesError if the project's folder itself cannot be opened; TooMuchError
        if `measure` says so: what was read until then is known.
        """
        if self._ignore is None:
            self._ignore = self._make_ignore()
        before = Before(self.index, self.left_out, self._levels, self._names)
        look = Look(before, self._ignore, told, measure)
        with self._open() as root, contextlib.closing(look):
            look.folder(root, b"", self._ignore.top())
            _refuse(self.root, measure)
            look.finish(self.index.known)
        self._levels, self._names = look.levels, look.names
        return self._took(look, {})

    def look_at(
        self, paths: Iterable[bytes], told: Told | None = None, measure: Measure | None = None
    ) -> Found:
        """Look at these paths and what lies in them; at everything if rules may have changed.

        Promises what `scan` does, provided that nothing else has changed.
        """
        asked = sorted({self._decided(path) for path in paths if not path.startswith(_NEVER)})
        if (
            self._ignore is None
            or len(asked) > max(_MANY_PATHS, len(self.index.known) // _PART)
            or any(path == b"" or path.rpartition(b"/")[2] in _SPECIAL for path in asked)
        ):
            return self.scan(told, measure)
        before = Before(self.index, self.left_out, self._levels, self._names)
        look = Look(before, self._ignore, told, measure)
        look.found.everything = False
        with self._open() as root, contextlib.closing(look):
            known = [p for path in _uppermost(asked) for p in self._look_at_one(look, root, path)]
            _refuse(self.root, measure)
            look.finish(known)
        left_out = {
            path: left for path, left in self.left_out.items() if not _is_in_any(path, asked)
        }
        self._levels.update(look.levels)
        self._names.update(look.names)
        return self._took(look, left_out)

    def _decided(self, path: bytes) -> bytes:
        """Return the folder above that stays as it has data alone, if there is one: it may go."""
        above = path.rpartition(b"/")[0]
        left = self.left_out.get(above)
        return above if left is not None and left.why is Why.DATASET else path

    def _look_at_one(self, look: Look, root: Folder, path: bytes) -> list[bytes]:
        """Look at a path; return what was known of it, and is gone unless it is seen."""
        parent, _, name = path.rpartition(b"/")
        level = self._levels.get(parent)
        if level is None:
            return []  # in a folder that stays, or in a new one that is looked at for itself
        known = self._known_in(path)
        try:
            with root.walk(parent) as here:
                status = here.stat(name)
                if status is not None:
                    look.entry(here, parent + b"/" if parent else b"", name, status, level)
        except OSError:
            return []  # its parent is no folder any more, or closed: looked at for itself
        return known

    def _known_in(self, path: bytes) -> list[bytes]:
        """Return the paths that are known at a path and in it."""
        there = self.index.known.get(path)
        if there is None or type(there.entry) is not FolderEntry:
            return [path] if there is not None else []
        inside = path + b"/"
        return [path, *(old for old in self.index.known if old.startswith(inside))]

    def _took(self, look: Look, left_out: dict[bytes, LeftOut]) -> Found:
        """Remember what was found, with what is known of where nobody looked."""
        found, known = look.found, self.index.known
        found.left_out = {**left_out, **found.left_out}
        for path, what in self.tokens.items():
            if path in known and path not in look.read:
                found.tokens[path] = what
        for path, old in look.moved.items():
            if old in self.tokens:
                found.tokens[path] = self.tokens[old]
        self.left_out, self.tokens = found.left_out, found.tokens
        if found.changed:
            self.index.forget_unused_pieces()
        return found

    def _open(self) -> Folder:
        try:
            return Folder.at(self.root)
        except OSError as error:
            raise FilesError(
                f"the project's folder {self.root} cannot be opened: {error.strerror}",
                hint="Nothing was taken for deleted. Is a disk missing?",
            ) from error


def _refuse(root: Path, measure: Measure | None) -> None:
    if measure is not None and measure.is_too_much:
        raise TooMuchError(f"{root} holds too much to be read without a question")


def relative(root: Path, path: str) -> bytes | None:
    """Return a path inside the project as trees have it; None if it lies outside."""
    top = os.fsencode(root)
    told = os.fsencode(path)
    if told == top:
        return b""
    if not told.startswith(top + os.fsencode(os.sep)):
        return None
    inside = told[len(top) + 1 :]
    return inside if os.sep == "/" else inside.replace(os.fsencode(os.sep), b"/")


def _uppermost(paths: list[bytes]) -> list[bytes]:
    """Return those of sorted paths that lie in none of the others."""
    found: list[bytes] = []
    for path in paths:
        if not found or not path.startswith(found[-1] + b"/"):
            found.append(path)
    return found


def _is_in_any(path: bytes, asked: list[bytes]) -> bool:
    return any(path == above or path.startswith(above + b"/") for above in asked)
