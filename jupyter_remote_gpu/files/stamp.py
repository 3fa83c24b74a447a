"""What the file system says of a file without opening it: cheap, and almost always enough.

A file whose stamp is as it was when it was read has the same bytes, with one
exception: a change within the clock tick of the one before leaves no trace. So a
stamp that was young when the file was read is not relied upon (`is_settled`).
"""

from __future__ import annotations

import os

Stamp = tuple[int, int, int, int, int]
"""Size, time of the last change of the bytes and of the inode (both in ns), inode, mode."""

_TICK_NS = 50_000_000
"""Clocks of file systems move on every 1 to 10 ms; five times that."""
_COARSE_TICK_NS = 2_500_000_000
"""FAT counts in two seconds, some network file systems in one."""
SECOND_NS = 1_000_000_000


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp in what `lstat` or `fstat` said."""
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_mode,
    )


def is_settled(stamp: Stamp, read_at_ns: int) -> bool:
    """Whether a later change would show, for a file that was read from `read_at_ns` on.

    A file that was changed in the future, by a clock that is ahead of ours, never
    is; it is read each time, which is slow and right. One whose bytes were given a
    date in the future (unpacked, copied, `touch`) is: whoever writes to it sets
    another.
    """
    changed = stamp[2] if stamp[1] > read_at_ns else max(stamp[1], stamp[2])
    coarse = stamp[1] % SECOND_NS == 0 and stamp[2] % SECOND_NS == 0
    return changed + (_COARSE_TICK_NS if coarse else _TICK_NS) < read_at_ns
