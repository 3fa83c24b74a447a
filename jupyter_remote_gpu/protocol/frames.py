"""The frame: the one envelope of wire messages and of journal records.

Layout, little-endian:

    0   u32  length of the head in bytes
    4   u32  flags (bit 0: the check does not cover the payload)
    8   u64  length of the payload in bytes
    16  u64  number (journal: the event's number; wire: 0)
    24  u64  XXH3-64 of head and payload (of the head alone under flag bit 0)
    32       head (UTF-8 JSON object), then payload (raw bytes)

Flag bit 0 is for chunks, which are verified by their own names: a damaged
chunk is asked for again, where a damaged head ends the connection.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xxhash

from jupyter_remote_gpu.errors import DamagedError, ProtocolError

HEADER = struct.Struct("<IIQQQ")
HEADER_BYTES = HEADER.size
MAX_HEAD_BYTES = 64 << 20
MAX_PAYLOAD_BYTES = 4 << 30
FLAG_PAYLOAD_UNCHECKED = 1

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Header:
    """The first 32 bytes of a frame, understood and within the limits."""

    head_bytes: int
    flags: int
    payload_bytes: int
    number: int
    check: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame; `payload` is a view and lives as long as its source."""

    number: int
    flags: int
    head: bytes
    payload: memoryview


def encode(
    head: bytes, payload: Sequence[Buffer] = (), *, number: int = 0, flags: int = 0
) -> list[Buffer]:
    """Return the buffers of one frame, in order, without copying the payload."""
    check = xxhash.xxh3_64(head)
    length = 0
    for part in payload:
        length += part.nbytes if isinstance(part, memoryview) else len(part)
        if not flags & FLAG_PAYLOAD_UNCHECKED:
            check.update(part)
    header = HEADER.pack(len(head), flags, length, number, check.intdigest())
    return [header, head, *payload]


def parse_header(data: Buffer) -> Header:
    """Read the first 32 bytes of a frame; ProtocolError if beyond the limits."""
    header = Header(*HEADER.unpack(data))
    if header.head_bytes > MAX_HEAD_BYTES or header.payload_bytes > MAX_PAYLOAD_BYTES:
        raise ProtocolError(
            f"a frame announces {header.head_bytes} + {header.payload_bytes} bytes,"
            " more than any message has; the other side does not speak this protocol"
        )
    return header


def assemble(header: Header, head: bytes, payload: memoryview) -> Frame:
    """Join the parts that were read and verify them; DamagedError if they do not match."""
    check = xxhash.xxh3_64(head)
    if not header.flags & FLAG_PAYLOAD_UNCHECKED:
        check.update(payload)
    if check.intdigest() != header.check:
        raise DamagedError("a frame's checksum does not match its bytes: it was damaged on its way")
    return Frame(header.number, header.flags, head, payload)


def split(data: Buffer) -> Iterator[tuple[Frame, int]]:
    """Yield each whole frame in `data` with the offset just behind it.

    Stops without an error before an unfinished frame at the end (the writer
    may still be busy with it); raises DamagedError at a frame that is whole
    in length and wrong in content.
    """
    view = memoryview(data)
    at = 0
    while at + HEADER_BYTES <= len(view):
        header = parse_header(view[at : at + HEADER_BYTES])
        start = at + HEADER_BYTES
        middle = start + header.head_bytes
        end = middle + header.payload_bytes
        if end > len(view):
            return
        yield assemble(header, bytes(view[start:middle]), view[middle:end]), end
        at = end
