"""Files that have another path now: known by their stamps, and not read again.

A renamed folder leaves the stamps of what lies in it as they are, inode and time
of its last change included. So a file at a new path with the stamp of a known one
has its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_remote_gpu.chunks.tree import Entry, FileEntry

from .ignore import Ignore, Level
from .index import Index
from .stamp import Stamp


class Renamed:
    """Finds what a file was called when an index was last brought up to date. For one walk.

    `levels` are the rules by which it travelled then.
    """

    def __init__(self, index: Index, levels: Mapping[bytes, Level], rules: Ignore) -> None:
        self._index = index
        self._levels = levels
        self._rules = rules
        self._paths: dict[int, bytes] | None = None

    def from_path(self, name: bytes, stamp: Stamp) -> bytes | None:
        """Return where this file was seen, under the same last name; None if it has to be read.

        So has one that travelled because somebody named it: under another path it
        may be a secret.
        """
        if self._paths is None:
            self._paths = self._learned()
        path = self._paths.get(stamp[3])
        known = self._index.known.get(path) if path is not None else None
        if path is None or known is None or known.stamp != stamp:
            return None
        parent, _, last = path.rpartition(b"/")
        level = self._levels.get(parent)
        if last != name or level is None or self._rules.asked_for(level, path):
            return None
        return path

    def entry(self, path: bytes) -> Entry:
        """Return what lay at a path that `from_path` gave."""
        return self._index.known[path].entry

    def _learned(self) -> dict[int, bytes]:
        """Return the paths by inode, of files whose stamps can be relied upon."""
        return {
            known.stamp[3]: path
            for path, known in self._index.known.items()
            if known.settled and known.looked and type(known.entry) is FileEntry
        }
