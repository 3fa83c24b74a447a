"""The bytes of plain data: pools of constants, and records that refer to them by number.

    magic, nine counts, then the sections in this order (little endian):
    kinds    one byte a constant: which pool it is taken from
    ints     int64          floats   float64
    lengths  int64 each: of the texts and byte strings, one after another in `blob`
    blob
    whole    int64: numbers of lists of whole numbers, in the order of their records
    real     float64: the same for floats
    code     int32: records (operation, count, `count` references)
    and the number of objects that the records make.

A reference >= 0 is a constant (the first few are fixed), below zero an object made
by an earlier record: -1 is the first. So nothing nests, and nothing can refer
to what is not there yet.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass, field
from typing import Any

from .limits import MAX_BIG_INTEGER_BYTES, broken, must

MAGIC = b"rgpu-plain-1\n"
FIXED: tuple[Any, ...] = (None, True, False, Ellipsis, NotImplemented)
"""The constants that need no pool."""

INT, FLOAT, TEXT, BYTES, BIG = range(5)
"""Kinds of constants."""
TUPLE, LIST, DICT, SET, FROZENSET, WHOLE, REAL, BUILD, FILL = range(9)
"""Operations: each makes an object, but for FILL, which fills one that was made empty."""

_RECORD_BYTES = 96
"""What a number of a record may become at the most: half an empty set, an attribute's entry."""
_COUNTS = struct.Struct("<9Q")


@dataclass(slots=True)
class Layout:
    """The sections of one head."""

    kinds: bytearray = field(default_factory=bytearray)
    ints: array[int] = field(default_factory=lambda: array("q"))
    floats: array[float] = field(default_factory=lambda: array("d"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    blob: list[bytes] = field(default_factory=list)
    whole: array[int] = field(default_factory=lambda: array("q"))
    real: array[float] = field(default_factory=lambda: array("d"))
    code: array[int] = field(default_factory=lambda: array("i"))
    objects: int = 0

    def pack(self) -> bytes:
        """Return the bytes of all sections."""
        blob = b"".join(self.blob)
        arrays: tuple[array[Any], ...] = (self.ints, self.floats, self.lengths)
        counts = [len(self.kinds), *(len(a) for a in arrays), len(blob)]
        counts += [len(self.whole), len(self.real), len(self.code), self.objects]
        parts = [MAGIC, _COUNTS.pack(*counts), bytes(self.kinds), *(_out(a) for a in arrays), blob]
        return b"".join([*parts, _out(self.whole), _out(self.real), _out(self.code)])

    @classmethod
    def unpack(cls, head: bytes | memoryview) -> Layout:
        """Check every count against what is there; raises `NotPlainError`."""
        view = memoryview(head).cast("B")
        start = len(MAGIC) + _COUNTS.size
        must(len(view) >= start and bytes(view[: len(MAGIC)]) == MAGIC, "it begins with its magic")
        kinds, ints, floats, lengths, blob, whole, real, code, objects = _COUNTS.unpack(
            view[len(MAGIC) : start]
        )
        sizes = [kinds, 8 * ints, 8 * floats, 8 * lengths, blob, 8 * whole, 8 * real, 4 * code]
        must(start + sum(sizes) == len(view), "the announced counts are those of the bytes")
        must(objects <= code, "each object has a record")
        found = cls(objects=objects)
        sections = []
        for size in sizes:
            sections.append(view[start : start + size])
            start += size
        found.kinds = bytearray(sections[0])
        _in(found.ints, sections[1])
        _in(found.floats, sections[2])
        _in(found.lengths, sections[3])
        found.blob = [bytes(sections[4])]
        _in(found.whole, sections[5])
        _in(found.real, sections[6])
        _in(found.code, sections[7])
        return found

    def weight(self) -> int:
        """Return an upper bound of the bytes that its values take in memory."""
        texts = 5 * sum(map(len, self.blob)) + 64 * len(self.kinds)
        numbers = 48 * (len(self.whole) + len(self.real))
        return texts + numbers + _RECORD_BYTES * len(self.code)

    def constants(self) -> list[Any]:
        """Return all constants by number, the fixed ones first; raises `NotPlainError`."""
        texts = _Texts(self.lengths, self.blob[0] if self.blob else b"")
        ints, floats = iter(self.ints), iter(self.floats)
        found: list[Any] = list(FIXED)
        take = (ints.__next__, floats.__next__, texts.text, texts.bytes, texts.big)
        try:
            found.extend(take[kind]() for kind in self.kinds)
        except (IndexError, RuntimeError, StopIteration):
            broken("each constant has its value")
        return found


class _Texts:
    """Cuts the blob into its texts and byte strings, one after another."""

    def __init__(self, lengths: array[int], blob: bytes) -> None:
        must(not lengths or min(lengths) >= 0, "a text has no negative length")
        must(sum(lengths) == len(blob), "the texts fill their section")
        self._lengths = iter(lengths)
        self._blob = blob
        self._at = 0

    def bytes(self) -> bytes:
        """Return the next byte string."""
        start = self._at
        self._at += next(self._lengths)
        return self._blob[start : self._at]

    def text(self) -> str:
        """Return the next text."""
        try:
            return self.bytes().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            broken("texts are UTF-8")

    def big(self) -> int:
        """Return the next whole number beyond 64 bits."""
        data = self.bytes()
        must(len(data) <= MAX_BIG_INTEGER_BYTES, "a whole number has an allowed length")
        return int.from_bytes(data, "little", signed=True)


def _out(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _in(numbers: array[Any], section: memoryview) -> None:
    numbers.frombytes(section)
    if sys.byteorder == "big":
        numbers.byteswap()
