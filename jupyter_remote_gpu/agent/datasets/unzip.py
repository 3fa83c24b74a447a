"""Unpacking a zip archive: by several processes, giving its blocks back to the disk as it goes.

A member's bytes are given up only when the member is finished, so a killed
process goes on where it was and fetches nothing again. Where the disk is too
small even for the largest member twice, they are given up while it is unpacked.
"""

from __future__ import annotations

import bz2
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import CorruptDataError

from . import crew, holes
from .part import HOLED, SEGMENT_BYTES, Part
from .staging import Staging, below

PIECE_BYTES = 1 << 20
TOLD_BYTES = 8 << 20
_BATCH_BYTES, _BATCH_MEMBERS = 4 << 20, 256
_LOCAL_HEADER_BYTES = 30
_LENGTHS = struct.Struct("<HH")
_LOCAL_MARK = b"PK\x03\x04"
_ENCRYPTED = 1
_STORED, _DEFLATED, _BZIP2 = 0, 8, 12
_SUPPORTED = (_STORED, _DEFLATED, _BZIP2)
_LONGEST_TARGET_BYTES = 4096
_FAT = 0


_END_MARK, _END64_MARK, _FAR_AWAY = b"PK\x05\x06", b"PK\x06\x06", 0xFFFFFFFF
END_BYTES = 66_000
"""What tells where the directory is lies within so many bytes of an archive's end."""


class LockedError(Exception):
    """The archive needs a password or a method that is not known here; it stays packed."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive: where it begins and up to where it may reach, and what it becomes."""

    path: str
    start: int
    end: int
    packed: int
    size: int
    crc: int
    method: int
    is_link: bool = False


def directory_start(part: Part) -> int:
    """Return where an archive's directory begins, of which the last bytes are there.

    0 if they do not tell: then all of the archive is needed to know.
    """
    size = os.fstat(part.number).st_size
    first = max(0, size - END_BYTES)
    tail = os.pread(part.number, END_BYTES, first)
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) < at + 20:
        return 0
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if _FAR_AWAY in (length, int.from_bytes(tail[at + 16 : at + 20], "little")):
        at = tail.rfind(_END64_MARK)
        length = int.from_bytes(tail[at + 40 : at + 48], "little") if at >= 0 else size
    return max(0, first + at - length)


def members(part: Part, folder: str, only: str = "") -> list[Member]:
    """Return the files of an archive, by their place in it; needs only its end to be there.

    Raises CorruptDataError, UnsafePathError for a name that leads out, and
    LockedError. Members that overlap are a bomb, and are refused.
    """
    try:
        with open(part.path, "rb") as file, zipfile.ZipFile(file) as archive:
            directory, infos = archive.start_dir, archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise damaged(part.path, str(error)) from None
    infos.sort(key=lambda info: info.header_offset)
    found: dict[str, Member] = {}
    for info, end in zip(infos, [*(i.header_offset for i in infos[1:]), directory], strict=True):
        if info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > end:
            raise damaged(part.path, "its members overlap")
        if info.filename.endswith("/") or (only and info.filename != only):
            continue
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _SUPPORTED:
            raise LockedError(
                "needs a password"
                if info.flag_bits & _ENCRYPTED
                else "is packed in a way that is not known here"
            )
        name = info.filename.replace("\\", "/") if info.create_system == _FAT else info.filename
        member = Member(
            below(folder, name),
            info.header_offset,
            end,
            info.compress_size,
            info.file_size,
            info.CRC,
            info.compress_type,
            stat.S_ISLNK(info.external_attr >> 16),
        )
        found[member.path] = member
    return list(found.values())


def needed_bytes(archive: Sequence[Member], size: int, *, punching: bool) -> int:
    """Return what an archive of `size` bytes and its members take at most, at one time.

    Where holes can be punched that is what unpacked members take, and the
    packed bytes of those that are being unpacked.
    """
    unpacked = sum(_blocks(member.size) for member in archive)
    if not punching:
        return size + unpacked
    rest = size - sum(member.packed for member in archive)
    return max(size, unpacked + rest)


