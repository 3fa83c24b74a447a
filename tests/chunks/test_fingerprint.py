"""Chunks: where buffers are cut, how change is seen, what chunks are called."""

from __future__ import annotations

import os

import pytest
from blake3 import blake3

from jupyter_remote_gpu.chunks.chunker import (
    LARGE_CHUNK_BYTES,
    SMALL_CHUNK_BYTES,
    chunk_bytes,
    cut,
    pieces,
)
from jupyter_remote_gpu.chunks.fingerprint import ChunkNames, fingerprint


@pytest.mark.parametrize(
    ("length", "step"),
    [(0, SMALL_CHUNK_BYTES), (64 << 20, SMALL_CHUNK_BYTES), ((64 << 20) + 1, LARGE_CHUNK_BYTES)],
)
def test_the_cut_depends_on_the_length_alone(length: int, step: int) -> None:
    assert chunk_bytes(length) == step


@pytest.mark.parametrize("length", [0, 1, SMALL_CHUNK_BYTES, SMALL_CHUNK_BYTES + 1, 3_000_000])
def test_chunks_make_up_the_buffer(length: int) -> None:
    data = os.urandom(length)
    assert b"".join(cut(memoryview(data))) == data


def test_a_manifest_names_each_chunk_by_its_content() -> None:
    data = memoryview(os.urandom(600_000))
    manifest = ChunkNames().manifest(data, fingerprint(data))
    assert [name for name, _ in pieces(data, manifest)] == [
        blake3(chunk).digest() for chunk in cut(data)
    ]
    assert sum(manifest.size(i) for i in range(len(manifest.names))) == 600_000


def test_one_changed_byte_changes_one_chunk() -> None:
    data = bytearray(os.urandom(1_000_000))
    before = fingerprint(memoryview(data))
    data[300_000] ^= 1
    after = fingerprint(memoryview(data))
    assert [a == b for a, b in zip(before.quick, after.quick, strict=True)] == [
        True,
        False,
        True,
        True,
    ]


def test_names_learned_from_a_manifest_need_no_hashing() -> None:
    data = memoryview(os.urandom(600_000))
    there, here = ChunkNames(), ChunkNames()
    found = fingerprint(data)
    manifest = there.manifest(data, found)
    assert here.known(found) == (None, None, None)
    here.learn(found, manifest)
    assert here.known(found) == manifest.names


def test_many_chunks_are_named_like_few() -> None:
    data = memoryview(os.urandom(20 * SMALL_CHUNK_BYTES))
    names = ChunkNames().manifest(data, fingerprint(data)).names
    assert names == tuple(blake3(chunk).digest() for chunk in cut(data))
