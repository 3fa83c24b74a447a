"""One change of a tree on its way: what was staged or found for it, and what has to go first."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_remote_gpu.chunks.tree import FolderEntry

from .staging import Change
from .stamp import Stamp


@dataclass(slots=True)
class Job:
    """A change with its number, and what was staged or found for it."""

    n: int
    change: Change
    staged: Stamp | None = None
    moved_from: Job | None = None
    moved: bool = False
    with_folder: bool = False
    """Whether it lies in a folder that is renamed as a whole, or is that folder."""

    @property
    def path(self) -> bytes:
        """Where it is about."""
        return self.change.path


def leaves_folder(change: Change) -> bool:
    """Whether a folder is to go, or to become something else."""
    return isinstance(change.before, FolderEntry) and not isinstance(change.after, FolderEntry)


def in_the_way(jobs: list[Job]) -> list[Job]:
    """Return what has to go first: it lies in a folder that is to become something else."""
    blocking = {j.path for j in jobs if leaves_folder(j.change) and j.change.after is not None}
    return [j for j in jobs if j.change.after is None and _lies_in(j.path, blocking)]


def _lies_in(path: bytes, folders: set[bytes]) -> bool:
    at = path.find(b"/")
    while at >= 0:
        if path[:at] in folders:
            return True
        at = path.find(b"/", at + 1)
    return False
