"""What lies in one place right now, as an entry of a tree."""

from __future__ import annotations

import os
import stat

from jupyter_remote_gpu.chunks.manifest import Content
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import UnreadableError

from .folders import Folder
from .index import Known
from .reading import read_file
from .stamp import Stamp, stamp_of

CAN_RUN = os.name != "nt"
"""Whether files here have a right to be run at all."""


def may_run(mode: int) -> bool:
    """Whether a file of these rights is a program."""
    return CAN_RUN and bool(mode & stat.S_IXUSR)


def entry_at(folder: Folder, name: bytes) -> Entry | None:
    """Return what lies there; None if nothing does. Reads a file. Raises UnreadableError."""
    return look_at(folder, name)[0]


def look_at(
    folder: Folder, name: bytes, known: Known | None = None
) -> tuple[Entry | None, Stamp | None]:
    """Return what lies there with its stamp, without reading it if `known` still holds.

    Raises UnreadableError for what is neither file, link nor folder, or cannot be read.
    """
    status = folder.stat(name)
    if status is None:
        return None, None
    stamp = stamp_of(status)
    if stat.S_ISDIR(status.st_mode):
        return FOLDER, stamp
    if known is not None and known.settled and known.stamp == stamp:
        return known.entry, stamp
    try:
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(folder.name(name), dir_fd=folder.number)
            return LinkEntry(os.fsencode(target)), stamp
        reading = read_file(folder, name)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        raise UnreadableError(f"{os.fsdecode(name)} cannot be read: {error.strerror}") from error
    return FileEntry(reading.content, may_run(reading.stamp[4])), reading.stamp


def same_bytes(one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries are alike but for the right to be run."""
    return _bare(one) == _bare(other)


def _bare(entry: Entry | None) -> Entry | Content | None:
    return entry.content if isinstance(entry, FileEntry) else entry
