"""How much of a project would have to be read and sent, counted while it is walked.

Beyond a limit nothing more is read, only counted: a question that is asked after 20 GB
were read comes too late. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

MOST_NAMED = 3
_NEARLY_ALL = 0.8


class Measure:
    """Counts the files that a walk meets and that were never read.

    `is_there` says of a path and a size whether the other side is taken to have it:
    that is not counted.
    """

    def __init__(self, most_bytes: int, is_there: Callable[[bytes, int], bool]) -> None:
        self.sizes: dict[bytes, int] = {}
        self.total = 0
        self._most = most_bytes
        self._is_there = is_there

    @property
    def is_too_much(self) -> bool:
        """Whether the limit was passed; what the walk found is not all then."""
        return self.total > self._most

    def counts(self, path: bytes, size: int) -> bool:
        """Count a file; whether it may still be read."""
        if not self._is_there(path, size):
            self.sizes[path] = size
            self.total += size
        return not self.is_too_much

    def with_read(self, sizes: Mapping[bytes, int]) -> dict[bytes, int]:
        """Return what was counted, and of these files, read before, what the other side lacks."""
        lacking = {path: n for path, n in sizes.items() if not self._is_there(path, n)}
        return {**lacking, **self.sizes}


def largest_folders(sizes: Mapping[bytes, int]) -> list[tuple[bytes, int]]:
    """Return the few folders that hold the most of some files, the largest first.

    One that holds nearly all of it is looked into. Paths end with a slash; files that
    lie in no folder are counted to none.
    """
    inside, total = b"", sum(sizes.values())
    while True:
        folders: dict[bytes, int] = {}
        for path, size in sizes.items():
            name, slash, _ = path[len(inside) :].partition(b"/")
            if slash and path.startswith(inside):
                folder = inside + name + b"/"
                folders[folder] = folders.get(folder, 0) + size
        ranked = sorted(folders.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]
        if not ranked:
            return [(inside, total)] if inside else []
        if ranked[0][1] < _NEARLY_ALL * total:
            return ranked
        inside, total = ranked[0]
