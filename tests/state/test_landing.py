"""Buffers on their way in: filled in place, verified, damaged chunks noticed."""

from __future__ import annotations

import os

import pytest

from jupyter_remote_gpu.chunks.chunker import pieces
from jupyter_remote_gpu.chunks.fingerprint import ChunkNames, fingerprint
from jupyter_remote_gpu.errors import DamagedError
from jupyter_remote_gpu.protocol.state import Manifest
from jupyter_remote_gpu.state.landing import Landing


def described(data: bytes) -> tuple[Manifest, dict[bytes, memoryview]]:
    view = memoryview(data)
    manifest = ChunkNames().manifest(view, fingerprint(view))
    return manifest, dict(pieces(view, manifest))


@pytest.mark.parametrize("length", [0, 10, 600_000, 3 << 20])
def test_a_buffer_fills_from_its_chunks(length: int) -> None:
    data = os.urandom(length)
    manifest, chunks = described(data)
    landing = Landing()
    whole = landing.add(manifest)
    for name in landing.missing():
        landing.destination(name)[:] = chunks[name]
        assert landing.received(name)
    assert whole == data
    assert landing.missing() == ()
    assert not whole.readonly


def test_a_repeated_chunk_is_wanted_once() -> None:
    data = bytes(1 << 20)
    manifest, chunks = described(data)
    landing = Landing()
    whole, again = landing.add(manifest), landing.add(manifest)
    (name,) = landing.missing()
    landing.destination(name)[:] = chunks[name]
    whole[-1] = 1
    assert landing.received(name)
    assert whole == again == data
    assert landing.add(manifest) == data


def test_a_damaged_chunk_stays_missing() -> None:
    manifest, chunks = described(os.urandom(10))
    landing = Landing()
    landing.add(manifest)
    (name,) = landing.missing()
    landing.destination(name)[:] = bytes(10)
    assert not landing.received(name)
    assert landing.missing() == (name,)
    with pytest.raises(DamagedError):
        landing.inline([(name, bytes(10))])
    landing.inline(chunks.items())
    assert landing.missing() == ()
