"""Chunks on their way into files: in memory, and in the store once they are many."""

from __future__ import annotations

import threading

import pytest

from jupyter_remote_gpu.agent.arrivals import Arrivals
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.packs import pack
from jupyter_remote_gpu.chunks.store import MemoryStore
from jupyter_remote_gpu.errors import DamagedError, LackingError

CHUNKS = [b"%d" % n * 100 for n in range(10)]
NAMES = [name_of(chunk) for chunk in CHUNKS]


def _pack(chunks: list[bytes]) -> memoryview:
    return memoryview(b"".join(pack([(name_of(chunk), chunk) for chunk in chunks])))


def _nowhere(name: bytes) -> bytes:
    raise LackingError("nowhere")


def test_what_finds_its_place_never_sees_the_store() -> None:
    store = MemoryStore()
    arrivals = Arrivals(lambda: store)
    arrivals.take(_pack(CHUNKS))
    assert arrivals.having([*NAMES, bytes(32)]) == set(NAMES)
    assert [arrivals.before(_nowhere)(name) for name in NAMES] == CHUNKS
    arrivals.placed([*NAMES, bytes(32)])
    arrivals.write()
    assert store.used_bytes() == 0
    with pytest.raises(LackingError):
        arrivals.before(_nowhere)(NAMES[0])


def test_what_becomes_too_much_is_in_the_store() -> None:
    store = MemoryStore()
    arrivals = Arrivals(lambda: store, most_bytes=500)
    for chunk in CHUNKS:
        arrivals.take(_pack([chunk]))
    assert store.used_bytes() >= 500
    assert arrivals.having(NAMES) == set(NAMES)
    assert [arrivals.get(name) for name in NAMES] == CHUNKS


def test_what_was_placed_does_not_count_while_the_next_ones_wait() -> None:
    store = MemoryStore()
    arrivals = Arrivals(lambda: store, most_bytes=500)
    for before, chunk in zip([b"", *CHUNKS], CHUNKS, strict=False):
        arrivals.take(_pack([chunk]))
        arrivals.take(_pack([chunk]))  # another client sends it too
        arrivals.placed([name_of(before)])
    assert store.used_bytes() == 0
    assert arrivals.having(NAMES) == {NAMES[-1]}


def test_chunks_are_never_missed_while_they_are_written() -> None:
    inside, on = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def add(self, chunks: object) -> None:
            inside.set()
            assert on.wait(30)
            super().add(chunks)  # type: ignore[arg-type]

    store = Slow()
    arrivals = Arrivals(lambda: store)
    arrivals.take(_pack(CHUNKS))
    writing = threading.Thread(target=arrivals.write)
    writing.start()
    assert inside.wait(30)
    assert arrivals.having(NAMES) == set(NAMES)
    assert arrivals.get(NAMES[3]) == CHUNKS[3]
    on.set()
    writing.join()
    assert store.having(NAMES) == set(NAMES)


def test_a_damaged_pack_is_refused_as_a_whole() -> None:
    arrivals = Arrivals(MemoryStore)
    broken = bytearray(_pack(CHUNKS))
    broken[-1] ^= 1
    with pytest.raises(DamagedError):
        arrivals.take(memoryview(broken))
    assert arrivals.having(NAMES) == set()
