"""Putting what is staged into its place, one entry at a time, never over somebody's change."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, FolderEntry
from jupyter_remote_gpu.errors import UnreadableError

from .entries import look_at, same_bytes
from .folder_moves import COMPILED, FolderMove, holds_compiled_only, stamps_of
from .folders import Folder
from .index import Index, Known
from .jobs import Job, in_the_way, leaves_folder
from .new_folders import NewFolder, take_apart
from .staging import Staging, made, put_back
from .stamp import SECOND_NS, Stamp, is_settled, stamp_of
from .swap import exchange, move_new, replace

_NO_STAMP: Stamp = (0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that was changed here as well, and stays; `other` is where the new version lies.

    `other` is None if there is none: the change was a deletion, which was not made.
    """

    path: bytes
    other: bytes | None


@dataclass(slots=True)
class Applied:
    """What became of the changes: made (also if it was so already), in conflict, or refused.

    `refused` says why in words; such a change can be tried again later.
    """

    done: dict[bytes, Entry | None] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    refused: dict[bytes, str] = field(default_factory=dict)


class Placing:
    """The second half: everything is staged, and takes its place."""

    def __init__(
        self,
        root: Folder,
        staging: Staging,
        jobs: list[Job],
        index: Index,
        applied: Applied,
        who: str,
        folders: tuple[Sequence[FolderMove], Sequence[NewFolder]] = ((), ()),
    ) -> None:
        self._index = index
        self._applied = applied
        self._who = who
        self._root = root
        self._staging = staging
        self._jobs = sorted(jobs, key=lambda job: job.path)
        self._moves = {move.new: move for move in folders[0]}
        self._new = {new.job.path: new for new in folders[1]}
        self._parent: tuple[bytes, Folder] | None = None

    def place(self) -> None:
        """Make room, make folders, place files, remove what is to go."""
        jobs = [job for job in self._jobs if not job.with_folder]
        folders_to_go = {j.path for j in jobs if leaves_folder(j.change)}
        first = in_the_way(jobs)
        waiting = {job.n for job in first}
        taken = {job.moved_from.n for job in jobs if job.moved_from is not None}
        try:
            for job in reversed(first):
                if job.n not in taken:
                    self._each(
                        job, self._remove_folder if job.path in folders_to_go else self._remove
                    )
            for job in self._jobs:
                if job.path in self._moves:
                    self._each(job, self._move_folder)
                elif job.path in self._new:
                    self._each(job, self._put_folder)
                elif isinstance(job.change.after, FolderEntry) and not job.with_folder:
                    self._each(job, self._make_folder)
            for job in self._jobs:
                after = job.change.after
                if not (job.with_folder or after is None or isinstance(after, FolderEntry)):
                    self._each(job, self._put)
            for job in reversed(jobs):
                if job.change.after is None and job.n not in waiting and not job.moved:
                    self._each(
                        job, self._remove_folder if job.path in folders_to_go else self._remove
                    )
        finally:
            self._close()

    def _each(self, job: Job, do: Callable[[Job, Folder, bytes], None]) -> None:
        parent, _, name = job.path.rpartition(b"/")
        try:
            do(job, self._folder(parent, make=job.change.after is not None), name)
        except (NotADirectoryError, FileNotFoundError) as error:
            # Somebody put something else in a folder's place, or took it away.
            self._close()
            if job.change.after is None:
                self._made(job.path, None, _NO_STAMP, settled=False)
            else:
                self._applied.refused[job.path] = f"something is in the way: {error.strerror}"
        except (UnreadableError, PermissionError) as error:
            self._applied.refused[job.path] = str(error)

    def _folder(self, path: bytes, *, make: bool) -> Folder:
        """Open the folder at `path`; `make` it again if somebody took it away."""
        if self._parent is None or self._parent[0] != path:
            self._close()
            self._parent = (path, made(self._root, path) if make else self._root.walk(path))
        return self._parent[1]

    def _close(self) -> None:
        if self._parent is not None:
            self._parent[1].close()
            self._parent = None

    def sync(self) -> None:
        """Have the names of what was placed reach the disk, as its bytes have."""
        for parent in {job.path.rpartition(b"/")[0] for job in self._jobs}:
            with contextlib.suppress(OSError), self._root.walk(parent) as folder:
                if folder.number is not None:
                    os.fsync(folder.number)

    def _made(self, path: bytes, entry: Entry | None, stamp: Stamp, *, settled: bool) -> None:
        self._applied.done[path] = entry
        self._index.unsaved.add(path)
        if entry is None:
            self._index.known.pop(path, None)
        else:
            self._index.known[path] = Known(entry, stamp, settled, looked=False)

    # ---- one change

    def _make_folder(self, job: Job, folder: Folder, name: bytes) -> None:
        before = job.change.before
        if before is not None and not isinstance(before, FolderEntry):
            self._remove(job, folder, name)
        made(folder, name).close()
        self._made(job.path, job.change.after, _NO_STAMP, settled=True)

    def _move_folder(self, job: Job, folder: Folder, name: bytes) -> None:
        """Rename a folder with all that lies in it; all of these changes are made, or none.

        What somebody changes in it in this moment goes along, and is found there by the
        next look: what is known of each file is what was seen before.
        """
        move = self._moves[job.path]
        stamps = stamps_of(self._root, self._index, move)
        parent, _, last = move.old.rpartition(b"/")
        why = "" if stamps is not None else f"{os.fsdecode(move.old)} was changed meanwhile"
        if stamps is not None:
            try:
                with self._root.walk(parent) as source:
                    move_new(source, last, folder, name)
            except OSError as error:
                why = f"{os.fsdecode(move.old)} cannot be renamed: {error.strerror}"
        if why or stamps is None:
            self._applied.refused.update(dict.fromkeys(move.coming(), why))
            return
        entries = (FOLDER, *move.inside.values())
        for old, new, entry, stamp in zip(
            move.leaving(), move.coming(), entries, stamps, strict=True
        ):
            known = self._index.known.get(old)
            settled = entry is FOLDER or (
                known is not None and known.settled and known.stamp == stamp
            )
            self._made(old, None, _NO_STAMP, settled=False)
            self._made(new, entry, stamp, settled=settled)

    def _put_folder(self, job: Job, folder: Folder, name: bytes) -> None:
        """Put a folder into its place with all that was made in it."""
        new = self._new[job.path]
        try:
            move_new(self._staging.folder, Staging.tree(job.n), folder, name)
        except FileExistsError:
            take_apart(self._staging, new)
            self._make_folder(job, folder, name)
            return
        now = time.time_ns()
        for one in (job, *new.inside):
            stamp = one.staged or _NO_STAMP
            settled = one.change.after is FOLDER or _is_settled(stamp, now)
            self._made(one.path, one.change.after, stamp, settled=settled)

    def _remove_folder(self, job: Job, folder: Folder, name: bytes) -> None:
        """Remove a folder if nothing but Python's compiled files is in it.

        Whatever else is in it is not ours to remove.
        """
        try:
            os.rmdir(folder.name(name), dir_fd=folder.number)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if _cleared_of_compiled(folder, name):
                os.rmdir(folder.name(name), dir_fd=folder.number)
        self._made(job.path, None, _NO_STAMP, settled=False)

    def _remove(self, job: Job, folder: Folder, name: bytes) -> None:
        there, stamp = look_at(folder, name, self._index.known.get(job.path))
        if there is not None:
            if not same_bytes(there, job.change.before):
                self._applied.conflicts.append(Conflict(job.path, None))
                return
            own = self._staging.folder
            staged = Staging.gone(job.n)
            move_new(folder, name, own, staged)
            if not _is_same(own.stat(staged), stamp):
                put_back(self._root, own, staged, job.path, self._who)
                self._applied.conflicts.append(Conflict(job.path, None))
                return
        self._made(job.path, None, _NO_STAMP, settled=False)

    def _put(self, job: Job, folder: Folder, name: bytes) -> None:
        if isinstance(job.change.before, FolderEntry):
            with contextlib.suppress(OSError):  # not empty: the conflict below says so
                os.rmdir(folder.name(name), dir_fd=folder.number)
        there, stamp = look_at(folder, name, self._index.known.get(job.path))
        if there == job.change.after:
            self._took_place(job, folder, name)
        elif job.moved_from is not None:
            self._move(job, job.moved_from, folder, name, there)
        elif there is None:
            self._put_new(job, folder, name)
        elif isinstance(there, FolderEntry) or not same_bytes(there, job.change.before):
            self._put_beside(job)
        elif same_bytes(there, job.change.after):
            self._set_right(job, folder, name)
        else:
            self._put_over(job, folder, name, stamp)

    def _put_new(self, job: Job, folder: Folder, name: bytes) -> None:
        staged = Staging.number(job.n)
        if job.staged is None and isinstance(job.change.after, FileEntry):
            self._applied.refused[job.path] = "it is gone here, and was only to get other rights"
            return
        try:
            move_new(self._staging.folder, staged, folder, name)
        except FileExistsError:
            self._put_beside(job)
        else:
            self._took_place(job, folder, name)

    def _put_over(self, job: Job, folder: Folder, name: bytes, stamp: Stamp | None) -> None:
        own, staged = self._staging.folder, Staging.number(job.n)
        if name.endswith(b".py") and stamp is not None:
            self._make_younger(job, own, staged, stamp)
        try:
            exchanged = exchange(own, staged, folder, name)
        except FileNotFoundError:
            self._put_new(job, folder, name)
            return
        if exchanged and not _is_same(own.stat(staged), stamp):
            exchange(own, staged, folder, name)
            self._put_beside(job)
            return
        if not exchanged:
            if not _is_same(folder.stat(name), stamp):
                self._put_beside(job)
                return
            replace(own, staged, folder, name)
        self._took_place(job, folder, name)

    def _make_younger(self, job: Job, own: Folder, staged: bytes, old: Stamp) -> None:
        """See to it that a source is from a later second than the one it takes the place of.

        Python takes a compiled file for current if its source's second and size are
        those it was compiled from; an edit is often of the same second and size.
        """
        status = own.stat(staged)
        if status is not None and status.st_mtime_ns // SECOND_NS <= old[1] // SECOND_NS:
            later = (old[1] // SECOND_NS + 1) * SECOND_NS + 1
            at, to = own.name(staged), own.number
            os.utime(at, ns=(status.st_atime_ns, later), dir_fd=to, follow_symlinks=False)
            status = own.stat(staged)
            job.staged = None if status is None else stamp_of(status)

    def _put_beside(self, job: Job) -> None:
        own, staged = self._staging.folder, Staging.number(job.n)
        if own.stat(staged) is None:
            self._applied.refused[job.path] = "it was changed here meanwhile"
            return
        other = put_back(self._root, own, staged, job.path, self._who)
        self._applied.conflicts.append(Conflict(job.path, other))

    def _move(self, job: Job, old: Job, folder: Folder, name: bytes, there: Entry | None) -> None:
        """Rename a file that is to be elsewhere; both changes are made, or neither."""
        parent, _, last = old.path.rpartition(b"/")
        old.moved = True
        if there is not None:
            self._applied.refused[job.path] = "something else has come into its place meanwhile"
            return
        with self._root.walk(parent) as source:
            expected, stamp = look_at(source, last, self._index.known.get(old.path))
            if expected != old.change.before:
                self._applied.refused[job.path] = f"{os.fsdecode(old.path)} was changed meanwhile"
                return
            move_new(source, last, folder, name)
            if not _is_same(folder.stat(name), stamp):
                move_new(folder, name, source, last)
                self._applied.refused[job.path] = f"{os.fsdecode(old.path)} was changed meanwhile"
                return
        job.staged = stamp
        self._made(old.path, None, _NO_STAMP, settled=False)
        self._took_place(job, folder, name)

    def _set_right(self, job: Job, folder: Folder, name: bytes) -> None:
        after = job.change.after
        assert isinstance(after, FileEntry)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
        number = os.open(folder.name(name), flags, dir_fd=folder.number)
        try:
            mode = os.fstat(number).st_mode & 0o777
            os.fchmod(number, with_right(mode, executable=after.executable))
        finally:
            os.close(number)
        self._took_place(job, folder, name)

    def _took_place(self, job: Job, folder: Folder, name: bytes) -> None:
        """Remember the stamp of what was placed, if it is still what was placed."""
        now = time.time_ns()
        status = folder.stat(name)
        stamp = stamp_of(status) if status is not None else _NO_STAMP
        settled = (
            job.staged is not None and _is_same(status, job.staged) and _is_settled(stamp, now)
        )
        self._made(job.path, job.change.after, stamp, settled=settled)


def with_right(mode: int, *, executable: bool) -> int:
    """Return rights with or without that of being run, for those who may read."""
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111


def _is_settled(stamp: Stamp, now: int) -> bool:
    """Whether what was placed can be relied upon.

    Whoever changes it from now on sets its time, which is older than a tick of the clock.
    """
    return is_settled((*stamp[:2], stamp[1], *stamp[3:]), now)


def _is_same(status: os.stat_result | None, stamp: Stamp | None) -> bool:
    """Whether this is the file of that stamp, unchanged; renaming it changes its ctime alone."""
    if status is None or stamp is None:
        return False
    return (status.st_size, status.st_mtime_ns, status.st_ino) == (stamp[0], stamp[1], stamp[3])


def _cleared_of_compiled(folder: Folder, name: bytes) -> bool:
    """Remove the compiled files of modules that are gone; False if there is anything else.

    Without this a package that was renamed would stay as an empty folder wherever
    it had been imported.
    """
    with folder.below(name) as here:
        inside = here.entries()
        if [os.fsencode(entry.name) for entry in inside] != [COMPILED]:
            return False
        if not holds_compiled_only(here, COMPILED):
            return False
        with here.below(COMPILED) as cache:
            for entry in cache.entries():
                os.unlink(cache.name(os.fsencode(entry.name)), dir_fd=cache.number)
        os.rmdir(here.name(COMPILED), dir_fd=here.number)
    return True
