"""What `doctor` says of the project one is in: who else writes there, how changes are found."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.files.watch import why_not

from .cloud_folder import cloud_folder
from .finding import Finding
from .project import holds_home, project_folder
from .project_settings import ProjectSettings

_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
_LONGEST_SECONDS = 2.0
"""So long folders are counted; what has more is large enough to be told of."""
_ENOUGH_WATCHES = 524_288


def look_at_project(folder: Path, limit: Path = _LIMIT) -> Iterable[Finding]:
    """Look at the project that a folder belongs to. Blocks for seconds at most.

    `limit` is the file in which the system says how many folders may be watched.
    """
    root = project_folder(folder)
    if holds_home(root):
        text = f"{root} is a home folder, or holds one: its files are never sent"
        advice = "Put scripts and notebooks into a folder of their own."
        yield Finding("project", "warning", text, advice)
        return
    yield Finding("project", "good", f"{root}")
    yield from _settings(folder)
    cloud = cloud_folder(root)
    if cloud is not None:
        text = (
            f"{root} lies in {cloud.folder}, which {cloud.service} keeps in step: what runs bring"
            " back is uploaded too, files that are only online are fetched to be sent, and"
            f" {cloud.service} may lay copies of its own beside what changes on two computers"
        )
        advice = f"Better outside of it, in a repository; or pause {cloud.service} during runs."
        yield Finding("cloud folder", "warning", text, advice)
    yield _watching(root, limit)


def _settings(folder: Path) -> Iterable[Finding]:
    """Say what the project's settings name, or that they cannot be understood."""
    settings = ProjectSettings(folder)
    try:
        data = settings.data()
    except RequestError as error:
        yield Finding("project's data", "bad", error.message, error.hint or "")
        return
    if settings.file is not None:
        names = ", ".join(one.address for one in data) or "no data"
        yield Finding("project's data", "good", f"{settings.file} names {names}")


def _watching(root: Path, limit: Path) -> Finding:
    reason = why_not(root)
    if reason:
        text = f"changes are found by walking through all folders: {reason}"
        return Finding("changes", "good", text)
    folders, all_of_them = _folders(root)
    most = _number(limit)
    counted = f"{folders:,} folders" if all_of_them else f"more than {folders:,} folders"
    if most and folders > most // 2:
        text = (
            f"{counted} in the project, and this system watches {most:,} at most:"
            " changes may have to be found by walking through them before each run"
        )
        advice = f"sudo sysctl fs.inotify.max_user_watches={max(_ENOUGH_WATCHES, 4 * folders)}"
        return Finding("changes", "warning", text, advice)
    return Finding("changes", "good", f"reported by the system; {counted}, {most:,} can be watched")


def _folders(root: Path) -> tuple[int, bool]:
    """Return how many folders there are, and whether all were counted."""
    end = time.monotonic() + _LONGEST_SECONDS
    count = 0
    for _ in os.walk(root):
        count += 1
        if time.monotonic() > end:
            return count, False
    return count, True


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0  # the system does not say
