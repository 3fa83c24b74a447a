"""Memory of processes, from Linux's /proc: what they hold, and the most they held."""

from __future__ import annotations

import re
from pathlib import Path


def held_bytes(pid: int) -> int:
    """Return what a process has in memory now."""
    return _status(pid, "VmRSS")


def most_bytes(pid: int) -> int:
    """Return the most a process had in memory since its start or `forget_most`."""
    return _status(pid, "VmHWM")


def forget_most(pid: int) -> None:
    """Let `most_bytes` count from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"process {pid} has no {field} in /proc")
    return int(found.group(1)) * 1024
