"""What both sides of a sync had last, on this computer's disk: what the next one starts from.

    STATE/<project>/machines/<machine>/agreed   the entries that both sides had
    STATE/<project>/machines/<machine>/lock     held by the one process that is syncing

Lost, nothing is lost with it: what is the same on both sides is agreed upon
again, and where they differ both versions are kept.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import Entry, FileEntry
from jupyter_remote_gpu.errors import WaitTimeoutError
from jupyter_remote_gpu.files.index import Index, Known
from jupyter_remote_gpu.files.plan import Agreed
from jupyter_remote_gpu.files.stamp import Stamp

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_SECONDS = 600.0
_LOOK_SECONDS = 0.05
_NO_STAMP: Stamp = (0, 0, 0, 0, 0)


class Memory:
    """What a project and one machine agreed on. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.agreed: dict[bytes, Agreed] = {}
        self.fresh = True
        """Whether what is known was just read: every path may differ."""
        self._folder = folder
        self._stamp: tuple[int, ...] | None = None
        self._index = Index()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes that sync the same from doing so; what they agreed on is read.

        Waits for them; WaitTimeoutError after ten minutes.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self._folder / "lock", "ab") as file:
            self._wait_for(file.fileno())
            if self._stamp_now() != self._stamp or self._stamp is None:
                self._load()
            yield

    def _wait_for(self, number: int) -> None:
        if fcntl is None:
            return
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise WaitTimeoutError(
                        "another notebook or terminal has been syncing this project for"
                        f" {LOCK_SECONDS / 60:.0f} minutes",
                        hint="Wait for it, or end it; then run this again.",
                    ) from None
            time.sleep(_LOOK_SECONDS)

    def agree(self, path: bytes, entry: Entry | None, *, made_there: bool = False) -> None:
        """Both sides have this entry now, or none."""
        self._index.unsaved.add(path)
        if entry is None:
            self.agreed.pop(path, None)
            self._index.known.pop(path, None)
        else:
            self.agreed[path] = Agreed(entry, made_there)
            self._index.known[path] = Known(entry, _NO_STAMP, made_there)

    def forget_all(self) -> None:
        """Nothing is agreed: what was there is gone."""
        self.fresh = True
        self._index.unsaved.update(self.agreed)
        self._index.known.clear()
        self.agreed.clear()

    def has_files(self) -> bool:
        """Whether a file, not only folders, is agreed upon."""
        return any(type(one.entry) is FileEntry for one in self.agreed.values())

    def save(self) -> None:
        """Write down what is agreed; raises OSError if that cannot be done."""
        if self._index.unsaved:
            self._index.save(self._folder / "agreed")
            self._stamp = self._stamp_now()

    def _load(self) -> None:
        self._stamp = self._stamp_now()
        self._index = Index.load(self._folder / "agreed")
        self.agreed = {
            path: Agreed(known.entry, known.settled) for path, known in self._index.known.items()
        }
        self.fresh = True

    def _stamp_now(self) -> tuple[int, ...]:
        try:
            status = os.stat(self._folder / "agreed")
        except FileNotFoundError:
            return ()
        return (status.st_ino, status.st_mtime_ns, status.st_size)
