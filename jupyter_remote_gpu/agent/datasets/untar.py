"""Unpacking a tar archive, plain or packed, or one packed file, in one go from its beginning.

A plain one gives its blocks back to the disk member by member, and goes on
after a kill. A packed one cannot be entered in the middle: it gives blocks back
only where the disk could not hold it and its members at once, and is then
fetched again if somebody is killed.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from . import holes, room
from .kinds import Archive, opener_of
from .part import HOLED, SEGMENT_BYTES, Part
from .staging import Staging, below
from .unzip import damaged

PIECE_BYTES = 1 << 20
LOOK_BYTES = 64 << 20
"""So often it is looked whether the disk still has room: few archives say what they hold."""


class _Giving(io.RawIOBase):
    """Reads a part from its beginning; with `giving` its blocks go back to the disk behind it."""

    def __init__(self, part: Part, *, giving: bool) -> None:
        super().__init__()
        self._part = part
        self._giving = giving
        self._at = self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._part.number, [buffer], self._at)
        self._at += count
        if self._giving and self._at - self._given >= 2 * SEGMENT_BYTES:
            stop = (self._at - PIECE_BYTES) // SEGMENT_BYTES * SEGMENT_BYTES
            self._part.mark(HOLED)
            self._part.forget(self._given, stop)
            holes.punch(self._part.number, self._given, stop)
            self._given = stop
        return count


class Untar:
    """Unpacks one archive of `kind` into a folder of a staging one; `only` is one member of it."""

    def __init__(
        self, part: Part, staging: Staging, kind: Archive, folder: str, name: str, only: str = ""
    ) -> None:
        self._part = part
        self._staging = staging
        self._kind = kind
        self._folder = folder
        self._name = name
        self._only = only
        self._since_look = 0
        self.left_out: list[str] = []

    def run(self, *, punching: bool, tight: bool) -> Iterator[int]:
        """Unpack, yielding the bytes written as they are.

        Raises CorruptDataError, UnsafePathError, DiskFullError, OSError.
        """
        try:
            if self._kind is Archive.TAR:
                yield from self._plain(punching=punching)
                return
            with self._unpacked(giving=punching and tight) as file:
                if self._kind is Archive.PACKED:
                    yield from self._one(file)
                else:
                    # a stream: nothing is looked up twice
                    with tarfile.open(fileobj=file, mode="r|") as archive:
                        for member in archive:
                            yield from self._member(archive, member)
                    while file.read(PIECE_BYTES):
                        pass  # the archive's own checksum stands behind all of it
        except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
            raise damaged(self._part.path, str(error)) from None
        except OSError as error:
            if error.errno is None:  # what gzip and bz2 say of damaged bytes
                raise damaged(self._part.path, str(error)) from None
            raise

    @contextlib.contextmanager
    def _unpacked(self, *, giving: bool) -> Iterator[IO[bytes]]:
        opener = opener_of(os.pread(self._part.number, 16, 0))
        if opener is None:
            raise damaged(self._part.path, "it is packed in a way that is not known here")
        with (
            io.BufferedReader(_Giving(self._part, giving=giving), PIECE_BYTES) as packed,
            opener(packed) as unpacked,
        ):
            yield unpacked

    def _plain(self, *, punching: bool) -> Iterator[int]:
        with open(self._part.path, "rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                yield from self._member(archive, member)
                if punching and member.isreg():
                    self._part.mark(HOLED)
                    end = member.offset_data + member.size
                    holes.punch(self._part.number, member.offset_data, end)
                archive.members = []  # type: ignore[attr-defined]  # else it keeps all of them

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[int]:
        if member.isdir() or (self._only and member.name.removeprefix("./") != self._only):
            return
        path = below(self._folder, member.name)
        if member.issym():
            if not self._staging.link(path, member.linkname):
                self.left_out.append(path)
        elif member.islnk():
            self._twin(path, below(self._folder, member.linkname))
        elif not member.isreg():
            self.left_out.append(path)  # a device or a pipe is no data
        elif not (self._kind is Archive.TAR and self._staging.has(path, member.size)):
            file = archive.extractfile(member)
            assert file is not None
            yield from self._write(path, file, member.size)

    def _twin(self, path: str, other: str) -> None:
        """Make a hard link to a member that came before."""
        if not os.path.isfile(f"{self._staging.root}/{other}"):
            raise damaged(self._part.path, f"{path[:200]!r} is to be a member that is not there")
        with contextlib.suppress(FileExistsError):
            os.link(f"{self._staging.root}/{other}", self._staging.place_for(path))

    def _one(self, file: IO[bytes]) -> Iterator[int]:
        """Unpack what is one file and no archive, under its name without the last ending."""
        name = self._name
        if PurePosixPath(name).suffix in (".gz", ".bz2", ".xz"):
            name = str(PurePosixPath(name).with_suffix(""))
        yield from self._write(name, file, None)

    def _write(self, path: str, file: IO[bytes], size: int | None) -> Iterator[int]:
        """Write one file, yielding what was written when it is."""
        written = 0

        def pieces() -> Iterator[bytes]:
            nonlocal written
            while data := file.read(PIECE_BYTES):
                written += len(data)
                self._look(len(data))
                yield data

        self._staging.write(path, pieces())
        if size is not None and written != size:
            raise damaged(self._part.path, f"its member {path[:200]!r} is not whole")
        yield written

    def _look(self, count: int) -> None:
        self._since_look += count
        if self._since_look >= LOOK_BYTES:
            self._since_look = 0
            room.require(self._staging.root, 0, 0, self._name)


def packed_bytes(part: Part, kind: Archive) -> int:
    """Return at least how much an archive's members take, as far as that can be told: 0 if not."""
    if kind is Archive.TAR:
        return os.fstat(part.number).st_size
    head = os.pread(part.number, 2, 0)
    if head == b"\x1f\x8b":
        # gzip ends with the length of what was packed, of which it knows 32 bits
        end = os.fstat(part.number).st_size
        return int.from_bytes(os.pread(part.number, 4, end - 4), "little")
    return 0
