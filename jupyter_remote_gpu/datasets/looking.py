"""Data looked at from this computer, without a machine: only what is read comes here.

In a remote cell `dataset(address)` is the path of a folder; in a local cell it
is a `DataPath`, which is used in the same way. Listing, `open` and reading a
beginning fetch parts; giving it to a function that wants a file's name brings
that one file here, with a line before if it is large.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from jupyter_remote_gpu.errors import CorruptDataError, NotAvailableError
from jupyter_remote_gpu.protocol.work import Show, Work
from jupyter_remote_gpu.replacing import replaced

from .local import place
from .paths import checked_path
from .ranged import RangedFile
from .reference import without_archive_ending
from .source import Link, RemoteFile, Resolved, Source
from .unpacked import DAMAGED, begins_as_zip, unpacked
from .web import Web
from .whole import LARGE_BYTES, Say, fetch, require_room, size

_BUFFER_BYTES = 256 << 10
_COPY_BYTES = 1 << 20


class Looked:
    """One dataset seen from here. `files` are the paths in it and their sizes.

    `cache` is the folder in which what was brought whole stays. `say` hears a
    line before anything large comes, and `show` how far it is. Used from any
    thread; may block.
    """

    def __init__(
        self,
        resolved: Resolved,
        source: Source,
        cache: Path,
        say: Say,
        web: Web | None = None,
        show: Show = lambda text, done: None,
    ) -> None:
        self.resolved = resolved
        self._source, self._say, self._show = source, say, show
        self._web = web or Web("the source")
        self._cache = cache / resolved.key
        self._lock = threading.RLock()
        self._known: dict[str, _Entry] | None = None
        self._sizes: dict[str, int | None] | None = None

    @property
    def files(self) -> Mapping[str, int | None]:
        """The paths of all files, unpacked, with their sizes; asks for a listing the first time."""
        with self._lock:
            if self._sizes is None:
                self._sizes = {path: entry.size for path, entry in self._entries().items()}
            return self._sizes

    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading; what is not read does not come."""
        with self._lock:
            here = self._here(path)
            if here.exists():
                return here.open("rb")
            try:
                return self._entries()[path].open()
            except NotAvailableError:
                pass  # the source gives no parts
        return self.bring(path).open("rb")

    def bring(self, path: str) -> Path:
        """Return where the whole file is on this computer; brought now if it was not."""
        with self._lock:
            here = self._here(path)
            if not here.exists():
                entry = self._entries()[path]
                self._announce(path, entry.size)
                work = Work(f"bringing {path}", entry.size or 0, self._show)
                entry.bring(here, work.add)
                if work.visible:
                    self._show(f"brought {path}, {work.text}", 1.0)
            return here

    def _here(self, path: str) -> Path:
        return self._cache / "files" / path

    def _announce(self, what: str, count: int | None) -> None:
        if count is None or count >= LARGE_BYTES:
            how_much = "an unknown size" if count is None else size(count)
            self._say(
                f"Bringing {what} of {self.resolved.text} to this computer ({how_much})."
                " A remote cell reads it on the machine; open() reads only a part."
            )

    def _entries(self) -> dict[str, _Entry]:
        with self._lock:
            if self._known is None:
                known: dict[str, _Entry] = {}
                for file in self.resolved.files:
                    known.update(
                        self._inside(file) if file.unpack else {file.path: self._one(file)}
                    )
                self._known = known
            return self._known

    def _one(self, file: RemoteFile) -> _Entry:
        return _Served(file, self._web, lambda: self._link(file))

    def _link(self, file: RemoteFile) -> Link:
        return self._source.links(self.resolved, [file])[0]

    def _inside(self, file: RemoteFile) -> dict[str, _Entry]:
        """Return the members of an archive. Of a zip the directory comes, of others all."""
        folder = f"{file.path.rpartition('/')[0]}/".lstrip("/")
        archive = self._archive(file)
        if archive is None:
            top = self._cache / "archives" / without_archive_ending(file.path)
            if not top.is_dir():
                self._announce(file.path, file.bytes)
                packed = self._cache / "archives" / file.path
                work = Work(f"bringing {file.path}", file.bytes or 0, self._show)
                fetch(self._web, lambda: self._link(file), file, packed, came=work.add)
                if work.visible:
                    self._show(f"brought {file.path}, {work.text}", 1.0)
                unpacked(packed, top)
                packed.unlink(missing_ok=True)
            found = [path for path in sorted(top.rglob("*")) if path.is_file()]
            return {f"{folder}{path.relative_to(top).as_posix()}": _Lying(path) for path in found}
        members: dict[str, _Entry] = {}
        for info in archive.infolist():
            if not info.is_dir() and (not file.only or info.filename == file.only):
                name = checked_path(f"{folder}{info.filename}")
                members[name] = _Member(archive, info)
        return members

    def _archive(self, file: RemoteFile) -> zipfile.ZipFile | None:
        """Return a zip that is read in parts; None if it is none, or there are no parts."""
        try:
            parts: IO[bytes] = _opened(file, self._web, lambda: self._link(file))
            if not begins_as_zip(parts) or not zipfile.is_zipfile(parts):
                return None
            return zipfile.ZipFile(parts)
        except NotAvailableError:
            return None
        except zipfile.BadZipFile as error:
            raise CorruptDataError(
                f"{file.path} of {self.resolved.text} is a damaged archive: {error}.",
                hint="Ask its owner; nothing was written.",
            ) from None


