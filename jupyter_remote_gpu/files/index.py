"""What was found in a project's files, by path, so that what did not change is not read again.

In memory while it is used. On disk it is one file with a checksum, replaced as
a whole: columns of numbers and names, which load at memory speed, on any file
system, for any version of Python. A file that is damaged or of another version
counts as absent; then everything is read once more.
"""

from __future__ import annotations

import array
import contextlib
import gc
import os
import secrets
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from xxhash import xxh3_64_intdigest

from jupyter_remote_gpu.chunks.manifest import Content, Piece
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import ProtocolError

from .stamp import Stamp

_MARK = b"RGINDEX1"
_HEAD = struct.Struct("<8sQQQ")
_FILE, _PROGRAM, _LINK, _FOLDER = range(4)
_KINDS = {_FILE, _PROGRAM, _LINK, _FOLDER}
_PIECE_BYTES = 36
_NO_NAME = bytes(32)


@dataclass(slots=True)
class Known:
    """An entry, the stamp it had, and whether that stamp can be relied upon.

    `looked` is whether a look has found that it travels; what was just applied
    may be something that comes back and is never sent.
    """

    entry: Entry
    stamp: Stamp
    settled: bool
    looked: bool = True


@dataclass(slots=True)
class Index:
    """Everything known of a tree's entries, and of which chunks its larger files are made.

    `pieces` is by content name, for files of more than one chunk.
    """

    known: dict[bytes, Known] = field(default_factory=dict)
    pieces: dict[bytes, tuple[Piece, ...]] = field(default_factory=dict)

    def tree(self) -> dict[bytes, Entry]:
        """Return the entries alone, by path."""
        return {path: known.entry for path, known in self.known.items()}

    def forget_unused_pieces(self) -> None:
        """Let go of the chunk lists of contents that no entry has any more."""
        used = {
            known.entry.content.name
            for known in self.known.values()
            if type(known.entry) is FileEntry and known.entry.content.depth
        }
        for name in self.pieces.keys() - used:
            del self.pieces[name]

    def save(self, path: Path) -> None:
        """Write the index, replacing the file as a whole; raises OSError if that cannot be done."""
        data = _encoded(self)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            part.write_bytes(data)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> Index:
        """Return the index in a file; an empty one if there is none that can be used."""
        with contextlib.suppress(OSError, ValueError, ProtocolError, struct.error, IndexError):
            return _loaded(path.read_bytes())
        return cls()


def _encoded(index: Index) -> bytes:
    kinds = bytearray()
    numbers = array.array("Q")
    names: list[bytes] = []
    chunks: list[bytes] = []
    targets: list[bytes] = []
    for path, known in index.known.items():
        entry = known.entry
        size, depth, chunk, target = 0, 0, _NO_NAME, b""
        if type(entry) is FileEntry:
            kind = _PROGRAM if entry.executable else _FILE
            size, depth, chunk = entry.content.size, entry.content.depth, entry.content.name
        elif type(entry) is LinkEntry:
            kind, target = _LINK, entry.target
        else:
            kind = _FOLDER
        kinds.append(kind | known.settled << 4 | known.looked << 5)
        numbers.extend((*known.stamp, size, depth))
        names.append(path)
        chunks.append(chunk)
        targets.append(target)
    lists = [
        name
        + struct.pack("<I", len(pieces))
        + b"".join([piece.name + struct.pack("<I", piece.size) for piece in pieces])
        for name, pieces in index.pieces.items()
    ]
    if sys.byteorder == "big":
        numbers.byteswap()
    parts = [
        bytes(kinds),
        numbers.tobytes(),
        b"\0".join(names),
        b"".join(chunks),
        b"\0".join(targets),
        b"".join(lists),
    ]
    body = struct.pack("<6Q", *map(len, parts)) + b"".join(parts)
    return _HEAD.pack(_MARK, len(names), len(body), xxh3_64_intdigest(body)) + body


def _loaded(data: bytes) -> Index:
    """Decode without the garbage collector, which would look through all of it again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        return _decoded(data)
    finally:
        if was:
            gc.enable()


def _decoded(data: bytes) -> Index:
    mark, count, length, check = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if mark != _MARK or length != len(body) or check != xxh3_64_intdigest(body):
        raise ValueError
    lengths = struct.unpack_from("<6Q", body)
    parts = []
    at = 48
    for size in lengths:
        parts.append(body[at : at + size])
        at += size
    kinds, raw, names, chunks, targets, lists = parts
    numbers = array.array("Q")
    numbers.frombytes(raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    index = Index(pieces=dict(_lists(lists)))
    if count:
        columns = [numbers[i::7] for i in range(7)]
        rows = zip(names.split(b"\0"), kinds, targets.split(b"\0"), *columns, strict=True)
        for i, (path, kind, target, *stamp, size, depth) in enumerate(rows):
            entry = _entry(kind & 15, size, depth, chunks[32 * i : 32 * i + 32], target)
            index.known[path] = Known(entry, tuple(stamp), bool(kind & 16), bool(kind & 32))
    return index


def _entry(kind: int, size: int, depth: int, chunk: bytes, target: bytes) -> Entry:
    if kind not in _KINDS:
        raise ValueError
    if kind == _FOLDER:
        return FOLDER
    if kind == _LINK:
        return LinkEntry(target)
    return FileEntry(Content(size, chunk, depth), kind == _PROGRAM)


def _lists(data: bytes) -> Iterable[tuple[bytes, tuple[Piece, ...]]]:
    at = 0
    while at < len(data):
        name = data[at : at + 32]
        (count,) = struct.unpack_from("<I", data, at + 32)
        at += _PIECE_BYTES
        found = data[at : at + count * _PIECE_BYTES]
        yield name, tuple([Piece(n, size) for n, size in struct.iter_unpack("<32sI", found)])
        at += count * _PIECE_BYTES
