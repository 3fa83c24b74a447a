"""A store in a folder, for several processes at once, on any file system.

    packs/<random>.pack   chunks (see `packs`); written under another name first, never changed
    kept/<owner>          the names that an owner keeps, one after the other

There is no index file and no lock that anything's rightness rests on: the list
of each pack is read once, into memory; a pack is there whole or not at all; who
finds one gone takes its chunks as lacking. Nothing is synced to the disk before
it counts as written, since every chunk is verified when it is read: what a
power cut took is lacking.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_remote_gpu.errors import DiskFullError, LackingError, ProtocolError
from jupyter_remote_gpu.protocol.frames import Buffer

from . import packs
from .fingerprint import name_of
from .listing import NAME_BYTES
from .store import Store, verified

_SUFFIX = ".pack"
_PART = ".part"
_STALE_PART_SECONDS = 3600.0
_TOUCH_SECONDS = 600.0
_MANY_PACKS = 64
"""More packs than this that are small are put together when the store is trimmed."""
_SMALL_PACK_BYTES = 1 << 20
_TINY_PACK_BYTES = 1 << 18
_MANY_TINY = 256
"""Over a slow line chunks come in small packs: so many are put together as they come."""
_OPEN_FILES = 32


@dataclass(slots=True)
class _Pack:
    path: Path
    size: int
    used: float
    chunks: list[packs.Placed] = field(default_factory=list)


class DirectoryStore(Store):
    """Chunks in a folder of this user's, trimmed to a limit as it grows.

    `limit_bytes` counts what nobody keeps too; what owners keep may exceed it.
    """

    def __init__(self, folder: Path, limit_bytes: int = 20 << 30) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.RLock()
        self._packs: dict[str, _Pack] = {}
        self._places: dict[bytes, tuple[str, int, int]] = {}
        self._files: dict[str, int] = {}
        self._used = 0
        self._tiny: dict[str, None] = {}
        self._trimmed_to = 0
        for part in ("packs", "kept"):
            (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._refresh()

    def close(self) -> None:
        """Close the files that are open for reading; using the store opens them again."""
        with self._lock:
            for number in self._files.values():
                os.close(number)
            self._files.clear()

    def having(self, names: Iterable[bytes]) -> set[bytes]:
        """See `Store`. Looks once whether another process has added something."""
        wanted = set(names)
        with self._lock:
            found = wanted & self._places.keys()
            if len(found) < len(wanted):
                self._refresh()
                found = wanted & self._places.keys()
        return found

    def get(self, name: bytes) -> bytes:
        """See `Store`."""
        with self._lock:
            if name not in self._places:
                self._refresh()
            while name in self._places:
                key, start, size = self._places[name]
                data = self._read(key, start, size)
                if name_of(data) == name:
                    return data
                self._disown(key, name)
        raise LackingError("a chunk that was asked for is not in the store")

    def add(self, chunks: Iterable[tuple[bytes, Buffer]]) -> None:
        """See `Store`."""
        waiting: list[tuple[bytes, Buffer]] = []
        coming: set[bytes] = set()
        held = 0
        for name, data in chunks:
            if name in coming or name in self._places:
                continue
            waiting.append((name, verified(name, data)))
            coming.add(name)
            held += packs.total(waiting[-1:])
            if held >= packs.PACK_BYTES:
                self._write(waiting)
                waiting, held = [], 0
        if waiting:
            self._write(waiting)
        with self._lock:
            if len(self._tiny) > _MANY_TINY:
                self._join(list(self._tiny))
            # What is kept may exceed the limit; then looking through it again has to be worth it.
            if self._used > max(self._limit, self._trimmed_to + self._limit // 10):
                self._trimmed_to = self.trim(self._limit * 9 // 10)

    def keep(self, owner: str, names: Iterable[bytes]) -> None:
        """See `Store`; another process sees it as soon as this returns."""
        with self._told_if_full():
            self._write_file(self._owner(owner), [b"".join(set(names))])

    def release(self, owner: str) -> None:
        """See `Store`."""
        self._owner(owner).unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """See `Store`."""
        return self._used

    def trim(self, most_bytes: int) -> int:
        """See `Store`. Whole packs go; what is kept of one moves to another."""
        with self._lock:
            self._refresh()
            self._remove_stale_parts()
            kept = self._kept()
            used = self.used_bytes()
            for key, pack in sorted(self._packs.items(), key=lambda item: item[1].used):
                if used <= most_bytes:
                    break
                alive = [chunk for chunk in pack.chunks if chunk.name in kept]
                if sum(chunk.size for chunk in alive) > pack.size // 2:
                    continue  # moving it would free less than it writes
                self._replace([key], self._whole(key, alive))
                used = self.used_bytes()
            self._put_together()
            return self.used_bytes()

    # ---- writing

    def _write(self, chunks: list[tuple[bytes, Buffer]]) -> None:
        """Write one pack; if the disk is full, what nobody keeps makes room, once."""
        try:
            self._write_pack(chunks)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.trim(0)
            with self._told_if_full():
                self._write_pack(chunks)

    def _write_pack(self, chunks: list[tuple[bytes, Buffer]]) -> None:
        key = secrets.token_hex(8) + _SUFFIX
        buffers = packs.pack(chunks)
        path = self._folder / "packs" / key
        self._write_file(path, buffers)
        size = packs.HEAD.size + packs.list_bytes(buffers[0]) + packs.total(chunks)
        with self._lock:
            self._learn(key, _Pack(path, size, time.time(), packs.placed(buffers[0])))

    def _write_file(self, path: Path, buffers: list[Buffer]) -> None:
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
        try:
            with open(part, "xb") as out:
                out.writelines(buffers)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _told_if_full(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DiskFullError(
                f"there is no room left for chunks in {self._folder}",
                hint="Free some space on that disk, then run the cell again; nothing was lost.",
            ) from error

    # ---- reading

    def _read(self, key: str, start: int, size: int) -> bytes:
        """Return bytes of a pack; none if it is gone or shorter than it was."""
        number = self._files.get(key)
        if number is None:
            try:
                number = os.open(self._packs[key].path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except (KeyError, FileNotFoundError):
                self._forget(key)
                return b""
            if len(self._files) >= _OPEN_FILES:
                os.close(self._files.pop(next(iter(self._files))))
            self._files[key] = number
        self._touch(self._packs[key])
        if hasattr(os, "pread"):
            return os.pread(number, size, start)
        os.lseek(number, start, os.SEEK_SET)
        return os.read(number, size)

    def _disown(self, key: str, name: bytes) -> None:
        """Take a chunk out of the pack that holds it damaged; another pack may have it whole."""
        self._places.pop(name, None)
        pack = self._packs.get(key)
        if pack is not None:
            pack.used = 0.0
            pack.chunks = [chunk for chunk in pack.chunks if chunk.name != name]
        self._refresh()
        for other, held in self._packs.items():
            for chunk in held.chunks:
                if chunk.name == name:
                    self._places[name] = (other, chunk.start, chunk.size)

    def _touch(self, pack: _Pack) -> None:
        now = time.time()
        if now - pack.used > _TOUCH_SECONDS:
            pack.used = now
            with contextlib.suppress(FileNotFoundError):  # trimmed by another process just now
                os.utime(pack.path)

    def _refresh(self) -> None:
        """Take in packs that other processes wrote, and let go of those that they removed."""
        with os.scandir(self._folder / "packs") as listing:
            there = {entry.name: entry for entry in listing if entry.name.endswith(_SUFFIX)}
        for key in [key for key in self._packs if key not in there]:
            self._forget(key)
        for key in there.keys() - self._packs.keys():
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                self._learn(key, _opened(Path(there[key].path)))

    def _learn(self, key: str, pack: _Pack) -> None:
        if key in self._packs:
            self._forget(key)  # found in the folder by another thread before its writer came here
        self._packs[key] = pack
        self._used += pack.size
        if pack.size < _TINY_PACK_BYTES:
            self._tiny[key] = None
        for chunk in pack.chunks:
            self._places[chunk.name] = (key, chunk.start, chunk.size)

    def _forget(self, key: str) -> None:
        pack = self._packs.pop(key, None)
        self._used -= pack.size if pack is not None else 0
        self._tiny.pop(key, None)
        number = self._files.pop(key, None)
        if number is not None:
            os.close(number)
        for chunk in pack.chunks if pack is not None else ():
            if self._places.get(chunk.name, ("",))[0] == key:
                del self._places[chunk.name]

    # ---- trimming

    def _owner(self, owner: str) -> Path:
        return self._folder / "kept" / hashlib.sha256(owner.encode()).hexdigest()[:32]

    def _kept(self) -> set[bytes]:
        found: set[bytes] = set()
        for path in (self._folder / "kept").iterdir():
            if path.suffix != _PART:
                with contextlib.suppress(FileNotFoundError):  # released just now
                    data = path.read_bytes()
                    found |= {data[i : i + NAME_BYTES] for i in range(0, len(data), NAME_BYTES)}
        return found

    def _put_together(self) -> None:
        """Make few packs of many small ones, so that opening the store stays quick."""
        small = [key for key, pack in self._packs.items() if pack.size < _SMALL_PACK_BYTES]
        if len(small) > _MANY_PACKS:
            self._join(small)

    def _join(self, small: list[str]) -> None:
        """Make one pack of several, again and again."""
        gathered: list[tuple[bytes, Buffer]] = []
        emptied: list[str] = []
        for key in small:
            pack = self._packs.get(key)
            if pack is not None:
                gathered += self._whole(key, pack.chunks)
                emptied.append(key)
            if packs.total(gathered) >= packs.PACK_BYTES:
                self._replace(emptied, gathered)
                gathered, emptied = [], []
        self._replace(emptied, gathered)

    def _whole(self, key: str, chunks: list[packs.Placed]) -> list[tuple[bytes, Buffer]]:
        read = [(chunk.name, self._read(key, chunk.start, chunk.size)) for chunk in chunks]
        return [(name, data) for name, data in read if name_of(data) == name]

    def _replace(self, keys: list[str], chunks: list[tuple[bytes, Buffer]]) -> None:
        """Write these chunks as one pack, then remove the packs they come from.

        They stay as they are if there is no room for that.
        """
        try:
            if chunks:
                self._write_pack(chunks)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return
        for key in keys:
            pack = self._packs.get(key)
            self._forget(key)
            if pack is not None:
                pack.path.unlink(missing_ok=True)

    def _remove_stale_parts(self) -> None:
        """Remove what writers left that were killed; a part that is young may still be written."""
        for path in (self._folder / "packs").iterdir():
            if path.suffix == _PART:
                with contextlib.suppress(FileNotFoundError):  # finished just now
                    if time.time() - path.stat().st_mtime > _STALE_PART_SECONDS:
                        path.unlink()


def _opened(path: Path) -> _Pack:
    """Read the list of a pack; one that is damaged has no chunks and goes with the next trim."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        found = _Pack(path, status.st_size, status.st_mtime)
        try:
            head = file.read(packs.HEAD.size)
            found.chunks = packs.placed(head + file.read(packs.list_bytes(head)))
        except ProtocolError:
            found.used = 0.0
    return found
