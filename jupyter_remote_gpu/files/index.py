"""What was found in a project's files, by path, so that what did not change is not read again.

In memory while it is used. On disk it is one file of sections with checksums:
columns of numbers and names, which load at memory speed, on any file system, for
any version of Python. The first section has everything, each further one what
changed since; when those grow, all is written anew. A file that is damaged or of
another version counts as absent, and a section that was cut off as not written;
then what it had is read once more.
"""

from __future__ import annotations

import array
import contextlib
import gc
import os
import secrets
import struct
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xxhash import xxh3_64_intdigest

from jupyter_remote_gpu.chunks.manifest import Content, Piece
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import ProtocolError

from .stamp import Stamp

_MARK = b"RGINDEX2"
_HEAD = struct.Struct("<8sQQQ")
_FILE, _PROGRAM, _LINK, _FOLDER = range(4)
_KINDS = {_FILE, _PROGRAM, _LINK, _FOLDER}
_GONE = 15
_PIECE_BYTES = 36
_NO_NAME = bytes(32)
_MORE_BYTES = 1 << 16
"""Further sections may always grow to this, and to a part of the first one."""
_PART = 4
_NOTHING = (0,) * 7


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

    `pieces` is by content name, for files of more than one chunk. Whoever changes
    `known` at a path adds that to `unsaved`.
    """

    known: dict[bytes, Known] = field(default_factory=dict)
    pieces: dict[bytes, tuple[Piece, ...]] = field(default_factory=dict)
    unsaved: set[bytes] = field(default_factory=set, compare=False)
    _whole: int = field(default=0, compare=False, repr=False)
    _more: int = field(default=0, compare=False, repr=False)

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
        """Write what is unsaved to an index's file; raises OSError if that cannot be done.

        Costs as much as what changed. Everything is written, replacing the file as
        a whole, if this index was not in it yet, or what was added has grown large.
        """
        if self._whole and not self.unsaved:
            return
        if not self._added(path):
            self._write_whole(path)
        self.unsaved.clear()

    def _added(self, path: Path) -> bool:
        """Add a section with what changed; False if everything is to be written instead."""
        room = max(_MORE_BYTES, self._whole // _PART) - self._more
        if not self._whole or len(self.unsaved) > len(self.known) // _PART:
            return False
        section = _section({name: self.known.get(name) for name in self.unsaved}, self.pieces)
        if len(section) > room:
            return False
        try:
            number = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return False
        with open(number, "wb", buffering=0) as file:
            if file.write(section) < len(section):
                return False
        self._more += len(section)
        return True

    def _write_whole(self, path: Path) -> None:
        self.forget_unused_pieces()
        data = _section(self.known, self.pieces)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            part.write_bytes(data)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        self._whole, self._more = len(data), 0

    @classmethod
    def load(cls, path: Path) -> Index:
        """Return the index in a file; an empty one if there is none that can be used."""
        with contextlib.suppress(OSError, *_DAMAGED):
            return _loaded(path.read_bytes())
        return cls()


_DAMAGED = (ValueError, ProtocolError, struct.error, IndexError)


def _section(
    items: Mapping[bytes, Known | None], every: Mapping[bytes, tuple[Piece, ...]]
) -> bytes:
    """Encode entries by path (None: gone), and the chunks of those among them that have a list."""
    kinds = bytearray()
    numbers = array.array("Q")
    chunks: list[bytes] = []
    targets: list[bytes] = []
    listed: dict[bytes, None] = {}
    for known in items.values():
        size, depth, chunk, target = 0, 0, _NO_NAME, b""
        if known is None:
            kinds.append(_GONE)
            numbers.extend(_NOTHING)
            chunks.append(chunk)
            targets.append(target)
            continue
        entry = known.entry
        if type(entry) is FileEntry:
            kind = _PROGRAM if entry.executable else _FILE
            size, depth, chunk = entry.content.size, entry.content.depth, entry.content.name
            if depth:
                listed[chunk] = None
        elif type(entry) is LinkEntry:
            kind, target = _LINK, entry.target
        else:
            kind = _FOLDER
        kinds.append(kind | known.settled << 4 | known.looked << 5)
        numbers.extend((*known.stamp, size, depth))
        chunks.append(chunk)
        targets.append(target)
    return _put_together(items, kinds, numbers, (chunks, targets), _lists_of(listed, every))


def _lists_of(names: Iterable[bytes], every: Mapping[bytes, tuple[Piece, ...]]) -> Iterator[bytes]:
    for name in names:
        pieces = every.get(name)
        if pieces is not None:
            packed = [piece.name + struct.pack("<I", piece.size) for piece in pieces]
            yield name + struct.pack("<I", len(pieces)) + b"".join(packed)


def _put_together(
    names: Collection[bytes],
    kinds: bytearray,
    numbers: array.array[int],
    columns: tuple[list[bytes], list[bytes]],
    lists: Iterable[bytes],
) -> bytes:
    chunks, targets = columns
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
        index = Index()
        index._whole = at = _decode(index, data, 0)
        while at < len(data):
            try:
                at += _decode(index, data, at)
            except _DAMAGED:  # noqa: PERF203  (at most once)
                index._whole = 0  # what follows could never be read: all is written next time
                break
        index._more = at - index._whole
        return index
    finally:
        if was:
            gc.enable()


def _decode(index: Index, data: bytes, at: int) -> int:
    """Take the section that begins at `at` into an index; return its length."""
    mark, count, length, check = _HEAD.unpack_from(data, at)
    body = data[at + _HEAD.size : at + _HEAD.size + length]
    if mark != _MARK or length != len(body) or check != xxh3_64_intdigest(body):
        raise ValueError
    lengths = struct.unpack_from("<6Q", body)
    parts = []
    start = 48
    for size in lengths:
        parts.append(body[start : start + size])
        start += size
    kinds, raw, names, chunks, targets, lists = parts
    numbers = array.array("Q")
    numbers.frombytes(raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    index.pieces.update(_lists(lists))
    if count:
        columns = [numbers[i::7] for i in range(7)]
        rows = zip(names.split(b"\0"), kinds, targets.split(b"\0"), *columns, strict=True)
        for i, (path, kind, target, *stamp, size, depth) in enumerate(rows):
            if kind == _GONE:
                index.known.pop(path, None)
                continue
            entry = _entry(kind & 15, size, depth, chunks[32 * i : 32 * i + 32], target)
            index.known[path] = Known(entry, tuple(stamp), bool(kind & 16), bool(kind & 32))
    return _HEAD.size + len(body)


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
