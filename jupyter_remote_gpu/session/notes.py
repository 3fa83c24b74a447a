"""What a waiting user is told that is no event of his run."""

from __future__ import annotations

from . import client
from .gpu_watch import GPU_IDLE

NOTES = {
    client.DISCONNECTED: "connection lost, reconnecting; the run goes on",
    client.RECONNECTED: "connected again",
    client.DISK_FULL: "the machine's disk is full: output is held back there, and when too much"
    " of it waits, the cell waits too; make room on the machine, or stop the cell",
    client.DISK_HAS_ROOM: "the machine's disk has room again",
    GPU_IDLE: "the GPU is idle: nothing has run on it for half a minute; is the model there,"
    " and the data (`.to('cuda')`)?",
}
"""By the word that `Following.tell` passes on."""
