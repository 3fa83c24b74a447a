"""Where the files of a dataset grow before it is whole: each is finished or plainly is not."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from jupyter_remote_gpu.errors import CorruptDataError

from .names import inside, stays_inside

_UNFINISHED, _FINISHED = 0o200, 0o444
"""A file's rights tell whether all of it was written, also after a kill."""

_CLOSED = 0o555


class Staging:
    """Files below `root`, written by names from outside; by several processes, each its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: set[str] = set()
        self._links: list[tuple[str, str]] = []

    def has(self, path: str, size: int) -> bool:
        """Whether a file of this size was finished."""
        try:
            found = os.lstat(f"{self.root}/{path}")
        except OSError:
            return False
        return found.st_size == size and found.st_mode & 0o777 == _FINISHED

    def write(self, path: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Write a file, anew if an unfinished one is there.

        Raises what `pieces` raises, OSError, and CorruptDataError if the name is
        that of a folder, or passes through a file.
        """
        place = f"{self.root}/{path}"
        number = self._open(path, place)
        try:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(number, view) :]
            os.fchmod(number, _FINISHED)
        finally:
            os.close(number)

    def folder(self, path: str) -> None:
        """Make a folder and those above it; CorruptDataError if one of them is a file."""
        if path in self._folders:
            return
        try:
            os.makedirs(f"{self.root}/{path}", mode=0o700, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _two(path) from None
        self._folders.add(path)

    def place_for(self, path: str) -> Path:
        """Return where a file belongs that comes whole; its folder is made."""
        self.folder(os.path.dirname(path))
        return self.root / path

    def link(self, path: str, target: str) -> bool:
        """Remember a symbolic link, to be made last; False for one that leads out."""
        if not stays_inside(path, target):
            return False
        self._links.append((path, target))
        return True

    def finish(self) -> tuple[int, int]:
        """Make the links and close all folders to writers; return how many files and bytes.

        Nothing is written through a link: they come when all files are there.
        """
        for path, target in self._links:
            self.folder(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):
                os.symlink(target, f"{self.root}/{path}")
        count, size = measured(self.root)
        for folder, _, _ in os.walk(self.root):  # from the top: `reopen` looks there
            os.chmod(folder, _CLOSED)
        return count, size

    def reopen(self) -> None:
        """Open the folders that somebody closed who was killed before all was done."""
        with contextlib.suppress(FileNotFoundError):
            if stat.S_IMODE(self.root.stat().st_mode) == _CLOSED:
                for folder, _, _ in os.walk(self.root):
                    os.chmod(folder, stat.S_IRWXU)

    def _open(self, path: str, place: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self.folder(os.path.dirname(path))
        try:
            with contextlib.suppress(FileExistsError):
                return os.open(place, flags | os.O_EXCL, _UNFINISHED)
            number = os.open(place, flags, _UNFINISHED)
            os.fchmod(number, _UNFINISHED)  # it may have been a finished one
            return number
        except PermissionError:
            # a finished one, which is to be written anew
            os.unlink(place)
            return os.open(place, flags, _UNFINISHED)
        except (IsADirectoryError, NotADirectoryError):
            raise _two(path) from None


def measured(root: Path) -> tuple[int, int]:
    """Return how many files lie below a folder, and how many bytes are in them."""
    count = size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            count += 1
            size += found.st_size
    return count, size


def below(folder: str, name: str) -> str:
    """Return the path of a member of an archive that is unpacked in a folder; UnsafePathError."""
    path = inside(name)
    return f"{folder}/{path}" if folder else path


def _two(path: str) -> CorruptDataError:
    return CorruptDataError(
        f"the data name {path[:200]!r} both as a file and as a folder",
        hint="Nothing was placed.",
    )
