"""Folders that only change their name: one renaming for each, however much lies in them.

Compiled files of Python's that nobody syncs go along, as with `mv`: they are found
by their sources. With anything else that is not part of the change the files are
renamed one by one, and what is not ours stays where it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.tree import Entry, FolderEntry
from jupyter_remote_gpu.errors import UnreadableError

from .entries import look_at
from .folders import Folder
from .index import Index
from .staging import Change
from .stamp import Stamp

COMPILED = b"__pycache__"
_NO_STAMP: Stamp = (0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class FolderMove:
    """A folder's old and new path, and the entries in it by their paths relative to both."""

    old: bytes
    new: bytes
    inside: Mapping[bytes, Entry]

    def leaving(self) -> Iterator[bytes]:
        """Yield the paths that go, the folder's own first."""
        yield self.old
        yield from (self.old + b"/" + path for path in self.inside)

    def coming(self) -> Iterator[bytes]:
        """Yield the paths that come, in the same order."""
        yield self.new
        yield from (self.new + b"/" + path for path in self.inside)


def folder_moves(changes: Sequence[Change]) -> list[FolderMove]:
    """Return the folders among changes that go from one place and come, the same, in another."""
    comes = {c.path: c.after for c in changes if c.before is None and c.after is not None}
    goes = {c.path: c.before for c in changes if c.after is None and c.before is not None}
    new, old = _folders(comes), _folders(goes)
    if not new or not old:
        return []
    # What lies in a folder that is to become something else goes first, file by file.
    other = {c.path for c in changes if c.before is not None and c.after is not None}
    by_content: dict[frozenset[tuple[bytes, Entry]], list[bytes]] = {}
    for path, inside in old.items():
        if inside and other.isdisjoint(above(path)):
            by_content.setdefault(frozenset(inside.items()), []).append(path)
    found: list[FolderMove] = []
    came: set[bytes] = set()
    went: set[bytes] = set()
    for path in sorted(new):
        if came.isdisjoint(above(path)):
            sources = by_content.get(frozenset(new[path].items()), ())
            for source in sources:
                if went.isdisjoint((source, *above(source))) and not _has_any(source, went):
                    found.append(FolderMove(source, path, old[source]))
                    came.add(path)
                    went.add(source)
                    break
    return found


def stamps_of(root: Folder, index: Index, move: FolderMove) -> list[Stamp] | None:
    """Return the stamps of a folder's entries, in their order, if it can be renamed as it is.

    None if it is not what the change expects, holds something else, or its new place
    is taken. Looks at every entry, and reads what is not known by its stamp.
    """
    found: dict[bytes, Stamp] = {b"": _NO_STAMP}
    try:
        if not is_free(root, move.new):
            return None
        with root.walk(move.old) as folder:
            if not _look(folder, b"", move, index, found):
                return None
    except (OSError, UnreadableError):
        return None
    if len(found) <= len(move.inside):
        return None  # something is gone
    return [found[b""], *(found[path] for path in move.inside)]


def is_free(root: Folder, path: bytes) -> bool:
    """Whether nothing lies at a path; its folder may be lacking too."""
    parent, _, name = path.rpartition(b"/")
    try:
        with root.walk(parent) as folder:
            return folder.stat(name) is None
    except FileNotFoundError:
        return True  # its parent comes with the same change
    except OSError:
        return False


def _look(
    folder: Folder, prefix: bytes, move: FolderMove, index: Index, found: dict[bytes, Stamp]
) -> bool:
    """Look at a folder and at what lies in it; False if anything is not as expected."""
    for entry in folder.entries():
        name = os.fsencode(entry.name)
        path = prefix + name
        expected = move.inside.get(path)
        if expected is None:
            if name != COMPILED or not holds_compiled_only(folder, name):
                return False
            continue
        there, stamp = look_at(folder, name, index.known.get(move.old + b"/" + path))
        if there != expected or stamp is None:
            return False
        found[path] = stamp
        if isinstance(expected, FolderEntry):
            found[path] = _NO_STAMP
            with folder.below(name) as lower:
                if not _look(lower, path + b"/", move, index, found):
                    return False
    return True


def holds_compiled_only(folder: Folder, name: bytes) -> bool:
    """Whether an entry is a folder of Python's compiled files and of nothing else."""
    try:
        with folder.below(name) as cache:
            return all(os.fsencode(entry.name).endswith(b".pyc") for entry in cache.entries())
    except OSError:
        return False


def _folders(entries: Mapping[bytes, Entry]) -> dict[bytes, dict[bytes, Entry]]:
    """Return the folders among entries, each with what lies in it by relative path."""
    found: dict[bytes, dict[bytes, Entry]] = {
        path: {} for path, entry in entries.items() if isinstance(entry, FolderEntry)
    }
    if found:
        for path, entry in entries.items():
            for folder in above(path):
                if folder in found:
                    found[folder][path[len(folder) + 1 :]] = entry
    return found


def above(path: bytes) -> list[bytes]:
    """Return the folders that a path lies in, without the root."""
    found = []
    at = path.find(b"/")
    while at >= 0:
        found.append(path[:at])
        at = path.find(b"/", at + 1)
    return found


def _has_any(folder: bytes, paths: Iterable[bytes]) -> bool:
    return any(path.startswith(folder + b"/") for path in paths)
