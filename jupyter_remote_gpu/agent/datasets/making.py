"""A dataset from its first byte to its place on the shelf: room, files, digests, unpacking."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from jupyter_remote_gpu.errors import CorruptDataError
from jupyter_remote_gpu.protocol.steps import Step, Told

from . import holes, room, unzip
from .desk import LinkDesk
from .digests import Following
from .job import Job, Wanted
from .kinds import Archive, kind_of
from .part import HOLED, KIND, VERIFIED, Part, boot_name
from .shelf import Record, Shelf
from .staging import Staging
from .transfer import Replaced, Stopped, Transfer, Watch
from .untar import Untar, packed_bytes

LARGE_BYTES = 32 << 20
"""Files from here on are fetched one by one, each over several connections."""
AT_ONCE = 16
"""So many small files are fetched at the same time."""
MOST_PROCESSES = 8
TELL_SECONDS = 0.25
MOST_BEGINNINGS = 3
_LOOK_SECONDS = 0.2


class Making:
    """One dataset being made by this process, which has it locked. `told` hears how far it is."""

    def __init__(self, job: Job, desk: LinkDesk, told: Told, stop: threading.Event) -> None:
        self._job = job
        self._desk = desk
        self._told = told
        self._shelf = Shelf(job.base)
        self._folder = self._shelf.making(job.key)
        self._watch = Watch(self._arrived, job.patience, stop)
        self._lock = threading.Lock()
        self._done = self._total = 0
        self._last = 0.0
        self._what = ""
        self._checked: set[str] = set()
        self._notes: list[str] = []
        self._staging = Staging(self._folder / "files")

    def run(self) -> Record:
        """Return the record of the dataset, which is there then; nothing is asked if it was.

        Raises DiskFullError, CorruptDataError, UnsafePathError, LinkEndedError,
        SourceDownError, RateLimitedError, `Stopped`; what was fetched is kept.
        """
        with locked(self._shelf.lock(self._job.key), self._told, self._watch.stop):
            key = self._job.key
            record = self._shelf.record(key) or self._shelf.finished(key)
            if record is not None:
                return record
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            about = {"text": self._job.text, "name": self._job.name}
            (self._folder / "job.json").write_text(json.dumps(about))
            self._require_room()
            self._staging.reopen()
            try:
                self._make()
            except Replaced:
                # found out when the old version was half unpacked: nothing of it is of use
                shutil.rmtree(self._folder)
                self._staging = Staging(self._folder / "files")
                self._make()
            finally:
                self._watch.webs.close()
            return self._finish()

    def _finish(self) -> Record:
        count, size = self._staging.finish()
        job = self._job
        checked, notes = tuple(sorted(self._checked)), tuple(self._notes)
        record = Record(
            job.key, job.text, job.name, count, size, checked, notes, time.time(), boot_name()
        )
        self._shelf.finish(record)
        # what is empty now would keep the same files from being brought another time
        shutil.rmtree(self._shelf.brought(job.key), ignore_errors=True)
        return record

    def _require_room(self) -> None:
        """Refuse before a byte is fetched what can never fit: all files as they are served."""
        sizes = [file.bytes or 0 for file in self._job.files]
        left = max(0, sum(sizes) - taken_bytes(self._folder))
        room.require(self._folder, left, len(sizes), self._job.name)

    def _make(self) -> None:
        files = list(enumerate(self._job.files))
        self._total = sum(file.bytes or 0 for _, file in files)
        small = [one for one in files if _is_small(one[1])]
        large = [one for one in files if not _is_small(one[1])]
        self._begin(f"downloading {self._job.name}", self._total)
        if small:
            self._small(small)
        for index, file in large:
            self._file(index, file, self._job.workers)

    def _small(self, files: list[tuple[int, Wanted]]) -> None:
        """Fetch many files side by side; the first failure ends all."""
        with ThreadPoolExecutor(min(AT_ONCE, len(files))) as pool:
            going = [pool.submit(self._file, index, file, 1) for index, file in files]
            try:
                for one in going:
                    one.result()
            except BaseException:
                for one in going:
                    one.cancel()
                self._watch.failed = True
                raise

    # -- one file -------------------------------------------------------------------------------

    def _file(self, index: int, file: Wanted, workers: int) -> None:
        if self._watch.over:
            raise Stopped
        staging = self._staging
        if not file.unpack and file.bytes is not None and staging.has(file.path, file.bytes):
            self._arrived(file.bytes)
            return
        part = Part(self._folder / "parts" / str(index))
        try:
            self._fetched(part, index, file, workers)
            self._desk.finished(index)
            if file.unpack and self._unpacked(part, file):
                part.close()  # it goes when all is whole: a kill before that fetches nothing again
            else:
                part.move(staging.place_for(file.path))
        except CorruptDataError:
            part.close()
            if file.unpack and not file.digests:
                # nobody can say that these are the right bytes: another time they come anew
                shutil.rmtree(self._folder)
            raise
        except BaseException:
            part.close()
            raise

    def _fetched(self, part: Part, index: int, file: Wanted, workers: int) -> None:
        """See to it that a part is whole and the right one; from its beginning if it is not."""
        if file.carried:
            self._carried(part, file)
        version = part.version
        unknown = version is not None and not version.known and not part.whole
        if not file.digests and not file.carried and (unknown or part.rebooted):
            part.reset()  # nothing would tell whether what is there belongs to what is to come
        for _ in range(MOST_BEGINNINGS):
            transfer = Transfer(part, self._desk, index, file.path, self._watch, workers)
            digests = {} if part.marked(VERIFIED) else file.digests
            following = Following(part, digests, behind=workers > 1)
            self._arrived(part.there)
            try:
                self._transfer(transfer, part, file)
                wrong = following.wrong()
            except Replaced:
                if part.marked(HOLED):
                    raise
                wrong = "its version"
            finally:
                following.end()
            if not wrong:
                self._checked.update(following.digests)
                part.mark(VERIFIED)
                return
            self._arrived(-part.there)
            part.reset()
        raise CorruptDataError(
            f"{file.path} is not what its source says: {wrong} differs, each time it was fetched",
            hint="Nothing was placed. Is the source being changed right now? Try again later.",
        )

    def _transfer(self, transfer: Transfer, part: Part, file: Wanted) -> None:
        transfer.begin(file.bytes)
        version = part.version
        if version is None:
            return
        with self._lock:
            self._total += 0 if file.bytes is not None else version.bytes
        if file.unpack and not part.marked(KIND):
            part.mark(KIND, kind_of(part).value)
        if part.marked(KIND) == Archive.ZIP.value and not part.marked(HOLED):
            # the end of a zip archive tells what it will take on the disk
            transfer.fetch(max(0, version.bytes - unzip.END_BYTES))
            transfer.fetch(unzip.directory_start(part))
            self._plan(part, file)
        transfer.fetch()

    def _carried(self, part: Part, file: Wanted) -> None:
        """Take a file that the client has brought in the place of a download."""
        brought = self._job.base / file.carried
        if part.whole or not brought.is_file():
            return
        if file.bytes is not None and brought.stat().st_size != file.bytes:
            raise CorruptDataError(
                f"{file.path} has changed on your computer while it was being sent",
                hint="Nothing was placed. Ask for the data again when it is not written to.",
            )
        part.adopt(brought)

    # -- unpacking ------------------------------------------------------------------------------

    def _plan(self, part: Part, file: Wanted) -> None:
        """Refuse, with both numbers, an archive whose members will not fit."""
        with contextlib.suppress(unzip.LockedError):
            found = unzip.members(part, _folder_of(file), file.only)
            size = os.fstat(part.number).st_size
            punching = holes.can_punch(self._folder)
            needed = unzip.needed_bytes(found, size, punching=punching)
            have = taken_bytes(self._folder)
            room.require(self._folder, needed - have, len(found), self._job.name)

    def _unpacked(self, part: Part, file: Wanted) -> bool:
        """Unpack an archive; False if it stays as it is, because it is none, or is locked."""
        kind = Archive(part.marked(KIND) or kind_of(part).value)
        if kind is Archive.NONE:
            return False
        punching = holes.can_punch(self._folder)
        if kind is Archive.ZIP:
            return self._unzip(part, file, punching=punching)
        size = os.fstat(part.number).st_size
        unpacked = packed_bytes(part, kind)
        free = room.free_bytes(self._folder)
        room.require(self._folder, unpacked - (size if punching else 0), 0, self._job.name)
        archive = Untar(part, self._staging, kind, _folder_of(file), file.path, file.only)
        self._begin(f"unpacking {self._job.name}", unpacked)
        tight = free < max(2 * size, unpacked) + room.MARGIN_BYTES
        for count in archive.run(punching=punching, tight=tight):
            self._arrived(count)
        if archive.left_out:
            self._notes.append(
                f"{len(archive.left_out):,} entries of {file.path} are no files, or lead out of"
                " the data; they were left out"
            )
        return True

    def _unzip(self, part: Part, file: Wanted, *, punching: bool) -> bool:
        try:
            found = unzip.members(part, _folder_of(file), file.only)
        except unzip.LockedError as error:
            self._notes.append(f"{file.path} {error}: it was placed as it is")
            return False
        largest = max((member.packed for member in found), default=0)
        size = sum(member.size for member in found)
        tight = room.free_bytes(self._folder) < size + largest + room.MARGIN_BYTES
        work = unzip.Unzip(part, self._staging, found, punching=punching, tight=tight)
        self._begin(f"unpacking {self._job.name}: {len(found):,} files", size)
        self._arrived(work.done)
        for count in work.run(min(os.cpu_count() or 1, MOST_PROCESSES)):
            self._arrived(count)
        return True

    # -- telling --------------------------------------------------------------------------------

    def _begin(self, what: str, total: int) -> None:
        with self._lock:
            self._what, self._total, self._done, self._last = what, total, 0, 0.0
        self._arrived(0)

    def _arrived(self, count: int) -> None:
        """Count bytes, and tell now and then. Called by all threads."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._last < TELL_SECONDS:
                return
            self._last = now
            total = max(self._total, self._done)
            step = Step(self._what, self._done, total if self._total else 0)
        self._told(step)


@contextlib.contextmanager
def locked(path: Path, told: Told, stop: threading.Event) -> Iterator[None]:
    """Hold a dataset's lock; whoever is killed gives it back. Raises `Stopped` while waiting."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        said = False
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    told(Step("waiting for another process that fetches the same data"))
                    said = True
            if stop.wait(_LOOK_SECONDS):
                raise Stopped
        yield
    finally:
        os.close(held)


def taken_bytes(folder: Path) -> int:
    """Return what the files below a folder take on the disk."""
    return sum(
        os.lstat(os.path.join(root, name)).st_blocks * 512
        for root, _, names in os.walk(folder)
        for name in names
    )


def _is_small(file: Wanted) -> bool:
    return not file.unpack and file.bytes is not None and file.bytes < LARGE_BYTES


def _folder_of(file: Wanted) -> str:
    """Return the folder that an archive's members belong in; "" for the dataset's own."""
    folder = str(PurePosixPath(file.path).parent)
    return "" if folder == "." else folder
