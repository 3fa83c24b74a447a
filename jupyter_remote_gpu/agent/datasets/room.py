"""Whether the disk has room for a dataset, said with both numbers before anything is fetched."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from jupyter_remote_gpu.errors import DiskFullError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
MARGIN_BYTES = 64 << 20
"""What is left to others on the disk."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


def free_bytes(folder: Path) -> int:
    """Return what this user may still write to the disk that a folder is on."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def require(folder: Path, needed: int, files: int, name: str) -> None:
    """Raise DiskFullError unless so many more bytes and files fit on the disk."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if needed + MARGIN_BYTES > free:
        raise full(folder, name, needed)
    # a file system that counts none says 0
    if found.f_files and files > found.f_favail:
        raise DiskFullError(
            f"{name} has {files:,} files, and the disk at {folder} takes {found.f_favail:,} more",
            hint="Nothing was fetched. `%remote_gpu data --remove` and `%remote_gpu clean` make"
            " room there.",
        )


def full(folder: Path, name: str, needed: int) -> DiskFullError:
    """Return the error that says both numbers; what was fetched so far is kept."""
    return DiskFullError(
        f"{name} needs {said(needed)} more on the machine's disk, and"
        f" {said(free_bytes(folder))} are free at {folder}",
        hint="`%remote_gpu data --remove` and `%remote_gpu clean` make room there; what was"
        " fetched already is kept.",
    )


def said(count: int) -> str:
    """Return a number of bytes for people."""
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit < 2 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"