class Unzip:
    """Unpacks an archive into a staging folder. `tight`: see the top of this file."""

    def __init__(
        self,
        part: Part,
        staging: Staging,
        archive: Sequence[Member],
        *,
        punching: bool,
        tight: bool,
    ) -> None:
        self._part = part
        self._staging = staging
        self._punching = punching
        self._tight = punching and tight
        self._todo = [m for m in archive if m.is_link or not staging.has(m.path, m.size)]
        self.done = sum(m.size for m in archive) - sum(m.size for m in self._todo)
        self._files = [m for m in self._todo if not m.is_link]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Which bytes of the archive are still needed."""
        return [(member.start, member.end) for member in self._todo]

    def run(self, processes: int) -> Iterator[int]:
        """Unpack, yielding the bytes written as they are; CorruptDataError, OSError."""
        if self._punching and self._files:
            self._part.mark(HOLED)
        for member in self._todo:
            if member.is_link:
                self._link(member)
        batches = list(_batches(self._files))

        def work(number: int, tell: crew.Tell) -> None:
            for member in batches[number]:
                self._member(member, tell)

        yield from crew.work_off(len(batches), work, processes)

    def _member(self, member: Member, tell: crew.Tell) -> None:
        self._staging.write(member.path, self._unpacked(member, tell))
        if self._punching:
            holes.punch(self._part.number, member.start, member.end)

    def _unpacked(self, member: Member, tell: crew.Tell) -> Iterator[bytes]:
        """Yield a member's bytes, checked against its length and CRC at the end."""
        crc = size = untold = 0
        for piece in self._pieces(member):
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            untold += len(piece)
            if size > member.size:
                break
            yield piece
            if untold >= TOLD_BYTES:
                tell(untold)
                untold = 0
        if size != member.size or crc != member.crc:
            raise damaged(self._part.path, f"its member {member.path[:200]!r} is not whole")
        tell(untold)

    def _pieces(self, member: Member) -> Iterator[bytes]:
        if member.method == _STORED:
            yield from self._packed(member)
            return
        try:
            if member.method == _DEFLATED and member.size <= PIECE_BYTES:
                # most files are small: one call, which cannot make more than was announced
                packed = b"".join(self._packed(member))
                yield zlib.decompressobj(-15).decompress(packed, member.size + 1)
            elif member.method == _DEFLATED:
                yield from _inflated(self._packed(member))
            else:
                yield from _from_bzip2(self._packed(member))
        except (zlib.error, OSError, EOFError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise damaged(self._part.path, f"{member.path[:200]!r}: {error}") from None

    def _packed(self, member: Member) -> Iterator[bytes]:
        """Yield a member's bytes as they are in the archive."""
        number = self._part.number
        head = os.pread(number, _LOCAL_HEADER_BYTES, member.start)
        if head[:4] != _LOCAL_MARK:
            raise damaged(self._part.path, f"its member {member.path[:200]!r} is not where it says")
        at = member.start + _LOCAL_HEADER_BYTES + sum(_LENGTHS.unpack_from(head, 26))
        end = at + member.packed
        if end > member.end:
            raise damaged(self._part.path, "its members overlap")
        given = member.start // SEGMENT_BYTES * SEGMENT_BYTES
        while at < end:
            piece = os.pread(number, min(PIECE_BYTES, end - at), at)
            if not piece:
                raise damaged(self._part.path, "it ends too early")
            at += len(piece)
            yield piece
            if self._tight and at - given >= 4 * SEGMENT_BYTES:
                # whoever comes after a kill fetches these again
                stop = at // SEGMENT_BYTES * SEGMENT_BYTES
                self._part.forget(given, stop)
                holes.punch(number, max(given, member.start), stop)
                given = stop

    def _link(self, member: Member) -> None:
        if member.size > _LONGEST_TARGET_BYTES:
            raise damaged(self._part.path, "a link in it is too long")
        target = b"".join(self._unpacked(member, lambda count: None))
        self._staging.link(member.path, os.fsdecode(target))


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate, a bounded piece at a time however well it is packed."""
    machine = zlib.decompressobj(-15)
    for piece in packed:
        data = machine.decompress(piece, PIECE_BYTES)
        while data:
            yield data
            data = machine.decompress(machine.unconsumed_tail, PIECE_BYTES)
    if data := machine.flush():
        yield data


def _from_bzip2(packed: Iterator[bytes]) -> Iterator[bytes]:
    """The same for bzip2."""
    machine = bz2.BZ2Decompressor()
    for piece in packed:
        data = machine.decompress(piece, PIECE_BYTES)
        while data or not machine.needs_input:
            yield data
            if machine.eof:
                return
            data = machine.decompress(b"", PIECE_BYTES)


def _batches(archive: Sequence[Member]) -> Iterator[list[Member]]:
    """Cut the members into pieces of work: some megabytes, or some hundred files."""
    batch: list[Member] = []
    size = 0
    for member in archive:
        batch.append(member)
        size += member.size
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_MEMBERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _blocks(size: int) -> int:
    return -(-size // 4096) * 4096


def damaged(path: Path, how: str) -> CorruptDataError:
    """Return the error of an archive that cannot be unpacked."""
    return CorruptDataError(
        f"the archive cannot be unpacked: {how}",
        hint="Its bytes are what the source has sent; is it whole there?",
    )
