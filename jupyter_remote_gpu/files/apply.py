"""Making a folder what a tree says, file by file, each whole or not at all.

First everything new is written to a staging folder; if that fails (a full disk,
a chunk that is lacking), nothing has changed. Then each file is put in its place
by one renaming. What lies there is compared with what the change expects, before
and, where the system can exchange names, once more after: a file that somebody
changed meanwhile stays, and the new version is put beside it and named.

Nothing leads out of the folder: it is walked without following links. Folders
are removed only when they are empty, files only if they are as they were placed.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_remote_gpu.chunks.listing import Get
from jupyter_remote_gpu.chunks.manifest import Piece, pieces_of
from jupyter_remote_gpu.chunks.tree import Entry, FileEntry, FolderEntry, LinkEntry
from jupyter_remote_gpu.errors import DiskFullError, UnreadableError
from jupyter_remote_gpu.protocol.steps import Step, Told

from .entries import CAN_RUN, look_at, same_bytes
from .folder_moves import FolderMove, folder_moves, stamps_of
from .folders import Folder
from .index import Index
from .jobs import Job, in_the_way
from .new_folders import NewFolder, make, new_folders
from .paths import checked, clashes
from .placing import Applied, Placing, with_right
from .staging import UNFINISHED_MODE, Change, Staging, repair
from .stamp import Stamp, stamp_of

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SPARE_BYTES = 16 << 20
_TOLD_EVERY = 500


class Applier:
    """Applies changes to one folder. Used by one thread at a time.

    `index` is what is known of the folder, kept up to date; `get` gives chunks
    and nodes; `who` names the side that the new versions come from. With
    `durable`, files have reached the disk before they take their places.
    """

    def __init__(
        self, root: Path, index: Index, get: Get, *, who: str, durable: bool = False
    ) -> None:
        self._root = root
        self._index = index
        self._get = get
        self._who = who
        self._durable = durable
        self._applied = Applied()
        self._moves: list[FolderMove] = []
        self._new: list[NewFolder] = []
        self._mode = 0o644

    def apply(self, changes: Sequence[Change], told: Told | None = None) -> Applied:
        """Make these changes; see the file's head for what is promised.

        Blocks on the disk. Raises UnsafePathError before anything is touched,
        DiskFullError and LackingError with everything as it was, OSError if the
        folder itself fails meanwhile: then what was made is whole, the rest is
        as it was, and applying again goes on.
        """
        self._applied = Applied()
        for change in changes:
            checked(change.path)
        with Folder.at(self._root) as root:
            wanted = self._without_clashes(root, changes)
            jobs = [Job(n, change) for n, change in enumerate(wanted)]
            if not jobs:
                return self._applied
            with _full_disk_told(self._root):
                self._check_room(root, jobs)
                staging = Staging(root, wanted)
            try:
                with _full_disk_told(self._root):
                    self._stage(root, staging, jobs, told)
                    placing = Placing(
                        root,
                        staging,
                        jobs,
                        self._index,
                        self._applied,
                        self._who,
                        (self._moves, self._new),
                    )
                    placing.place()
                    if self._durable:
                        placing.sync()
            except BaseException:
                staging.release()
                repair(self._root, self._who)
                raise
            staging.discard()
        return self._applied

    def _without_clashes(self, root: Folder, changes: Sequence[Change]) -> list[Change]:
        """Refuse names that this file system cannot hold beside others."""
        refused = clashes(root, self._index.known.keys(), changes)
        self._applied.refused.update(refused)
        return [change for change in changes if change.path not in refused]

    def _check_room(self, root: Folder, jobs: list[Job]) -> None:
        entries = [job.change.after for job in jobs]
        needed = sum(entry.content.size for entry in entries if isinstance(entry, FileEntry))
        if not hasattr(os, "statvfs") or needed < _SPARE_BYTES:
            return
        status = os.statvfs(self._root if root.number is None else root.number)
        if needed > status.f_bavail * status.f_frsize:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # ---- staging

    def _stage(self, root: Folder, staging: Staging, jobs: list[Job], told: Told | None) -> None:
        self._mode = staging.default_mode()
        self._move_folders(root, jobs)
        self._pair_moves(root, [job for job in jobs if not job.with_folder])
        self._new = new_folders(root, jobs)
        count = itertools.count()
        total = sum(self._needs_writing(job) for job in jobs)

        def begin() -> None:
            done = next(count)
            if told is not None and done % _TOLD_EVERY == 0:
                told(Step("writing files", min(done, total), total))

        for new in self._new:
            make(staging, new, self._write_unseen, begin)
        for job in [job for job in jobs if self._needs_writing(job)]:
            begin()
            entry = job.change.after
            if isinstance(entry, FileEntry):
                job.staged = self._write(staging, job, entry)
            elif isinstance(entry, LinkEntry):
                name = staging.folder.name(Staging.number(job.n))
                os.symlink(entry.target, name, dir_fd=staging.folder.number)

    def _move_folders(self, root: Folder, jobs: list[Job]) -> None:
        """Find folders that only change their place, with all that lies in them."""
        moves = folder_moves([job.change for job in jobs])
        self._moves = [m for m in moves if stamps_of(root, self._index, m) is not None]
        moved = {path for move in self._moves for path in (*move.leaving(), *move.coming())}
        for job in jobs if moved else ():
            job.with_folder = job.path in moved

    @staticmethod
    def _needs_writing(job: Job) -> bool:
        before, after = job.change.before, job.change.after
        if (
            job.with_folder
            or job.moved_from is not None
            or after is None
            or isinstance(after, FolderEntry)
        ):
            return False
        return not (isinstance(after, FileEntry) and same_bytes(before, after))

    def _pair_moves(self, root: Folder, jobs: list[Job]) -> None:
        """Find files that only change their place: they are renamed, not written."""
        first = {job.n for job in in_the_way(jobs)}
        leaving = {
            job.change.before: job
            for job in jobs
            if job.change.after is None and _is_file(job.change.before) and job.n not in first
        }
        for job in jobs if leaving else ():
            if job.change.before is None and _is_file(job.change.after):
                old = leaving.get(job.change.after)
                if old is not None and self._is_as_expected(root, old):
                    job.moved_from = leaving.pop(job.change.after)

    def _is_as_expected(self, root: Folder, job: Job) -> bool:
        parent, _, name = job.path.rpartition(b"/")
        try:
            with root.walk(parent) as folder:
                there, _ = look_at(folder, name, self._index.known.get(job.path))
        except (OSError, UnreadableError):
            return False
        return there == job.change.before

    def _write(self, staging: Staging, job: Job, entry: FileEntry) -> Stamp:
        """Write a whole new file; until it is complete its rights say so."""
        folder, name = staging.folder, Staging.number(job.n)
        return self._written(folder, name, entry, UNFINISHED_MODE, self._mode_of(job, entry))

    def _write_unseen(self, folder: Folder, name: bytes, job: Job, entry: FileEntry) -> Stamp:
        """Write a whole new file into a folder that nobody sees until it is complete."""
        mode = with_right(self._mode, executable=True) if entry.executable else None
        return self._written(folder, name, entry, 0o666, mode)

    def _written(
        self, folder: Folder, name: bytes, entry: FileEntry, first_mode: int, mode: int | None
    ) -> Stamp:
        pieces = pieces_of(entry.content, self._get)
        if entry.content.depth:
            self._index.pieces[entry.content.name] = tuple(pieces)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        number = os.open(folder.name(name), flags, first_mode, dir_fd=folder.number)
        try:
            self._fill(number, pieces)
            if CAN_RUN and mode is not None:
                os.fchmod(number, mode)
            if self._durable:
                os.fsync(number)
            return stamp_of(os.fstat(number))
        finally:
            os.close(number)

    def _fill(self, number: int, pieces: list[Piece]) -> None:
        for piece in pieces:
            data = self._get(piece.name)
            while data:
                data = data[os.write(number, data) :]

    def _mode_of(self, job: Job, entry: FileEntry) -> int:
        known = self._index.known.get(job.path)
        mode = known.stamp[4] & 0o777 if known is not None and _is_file(known.entry) else self._mode
        return with_right(mode, executable=entry.executable)


def _is_file(entry: Entry | None) -> bool:
    return isinstance(entry, FileEntry)


@contextlib.contextmanager
def _full_disk_told(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(
            f"there is no room in {root} for the files that have come",
            hint="Free some space there, then run the cell again; the files are as they were.",
        ) from error