def look_here(resolved: Resolved, cache: Path) -> Path:
    """Return the folder with local data: their own, or one with the file or what is unpacked."""
    root = Path(resolved.reference.place)
    if root.is_dir():
        return root
    to = cache / resolved.key / "files"
    if not to.is_dir():
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(file.unpack for file in resolved.files):
            unpacked(place(resolved, resolved.files[0]), to)
        else:
            _alone(root, to)
    return to


def _alone(file: Path, to: Path) -> None:
    """Have a folder with one file in it, as there is on a machine."""
    new = Path(tempfile.mkdtemp(dir=to.parent, prefix=".new-"))
    try:
        (new / file.name).symlink_to(file)
    except OSError:  # Windows wants a right for that
        shutil.copy2(file, new / file.name)
    try:
        new.replace(to)
    except OSError:
        shutil.rmtree(new)
        if not to.is_dir():  # else another process was quicker
            raise


class _Entry(ABC):
    """One file of a dataset: its size, and the two ways to its bytes."""

    size: int | None

    @abstractmethod
    def open(self) -> IO[bytes]:
        """Open it for reading in parts; NotAvailableError if there are none."""

    @abstractmethod
    def bring(self, to: Path, came: Callable[[int], None]) -> None:
        """Have it whole at `to`; `came` is told how many bytes more have come."""


class _Served(_Entry):
    """A file that the source serves as it is."""

    def __init__(self, file: RemoteFile, web: Web, fresh: Callable[[], Link]) -> None:
        self.size = file.bytes
        self._file, self._web, self._fresh = file, web, fresh

    def open(self) -> IO[bytes]:
        return _opened(self._file, self._web, self._fresh)

    def bring(self, to: Path, came: Callable[[int], None]) -> None:
        fetch(self._web, self._fresh, self._file, to, came=came)


class _Member(_Entry):
    """A file in a zip that is read in parts; its checksum is compared at its end."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self.size: int | None = info.file_size
        self._archive, self._info = archive, info

    def open(self) -> IO[bytes]:
        try:
            return self._archive.open(self._info)
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            # It has a password, or is packed in a way that Python does not know.
            raise CorruptDataError(
                f"{self._info.filename} cannot be unpacked: {error}.",
                hint="Nothing was written.",
            ) from None

    def bring(self, to: Path, came: Callable[[int], None]) -> None:
        require_room(to.parent, self.size or 0, self._info.filename)
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.open() as data, replaced(to) as out:
            try:
                while piece := data.read(_COPY_BYTES):
                    out.write(piece)
                    came(len(piece))
            except DAMAGED as error:
                raise CorruptDataError(
                    f"{self._info.filename} came damaged: {error}.", hint="Try again."
                ) from None


class _Lying(_Entry):
    """A file that lies here already."""

    def __init__(self, path: Path) -> None:
        self.size: int | None = path.stat().st_size
        self._path = path

    def open(self) -> IO[bytes]:
        return self._path.open("rb")

    def bring(self, to: Path, came: Callable[[int], None]) -> None:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        to.hardlink_to(self._path)


def _opened(file: RemoteFile, web: Web, fresh: Callable[[], Link]) -> io.BufferedReader:
    return io.BufferedReader(RangedFile(web, fresh, file.path), _BUFFER_BYTES)
