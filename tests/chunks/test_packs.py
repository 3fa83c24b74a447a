"""Packs: many chunks as one run of bytes, verified when they are taken apart."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from jupyter_remote_gpu.chunks import packs
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.errors import DamagedError, ProtocolError


def _chunks(count: int) -> list[tuple[bytes, bytes]]:
    data = [b"chunk %d" % i * (i % 50) for i in range(count)]
    return [(name_of(one), one) for one in data]


def _packed(count: int) -> bytes:
    return b"".join(packs.pack(list(_chunks(count))))


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_a_pack_holds_its_chunks(count: int) -> None:
    found = [(name, bytes(data)) for name, data in packs.unpack(memoryview(_packed(count)))]
    assert found == _chunks(count)


@pytest.mark.parametrize("at", [3, 9, 30, 60, -1])
def test_damage_anywhere_is_seen(at: int) -> None:
    data = bytearray(_packed(3))
    data[at] ^= 1
    with pytest.raises(ProtocolError):
        list(packs.unpack(memoryview(bytes(data))))


@pytest.mark.parametrize("length", [0, 5, 25, 100])
def test_a_pack_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        list(packs.unpack(memoryview(_packed(3)[:length])))


def test_a_pack_with_more_behind_it_is_refused() -> None:
    with pytest.raises(ProtocolError, match="as long as"):
        list(packs.unpack(memoryview(_packed(3) + b"x")))


def test_a_chunk_larger_than_any_is_refused() -> None:
    data = packs.pack([(bytes(32), bytes((8 << 20) + 1))])
    with pytest.raises(ProtocolError, match="larger"):
        packs.placed(data[0])


def test_a_chunk_under_another_name_is_damage() -> None:
    data = b"".join(packs.pack([(bytes(32), b"something")]))
    with pytest.raises(DamagedError):
        list(packs.unpack(memoryview(data)))


def test_batches_are_bounded_and_whole() -> None:
    sizes = {name_of(bytes([i])): 3000 for i in range(100)}
    found = list(packs.batches(sizes, 10_000))
    assert [name for batch in found for name in batch] == list(sizes)
    assert {len(batch) for batch in found} == {3, 1}
    assert list(packs.batches({b"huge": 1 << 30}, 10)) == [[b"huge"]]
    assert list(packs.batches({})) == []


def _squeezed(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(packs.squeezed(packs.pack(list(chunks))))


def test_a_pack_of_text_goes_in_fewer_bytes() -> None:
    text = [b"".join(b"line %d of %d\n" % (i, k) for i in range(2_000)) for k in range(9)]
    chunks = [(name_of(one), one) for one in text]
    data = _squeezed(chunks)
    assert len(data) < sum(map(len, text)) // 2
    assert [(n, bytes(d)) for n, d in packs.unpack(memoryview(data))] == chunks


def test_what_does_not_become_less_stays_as_it_is() -> None:
    noise = [random.Random(k).randbytes(50_000) for k in range(3)]
    chunks = [(name_of(one), one) for one in noise]
    assert _squeezed(chunks) == b"".join(packs.pack(list(chunks)))
    assert _squeezed([]) == b"".join(packs.pack([]))


@pytest.mark.parametrize("at", [3, 9, 12, 20, -1])
def test_damage_to_a_squeezed_pack_is_seen(at: int) -> None:
    data = bytearray(_squeezed([(name_of(bytes(9_000)), bytes(9_000))]))
    data[at] ^= 1
    with pytest.raises(ProtocolError):
        list(packs.unpack(memoryview(bytes(data))))


def test_a_squeezed_bomb_ends_at_its_limit() -> None:
    bomb = zlib.compress(bytes(100 << 20), 9)
    for length in (100, 100 << 20):
        data = struct.pack("<8sQ", b"RGPACKZ1", length) + bomb
        with pytest.raises(ProtocolError):
            list(packs.unpack(memoryview(data)))
