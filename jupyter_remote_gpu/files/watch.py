"""What changed in a project since it was last asked, without walking it.

A watcher is an aid, never the truth: it answers with paths, or with None, which
means "I cannot say; look at everything". It cannot say after a flood of changes, and on
file systems whose changes the system does not report. So a session looks at
everything now and then, when nobody waits for it.

"Since it was last asked" is exact: see `inotify`.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from .inotify import Reports

_FLOOD = 2000
"""After so many changes a walk over everything is quicker."""
_LOCAL = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "reiserfs"),
        *("tmpfs", "ramfs", "overlay", "vfat", "exfat", "ntfs3"),
    }
)


class Watcher(ABC):
    """Says what may have changed. Used by one thread at a time."""

    reason: str = ""
    """Why this one cannot watch, in words; empty if it can."""

    @property
    def quiet(self) -> bool:
        """Whether it is certain that nothing has changed since `changed` was called last."""
        return False

    @abstractmethod
    def changed(self) -> frozenset[bytes] | None:
        """Return the paths that may have changed since the last call; None if it cannot say.

        What had changed before this was called is in the answer. A path stands
        for all that lies in it. Quick.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop watching; more than once is no error."""


class NoWatcher(Watcher):
    """Cannot say, ever: everything is looked at each time."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def changed(self) -> frozenset[bytes] | None:
        """See `Watcher`."""
        return None

    def close(self) -> None:
        """See `Watcher`."""


class SystemWatcher(Watcher):
    """Watches by Linux's own reports.

    Made by `watch`, which knows where that works. The first answer is None.
    """

    def __init__(self, root: Path) -> None:
        self._reports = Reports(root)
        self._started = False

    @property
    def quiet(self) -> bool:
        """See `Watcher`."""
        return self._started and not self.reason and not self._reports.waiting

    def changed(self) -> frozenset[bytes] | None:
        """See `Watcher`."""
        if self.reason:
            return None
        try:
            found = self._reports.changed()
        except OSError as error:
            self._reports.close()
            self.reason = f"watching failed ({error})"
            return None
        started, self._started = self._started, True
        if found is None or not started or len(found) > _FLOOD:
            return None
        return frozenset(found)

    def close(self) -> None:
        """See `Watcher`."""
        self._reports.close()
        self.reason = self.reason or "it was closed"


def watch(root: Path) -> Watcher:
    """Return a watcher of a project's folder: the system's where it can be relied upon.

    Elsewhere one that says so in `reason`. Never raises because of the system.
    """
    root = root.resolve()
    reason = why_not(root)
    if reason:
        return NoWatcher(reason)
    try:
        return SystemWatcher(root)
    except OSError as error:
        return NoWatcher(f"changes are not reported here ({error})")


def is_another(root: Path, watched: os.stat_result | None) -> bool:
    """Whether the folder at a path is not the one that was there when its watcher was made.

    Then that one watches what nobody sees any more. OSError if there is none.
    """
    return watched is None or not os.path.samestat(root.stat(), watched)


def why_not(root: Path) -> str:
    """Return why changes in a folder are not reported by this system, in words; "" if they are."""
    if not sys.platform.startswith("linux"):
        return "whether every change is reported in time was not tried on this system"
    kind = file_system(root, Path("/proc/self/mountinfo"))
    if kind not in _LOCAL:
        return f"changes are not reported on file systems of the kind {kind or 'that this is'}"
    return ""


def file_system(path: Path, mounts: Path) -> str | None:
    """Return the kind of file system a path lies on, by a `mountinfo` file; None if unknown."""
    best, kind = -1, None
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(" ")
        if "-" not in fields or fields.index("-") + 1 >= len(fields):
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if (path == Path(point) or Path(point) in path.parents) and len(point) >= best:
            best, kind = len(point), fields[fields.index("-") + 1]
    return kind
