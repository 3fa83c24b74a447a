"""Which files of a project would travel to a machine, and which stay: asked here alone."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import FileEntry, FolderEntry
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.plan import Do
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.verdict import ASKS, LeftOut
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.sync_report import DryRun, Planned, Way


def files_here(root: Path, told: Told | None = None) -> DryRun:
    """Return what a first sync of a project with a machine would send, and what stays.

    Blocks while the project is read; raises FilesError if it cannot be.
    """
    project = Project(root, lambda: Ignore(root))
    project.scan(told)
    found = []
    for path, known in project.index.known.items():
        entry = known.entry
        if not isinstance(entry, FolderEntry):
            size = entry.content.size if isinstance(entry, FileEntry) else 0
            holds = project.tokens.get(path)
            reason = f"holds {holds}" if holds else ""
            found.append(Planned(os.fsdecode(path), Way.OUT, Do.SEND.value, size, reason))
    found += [_staying(root, one) for one in project.left_out.values()]
    return DryRun(tuple(sorted(found, key=lambda one: one.path)))


def _staying(root: Path, left: LeftOut) -> Planned:
    path = os.fsdecode(left.path)
    return Planned(
        path,
        Way.STAYS,
        left.why.value,
        0 if left.is_folder else _size(root / path),
        "" if left.why in ASKS else left.rule,
        is_folder=left.is_folder,
        asks=left.why in ASKS,
    )


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0  # gone since, or in a folder that is closed
