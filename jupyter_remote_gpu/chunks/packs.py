"""Many chunks as one run of bytes: on the wire one frame, in a store one file.

Layout, little-endian: 8 bytes of mark, u32 number of chunks, u64 XXH3-64 of the
list, then the list (name, u32 length) and behind it the chunks, without gaps.
Ten thousand small files are a few packs. Pure; no I/O.

On a slow line a pack may go squeezed: 8 bytes of another mark, u64 length, and the
pack as zlib has it. That is in every Python, and at its quickest still ten times
as fast as such a line; whoever takes a pack apart takes either.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xxhash import xxh3_64_intdigest

from jupyter_remote_gpu.errors import DamagedError, ProtocolError
from jupyter_remote_gpu.protocol.frames import Buffer

from .fingerprint import name_of
from .manifest import MAX_CHUNK_BYTES

MARK = b"RGPACK1\n"
HEAD = struct.Struct("<8sIQ")
MAX_CHUNKS = 1 << 17
PACK_BYTES = 8 << 20
"""Chunks are put together up to about this size: enough for one write, little to hold."""
_LISTED = struct.Struct("<32sI")
_SQUEEZED = b"RGPACKZ1"
_SQUEEZED_HEAD = struct.Struct("<8sQ")
_MOST_SQUEEZED_BYTES = 64 << 20
_SAMPLES, _SAMPLE_BYTES = 16, 256
_WORTH = 0.9
"""A pack is squeezed if its samples, and then itself, become that small."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a chunk lies in a pack."""

    name: bytes
    start: int
    size: int


def pack(chunks: Sequence[tuple[bytes, Buffer]]) -> list[Buffer]:
    """Return the buffers of one pack in order, without copying a chunk.

    The names are taken on trust; whoever reads the pack verifies them.
    """
    if len(chunks) > MAX_CHUNKS:
        raise ProtocolError(f"{len(chunks)} chunks are too many for one pack")
    listed = b"".join([_LISTED.pack(name, _length(data)) for name, data in chunks])
    head = HEAD.pack(MARK, len(chunks), xxh3_64_intdigest(listed))
    return [head + listed, *[data for _, data in chunks]]


def squeezed(buffers: Sequence[Buffer]) -> list[Buffer]:
    """Return the buffers of a pack in fewer bytes, or as they are if that is not worth it.

    Some 100 MB/s a core; looking at random bytes takes a thousandth of that time.
    """
    whole = b"".join(buffers)
    step = max(1, len(whole) // _SAMPLES)
    sample = b"".join([whole[i : i + _SAMPLE_BYTES] for i in range(0, len(whole), step)])
    if len(zlib.compress(sample, 1)) > _WORTH * len(sample):
        return list(buffers)
    found = zlib.compress(whole, 1)
    if len(found) > _WORTH * len(whole):
        return list(buffers)
    return [_SQUEEZED_HEAD.pack(_SQUEEZED, len(whole)), found]


def _plain(view: memoryview) -> memoryview:
    """Return a pack as it was before it was squeezed, if it was; ProtocolError for a bomb."""
    if view[: len(_SQUEEZED)] != _SQUEEZED:
        return view
    try:
        _, length = _SQUEEZED_HEAD.unpack_from(view)
        if length > _MOST_SQUEEZED_BYTES:
            raise ProtocolError(f"a squeezed pack of {length} bytes is larger than any of ours")
        opened = zlib.decompressobj()
        found = opened.decompress(view[_SQUEEZED_HEAD.size :], length + 1)
    except (zlib.error, struct.error) as error:
        raise DamagedError("a squeezed pack of chunks was damaged") from error
    if len(found) != length:
        raise DamagedError("a squeezed pack of chunks is not as long as it says")
    return memoryview(found)


def _length(data: Buffer) -> int:
    return data.nbytes if isinstance(data, memoryview) else len(data)


def list_bytes(head: Buffer) -> int:
    """Return how long the list of a pack is whose first `HEAD.size` bytes these are.

    ProtocolError if they are not the beginning of a pack.
    """
    try:
        mark, count, _ = HEAD.unpack_from(head)
    except struct.error as error:
        raise ProtocolError("a pack of chunks ends within its first bytes") from error
    if mark != MARK or count > MAX_CHUNKS:
        raise ProtocolError("these bytes are no pack of chunks")
    return int(count) * _LISTED.size


def placed(start: Buffer) -> list[Placed]:
    """Return where each chunk of a pack lies, from its head and list (what follows is ignored).

    ProtocolError if this is no pack, DamagedError if the list was damaged.
    """
    length = list_bytes(start)
    listed = bytes(memoryview(start)[HEAD.size : HEAD.size + length])
    if len(listed) != length or xxh3_64_intdigest(listed) != HEAD.unpack_from(start)[2]:
        raise DamagedError("the list of a pack of chunks was damaged")
    found = []
    at = HEAD.size + length
    for name, size in _LISTED.iter_unpack(listed):
        if size > MAX_CHUNK_BYTES:
            raise ProtocolError(f"a chunk of {size} bytes is larger than any of ours")
        found.append(Placed(name, at, size))
        at += size
    return found


def unpack(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield each chunk of a pack, verified, without copying; DamagedError at the first bad one.

    The pack may be squeezed. ProtocolError if it is none, or is not as long as it says.
    """
    view = _plain(view)
    chunks = placed(view)
    end = chunks[-1].start + chunks[-1].size if chunks else HEAD.size
    if end != view.nbytes:
        raise ProtocolError("a pack of chunks is not as long as it says")
    for chunk in chunks:
        data = view[chunk.start : chunk.start + chunk.size]
        if name_of(data) != chunk.name:
            raise DamagedError("a chunk does not hold what its name says: damaged on its way")
        yield chunk.name, data


def batches(sizes: Mapping[bytes, int], most_bytes: int = PACK_BYTES) -> Iterator[list[bytes]]:
    """Put names together, in order; each batch makes a pack of at most about `most_bytes`."""
    batch: list[bytes] = []
    held = 0
    for name, size in sizes.items():
        if batch and (held + size > most_bytes or len(batch) >= MAX_CHUNKS):
            yield batch
            batch, held = [], 0
        batch.append(name)
        held += size
    if batch:
        yield batch


def total(chunks: Iterable[tuple[bytes, Buffer]]) -> int:
    """Return how many bytes these chunks have together."""
    return sum(_length(data) for _, data in chunks)
