"""Folders that are new with all that lies in them: made beside the tree, and put into it whole.

One renaming brings hundreds of files to their places. Until then nobody else sees
them, so that they need no mark of being unfinished; a folder that turns out to
be there meanwhile gets them one by one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.tree import FileEntry, FolderEntry, LinkEntry

from .folder_moves import above, is_free
from .folders import Folder
from .jobs import Job
from .staging import Staging
from .stamp import Stamp
from .swap import move_new

Write = Callable[[Folder, bytes, Job, FileEntry], Stamp]
"""Writes a file of an open folder, and returns its stamp."""
_WORTH_ENTRIES = 2


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A folder that is to come, and what is to come in it, parents first."""

    job: Job
    inside: Sequence[Job]


def new_folders(root: Folder, jobs: Sequence[Job]) -> list[NewFolder]:
    """Return the uppermost folders that come, with files to be written, to places that are free."""
    coming = {
        job.path: job
        for job in jobs
        if job.change.before is None
        and isinstance(job.change.after, FolderEntry)
        and not job.with_folder
    }
    inside: dict[bytes, list[Job]] = {
        path: [] for path in coming if not any(one in coming for one in above(path))
    }
    for job in sorted(jobs, key=lambda job: job.path) if inside else ():
        for folder in above(job.path):
            if folder in inside:
                inside[folder].append(job)
                break
    return [
        NewFolder(coming[path], below)
        for path, below in inside.items()
        if len(below) >= _WORTH_ENTRIES
        and all(job.moved_from is None and not job.with_folder for job in below)
        and is_free(root, path)
    ]


def make(staging: Staging, new: NewFolder, write: Write, begin: Callable[[], None]) -> None:
    """Make a folder in the staging one, with its files; `begin` is called before each.

    Blocks on the disk; raises OSError and what `write` raises.
    """
    name = Staging.tree(new.job.n)
    os.mkdir(staging.folder.name(name), dir_fd=staging.folder.number)
    new.job.with_folder = True
    cut = len(new.job.path) + 1
    last, here = b"", staging.folder.below(name)
    try:
        for job in new.inside:
            begin()
            parent, _, own = job.path[cut:].rpartition(b"/")
            if parent != last:
                here.close()
                here = staging.folder.walk(name + b"/" + parent if parent else name)
                last = parent
            entry = job.change.after
            if isinstance(entry, FileEntry):
                job.staged = write(here, own, job, entry)
            elif isinstance(entry, LinkEntry):
                os.symlink(entry.target, here.name(own), dir_fd=here.number)
            else:
                os.mkdir(here.name(own), dir_fd=here.number)
            job.with_folder = True
    finally:
        here.close()


def take_apart(staging: Staging, new: NewFolder) -> None:
    """Have the entries of a folder that was made take their places one by one after all."""
    cut = len(new.job.path) + 1
    new.job.with_folder = False
    for job in new.inside:
        job.with_folder = False
        if isinstance(job.change.after, FolderEntry):
            continue
        parent, _, own = job.path[cut:].rpartition(b"/")
        name = Staging.tree(new.job.n)
        with staging.folder.walk(name + b"/" + parent if parent else name) as here:
            move_new(here, own, staging.folder, Staging.number(job.n))
