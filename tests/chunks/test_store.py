"""The store in memory keeps the promises of every store, and its limit."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.chunks.store import MemoryStore, Store
from tests.chunks.store_suite import *  # noqa: F403
from tests.chunks.store_suite import chunk


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return MemoryStore()


def test_what_is_over_the_limit_is_forgotten_the_longest_unused_first() -> None:
    small = MemoryStore(limit_bytes=3000)
    chunks = [chunk(i) for i in range(3)]
    small.add(chunks)
    small.get(chunks[0][0])
    small.add([chunk(3)])
    assert small.having(n for n, _ in [*chunks, chunk(3)]) == {
        chunks[0][0],
        chunks[2][0],
        chunk(3)[0],
    }
