"""Old versions of the agent, and parts that none needs any more, are cleared away.

    BASE/agents/NAME      one version of this package for one kind of client
    BASE/parts/NAME       what versions share; an agent's folder links to its own

Called when an agent starts. What a process runs from is kept, and what some
client used of late: it would only have to be carried again.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

UNUSED_SECONDS = 14 * 24 * 3600.0
ARRIVING_SECONDS = 3600.0
"""A part lies there before the agent that links to it arrives."""


def clear_old(base: Path, own: Path) -> list[str]:
    """Delete what is not needed below `base`; `own` is the root of the agent that runs.

    Returns the names of what was deleted. May block.
    """
    agents = base / "agents"
    if own.parent != agents:
        return []  # run from somewhere else: nothing here is ours to judge
    running = _command_lines()
    cleared = []
    for folder in agents.iterdir():
        needed = folder == own or _age(folder) < UNUSED_SECONDS
        if not needed and not any(str(folder).encode() in line for line in running):
            shutil.rmtree(folder, ignore_errors=True)
            cleared.append(f"agents/{folder.name}")
    linked = {os.path.realpath(link) for link in agents.glob("*/*") if link.is_symlink()}
    parts = base / "parts"
    for folder in parts.iterdir() if parts.is_dir() else ():
        if os.path.realpath(folder) not in linked and _age(folder) > ARRIVING_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            cleared.append(f"parts/{folder.name}")
    return cleared


def _age(folder: Path) -> float:
    """Return for how many seconds a folder has not been made or marked as used."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _command_lines() -> list[bytes]:
    """Return the command lines of all processes that this user may see."""
    return [_content(path) for path in Path("/proc").glob("[0-9]*/cmdline")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has just ended
