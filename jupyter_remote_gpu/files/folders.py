"""A folder held open, so that what is done in it stays in it.

Everything is named relative to an open folder, never by a path from the top: a
link that somebody puts in place of a folder meanwhile leads nowhere. Where the
system cannot do that (Windows), names are joined to a path instead, and links
are looked for before each step.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

HELD_OPEN = os.scandir in os.supports_fd and os.open in os.supports_dir_fd
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class Folder:
    """An open folder. Close it, or use it in a `with`."""

    __slots__ = ("_number", "_path")

    def __init__(self, number: int | None, path: bytes) -> None:
        self._number = number
        self._path = path

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Open the root of a tree; a link to it is followed. Raises OSError."""
        encoded = os.fsencode(path)
        if HELD_OPEN:
            flags = _FLAGS & ~getattr(os, "O_NOFOLLOW", 0)
            return cls(os.open(encoded, flags), encoded)
        os.scandir(encoded).close()
        return cls(None, encoded)

    def below(self, name: bytes) -> Folder:
        """Open a folder in this one; raises OSError, also if it is a link."""
        if self._number is not None:
            return Folder(os.open(name, _FLAGS, dir_fd=self._number), b"")
        path = os.path.join(self._path, name)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(20, "is a link or no folder", os.fsdecode(path))
        return Folder(None, path)

    def walk(self, path: bytes) -> Folder:
        """Open a folder several levels down (`path` may be empty); raises as `below`."""
        here = self.again()
        for name in path.split(b"/") if path else ():
            try:
                lower = here.below(name)
            finally:
                here.close()
            here = lower
        return here

    def again(self) -> Folder:
        """Return a second handle of the same folder."""
        return Folder(None if self._number is None else os.dup(self._number), self._path)

    @property
    def number(self) -> int | None:
        """What to give as `dir_fd`; None where names are joined to a path instead."""
        return self._number

    def name(self, name: bytes) -> bytes:
        """Return how to name an entry of this folder in a call that is given `number`."""
        return name if self._number is not None else os.path.join(self._path, name)

    def entries(self) -> list[os.DirEntry[str]] | list[os.DirEntry[bytes]]:
        """Return what lies in it."""
        if self._number is not None:
            with os.scandir(self._number) as listing:
                return list(listing)
        with os.scandir(self._path) as listing_of_bytes:
            return list(listing_of_bytes)

    def stat(self, name: bytes) -> os.stat_result | None:
        """Return what the system says of an entry, not of what it leads to; None if it is gone."""
        try:
            return os.stat(self.name(name), dir_fd=self._number, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def close(self) -> None:
        """Let go of it; more than once is no error."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
