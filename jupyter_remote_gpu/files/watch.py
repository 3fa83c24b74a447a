"""What changed in a project since it was last asked, without walking it.

A watcher is an aid, never the truth: it answers with paths, or with None, which
means "I cannot say; look at everything". It cannot say after a flood of changes
(the system's queue may have run over, which `watchfiles` does not tell), and on
file systems whose changes the system does not report. So a session looks at
everything now and then, when nobody waits for it.

"Since it was last asked" is exact: a file is written to a folder of our own that
is watched along, and the answer is complete once that change has been reported.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path

from .scan import relative

_FLOOD = 2000
"""Queues of the system hold 16,384 changes; far below that, nothing has run over."""
_STEP_MILLISECONDS = 1
_TIMEOUT_MILLISECONDS = 50
_LONGEST_SECONDS = 2.0
_MOST_FAILURES = 20
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

    @abstractmethod
    def changed(self) -> frozenset[bytes] | None:
        """Return the paths that may have changed since the last call; None if it cannot say.

        What had changed before this was called is in the answer. A path stands
        for all that lies in it. Blocks for some milliseconds.
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
    """Watches by the system's own reports, through `watchfiles`.

    Made by `watch`, which knows where that works. The first answer is None.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own = Path(tempfile.mkdtemp(prefix="rgpu-watch-"))
        self._count = 0
        self._failures = 0
        try:
            self._begin()
        except BaseException:
            self._own.rmdir()
            raise

    def _begin(self) -> None:
        import watchfiles  # a compiled part; loaded when needed

        self._started = False
        self._reports = watchfiles.watch(
            self._root,
            self._own,
            watch_filter=None,
            debounce=_STEP_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            rust_timeout=_TIMEOUT_MILLISECONDS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        next(self._reports)  # it starts with the first question, and fails there if it must

    def changed(self) -> frozenset[bytes] | None:
        """See `Watcher`."""
        if self.reason:
            return None
        try:
            return self._changed()
        except (OSError, RuntimeError) as error:
            # A name in no encoding ends it, for one.
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self.reason = f"watching failed again and again ({error})"
                return None
        try:
            self._begin()
        except (OSError, RuntimeError) as error:
            self.reason = f"watching failed ({error})"
        return None

    def _changed(self) -> frozenset[bytes] | None:
        found = self._until_seen()
        if found is None or not self._started or len(found) > _FLOOD:
            self._started = True
            return None
        if any(os.path.isdir(path) for path in found):
            # A folder that has just come is watched a moment later: what came into it meanwhile
            # is found by looking into it, once it is certain that it is watched.
            more = self._until_seen()
            if more is None:
                return None
            found |= more
        inside = {relative(self._root, path) for path in found}
        return frozenset(path for path in inside if path is not None)

    def _until_seen(self) -> set[str] | None:
        """Return what was reported up to now; None if the report did not come."""
        self._count += 1
        mark = self._own / f"{self._count}-{secrets.token_hex(4)}"
        mark.touch()
        found: set[str] = set()
        end = time.monotonic() + _LONGEST_SECONDS
        try:
            while str(mark) not in found:
                if time.monotonic() > end:
                    return None
                found |= {path for _, path in next(self._reports)}
        finally:
            mark.unlink()
        own = str(self._own)
        return {path for path in found if not path.startswith(own)}

    def close(self) -> None:
        """See `Watcher`."""
        self._reports.close()
        for path in self._own.iterdir() if self._own.exists() else ():
            path.unlink()
        if self._own.exists():
            self._own.rmdir()


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
    except (OSError, ImportError, RuntimeError) as error:
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
