"""What a waiting user is told that is no event of his run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from .gpu_watch import GPU_IDLE
from .summary import about_text

DISK_FULL = "disk full"
DISK_HAS_ROOM = "disk has room"
SKEW_SECONDS = 60.0
"""From here on certificates seem not valid yet, and packages cannot be installed."""
NOTES = {
    DISK_FULL: "the machine's disk is full: output is held back there, and when too much"
    " of it waits, the cell waits too; make room on the machine, or stop the cell",
    DISK_HAS_ROOM: "the machine's disk has room again",
    GPU_IDLE: "the GPU is idle: nothing has run on it for half a minute; is the model there,"
    " and the data (`.to('cuda')`)?",
}
"""By the word that `Following.tell` passes on."""


class Note(str):
    """Told in the same way, and shown as it stands."""

    __slots__ = ()


def lost(since: float) -> Note:
    """Say that there is no connection since a time (in seconds since the epoch)."""
    clock = time.strftime("%H:%M:%S", time.localtime(since))
    return Note(f"connection lost at {clock}, reconnecting; the run goes on")


def again(seconds: float) -> Note:
    """Say that there is a connection again, after so long without one."""
    return Note(f"connected again after {about_text(seconds)}; what was missed follows")


def left(kernels: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Say that an earlier life of this notebook left a Python there, beside the new one."""
    alive = [kernel for kernel in kernels if not kernel["dead"]]
    if not alive:
        return ()
    run = ", and a run in it goes on" if any(kernel["busy"] for kernel in alive) else ""
    return (
        f"a new Python was started; an earlier one of this notebook is still there{run}:"
        " `%remote_gpu stop`, then `%remote_gpu attach`, takes that up",
    )


def skewed(ahead: float) -> Note | None:
    """Say that the machine's clock is wrong, if it is by more than a minute."""
    if abs(ahead) < SKEW_SECONDS:
        return None
    return Note(
        f"the machine's clock is {about_text(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'}"
        " this computer's: secure connections and package installs may fail there until it is"
        " set right (times shown here are corrected)"
    )
