"""Which computer this is, and since when it runs: process numbers mean nothing beyond both.

A home folder may be shared by several machines (a cluster's), and outlives a
restart of its own.
"""

from __future__ import annotations

import functools
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Life:
    """One run of one computer. `began` is in seconds since the epoch, 0 where unknown.

    Two lives are the same if `host` and `boot` are. A container that is
    restarted on a computer that goes on begins another life.
    """

    host: str
    boot: str
    began: float


@functools.cache
def this_life() -> Life:
    """Return the life this process is part of."""
    first = _first_process_ticks()
    return Life(host=_host(), boot=f"{_boot_id()}-{first}", began=_began(first))


def restarted_text() -> str:
    """Return "the machine was restarted at …", in universal time."""
    began = this_life().began
    if not began:
        return "the machine was restarted"
    return time.strftime("the machine was restarted at %Y-%m-%d %H:%M UTC", time.gmtime(began))


def _host() -> str:
    try:
        known = Path("/etc/machine-id").read_text().strip()
    except OSError:
        known = ""
    # copied images share a machine-id, so the name counts too
    return f"{known}-{platform.node()}"


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _first_process_ticks() -> int:
    """Return when process 1 began, in ticks after the computer's start: 0 or nearly so, except
    in a container.
    """
    try:
        text = (_PROC / "1/stat").read_text()
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _began(first_ticks: int) -> float:
    try:
        lines = (_PROC / "stat").read_text().splitlines()
        booted = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    except (OSError, ValueError, StopIteration):
        return 0.0
    return booted + first_ticks / os.sysconf("SC_CLK_TCK")
